import { createHash, hash as hashOnce } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { TextRef } from '../../contract/entry.ts'
import { isMissing } from '../../lib/missing.ts'
import type { Findings } from './finding.ts'
import { vaultFile } from './home.ts'

const CHUNK_BYTES = 1_048_576
/** Vault files open at once: the log refers to them nearly in order. */
const MAX_OPEN = 8
/** Requests named for a vault file that is gone; further ones are counted. */
const MAX_NAMED = 100

interface Place {
  readonly seq: number
  readonly id?: string
}

/** Checks that each frame in the vault still hashes to what the log committed to. */
export class TextCheck {
  /** Frames whose hash was right. */
  checked = 0
  readonly #home: string
  readonly #findings: Findings
  readonly #open = new Map<number, number>()
  readonly #gone = new Map<number, { named: Place[]; count: number }>()
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES)

  constructor(home: string, findings: Findings) {
    this.#home = home
    this.#findings = findings
  }

  check(ref: TextRef, place: Place): void {
    const descriptor = this.#descriptor(ref.file)
    if (descriptor === undefined) {
      const gone = this.#gone.get(ref.file) ?? { named: [], count: 0 }
      this.#gone.set(ref.file, gone)
      gone.count += 1
      if (gone.named.length < MAX_NAMED) gone.named.push(place)
      return
    }
    const found = this.#hash(descriptor, ref)
    if (found === ref.sha256) {
      this.checked += 1
      return
    }
    const detail =
      found === undefined
        ? `The vault's file ends before the ${ref.bytes} bytes of this text.`
        : 'The encrypted text is not the one that the record committed to.'
    this.#findings.add({ kind: 'text-changed', ...place, file: vaultFile(ref.file), offset: ref.at, detail })
  }

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor)
    this.#open.clear()
  }

  /** Names what is missing, and returns how many texts are gone by retention. */
  end(expiredFiles: ReadonlySet<string>): number {
    let expired = 0
    for (const [number, { named, count }] of this.#gone) {
      const file = vaultFile(number)
      if (expiredFiles.has(file.slice('vault/'.length))) {
        expired += count
        continue
      }
      const detail = 'The file with this text is gone, and no entry in the log says that it expired.'
      for (const place of named) this.#findings.add({ kind: 'text-missing', ...place, file, detail })
      this.#findings.unlisted += count - named.length
    }
    return expired
  }

  #descriptor(number: number): number | undefined {
    const open = this.#open.get(number)
    if (open !== undefined || this.#gone.has(number)) return open
    try {
      const descriptor = openSync(join(this.#home, vaultFile(number)), 'r')
      for (const [oldest, used] of this.#open) {
        if (this.#open.size < MAX_OPEN) break
        closeSync(used)
        this.#open.delete(oldest)
      }
      this.#open.set(number, descriptor)
      return descriptor
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** SHA-256 of the frame, base64url; undefined where the file ends before it does. */
  #hash(descriptor: number, { at, bytes }: TextRef): string | undefined {
    if (bytes <= CHUNK_BYTES) {
      const read = readSync(descriptor, this.#chunk, 0, bytes, at)
      if (read === bytes) return hashOnce('sha256', this.#chunk.subarray(0, bytes), 'base64url')
    }
    const hash = createHash('sha256')
    for (let done = 0; done < bytes; ) {
      const read = readSync(descriptor, this.#chunk, 0, Math.min(CHUNK_BYTES, bytes - done), at + done)
      if (read === 0) return undefined
      hash.update(this.#chunk.subarray(0, read))
      done += read
    }
    return hash.digest('base64url')
  }
}

/** The texts that an entry refers to. */
export function textsOf(entry: object): TextRef[] {
  const refs: TextRef[] = []
  for (const field of ['prompt', 'answer', 'correction']) {
    const value: unknown = Reflect.get(entry, field)
    if (isTextRef(value)) refs.push(value)
  }
  return refs
}

function isTextRef(value: unknown): value is TextRef {
  if (typeof value !== 'object' || value === null) return false
  const isCount = (field: string): boolean => {
    const number: unknown = Reflect.get(value, field)
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0
  }
  return (
    isCount('file') && isCount('at') && isCount('bytes') && typeof Reflect.get(value, 'sha256') === 'string'
  )
}
