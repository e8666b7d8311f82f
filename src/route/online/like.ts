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
]

const rowSchema = z.object({
  request: z.string(),
  subject: z.string(),
  model: z.string(),
  vector: z.instanceof(Uint8Array),
  cheap: z.number().nullable(),
  strong: z.number().nullable(),
})

interface Row {
  readonly request: string
  readonly subject: string
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
  readonly model: string
  readonly vector: Int8Array
  subject?: string
}

/** An embedding in 64 bytes; undefined where it has no direction. */
export function keptVector(embedding: ArrayLike<number>): Int8Array | undefined {
  const short = projected(embedding)
  return short === undefined ? undefined : Int8Array.from(short, (value) => Math.round(STEPS * value))
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

  /** A lot has chosen this request, and its label may come. */
  drawn(request: string, { model, vector }: Meaning): void {
    if (vector === undefined) return
    this.#waiting.set(request, { model, vector })
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size > WAITING_MAX && oldest !== undefined) this.#waiting.delete(oldest)
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
    if (waiting?.subject === undefined) return
    const { model, vector, subject } = waiting
    const qualities = { cheap: cheap ?? null, strong: strong ?? null }
    const row: Row = { request, subject, model, vector, length: lengthOf(vector), ...qualities }
    this.#rows.set(request, row)
    this.#store
      .prepare(
        'INSERT OR REPLACE INTO route_like (request, subject, model, vector, cheap, strong) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(request, subject, model, new Uint8Array(vector.buffer), row.cheap, row.strong)
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
      .map(({ request, model, vector, cheap, strong }) => {
        return { request, model, vector: Buffer.from(vector).toString('base64'), cheap, strong }
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
   * What going up was worth on the nearest labelled requests of the same embedding model, by cosine; undefined where
   * there are none for either model. Those as near as the last that counts do count. At most KEPT_MAX comparisons of 64 bytes.
   */
  near({ model, vector }: Meaning): Neighbourhood | undefined {
    if (vector === undefined) return undefined
    const rows = [...this.#rows.values()].filter((row) => row.model === model)
    const length = lengthOf(vector)
    const cosines = new Float32Array(rows.length)
    for (const [at, row] of rows.entries()) cosines[at] = dot(vector, row.vector) / (length * row.length)
    const edge = Math.max(COSINE_MIN, cosines.slice().sort()[rows.length - NEIGHBOURS] ?? COSINE_MIN)
    const sums = { cheap: { of: 0, weight: 0 }, strong: { of: 0, weight: 0 } }
    for (const [at, row] of rows.entries()) {
      const cosine = cosines[at] ?? 0
      if (cosine < edge) continue
      for (const arm of ['cheap', 'strong'] as const) {
        const quality = row[arm]
        if (quality === null) continue
        sums[arm].of += cosine * quality
        sums[arm].weight += cosine
      }
    }
    const weight = Math.min(sums.cheap.weight, sums.strong.weight)
    if (weight === 0) return undefined
    const gain = sums.strong.of / sums.strong.weight - sums.cheap.of / sums.cheap.weight
    return { gain, weight: weight / (weight + HALF_WEIGHT) }
  }
}

function dot(left: Int8Array, right: Int8Array): number {
  let sum = 0
  for (let at = 0; at < left.length; at++) sum += (left[at] ?? 0) * (right[at] ?? 0)
  return sum
}

function lengthOf(vector: Int8Array): number {
  return Math.max(1, Math.sqrt(dot(vector, vector)))
}
