import * as z from 'zod'
import { EVERY_LABEL, sees } from '../../contract/caller.ts'
import type { Store } from '../../store/open.ts'
import { unpacked } from '../collection/labels.ts'
import type { Origins } from '../collection/origins.ts'
import { encodeVector } from './encode.ts'

/** What the tuning of a collection's vectors came to: nDCG over held-out queries of the parts and of both. */
export interface VectorTuning {
  /** What their nearness counts beside BM25 in the fusion; 0 is not at all. */
  readonly weight: number
  readonly lexical: number
  readonly dense: number
  readonly fused: number
  readonly heldOut: number
  /** Passages of the collection when it was tuned. */
  readonly chunks: number
  /** Why the weight is as it is, where it was not chosen by queries. */
  readonly kept?: 'too-few-queries' | 'no-better-on-held-out' | 'semantics-are-better'
}

/** Which vectors a collection is to have, and what they weigh. */
export interface VectorChoice {
  /** The model as it was named. */
  readonly wanted: string
  /** The exact model that has made the vectors, and their length; absent before the first one. */
  readonly made?: { readonly model: string; readonly dimensions: number }
  readonly passages: number
  readonly tuning?: VectorTuning
}

/** How it stands with the vectors of a collection. */
export interface VectorState extends VectorChoice {
  /** Passages that have a vector. */
  readonly embedded: number
}

/** A passage that has no vector yet, with what it is made of. */
export interface Unembedded {
  readonly chunk: number
  readonly text: string
}

/** Vectors of one request, by the chunks that they are of. */
export interface Made {
  readonly wanted: string
  readonly model: string
  readonly vectors: readonly { readonly chunk: number; readonly values: Float32Array }[]
}

/** Of a passage no more is embedded, in UTF-16 units: most models read some 500 to 8,000 tokens. */
const MAX_TEXT = 16_000

const tuningSchema: z.ZodType<VectorTuning> = z.object({
  weight: z.number().min(0).max(1),
  lexical: z.number(),
  dense: z.number(),
  fused: z.number(),
  heldOut: z.number(),
  chunks: z.number(),
  kept: z.enum(['too-few-queries', 'no-better-on-held-out', 'semantics-are-better']).exactOptional(),
})

const ALL: readonly string[] = [EVERY_LABEL]

/** Vectors that an embedding model has made of a collection's chunks. Synchronous, as all of the collections. */
export class VectorStore {
  readonly #store: Store
  readonly #origins: Origins

  constructor(store: Store, origins: Origins) {
    this.#store = store
    this.#origins = origins
  }

