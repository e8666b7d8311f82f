import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import * as z from 'zod'
import { Base, VIEW_NAMES } from './base.ts'
import { Blend } from './blend.ts'
import { Isotonic } from './isotonic.ts'
import { Neighbours } from './neighbours.ts'
import { Prior } from './prior.ts'
import { TermOdds } from './term-odds.ts'
import { TERM_SPACE } from './terms.ts'
import { Vocabulary } from './vocabulary.ts'

/**
 * DESIGN. A stored prior is a mark, a SHA-256 of what follows, and deflated bytes: the length of a JSON head, the head,
 * and tables of fixed kinds one behind the other, little-endian. Weights are rounded to 16 bits. Nothing in it is run,
 * and every length is checked before it is used, so a damaged or foreign file is a Fault and never an exception.
 */
const MARK = Buffer.from('upshift prior 1\n')
const HASH_BYTES = 32
const UNPACKED_BYTES_MAX = 64 * 1024 * 1024
const PROMPTS_MAX = 0x10000
const STEPS = 32_767

/** A prior that cannot be used, and why; routing goes on without it and says so. */
export interface Fault {
  readonly type: 'fault'
  readonly why: string
}

/** What a prior was made of. */
export interface Origin {
  readonly rows: number
  readonly sources: readonly { readonly name: string; readonly sha256: string; readonly rows: number }[]
}

const numbers = z.array(z.number())
const headSchema = z.strictObject({
  origin: z.strictObject({
    rows: z.number(),
    sources: z.array(z.strictObject({ name: z.string(), sha256: z.string(), rows: z.number() })),
  }),
  prompts: z.number().int().min(0).max(PROMPTS_MAX),
  postings: z.number().int().min(0).max(UNPACKED_BYTES_MAX),
  /** Steps of the tables of weights, and the biases: rarity, weak, strong. */
  steps: z.tuple([z.number(), z.number(), z.number()]),
  biases: z.tuple([z.number(), z.number()]),
  means: numbers.length(VIEW_NAMES.length),
  weights: numbers.length(VIEW_NAMES.length + 1),
  scores: numbers.min(1),
  levels: z.array(z.number().min(-1).max(1)).min(1),
})
type Head = z.infer<typeof headSchema>

export function packPrior({ base, blend }: Prior, origin: Origin): Buffer {
  const { postings } = base.neighbours
  const tables = [base.vocabulary.rarity, base.weak.weights, base.strong.weights].map(rounded)
  const [rarity, weak, strong] = tables.map(({ step }) => step)
  const head: Head = {
    origin: { rows: origin.rows, sources: [...origin.sources] },
    prompts: postings.weak.length,
    postings: postings.levels.length,
    steps: [rarity ?? 0, weak ?? 0, strong ?? 0],
    biases: [base.weak.bias, base.strong.bias],
    means: [...blend.means],
    weights: [...blend.weights],
    scores: [...blend.calibration.scores],
    levels: [...blend.calibration.levels],
  }
  const words = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(words.length)
  const counts = Uint16Array.from({ length: TERM_SPACE }, (_, id) => {
    return (postings.starts[id + 1] ?? 0) - (postings.starts[id] ?? 0)
  })
  const body = Buffer.concat([
    length,
    words,
    ...tables.map(({ table }) => bytesOf(table)),
    bytesOf(counts),
    bytesOf(Uint16Array.from(postings.prompts)),
    bytesOf(postings.levels),
    bytesOf(postings.weak),
    bytesOf(postings.strong),
  ])
  const packed = deflateRawSync(body, { level: 9 })
  return Buffer.concat([MARK, createHash('sha256').update(packed).digest(), packed])
}

/** The prior in these bytes, or why there is none. Never throws. */
export function loadPrior(bytes: Uint8Array): Prior | Fault {
  const packed = soundPrior(bytes)
  if (!Buffer.isBuffer(packed)) return packed
  const body = inflated(packed)
  return Buffer.isBuffer(body) ? unpacked(new Tables(body)) : body
}

/** What is packed in these bytes, where they begin like a prior and have its checksum; else why not. Unpacks nothing. */
export function soundPrior(bytes: Uint8Array): Buffer | Fault {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!file.subarray(0, MARK.length).equals(MARK))
    return fault('it does not begin like a prior of this version')
  const hash = file.subarray(MARK.length, MARK.length + HASH_BYTES)
  const packed = file.subarray(MARK.length + HASH_BYTES)
  if (!createHash('sha256').update(packed).digest().equals(hash))
    return fault('its checksum is wrong: it was changed or cut')
  return packed
}

