import type { Store } from '../../store/open.ts'
import { decodeSegment, encodeSegment } from '../index/encode.ts'
import { mergeSegments } from '../index/merge.ts'
import { type Segment, SegmentBuilder } from '../index/segment.ts'
import { headOf, type ReadDocument } from './document.ts'
import { unpacked } from './labels.ts'

/** Chunks that a segment may hold before it is merged no more: rewriting one takes some tenths of a second. */
const MAX_SEGMENT_CHUNKS = 8_192
/** Segments of about one size (within a factor of MERGE_FACTOR) that become one. */
const MERGE_FACTOR = 4

/**
 * DESIGN. Postings lie in segments, each one blob. A batch of documents becomes a segment; a document that goes is
 * taken out by writing its segment anew without it, so nothing of it stays (SQLite's secure_delete overwrites the
 * old blob); four segments of about one size become one, so that there are few. Documents of different labels never
 * share a segment and never cause one another's to be merged: without those that somebody may not see, the others are
 * the same segments in the same order as if the hidden documents had never been there. All in the transaction of the
 * change itself, to be called inside one.
 */
export class Segments {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Writes the chunks and postings of documents whose rows are there. */
  append(
    collection: number,
    labels: string,
    documents: readonly { id: number; document: ReadDocument }[],
  ): void {
    const builder = new SegmentBuilder()
    const filled = documents.filter(({ document }) => document.chunks.length > 0)
    for (const [number, { document }] of filled.entries()) {
      for (const chunk of document.chunks) {
        const body = document.text.slice(chunk.start, chunk.end)
        builder.add({ document: number, head: headOf(document, chunk), body })
      }
    }
    if (builder.size === 0) return
    const segment = this.#insert(collection, labels, builder.finish())
    const insert = this.#store.prepare(
      'INSERT INTO chunk (document, segment, place, kind, headings, page, start, "end") VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    let place = 0
    for (const { id, document } of filled) {
      for (const { kind, headings, page, start, end } of document.chunks) {
        insert.run(id, segment, place++, kind, JSON.stringify(headings), page ?? null, start, end)
      }
    }
  }

  /** Takes documents' chunks and postings out. */
  remove(documents: readonly number[]): void {
    const touched = new Map<number, Set<number>>()
    const places = this.#store.prepare('SELECT segment, place FROM chunk WHERE document = ?')
    const erase = this.#store.prepare('DELETE FROM chunk WHERE document = ?')
    for (const document of documents) {
      for (const row of places.all(document)) {
        const segment = Number(row['segment'])
        touched.set(segment, (touched.get(segment) ?? new Set()).add(Number(row['place'])))
      }
      erase.run(document)
    }
    for (const [id, gone] of touched) this.#rewrite(id, gone)
  }

  /** Moves documents' chunks and postings to segments of these labels, none of them larger than others may become. */
  relabel(collection: number, labels: string, documents: readonly number[]): void {
    const count = this.#store.prepare('SELECT count(*) AS n FROM chunk WHERE document = ?')
    let [group, chunks]: [number[], number] = [[], 0]
    for (const document of documents) {
      const more = Number(count.get(document)?.['n'] ?? 0)
      if (chunks + more > MAX_SEGMENT_CHUNKS) {
        this.#relabelTogether(collection, labels, group)
        group = []
        chunks = 0
      }
      group.push(document)
      chunks += more
    }
    this.#relabelTogether(collection, labels, group)
  }

