import { hash } from 'node:crypto'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Entry, TextRef } from '../../contract/entry.ts'
import { encodeLine, HEADER, splitLine } from '../log/line.ts'
import { segmentName, utcDay } from '../log/segments.ts'
import { openTree, type TreeAppender } from '../tree/appender.ts'
import { type Signer, signingKey } from '../tree/signer.ts'
import { vaultFile } from './home.ts'

/** A number 0 ≤ x < 1 from a seed, the same at every run. Source: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface WriterOptions {
  readonly home: string
  readonly random: () => number
  /** Lines of a segment. */
  readonly segmentLines: number
  /** Bytes of a text in the vault. */
  readonly textBytes: number
}

const BEGINNING = Date.UTC(2026, 10, 2)
const VAULT_BYTES = 65_536

/** Writes a home as the server does: lines, tree and vault, in small. */
export class HomeWriter {
  readonly signer: Signer
  readonly tree: TreeAppender
  readonly #options: WriterOptions
  #segment = ''
  #lines = 0
  #vault = 1
  #vaultBytes = 0
  #gathered: string[] = []

  constructor(options: WriterOptions) {
    this.#options = options
    this.signer = signingKey(options.home)
    this.tree = openTree({ folder: join(options.home, 'tree'), signer: this.signer })
    for (const folder of ['log', 'vault']) mkdirSync(join(options.home, folder), { recursive: true })
  }

  get size(): number {
    return this.tree.size
  }

  /** An entry, its line in the log, and its leaf in the tree unless told otherwise. */
  append(entry: Entry, inTree = true): void {
    if (this.#lines % this.#options.segmentLines === 0) this.#begin()
    this.#lines += 1
    const seq = this.#lines - 1
    const line = encodeLine({ ...entry, seq, at: BEGINNING + seq * 1_000 })
    this.#gathered.push(line)
    const json = splitLine(Buffer.from(line.trimEnd()))
    if (json === undefined) throw new Error('a line that was just encoded does not split')
    if (inTree) this.tree.append(json)
  }

  /** One request from its opening to its end, three entries, with both texts. */
  request(number: number): void {
    const id = `req_${String(number).padStart(26, '0')}`
    const engine = { turn: 1, model: 'ollama/qwen3:4b', engine: 'ollama' }
    this.append({ ...PLANNED, id, bytes: 300 + number, prompt: this.#text() })
    this.append({
      type: 'attempt',
      id,
      ...engine,
      replica: 'ollama',
      offMachine: false,
      cause: 'first',
      heldMicros: 900,
    })
    const usage = { promptTokens: 120, completionTokens: Math.floor(this.#options.random() * 500) }
    const settled = [
      { ...engine, tier: 'fast' as const, outcome: 'ok' as const, usage, costMicros: 17, totalMs: 240 },
    ]
    this.append({
      type: 'closed',
      id,
      outcome: 'answered',
      model: engine.model,
      usage,
      costMicros: 17,
      totalMs: 250,
      settled,
      answer: this.#text(),
    })
  }

  /** Hands everything to the files; `sign` writes a checkpoint over it. */
  flush(sign = true): string {
    if (this.#segment !== '') appendFileSync(this.#segment, this.#gathered.join(''))
    this.#gathered = []
    this.tree.flush()
    return sign ? this.tree.checkpoint() : this.tree.newest
  }

  /** A new vault file for the texts to come. */
  rotateVault(): void {
    this.#vault += 1
    this.#vaultBytes = 0
  }

  close(): void {
    this.flush(false)
    this.tree.close()
  }

  #begin(): void {
    this.flush(false)
    const name = segmentName(this.#lines, utcDay(BEGINNING + this.#lines * 1_000))
    this.#segment = join(this.#options.home, 'log', name)
    writeFileSync(this.#segment, HEADER)
  }

  #text(): TextRef {
    const { home, random, textBytes } = this.#options
    if (this.#vaultBytes > VAULT_BYTES) this.rotateVault()
    const bytes = Buffer.from(Array.from({ length: textBytes }, () => Math.floor(random() * 256)))
    appendFileSync(join(home, vaultFile(this.#vault)), bytes)
    const ref = {
      file: this.#vault,
      at: this.#vaultBytes,
      bytes: bytes.length,
      sha256: hash('sha256', bytes, 'base64url'),
    }
    this.#vaultBytes += bytes.length
    return ref
  }
}

const PLANNED = {
  type: 'opened',
  key: 'key_owner',
  subject: 'sub_0123456789abcdefghjkmnpqrs',
  plan: {
    mode: 'direct',
    requested: 'auto',
    tier: 'fast',
    candidates: ['ollama/qwen3:4b'],
    effort: 'fast',
    output: 'scan',
    maxOutputTokens: 1_024,
    capImposed: true,
    deadlineMs: 120_000,
    reasons: ['2 points: a question about code'],
    rejected: [],
  },
} as const satisfies Omit<Extract<Entry, { type: 'opened' }>, 'id' | 'bytes'>

/** A small home of requests, refusals and feedback, with a checkpoint over all of it. Returns its verifier key. */
export function writeHome(home: string, requests: number, random: () => number): string {
  const writer = new HomeWriter({ home, random, segmentLines: 90, textBytes: 200 })
  writer.append({ type: 'started', version: '0.1.0' })
  for (let number = 0; number < requests; number++) {
    writer.request(number)
    const id = `req_${String(number).padStart(26, 'x')}`
    if (number % 7 === 0)
      writer.append({ type: 'refused', id, key: 'key_owner', code: 'guard_refused', rule: 'card' })
    if (number % 11 === 0)
      writer.append({ type: 'feedback', id: `fb_${number}`, request: id, key: 'key_owner', score: 1 })
    if (number % 13 === 0)
      writer.append({ type: 'key-changed', key: `key_${number}`, change: 'created', by: 'key_owner' })
  }
  writer.flush()
  writer.close()
  return writer.signer.verifierKey
}
