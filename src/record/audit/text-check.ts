import { createHash, hash as hashOnce } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { TextRef } from '../../contract/entry.ts'
import { isMissing } from '../../lib/missing.ts'
import { isWiped } from '../vault/wipe.ts'
import type { Findings } from './finding.ts'
import { vaultFile } from './home.ts'

const CHUNK_BYTES = 1_048_576
/** Vault files open at once: the log refers to them nearly in order. */
const MAX_OPEN = 8
/** Requests named for a vault file that is gone; further ones are counted. */
const MAX_NAMED = 100

/** In the place of a hash. */
const WIPED = 'wiped'

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
  /** Texts of zeros alone, until it is known whether the log says that they were wiped. */
  readonly #wiped: { readonly ref: TextRef; readonly place: Place }[] = []
  /** Requests whose answers a record says were wiped, with its number. */
  readonly #wipings = new Map<string, number>()
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
    if (found === WIPED) {
      this.#wiped.push({ ref, place })
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

  /** A record says that the answers of these requests were wiped. */
  wiping(requests: readonly unknown[], seq: number): void {
    for (const id of requests) if (typeof id === 'string') this.#wipings.set(id, seq)
  }

  /**
   * Names what is missing, and returns how many texts are gone by retention or were wiped. Only a signed record
   * explains a wiping: anybody who can write a file could append one.
   */
  end(expiredFiles: ReadonlySet<string>, signedSize: number): number {
    let expired = 0
    for (const { ref, place } of this.#wiped) {
      const said = this.#wipings.get(place.id ?? '')
      if (said !== undefined && said < signedSize) expired += 1
      else {
        const detail = 'The encrypted text was overwritten with zeros, and no signed record says so.'
        this.#findings.add({
          kind: 'text-changed',
          ...place,
          file: vaultFile(ref.file),
          offset: ref.at,
          detail,
        })
      }
    }
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

  /** SHA-256 of the frame, base64url; WIPED where it is zeros; undefined where the file ends before it does. */
  #hash(descriptor: number, { at, bytes }: TextRef): string | undefined {
    if (bytes <= CHUNK_BYTES) {
      const read = readSync(descriptor, this.#chunk, 0, bytes, at)
      const frame = this.#chunk.subarray(0, bytes)
      if (read === bytes) return isWiped(frame) ? WIPED : hashOnce('sha256', frame, 'base64url')
    }
    let zeros = true
    const hash = createHash('sha256')
    for (let done = 0; done < bytes; ) {
      const read = readSync(descriptor, this.#chunk, 0, Math.min(CHUNK_BYTES, bytes - done), at + done)
      if (read === 0) return undefined
      const piece = this.#chunk.subarray(0, read)
      zeros &&= done === 0 ? isWiped(piece) : piece.every((byte) => byte === 0)
      hash.update(piece)
      done += read
    }
    return zeros ? WIPED : hash.digest('base64url')
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
