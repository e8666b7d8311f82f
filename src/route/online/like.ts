import * as z from 'zod'
import type { Meaning } from '../../contract/ask.ts'
import type { Neighbourhood } from '../../contract/escalation.ts'
import type { Migration } from '../../store/migration.ts'
import type { Store } from '../../store/open.ts'
import { projected } from '../learn/dense.ts'

/** Labelled requests that are kept: the newest. */
const KEPT_MAX = 2_048
/** Requests that a lot has chosen and nobody has judged yet. */
const WAITING_MAX = 8_192
const NEIGHBOURS = 50
/** Requests whose meanings are farther apart are no neighbours. */
const COSINE_MIN = 0.5
/** So many neighbours of similarity 1 weigh as much as the prior. */
const HALF_WEIGHT = 5
const STEPS = 127

/**
 * DESIGN. A labelled request's embedding is kept with what the two models were worth on it, so that requests of like
 * meaning can be foretold. It is no text, but it was made of one, so it does not go into the log, from which nothing
 * can be taken out: it lies in the home's database, projected to 64 bytes, under its subject's
 * pseudonym, and goes with the subject. Losing the table loses nothing but what was learned in this way.
 */
export const migrations: readonly Migration[] = [
  {
    feature: 'route',
    version: 1,
    sql: `CREATE TABLE route_like (
      request TEXT PRIMARY KEY,
      subject TEXT NOT NULL,
      model TEXT NOT NULL,
      vector BLOB NOT NULL,
      cheap REAL,
      strong REAL
    ) STRICT`,
  },
  {
    // What two models were worth says nothing of two others, and the rows of before do not say whose they are.
    feature: 'route',
    version: 2,
    sql: `DROP TABLE route_like;
    CREATE TABLE route_like (
      request TEXT PRIMARY KEY,
      subject TEXT NOT NULL,
      models TEXT NOT NULL,
      model TEXT NOT NULL,
      vector BLOB NOT NULL,
      cheap REAL,
      strong REAL
    ) STRICT`,
  },
]

const rowSchema = z.object({
  request: z.string(),
  subject: z.string(),
  models: z.string(),
  model: z.string(),
  vector: z.instanceof(Uint8Array),
  cheap: z.number().nullable(),
  strong: z.number().nullable(),
})

interface Row {
  readonly request: string
  readonly subject: string
  /** Which two models it is about, as `pairOf` has them. */
  readonly models: string
  /** Who embedded it. */
  readonly model: string
  readonly vector: Int8Array
  /** The vector's own length. */
  readonly length: number
  /** From 0 (wrong) to 1 (right), of the model that answered; of both where they were compared. */
  readonly cheap: number | null
  readonly strong: number | null
}

/** What a label says of a request that a lot has chosen: of one model, or of both. */
export interface Label {
  readonly cheap?: number
  readonly strong?: number
}

interface Waiting {
  readonly models: string
  meant?: { readonly model: string; readonly vector: Int8Array }
  subject?: string
}

/** An embedding in 64 bytes; undefined where it has no direction. */
export function keptVector(embedding: ArrayLike<number>): Int8Array | undefined {
  const short = projected(embedding)
  return short === undefined ? undefined : Int8Array.from(short, (value) => Math.round(STEPS * value))
}

/** The exact models that a label is about: what it says of two of them is nothing about two others. */
export function pairOf(low: { readonly id: string }, high: { readonly id: string }): string {
  return `${low.id} > ${high.id}`
}

/** Labelled requests by meaning. */
export class LikeRequests {
  readonly #store: Pick<Store, 'prepare'>
  readonly #rows = new Map<string, Row>()
  readonly #waiting = new Map<string, Waiting>()

  constructor(store: Pick<Store, 'prepare'>) {
    this.#store = store
    // Ids are sorted by time: the newest are the last.
    for (const raw of store.prepare('SELECT * FROM route_like ORDER BY request').all()) {
      const { vector, ...row } = rowSchema.parse(raw)
      const signed = Int8Array.from(vector, (byte) => (byte << 24) >> 24)
      this.#rows.set(row.request, { ...row, vector: signed, length: lengthOf(signed) })
    }
  }

  /** How many labelled requests are known. */
  get size(): number {
    return this.#rows.size
  }

