import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { type GgufFacts, readGguf } from '../gguf/read.ts'
import { shapeOf } from './memory.ts'
import type { LocalModel } from './models.ts'

/** Files that are looked at in one folder. */
const FILES_MAX = 1_000

interface Read {
  readonly version: string
  readonly facts: GgufFacts
}

/** The GGUF models in a folder, as they were at the last look. A header is read once for each version of a file. */
export class ModelFolder {
  readonly #folder: string
  readonly #warn: (message: string) => void
  readonly #read = new Map<string, Read>()
  readonly #warned = new Set<string>()
  #models: readonly LocalModel[] = []

  constructor(folder: string, warn: (message: string) => void) {
    this.#folder = folder
    this.#warn = warn
  }

  models(): readonly LocalModel[] {
    return this.#models
  }

  /** Looks again. What cannot be read as a model is left out, and said once for each version of the file. */
  async refresh(): Promise<void> {
    const models: LocalModel[] = []
    for (const name of await this.#files()) {
      const path = join(this.#folder, name)
      const read = await this.#look(path)
      if (read === undefined) continue
      const { facts, version } = read
      // Only the first part of a model in several is loaded by its name; what goes with a model is none.
      if (facts.type !== 'model' || (facts.part !== null && facts.part.number > 1)) continue
      const { parameters } = facts
      models.push({ name: modelName(name), path, version, shape: shapeOf(facts), parameters })
    }
    this.#models = models
  }

  async #files(): Promise<readonly string[]> {
    try {
      const names = await readdir(this.#folder)
      return names
        .filter((name) => name.endsWith('.gguf'))
        .sort()
        .slice(0, FILES_MAX)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  async #look(path: string): Promise<Read | undefined> {
    try {
      const { size, mtimeMs, ino } = await stat(path)
      const version = `${size} ${mtimeMs} ${ino}`
      const known = this.#read.get(path)
      if (known?.version === version) return known
      const read = { version, facts: await readGguf(path) }
      this.#read.set(path, read)
      return read
    } catch (error) {
      // It went between two looks, or it is no model: the others are served all the same.
      if (isMissing(error)) return undefined
      if (!(error instanceof UpshiftError)) throw error
      if (!this.#warned.has(error.message)) this.#warn(error.message)
      this.#warned.add(error.message)
      return undefined
    }
  }
}

/** `Qwen3-4B-Q4_K_M.gguf` is `qwen3-4b-q4_k_m`; of a model in parts the number goes too. */
function modelName(file: string): string {
  return file
    .replace(/\.gguf$/, '')
    .replace(/-00001-of-\d{5}$/, '')
    .toLowerCase()
}
