import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { LlamaContextSequence } from 'node-llama-cpp'

/** A system prompt shorter than this is read faster than its state is. */
export const WARM_TOKENS_MIN = 128
/** Seen so often, a system prompt is worth its bytes on the disk. */
const SEEN_MIN = 2
/** System prompts that are counted before they are worth it. */
const COUNTED_MAX = 1_024
const SUFFIX = '.kv'

interface Kept {
  readonly bytes: number
  readonly tokens: number
  hits: number
  usedAt: number
}

/**
 * States of system prompts on the disk: a prompt of a thousand tokens that every request begins with is loaded in
 * milliseconds where no sequence holds it any more, also after a restart. Bounded in bytes; the least useful go
 * first. A state can be turned back into its text: files are their owner's alone, and `clear` is part of an erasure.
 */
export class WarmStates {
  readonly #folder: string
  readonly #limitBytes: number
  /** Part of each name: another file, context or version reads other states. */
  readonly #identity: string
  readonly #kept = new Map<string, Kept>()
  readonly #seen = new Map<string, number>()
  loads = 0
  saves = 0

  constructor(folder: string, limitBytes: number, identity: string) {
    this.#folder = folder
    this.#limitBytes = limitBytes
    this.#identity = identity
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      if (!name.endsWith(SUFFIX)) rmSync(path, { force: true })
      else {
        const { size, mtimeMs } = statSync(path)
        const tokens = Number(name.split('-')[1]?.slice(0, -SUFFIX.length))
        this.#kept.set(name, { bytes: size, tokens, hits: 0, usedAt: mtimeMs })
      }
    }
    this.#shrink()
  }

  get bytes(): number {
    let bytes = 0
    for (const kept of this.#kept.values()) bytes += kept.bytes
    return bytes
  }

  /** Puts the state of a system prompt into the sequence; false where there is none, or it is not to be used. */
  async load(sequence: LlamaContextSequence, system: readonly number[], now: number): Promise<boolean> {
    const name = this.#name(system)
    const kept = this.#kept.get(name)
    if (kept === undefined) return false
    try {
      await sequence.loadStateFromFile(join(this.#folder, name), { acceptRisk: true })
    } catch {
      // Written by another build, or cut by a crash: the prompt is read as if it had never been, and saved again.
      this.#drop(name)
      await sequence.clearHistory()
      return false
    }
    kept.hits += 1
    kept.usedAt = now
    this.loads += 1
    return true
  }

  /** Counts a system prompt; true where its state is worth keeping and is not kept yet. */
  wants(system: readonly number[]): boolean {
    const name = this.#name(system)
    if (this.#kept.has(name)) return false
    if (this.#seen.size >= COUNTED_MAX) this.#seen.clear()
    const seen = (this.#seen.get(name) ?? 0) + 1
    this.#seen.set(name, seen)
    return seen >= SEEN_MIN
  }

  /** Keeps the sequence's state, which holds `system` and nothing else. */
  async save(sequence: LlamaContextSequence, system: readonly number[], now: number): Promise<void> {
    const name = this.#name(system)
    const path = join(this.#folder, name)
    const part = `${path}.part`
    const { fileSize } = await sequence.saveStateToFile(part)
    if (fileSize > this.#limitBytes) {
      rmSync(part, { force: true })
      return
    }
    renameSync(part, path)
    this.#kept.set(name, { bytes: fileSize, tokens: system.length, hits: 0, usedAt: now })
    this.saves += 1
    this.#shrink()
  }

  clear(): void {
    for (const name of [...this.#kept.keys()]) this.#drop(name)
    this.#seen.clear()
  }

  #name(system: readonly number[]): string {
    const hash = createHash('sha256').update(this.#identity).update(Uint32Array.from(system))
    return `${hash.digest('hex').slice(0, 32)}-${system.length}${SUFFIX}`
  }

  #drop(name: string): void {
    this.#kept.delete(name)
    rmSync(join(this.#folder, name), { force: true })
  }

  /** The least tokens saved for a byte go first, of equals the ones not used for the longest. */
  #shrink(): void {
    let bytes = this.bytes
    if (bytes <= this.#limitBytes) return
    const worth = ({ tokens, hits, bytes: size }: Kept) => (tokens * (1 + hits)) / size
    const order = [...this.#kept].sort(
      ([, left], [, right]) => worth(left) - worth(right) || left.usedAt - right.usedAt,
    )
    for (const [name, kept] of order) {
      if (bytes <= this.#limitBytes) return
      bytes -= kept.bytes
      this.#drop(name)
    }
  }
}