  /** A lot has chosen this request between two models, and its label may come; without a meaning, that may follow. */
  drawn(request: string, models: string, meaning: Meaning | undefined): void {
    this.#waiting.set(request, { models })
    if (meaning !== undefined) this.meant(request, meaning)
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size > WAITING_MAX && oldest !== undefined) this.#waiting.delete(oldest)
  }

  /** What a request means that a lot has chosen; without a vector nothing of it is kept. */
  meant(request: string, { model, vector }: Meaning): void {
    const waiting = this.#waiting.get(request)
    if (vector === undefined) this.#waiting.delete(request)
    else if (waiting !== undefined) waiting.meant = { model, vector }
  }

  /** Whom it is about; without one nothing of it is kept, since nobody could have it erased. */
  opened(request: string, subject: string | undefined): void {
    const waiting = this.#waiting.get(request)
    if (waiting === undefined) return
    if (subject === undefined) this.#waiting.delete(request)
    else waiting.subject = subject
  }

  labelled(request: string, { cheap, strong }: Label): void {
    const waiting = this.#waiting.get(request)
    this.#waiting.delete(request)
    if (waiting?.subject === undefined || waiting.meant === undefined) return
    const { models, subject } = waiting
    const { model, vector } = waiting.meant
    const qualities = { cheap: cheap ?? null, strong: strong ?? null }
    const row: Row = { request, subject, models, model, vector, length: lengthOf(vector), ...qualities }
    this.#rows.set(request, row)
    this.#store
      .prepare(
        'INSERT OR REPLACE INTO route_like (request, subject, models, model, vector, cheap, strong) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(request, subject, models, model, new Uint8Array(vector.buffer), row.cheap, row.strong)
    const [oldest] = this.#rows.keys()
    if (this.#rows.size > KEPT_MAX && oldest !== undefined) {
      this.#rows.delete(oldest)
      this.#store.prepare('DELETE FROM route_like WHERE request = ?').run(oldest)
    }
  }

  /** What is kept of this subject's requests, for its export. */
  of(subject: string): readonly object[] {
    return [...this.#rows.values()]
      .filter((row) => row.subject === subject)
      .map(({ request, models, model, vector, cheap, strong }) => {
        return { request, models, model, vector: Buffer.from(vector).toString('base64'), cheap, strong }
      })
  }

  /** Nothing that was made of this subject's texts is kept from now on. */
  forget(subject: string): void {
    this.#store.prepare('DELETE FROM route_like WHERE subject = ?').run(subject)
    // What was deleted is overwritten in the file, and must not stay in the log beside it.
    this.#store.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
    for (const [request, row] of this.#rows) if (row.subject === subject) this.#rows.delete(request)
    for (const [request, waiting] of this.#waiting) {
      if (waiting.subject === subject) this.#waiting.delete(request)
    }
  }

  /**
   * What going up was worth between these two models on the nearest labelled requests of the same embedding model, by
   * cosine; undefined where there are none for either of the two. Those as near as the last that counts do count. At
   * most KEPT_MAX comparisons of 64 bytes.
   */
  near(models: string, { model, vector }: Meaning): Neighbourhood | undefined {
    if (vector === undefined) return undefined
    const rows = [...this.#rows.values()].filter((row) => row.model === model && row.models === models)
    const length = lengthOf(vector)
    const cosines = new Float32Array(rows.length)
    for (const [at, row] of rows.entries()) cosines[at] = dot(vector, row.vector) / (length * row.length)
    const edge = Math.max(COSINE_MIN, cosines.slice().sort()[rows.length - NEIGHBOURS] ?? COSINE_MIN)
    const seen = new Gains()
    for (const [at, row] of rows.entries()) {
      const cosine = cosines[at] ?? 0
      if (cosine >= edge) seen.add(row, cosine)
    }
    const { gain, weight } = seen
    return weight === 0 ? undefined : { gain, weight: weight / (weight + HALF_WEIGHT) }
  }
}

/**
 * A request on which both models answered tells their difference by itself. Of those on which one did, the means are
 * compared, and with each other alone: beside the pairs they would say how hard the requests were that each model got.
 */
class Gains {
  readonly #pairs = { of: 0, weight: 0 }
  readonly #singles = { cheap: { of: 0, weight: 0 }, strong: { of: 0, weight: 0 } }

  add({ cheap, strong }: Pick<Row, 'cheap' | 'strong'>, weight: number): void {
    if (cheap !== null && strong !== null) put(this.#pairs, strong - cheap, weight)
    else if (cheap !== null) put(this.#singles.cheap, cheap, weight)
    else if (strong !== null) put(this.#singles.strong, strong, weight)
  }

  /** What is compared: the pairs, and of the singles as much as both models have. */
  get weight(): number {
    return this.#pairs.weight + this.#compared
  }

  /** −1 to 1; of no use where the weight is 0. */
  get gain(): number {
    const { cheap, strong } = this.#singles
    const apart = this.#compared === 0 ? 0 : strong.of / strong.weight - cheap.of / cheap.weight
    return (this.#pairs.of + apart * this.#compared) / this.weight
  }

  get #compared(): number {
    return Math.min(this.#singles.cheap.weight, this.#singles.strong.weight)
  }
}

function put(sum: { of: number; weight: number }, value: number, weight: number): void {
  sum.of += weight * value
  sum.weight += weight
}

function dot(left: Int8Array, right: Int8Array): number {
  let sum = 0
  for (let at = 0; at < left.length; at++) sum += (left[at] ?? 0) * (right[at] ?? 0)
  return sum
}

function lengthOf(vector: Int8Array): number {
  return Math.max(1, Math.sqrt(dot(vector, vector)))
}