  /**
   * Undefined where no model was named for the collection, or there is no such collection. Passages are counted as far
   * as the holder of these labels sees them.
   */
  choice(name: string, held: readonly string[] = ALL): VectorChoice | undefined {
    const row = this.#row(name)
    if (row === undefined) return undefined
    const { collection, wanted, model, dimensions, tuning } = row
    return {
      wanted,
      ...(model === undefined ? {} : { made: { model, dimensions } }),
      passages: this.#count(
        'SELECT sum(size) AS n FROM segment WHERE collection = ? AND labels IN (SELECT value FROM json_each(?))',
        collection,
        held,
      ),
      ...(tuning === undefined ? {} : { tuning }),
    }
  }

  /** The same, with how many passages have a vector: every one is looked at, so not for an event loop. */
  state(name: string, held: readonly string[] = ALL): VectorState | undefined {
    const [row, choice] = [this.#row(name), this.choice(name, held)]
    if (row === undefined || choice === undefined) return undefined
    const embedded = this.#count(
      `SELECT count(*) AS n FROM vector JOIN chunk ON chunk.id = chunk JOIN document ON document.id = document
       JOIN origin USING (collection, source)
       WHERE collection = ? AND labels IN (SELECT value FROM json_each(?))`,
      row.collection,
      held,
    )
    return { ...choice, embedded }
  }

  #count(sql: string, collection: number, held: readonly string[]): number {
    const seen = this.#origins.labelSets(collection).filter((labels) => sees(held, unpacked(labels)))
    return Number(this.#store.prepare(sql).get(collection, JSON.stringify(seen))?.['n'] ?? 0)
  }

  /**
   * Names the model that makes a collection's vectors from now on, or none. What another model has made is removed: it
   * is never compared with what this one makes.
   */
  choose(name: string, wanted: string | undefined): void {
    this.#store.transaction(() => {
      const row = this.#row(name)
      const collection = row?.collection ?? this.#collection(name)
      if (collection === undefined) throw new Error(`there is no collection ${name} to name a model for`)
      const stays = row !== undefined && (wanted === row.wanted || wanted === row.model)
      if (row !== undefined && !stays) this.#clear(collection)
      if (wanted === undefined) {
        this.#store.prepare('DELETE FROM embedding WHERE collection = ?').run(collection)
      } else {
        this.#store
          .prepare(
            'INSERT INTO embedding (collection, wanted) VALUES (?, ?) ON CONFLICT DO UPDATE SET wanted = excluded.wanted',
          )
          .run(collection, wanted)
      }
      if (!stays) this.#changed(collection)
    })
  }

  /** The next passages without a vector, behind the chunk `after`, in the order of their numbers. */
  missing(name: string, after: number, limit: number): Unembedded[] {
    const rows = this.#store
      .prepare(
        `SELECT chunk.id, chunk.document, headings, start, "end", title
         FROM chunk JOIN document ON document.id = chunk.document
         JOIN collection ON collection.id = document.collection
         LEFT JOIN vector ON vector.chunk = chunk.id
         WHERE collection.name = ? AND chunk.id > ? AND vector.chunk IS NULL ORDER BY chunk.id LIMIT ?`,
      )
      .all(name, after, limit)
    const read = this.#store.prepare('SELECT text FROM document WHERE id = ?')
    const texts = new Map<number, string>()
    return rows.map((row) => {
      const document = Number(row['document'])
      const text = texts.get(document) ?? String(read.get(document)?.['text'] ?? '')
      texts.set(document, text)
      const headings = JSON.parse(String(row['headings'])) as string[] // written by Segments alone
      const body = text.slice(Number(row['start']), Number(row['end']))
      return { chunk: Number(row['id']), text: embeddedText(String(row['title']), headings, body) }
    })
  }

  /**
   * Keeps vectors that were made. `changed`, and nothing kept, where another model has been named meanwhile; `replaced`
   * where those that were there are of another model or length, and were removed. A chunk that has gone gets none.
   */
  put(name: string, { wanted, model, vectors }: Made): 'kept' | 'replaced' | 'changed' {
    const dimensions = vectors[0]?.values.length ?? 0
    if (vectors.some(({ values }) => values.length !== dimensions)) {
      throw new Error('vectors of one request are of different lengths')
    }
    return this.#store.transaction(() => {
      const row = this.#row(name)
      if (row === undefined || row.wanted !== wanted) return 'changed'
      const same = row.model === model && row.dimensions === dimensions
      const replaced = row.model !== undefined && !same
      if (replaced) this.#clear(row.collection)
      if (!same) {
        this.#store
          .prepare('UPDATE embedding SET model = ?, dimensions = ? WHERE collection = ?')
          .run(model, dimensions, row.collection)
      }
      const insert = this.#store.prepare(
        'INSERT INTO vector (chunk, "values") SELECT id, ? FROM chunk WHERE id = ? ON CONFLICT DO UPDATE SET "values" = excluded."values"',
      )
      for (const { chunk, values } of vectors) insert.run(encodeVector(values), chunk)
      if (replaced) this.#changed(row.collection)
      return replaced ? 'replaced' : 'kept'
    })
  }

  /** False, and nothing kept, where the collection is no longer of the generation that was tuned. */
  keepTuning(name: string, tuning: VectorTuning, generation: number): boolean {
    return this.#store.transaction(() => {
      const collection = this.#row(name)?.collection
      const now = this.#store.prepare('SELECT generation FROM collection WHERE name = ?').get(name)
      if (collection === undefined || now?.['generation'] !== generation) return false
      this.#store
        .prepare('UPDATE embedding SET tuning = ? WHERE collection = ?')
        .run(JSON.stringify(tuning), collection)
      this.#changed(collection)
      return true
    })
  }

  /** The weight was chosen on documents of which one must no longer be told: it is chosen anew. */
  dropTuning(collection: number): void {
    this.#store.prepare('UPDATE embedding SET tuning = NULL WHERE collection = ?').run(collection)
  }

  /** Has whoever searches read the vectors that were made since. */
  tell(name: string): void {
    const collection = this.#collection(name)
    if (collection !== undefined) this.#changed(collection)
  }

  #clear(collection: number): void {
    this.#store
      .prepare(
        'DELETE FROM vector WHERE chunk IN (SELECT chunk.id FROM chunk JOIN document ON document.id = chunk.document WHERE collection = ?)',
      )
      .run(collection)
    this.#store
      .prepare('UPDATE embedding SET model = NULL, dimensions = NULL, tuning = NULL WHERE collection = ?')
      .run(collection)
  }

  #changed(collection: number): void {
    this.#store.prepare('UPDATE collection SET generation = generation + 1 WHERE id = ?').run(collection)
  }

  #collection(name: string): number | undefined {
    const row = this.#store.prepare('SELECT id FROM collection WHERE name = ?').get(name)
    return row === undefined ? undefined : Number(row['id'])
  }

  #row(name: string) {
    const row = this.#store
      .prepare(
        'SELECT embedding.* FROM embedding JOIN collection ON collection.id = embedding.collection WHERE name = ?',
      )
      .get(name)
    if (row === undefined) return undefined
    const kept = row['tuning']
    return {
      collection: Number(row['collection']),
      wanted: String(row['wanted']),
      model: row['model'] === null ? undefined : String(row['model']),
      dimensions: Number(row['dimensions']),
      tuning: typeof kept === 'string' ? tuningSchema.parse(JSON.parse(kept)) : undefined,
    }
  }
}

/** What a passage's vector is made of: what heads it, and its text. */
export function embeddedText(title: string, headings: readonly string[], body: string): string {
  const head = [title, ...headings].filter((words) => words !== '')
  const text = head.length === 0 ? body : `${[...new Set(head)].join(' › ')}\n\n${body}`
  return text.slice(0, MAX_TEXT)
}
