import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
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

/** Processes of models below this one, by what they were started with. Linux only. */
export function modelProcesses(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent && read(pid, 'cmdline').includes('/llama/child.'))
}

/** True while the process is there and is no zombie. */
export function isAlive(pid: number): boolean {
  const state = /^\d+ \(.*\) (\S)/s.exec(read(pid, 'stat'))?.[1]
  return state !== undefined && state !== 'Z'
}

function parentOf(pid: number): number {
  return Number(/^\d+ \(.*\) \S (\d+)/s.exec(read(pid, 'stat'))?.[1])
}

/** Empty where the process is gone. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
