import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TinyModel, writeTinyModel } from '../../src/engine/llama/gguf.fixture.ts'
import { type RunningServer, startServer } from './server.ts'

/** A server whose home holds these models. What `prepare` does to their files comes before the start. */
export async function startLlamaServer(
  models: Readonly<Record<string, TinyModel>>,
  llama: Readonly<Record<string, unknown>> = {},
  prepare: (folder: string) => void = () => undefined,
): Promise<RunningServer> {
  const home = mkdtempSync(join(tmpdir(), 'upshift-llama-'))
  const folder = join(home, 'models')
  mkdirSync(folder)
  for (const [name, model] of Object.entries(models)) writeTinyModel(join(folder, `${name}.gguf`), model)
  prepare(folder)
  const config = { fleet: { discover: false }, llama: { threads: 1, ...llama } }
  try {
    const server = await startServer({ home, config })
    const dispose = server[Symbol.asyncDispose].bind(server)
    server[Symbol.asyncDispose] = async () => {
      await dispose()
      rmSync(home, { recursive: true, force: true })
    }
    return server
  } catch (error) {
    rmSync(home, { recursive: true, force: true })
    throw error
  }
}
