import { sees } from '../../contract/caller.ts'
import type { Store } from '../../store/open.ts'
import { unpacked } from './labels.ts'

/** How far what a source says is relied upon. No answer is made of `low`; `high` goes before the others. */
export const TRUSTS = ['low', 'ordinary', 'high'] as const
export type Trust = (typeof TRUSTS)[number]

/** A document as it is stored now. */
export interface StoredDocument {
  readonly source: string
  readonly version: string
  readonly title: string
  readonly mediaType: string
  readonly readAt: number
  readonly text: string
  /** Where its chunks begin and end, with their headings and pages. */
  readonly chunks: readonly StoredChunk[]
}

/** A source, with what its document says; both empty where only the source is remembered. */
export interface StandingSource {
  readonly collection: string
  readonly source: string
  readonly title: string
  readonly text: string
}

interface StoredChunk {
  readonly start: number
  readonly end: number
  readonly headings: readonly string[]
  readonly page?: number
}

/** The sources of collections by number. Changes are made inside a transaction of the caller's. */
export class Origins {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Gives a number to sources that have none. */
  note(collection: number, sources: readonly string[]): void {
    const note = this.#store.prepare(
      'INSERT INTO origin (collection, source) VALUES (?, ?) ON CONFLICT DO NOTHING',
    )
    for (const source of sources) note.run(collection, source)
  }

  trust(collection: number, sources: readonly string[], trust: Trust): void {
    const set = this.#store.prepare(
      'INSERT INTO origin (collection, source, trust) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET trust = excluded.trust',
    )
    for (const source of sources) set.run(collection, source, trust)
  }

  /** Sets the labels of sources, packed, and returns the documents whose labels that changes, with those of before. */
  label(collection: number, sources: readonly string[], labels: string): { id: number; before: string }[] {
    const find = this.#store.prepare(
      'SELECT document.id, labels FROM origin JOIN document USING (collection, source) WHERE collection = ? AND source = ? AND labels <> ?',
    )
    const set = this.#store.prepare(
      'INSERT INTO origin (collection, source, labels) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET labels = excluded.labels',
    )
    return sources.flatMap((source) => {
      const found = find.get(collection, source, labels)
      set.run(collection, source, labels)
      return found === undefined ? [] : { id: Number(found['id']), before: String(found['labels']) }
    })
  }

  /** The labels of a source, packed. */
  labelsOf(collection: number, source: string): string {
    const row = this.#store
      .prepare('SELECT labels FROM origin WHERE collection = ? AND source = ?')
      .get(collection, source)
    return String(row?.['labels'] ?? '')
  }

  /** Every set of labels that sources of a collection have, packed. */
  labelSets(collection: number): string[] {
    const rows = this.#store.prepare('SELECT DISTINCT labels FROM origin WHERE collection = ?')
    return rows.all(collection).map((row) => String(row['labels']))
  }

  /** True where there is a source of that number whose documents are seen by who holds these labels. */
  isSeen(name: string, origin: number, held: readonly string[]): boolean {
    const row = this.#store
      .prepare(
        'SELECT labels FROM origin JOIN collection ON collection.id = origin.collection WHERE name = ? AND origin.id = ?',
      )
      .get(name, origin)
    return row !== undefined && sees(held, unpacked(String(row['labels'])))
  }

  /** Takes sources out; with `heeded` those stay that are labelled, or trusted in another way than most. */
  remove(collection: number, sources: readonly string[], heeded: boolean): void {
    const kept = heeded ? " AND labels = '' AND trust = 'ordinary'" : ''
    const remove = this.#store.prepare(`DELETE FROM origin WHERE collection = ? AND source = ?${kept}`)
    for (const source of sources) remove.run(collection, source)
  }

  numberOf(name: string, source: string): number | undefined {
    const row = this.#store
      .prepare(
        'SELECT origin.id FROM origin JOIN collection ON collection.id = origin.collection WHERE name = ? AND source = ?',
      )
      .get(name, source)
    return row === undefined ? undefined : Number(row['id'])
  }

  /** No statement stays open between two, so that others may write. */
  *standing(): Generator<StandingSource> {
    const read = this.#store.prepare(
      `SELECT collection.name, origin.source, title, text
       FROM origin JOIN collection ON collection.id = origin.collection
       LEFT JOIN document ON document.collection = origin.collection AND document.source = origin.source
       WHERE origin.id = ?`,
    )
    for (const { id } of this.#store.prepare('SELECT id FROM origin ORDER BY id').all()) {
      const row = read.get(Number(id))
      if (row === undefined) continue
      yield {
        collection: String(row['name']),
        source: String(row['source']),
        title: String(row['title'] ?? ''),
        text: String(row['text'] ?? ''),
      }
    }
  }

  sourceOf(name: string, origin: number): string | undefined {
    const row = this.#store
      .prepare(
        'SELECT source FROM origin JOIN collection ON collection.id = origin.collection WHERE name = ? AND origin.id = ?',
      )
      .get(name, origin)
    return row === undefined ? undefined : String(row['source'])
  }

  /** The version that stands for a source now. */
  versionAt(name: string, origin: number): string | undefined {
    const row = this.#store
      .prepare(
        `SELECT version FROM origin JOIN collection ON collection.id = origin.collection
         JOIN document ON document.collection = origin.collection AND document.source = origin.source
         WHERE name = ? AND origin.id = ?`,
      )
      .get(name, origin)
    return row === undefined ? undefined : String(row['version'])
  }

  document(name: string, origin: number): StoredDocument | undefined {
    const row = this.#store
      .prepare(
        `SELECT document.id, document.source, version, title, media_type, added, text
         FROM origin JOIN collection ON collection.id = origin.collection
         JOIN document ON document.collection = origin.collection AND document.source = origin.source
         WHERE name = ? AND origin.id = ?`,
      )
      .get(name, origin)
    if (row === undefined) return undefined
    return {
      source: String(row['source']),
      version: String(row['version']),
      title: String(row['title']),
      mediaType: String(row['media_type']),
      readAt: Number(row['added']),
      text: String(row['text']),
      chunks: this.#chunks(Number(row['id'])),
    }
  }

  #chunks(document: number): StoredChunk[] {
    const rows = this.#store.prepare(
      'SELECT headings, page, start, "end" FROM chunk WHERE document = ? ORDER BY start',
    )
    return rows.all(document).map((row) => ({
      headings: JSON.parse(String(row['headings'])) as string[], // written by Segments alone
      ...(row['page'] !== null && { page: Number(row['page']) }),
      start: Number(row['start']),
      end: Number(row['end']),
    }))
  }
}

/** What the table holds; its own check allows nothing else. */
export function trustOf(value: unknown): Trust {
  return TRUSTS.find((one) => one === value) ?? 'ordinary'
}
