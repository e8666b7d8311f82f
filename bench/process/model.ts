import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TinyModel, writeTinyModel } from '../../src/engine/llama/gguf.fixture.ts'

/** Puts a generated model into the home of a server that is about to be started in the folder; its path. */
export function placeModel(folder: string, name: string, model: TinyModel): string {
  const models = join(folder, 'home', 'models')
  mkdirSync(models, { recursive: true, mode: 0o700 })
  const path = join(models, `${name}.gguf`)
  writeTinyModel(path, model)
  return path
}
