import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Entry, Stamped } from '../../src/contract/entry.ts'
import type { Plan } from '../../src/contract/plan.ts'
import { newId } from '../../src/lib/ids.ts'
import { encodeLine, HEADER } from '../../src/record/log/line.ts'
import { segmentName, utcDay } from '../../src/record/log/segments.ts'

/** A long log to start over: requests as they are recorded, each with its opening, its attempt and its end. */
export interface LongLog {
  /** The home's `log` folder; made where it is not there. */
  readonly folder: string
  readonly entries: number
  /** Milliseconds since the epoch of the first and of the last entry; they are spread evenly. */
  readonly from: number
  readonly to: number
  /** A segment ends when it has so many bytes, or its UTC day. */
  readonly segmentBytes: number
}

const KEYS = 50
const ENTRIES_PER_REQUEST = 3
const BATCH_LINES = 4_096
const PROMPT_TOKENS = 900
const COMPLETION_TOKENS = 250
const HELD_MICROS = 2_000
const COST_MICROS = 190

/** Writes it in bounded memory, and returns its bytes. Texts are left out: the vault is not read at a start. */
export function writeLongLog(options: LongLog): number {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 })
  const keys = Array.from({ length: KEYS }, () => newId('key', options.from))
  const segments = new Segments(options)
  let id = ''
  for (let seq = 0; seq < options.entries; seq++) {
    const at = Math.floor(options.from + ((options.to - options.from) * seq) / options.entries)
    const request = Math.floor(seq / ENTRIES_PER_REQUEST)
    const part = seq % ENTRIES_PER_REQUEST
    if (part === 0) id = newId('req', at)
    // The last request would stay open: a start entry takes what does not divide.
    const whole = (request + 1) * ENTRIES_PER_REQUEST <= options.entries
    const entry = whole ? entryOf(part, id, keys[request % KEYS] ?? '') : STARTED
    segments.add({ ...entry, seq, at })
  }
  return segments.end()
}

class Segments {
  #descriptor: number | undefined
  #day = 0
  #size = 0
  #total = 0
  #lines: string[] = []
  readonly #options: LongLog

  constructor(options: LongLog) {
    this.#options = options
  }

  add(entry: Stamped<Entry>): void {
    const day = utcDay(entry.at)
    if (this.#descriptor === undefined || day !== this.#day || this.#size > this.#options.segmentBytes) {
      this.end()
      const path = join(this.#options.folder, segmentName(entry.seq, day))
      this.#descriptor = openSync(path, 'wx', 0o600)
      this.#day = day
      this.#size = 0
      this.#lines.push(HEADER)
    }
    this.#lines.push(encodeLine(entry))
    if (this.#lines.length >= BATCH_LINES) this.#flush()
  }

  /** Closes the segment, and returns the bytes of all. */
  end(): number {
    this.#flush()
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
    return this.#total
  }

  #flush(): void {
    if (this.#descriptor === undefined || this.#lines.length === 0) return
    const bytes = Buffer.from(this.#lines.join(''))
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at)
    this.#lines = []
    this.#size += bytes.length
    this.#total += bytes.length
  }
}

const MODEL = 'scripted/small'
const STARTED: Entry = { type: 'started', version: '0.1.0' }
const PLAN: Plan = {
  mode: 'direct',
  requested: MODEL,
  tier: 'fast',
  candidates: [MODEL],
  effort: 'fast',
  output: 'scan',
  maxOutputTokens: 1_024,
  capImposed: true,
  deadlineMs: 600_000,
  reasons: ['the caller named the model'],
  rejected: [],
}

function entryOf(part: number, id: string, key: string): Entry {
  if (part === 0) return { type: 'opened', id, key, bytes: 4_096, plan: PLAN }
  const turn = { turn: 1, engine: 'scripted', model: MODEL } as const
  if (part === 1) {
    const held = { heldMicros: HELD_MICROS, heldTokens: PROMPT_TOKENS + PLAN.maxOutputTokens }
    return { type: 'attempt', id, ...turn, replica: 'scripted', offMachine: false, cause: 'first', ...held }
  }
  const usage = { promptTokens: PROMPT_TOKENS, completionTokens: COMPLETION_TOKENS }
  const end = { usage, costMicros: COST_MICROS, firstTokenMs: 85, totalMs: 1_640 }
  return {
    type: 'closed',
    id,
    outcome: 'answered',
    model: MODEL,
    chargedMicros: COST_MICROS,
    ...end,
    settled: [{ ...turn, tier: 'fast', outcome: 'ok', ...end }],
  }
}