  #relabelTogether(collection: number, labels: string, documents: readonly number[]): void {
    const moved = new Map<number, Map<number, number>>()
    const find = this.#store.prepare('SELECT id, segment, place FROM chunk WHERE document = ?')
    for (const row of documents.flatMap((document) => find.all(document))) {
      const segment = Number(row['segment'])
      const places = moved.get(segment) ?? new Map<number, number>()
      moved.set(segment, places.set(Number(row['place']), Number(row['id'])))
    }
    if (moved.size === 0) return
    const parts = [...moved].map(([id, places]) => ({
      segment: this.read(id),
      keeps: (at: number) => places.has(at),
    }))
    const target = this.#insert(collection, labels, mergeSegments(parts))
    const move = this.#store.prepare('UPDATE chunk SET segment = ?, place = ? WHERE id = ?')
    let place = 0
    for (const places of moved.values()) {
      for (const [, chunk] of [...places].sort(([a], [b]) => a - b)) move.run(target, place++, chunk)
    }
    for (const [id, places] of moved) this.#rewrite(id, places)
  }

  #rewrite(id: number, gone: Pick<ReadonlySet<number>, 'has'>): void {
    const rest = mergeSegments([{ segment: this.read(id), keeps: (chunk) => !gone.has(chunk) }])
    if (rest.size === 0) {
      this.#store.prepare('DELETE FROM segment WHERE id = ?').run(id)
      return
    }
    this.#store
      .prepare('UPDATE segment SET size = ?, postings = ? WHERE id = ?')
      .run(rest.size, encodeSegment(rest), id)
    this.#renumber([id], id)
  }

  /** Chunks keep their order; their places close up, in segment `to`. */
  #renumber(from: readonly number[], to: number): void {
    const chunks = this.#store.prepare('SELECT id FROM chunk WHERE segment = ? ORDER BY place')
    const ids = from.flatMap((segment) => chunks.all(segment).map((row) => Number(row['id'])))
    const move = this.#store.prepare('UPDATE chunk SET segment = ?, place = ? WHERE id = ?')
    for (const [place, id] of ids.entries()) move.run(to, place, id)
  }

  /** Merges until no four segments of a collection have about one size, and the same labels. */
  compact(collection: number): void {
    for (let group = this.#mergeable(collection); group !== undefined; group = this.#mergeable(collection)) {
      const { ids, labels } = group
      const merged = mergeSegments(ids.map((id) => ({ segment: this.read(id), keeps: () => true })))
      const id = this.#insert(collection, labels, merged)
      this.#renumber(ids, id)
      for (const old of ids) this.#store.prepare('DELETE FROM segment WHERE id = ?').run(old)
    }
  }

  #mergeable(collection: number): { readonly ids: readonly number[]; readonly labels: string } | undefined {
    const tiers = new Map<string, { id: number; size: number }[]>()
    const rows = this.#store.prepare('SELECT id, size, labels FROM segment WHERE collection = ? ORDER BY id')
    for (const row of rows.all(collection)) {
      const [id, size, labels] = [Number(row['id']), Number(row['size']), String(row['labels'])]
      const tier = `${labels}/${Math.floor(Math.log(size) / Math.log(MERGE_FACTOR))}`
      const group = [...(tiers.get(tier) ?? []), { id, size }]
      tiers.set(tier, group)
      const chunks = group.reduce((sum, one) => sum + one.size, 0)
      if (group.length === MERGE_FACTOR && chunks <= MAX_SEGMENT_CHUNKS) {
        return { ids: group.map((one) => one.id), labels }
      }
      if (group.length === MERGE_FACTOR) tiers.delete(tier)
    }
    return undefined
  }

  #insert(collection: number, labels: string, segment: Segment): number {
    const insert = this.#store.prepare(
      'INSERT INTO segment (collection, labels, size, postings) VALUES (?, ?, ?, ?)',
    )
    return Number(insert.run(collection, labels, segment.size, encodeSegment(segment)).lastInsertRowid)
  }

  /** The segments of a collection and their documents' labels, in the order in which its index has them. */
  of(collection: number): { readonly id: number; readonly labels: readonly string[] }[] {
    const rows = this.#store.prepare('SELECT id, labels FROM segment WHERE collection = ? ORDER BY id')
    return rows
      .all(collection)
      .map((row) => ({ id: Number(row['id']), labels: unpacked(String(row['labels'])) }))
  }

  read(id: number): Segment {
    const row = this.#store.prepare('SELECT postings FROM segment WHERE id = ?').get(id)
    const postings = row?.['postings']
    return decodeSegment(postings instanceof Uint8Array ? postings : new Uint8Array(0))
  }
}
