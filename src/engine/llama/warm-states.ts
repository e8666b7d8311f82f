import { createHash } from 'node:crypto'
import { createReadStream, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { LlamaContextSequence } from 'node-llama-cpp'

/** A system prompt shorter than this is read faster than its state is. */
export const WARM_TOKENS_MIN = 128
/** Seen so often, a system prompt is worth its bytes on the disk. */
const SEEN_MIN = 2
/** System prompts that are counted before they are worth it. */
const COUNTED_MAX = 1_024
/** Where others were of more use, it must be seen so often more. */
const SEEN_AGAIN = 10
/** Not tried again, until so many others were counted: it was too large, or could not be written. */
const NEVER = Number.NEGATIVE_INFINITY
const HASH_CHARACTERS = 32
/** Hash of the prompt, its tokens, hash of the file. */
const NAME = /^([0-9a-f]{32})-(\d+)-([0-9a-f]{32})\.kv$/

interface Kept {
  readonly file: string
  readonly bytes: number
  readonly tokens: number
  /** Of the file's bytes: llama.cpp would take a changed one as it is. */
  readonly sum: string
  hits: number
  usedAt: number
}

export interface WarmOptions {
  readonly folder: string
  readonly limitBytes: number
  /** Part of each name: another model file, context or build reads other states. */
  readonly identity: string
  readonly warn: (message: string) => void
}

/**
 * States of system prompts on the disk: a prompt of a thousand tokens that every request begins with is loaded in
 * milliseconds where no sequence holds it any more, also after a restart. Bounded in bytes; the least useful go
 * first. A state can be turned back into its text: files are their owner's alone, and `clear` is part of an erasure.
 */
export class WarmStates {
  readonly #options: WarmOptions
  /** By the hash of the prompt. */
  readonly #kept = new Map<string, Kept>()
  readonly #seen = new Map<string, number>()
  readonly #saving = new Set<string>()
  /** How often all was forgotten: what was begun before is not kept. */
  #clears = 0
  loads = 0
  saves = 0

  constructor(options: WarmOptions) {
    const { folder } = options
    this.#options = options
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const file of readdirSync(folder)) {
      const [, key, tokens, sum] = NAME.exec(file) ?? []
      const path = join(folder, file)
      if (key === undefined || sum === undefined) rmSync(path, { force: true, recursive: true })
      else {
        const { size, mtimeMs } = statSync(path)
        this.#kept.set(key, { file, bytes: size, tokens: Number(tokens), sum, hits: 0, usedAt: mtimeMs })
      }
    }
    this.#shrink()
  }

  get bytes(): number {
    let bytes = 0
    for (const kept of this.#kept.values()) bytes += kept.bytes
    return bytes
  }

  /** Puts the state of a system prompt into the sequence; where there is none that can be used, nothing changes. */
  async load(sequence: LlamaContextSequence, system: readonly number[], now: number): Promise<void> {
    const key = this.#key(system)
    const kept = this.#kept.get(key)
    if (kept === undefined) return
    const path = join(this.#options.folder, kept.file)
    try {
      if ((await sumOf(path)) !== kept.sum) throw new Error('its bytes have changed')
      await sequence.loadStateFromFile(path, { acceptRisk: true })
    } catch (error) {
      // Cut by a crash, changed on the disk, or of a form that this build does not read: the prompt is read as if it
      // had never been, and saved again.
      this.#options.warn(`a saved state of a system prompt is dropped: ${messageOf(error)}`)
      this.#drop(key)
      await sequence.clearHistory()
      return
    }
    kept.hits += 1
    kept.usedAt = now
    this.loads += 1
  }

  /** Counts a system prompt; true where its state is worth keeping and is not kept yet. */
  wants(system: readonly number[]): boolean {
    const key = this.#key(system)
    if (this.#kept.has(key) || this.#saving.has(key)) return false
    const seen = (this.#seen.get(key) ?? 0) + 1
    if (seen === 1 && this.#seen.size >= COUNTED_MAX) this.#seen.clear()
    this.#seen.set(key, seen)
    return seen >= SEEN_MIN
  }

  /** Keeps the sequence's state, which holds `system` and nothing else. What fails is said and not tried again. */
  async save(sequence: LlamaContextSequence, system: readonly number[], now: number): Promise<void> {
    const { folder, limitBytes, warn } = this.#options
    const key = this.#key(system)
    const part = join(folder, `${key}.part`)
    const clears = this.#clears
    if (this.#saving.has(key)) return
    this.#saving.add(key)
    try {
      const { fileSize: bytes } = await sequence.saveStateToFile(part)
      const sum = await sumOf(part)
      if (bytes > limitBytes) this.#seen.set(key, NEVER)
      else if (clears === this.#clears) {
        const file = `${key}-${system.length}-${sum}.kv`
        renameSync(part, join(folder, file))
        this.#kept.set(key, { file, bytes, tokens: system.length, sum, hits: 0, usedAt: now })
        this.saves += 1
        this.#shrink()
      }
    } catch (error) {
      this.#seen.set(key, NEVER)
      warn(`the state of a system prompt could not be saved: ${messageOf(error)}`)
    } finally {
      this.#saving.delete(key)
      rmSync(part, { force: true })
    }
  }

  clear(): void {
    this.#clears += 1
    for (const key of [...this.#kept.keys()]) this.#drop(key)
    this.#seen.clear()
  }

  #key(system: readonly number[]): string {
    const hash = createHash('sha256').update(this.#options.identity).update(Uint32Array.from(system))
    return hash.digest('hex').slice(0, HASH_CHARACTERS)
  }

  #drop(key: string): void {
    const kept = this.#kept.get(key)
    this.#kept.delete(key)
    if (kept !== undefined) rmSync(join(this.#options.folder, kept.file), { force: true })
  }

  /** The least tokens saved for a byte go first, of equals the ones not used for the longest. */
  #shrink(): void {
    let bytes = this.bytes
    if (bytes <= this.#options.limitBytes) return
    const worth = ({ tokens, hits, bytes: size }: Kept) => (tokens * (1 + hits)) / size
    const order = [...this.#kept].sort(
      ([, left], [, right]) => worth(left) - worth(right) || left.usedAt - right.usedAt,
    )
    for (const [key, kept] of order) {
      if (bytes <= this.#options.limitBytes) return
      bytes -= kept.bytes
      this.#drop(key)
      this.#seen.set(key, SEEN_MIN - SEEN_AGAIN)
    }
  }
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path)) hash.update(bytes)
  return hash.digest('hex').slice(0, HASH_CHARACTERS)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