export function isFault(value: object): value is Fault {
  return 'type' in value && value.type === 'fault'
}

function inflated(packed: Buffer): Buffer | Fault {
  try {
    return inflateRawSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX })
  } catch (error) {
    return fault(`it cannot be unpacked (${error instanceof Error ? error.message : String(error)})`)
  }
}

function unpacked(tables: Tables): Prior | Fault {
  const head = headOf(tables)
  if (head === undefined) return fault('its head cannot be read')
  const { prompts, postings, steps, biases } = head
  const [rarity, weak, strong] = steps.map((step) => widened(tables.int16(TERM_SPACE), step))
  const counts = tables.uint16(TERM_SPACE)
  const listed = tables.uint16(postings)
  const [levels, right, best] = [tables.uint8(postings), tables.uint8(prompts), tables.uint8(prompts)]
  if (!tables.fit || rarity === undefined || weak === undefined || strong === undefined)
    return fault('its tables are not as long as its head says')
  const starts = new Uint32Array(TERM_SPACE + 1)
  for (let id = 0; id < TERM_SPACE; id++) starts[id + 1] = (starts[id] ?? 0) + (counts[id] ?? 0)
  if (starts[TERM_SPACE] !== postings || listed.some((prompt) => prompt >= prompts))
    return fault('its lists point outside of its prompts')
  const neighbours = new Neighbours({ starts, prompts: listed, levels, weak: right, strong: best })
  const calibration = new Isotonic(Float64Array.from(head.scores), Float64Array.from(head.levels))
  return new Prior(
    new Base(
      new Vocabulary(rarity),
      new TermOdds(weak, biases[0]),
      new TermOdds(strong, biases[1]),
      neighbours,
    ),
    new Blend(Float64Array.from(head.means), Float64Array.from(head.weights), calibration),
  )
}

function headOf(tables: Tables): Head | undefined {
  const length = tables.uint8(4)
  const words = Buffer.from(tables.uint8(Buffer.from(length).readUInt32LE()))
  if (!tables.fit) return undefined
  try {
    const head = headSchema.safeParse(JSON.parse(words.toString('utf8')))
    return head.success && head.data.scores.length === head.data.levels.length ? head.data : undefined
  } catch {
    // The caller makes a Fault of it.
    return undefined
  }
}

/** Takes tables from the front. A table that is longer than what is left holds no data, and `fit` becomes false. */
class Tables {
  readonly #body: Buffer
  #at = 0
  #short = false

  constructor(body: Buffer) {
    this.#body = body
  }

  /** True where every table was there so far. */
  get fit(): boolean {
    return !this.#short
  }

  uint8(length: number): Uint8Array {
    return new Uint8Array(this.#take(length))
  }

  uint16(length: number): Uint16Array {
    return new Uint16Array(this.#take(2 * length))
  }

  int16(length: number): Int16Array {
    return new Int16Array(this.#take(2 * length))
  }

  /** A copy, so that every table begins where its kind allows. */
  #take(bytes: number): ArrayBuffer {
    if (this.#at + bytes > this.#body.length) this.#short = true
    const taken = new ArrayBuffer(bytes > UNPACKED_BYTES_MAX ? 0 : bytes)
    if (!this.#short) new Uint8Array(taken).set(this.#body.subarray(this.#at, this.#at + bytes))
    this.#at += bytes
    return taken
  }
}

function rounded(values: Float32Array): { table: Int16Array; step: number } {
  const most = values.reduce((greatest, value) => Math.max(greatest, Math.abs(value)), 0)
  const step = most / STEPS
  return { step, table: Int16Array.from(values, (value) => (step === 0 ? 0 : Math.round(value / step))) }
}

function widened(table: Int16Array, step: number): Float32Array {
  return Float32Array.from(table, (value) => value * step)
}

function bytesOf(table: Int16Array | Uint16Array | Uint8Array): Buffer {
  return Buffer.from(table.buffer, table.byteOffset, table.byteLength)
}

function fault(why: string): Fault {
  return { type: 'fault', why }
}
