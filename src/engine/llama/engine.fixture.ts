import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as z from 'zod'
import { systemClock } from '../../lib/clock.ts'
import { section } from './config.ts'
import { LlamaEngine } from './engine.ts'
import { type TinyModel, writeTinyModel } from './gguf.fixture.ts'
import { ModelFolder } from './model-folder.ts'

/** An engine over a folder of tiny models, with processes of its own. Disposing ends them and removes the folder. */
export interface TinyEngine extends AsyncDisposable {
  readonly engine: LlamaEngine
  readonly home: string
  /** Where the models lie; `refresh` looks again. */
  readonly models: string
  readonly warm: string
  readonly warnings: readonly string[]
  refresh(): Promise<void>
  /** Another engine over the same folders, as after a restart; this one must have been stopped. */
  again(): TinyEngine
}

export interface TinyEngineOptions {
  readonly config?: z.input<typeof section.schema>
  readonly silentMs?: number
}

export async function startTinyEngine(
  models: Readonly<Record<string, TinyModel>>,
  options: TinyEngineOptions = {},
): Promise<TinyEngine> {
  const home = mkdtempSync(join(tmpdir(), 'upshift-llama-'))
  const folder = join(home, 'models')
  mkdirSync(folder)
  for (const [name, model] of Object.entries(models)) writeTinyModel(join(folder, `${name}.gguf`), model)
  const opened = open(home, options)
  await opened.refresh()
  return opened
}

function open(home: string, options: TinyEngineOptions): TinyEngine {
  const warnings: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  const models = join(home, 'models')
  const warm = join(home, 'kv')
  const folder = new ModelFolder(models, warn)
  const engine = new LlamaEngine({
    models: () => folder.models(),
    warmFolder: warm,
    config: section.schema.parse({ threads: 1, ...options.config }),
    clock: systemClock,
    random: Math.random,
    warn,
    ...(options.silentMs === undefined ? {} : { silentMs: options.silentMs }),
  })
  return {
    engine,
    home,
    models,
    warm,
    warnings,
    refresh: () => folder.refresh(),
    again: () => open(home, options),
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
