import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { type GgufFacts, readGguf } from '../gguf/read.ts'
import { modelOf } from '../pull/source.ts'
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
    const files = Map.groupBy(await this.#files(), (file) => modelOf(file))
    for (const [name, [first, ...parts]] of files) {
      if (name === undefined || first === undefined) continue
      const read = await this.#look(join(this.#folder, first))
      // What goes with a model is none.
      if (read === undefined || read.facts.type !== 'model') continue
      const others = await Promise.all(parts.map((part) => this.#look(join(this.#folder, part))))
      const all = [read, ...others.filter((part) => part !== undefined)]
      // A model that is still being copied waits for its last part.
      if (read.facts.part !== null && all.length < read.facts.part.of) continue
      models.push(localModel(name, join(this.#folder, first), together(all)))
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

/** Architectures that make vectors and no text, by llama.cpp's names. */
const EMBEDDERS =
  /^(?:bert|nomic-bert|nomic-bert-moe|jina-bert-v2|jina-bert-v3|neo-bert|modern-bert|gemma-embedding|t5encoder)$/
/** Models of other architectures that were made for it say so in their names. */
const NAMED = /(?:^|[-_.])(?:embed|embedding|bge|gte|e5)(?:$|[-_.])/i

function localModel(name: string, path: string, { version, facts }: Read): LocalModel {
  const embeds = EMBEDDERS.test(facts.architecture) || NAMED.test(name)
  return { name, path, version, shape: shapeOf(facts), parameters: facts.parameters, embeds }
}

/** The parts of one model: what the first says of it, the version of each, and the bytes and parameters of all. */
function together(parts: readonly Read[]): Read {
  const [first] = parts
  if (first === undefined) throw new Error('a model has at least one file')
  const sum = (of: (facts: GgufFacts) => number) => parts.reduce((total, { facts }) => total + of(facts), 0)
  const facts = {
    ...first.facts,
    fileBytes: sum((one) => one.fileBytes),
    parameters: sum((one) => one.parameters),
  }
  return { version: parts.map(({ version }) => version).join(), facts }
}
