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
      const facts = await this.#facts(path)
      // Only the first part of a model in several is loaded by its name; what goes with a model is none.
      if (facts === undefined || facts.type !== 'model' || (facts.part !== null && facts.part.number > 1))
        continue
      models.push(modelOf(modelName(name), path, facts))
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

  async #facts(path: string): Promise<GgufFacts | undefined> {
    try {
      const { size, mtimeMs, ino } = await stat(path)
      const version = `${size} ${mtimeMs} ${ino}`
      const known = this.#read.get(path)
      if (known?.version === version) return known.facts
      const facts = await readGguf(path)
      this.#read.set(path, { version, facts })
      return facts
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

/** Architectures that make vectors and no text, by llama.cpp's names. */
const EMBEDDERS =
  /^(?:bert|nomic-bert|nomic-bert-moe|jina-bert-v2|jina-bert-v3|neo-bert|modern-bert|gemma-embedding|t5encoder)$/
/** Models of other architectures that were made for it say so in their names. */
const NAMED = /(?:^|[-_.])(?:embed|embedding|bge|gte|e5)(?:$|[-_.])/

function modelOf(name: string, path: string, facts: GgufFacts): LocalModel {
  const embeds = EMBEDDERS.test(facts.architecture) || NAMED.test(name)
  return { name, path, shape: shapeOf(facts), parameters: facts.parameters, embeds }
}

/** `Qwen3-4B-Q4_K_M.gguf` is `qwen3-4b-q4_k_m`; of a model in parts the number goes too. */
function modelName(file: string): string {
  return file
    .replace(/\.gguf$/, '')
    .replace(/-00001-of-\d{5}$/, '')
    .toLowerCase()
}
