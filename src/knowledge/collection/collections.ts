import { EVERY_LABEL, sees } from '../../contract/caller.ts'
import { UpshiftError } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { openStore, type Store } from '../../store/open.ts'
import { decodeModel, encodeModel, withTerms } from '../embed/encode.ts'
import type { LsaModel } from '../embed/lsa.ts'
import { settingsSchema } from '../retrieve/settings.ts'
import type { Tuning } from '../tune/tune.ts'
import { vectorMigrations } from '../vectors/schema.ts'
import { VectorStore } from '../vectors/store.ts'
import type { ReadDocument } from './document.ts'
import { readHeld } from './held.ts'
import { MAX_LABEL_SETS, packed, unpacked } from './labels.ts'
import { Origins, type StandingSource, type StoredDocument, type Trust, trustOf } from './origins.ts'
import { migrations } from './schema.ts'
import { Searcher } from './searcher.ts'
import { Segments } from './segments.ts'

export interface CollectionFigures {
  readonly name: string
  readonly documents: number
  readonly chunks: number
  /** UTF-16 units of all documents' texts. */
  readonly characters: number
  readonly segments: number
}

export interface DocumentRow {
  readonly source: string
  readonly version: string
  readonly mediaType: string
  readonly title: string
  readonly bytes: number
  readonly added: number
  readonly chunks: number
  readonly trust: Trust
  readonly labels: readonly string[]
}

/** What became of a batch. */
export interface PutReport {
  readonly added: number
  readonly replaced: number
  /** Were there in the same version. */
  readonly unchanged: number
  /** Chunks that were written. */
  readonly chunks: number
}

/** Sees whatever is there. */
const ALL: readonly string[] = [EVERY_LABEL]

/** What a tuning leaves with the collection. */
export interface KeptTuning extends Tuning {
  /** Unix milliseconds. */
  readonly at: number
  /** Chunks without labels, of which it was made. */
  readonly chunks: number
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/**
 * The collections of a home: documents, their chunks and postings, in one SQLite file that several processes may
 * open. Every change is one transaction. Synchronous: for a thread or process of its own.
 */
export class Collections implements Disposable {
  readonly #store: Store
  readonly #clock: Clock
  readonly #segments: Segments
  readonly #origins: Origins
  /** Vectors that embedding models have made. */
  readonly vectors: VectorStore

  /** Throws UpshiftError that names the file where it cannot be opened. */
  constructor(path: string, clock: Clock) {
    this.#store = openStore(path, [...migrations, ...vectorMigrations])
    this.#clock = clock
    this.#segments = new Segments(this.#store)
    this.#origins = new Origins(this.#store)
    this.vectors = new VectorStore(this.#store, this.#origins)
  }

  /** All collections, with what of each somebody sees who holds these labels. */
  list(held: readonly string[] = ALL): CollectionFigures[] {
    const rows = this.#store.prepare('SELECT id, name FROM collection ORDER BY name').all()
    return rows.map((row) => this.#figures(Number(row['id']), String(row['name']), held))
  }

  #figures(id: number, name: string, held: readonly string[]): CollectionFigures {
    const seen = this.#origins.labelSets(id).filter((labels) => sees(held, unpacked(labels)))
    const count = (sql: string): number =>
      Number(this.#store.prepare(sql).get(id, JSON.stringify(seen))?.['n'] ?? 0)
    const isSeen = 'collection = ? AND labels IN (SELECT value FROM json_each(?))'
    const documents = 'document JOIN origin USING (collection, source)'
    return {
      name,
      documents: count(`SELECT count(*) AS n FROM ${documents} WHERE ${isSeen}`),
      chunks: count(`SELECT sum(size) AS n FROM segment WHERE ${isSeen}`),
      characters: count(
        `SELECT sum("end") AS n FROM (SELECT max("end") AS "end" FROM ${documents} JOIN chunk ON chunk.document = document.id WHERE ${isSeen} GROUP BY document)`,
      ),
      segments: count(`SELECT count(*) AS n FROM segment WHERE ${isSeen}`),
    }
  }

  figures(name: string, held: readonly string[] = ALL): CollectionFigures {
    return this.#figures(this.#existing(name), name, held)
  }

  /** The version that a collection holds of a source; undefined where it holds none or does not exist yet. */
  versionOf(name: string, source: string): string | undefined {
    const row = this.#store
      .prepare(
        'SELECT version FROM document JOIN collection ON collection.id = document.collection WHERE name = ? AND source = ?',
      )
      .get(name, source)
    return row === undefined ? undefined : String(row['version'])
  }

  documents(name: string): DocumentRow[] {
    const rows = this.#store.prepare(
      `SELECT document.source, version, media_type, title, bytes, added, trust, labels,
              (SELECT count(*) FROM chunk WHERE chunk.document = document.id) AS chunks
       FROM document JOIN origin USING (collection, source) WHERE collection = ? ORDER BY document.source`,
    )
    return rows.all(this.#existing(name)).map((row) => ({
      source: String(row['source']),
      version: String(row['version']),
      mediaType: String(row['media_type']),
      title: String(row['title']),
      bytes: Number(row['bytes']),
      added: Number(row['added']),
      chunks: Number(row['chunks']),
      trust: trustOf(row['trust']),
      labels: unpacked(String(row['labels'])),
    }))
  }

  /**
   * Adds a batch, all or nothing; creates the collection where it is missing. A document whose source is there
   * takes the place of what stood for it, and one that is there in the same version, as another process may have put
   * it there since it was looked for, is left alone. Sources within a batch must differ.
   */
  put(name: string, batch: readonly ReadDocument[]): PutReport {
    return this.#store.transaction(() => {
      const collection = this.#made(name)
      const before = new Map(batch.map(({ source }) => [source, this.versionOf(name, source)]))
      const fresh = batch.filter(({ source, version }) => before.get(source) !== version)
      const sources = fresh.map(({ source }) => source)
      this.#erase(collection, sources)
      this.#origins.note(collection, sources)
      const insert = this.#store.prepare(
        'INSERT INTO document (collection, source, version, media_type, title, bytes, added, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      const rows = fresh.map((document) => {
        const { source, version, mediaType, title, bytes, text } = document
        const { lastInsertRowid } = insert.run(
          ...[collection, source, version, mediaType, title, bytes, this.#clock.now(), text],
        )
        return { id: Number(lastInsertRowid), document }
      })
      const labelled = Map.groupBy(rows, ({ document }) =>
        this.#origins.labelsOf(collection, document.source),
      )
      for (const [labels, some] of labelled) this.#segments.append(collection, labels, some)
      if (fresh.length > 0) this.#changed(collection)
      const added = fresh.filter(({ source }) => before.get(source) === undefined).length
      return {
        added,
        replaced: fresh.length - added,
        unchanged: batch.length - fresh.length,
        chunks: fresh.reduce((sum, { chunks }) => sum + chunks.length, 0),
      }
    })
  }

  #made(name: string): number {
    if (!NAME.test(name)) {
      throw new UpshiftError({
        code: 'invalid_request',
        message: `${JSON.stringify(name)} is no name for a collection: use 1 to 64 small letters, digits, dots, dashes and underscores.`,
      })
    }
    this.#store
      .prepare('INSERT INTO collection (name, created) VALUES (?, ?) ON CONFLICT DO NOTHING')
      .run(name, this.#clock.now())
    return this.#existing(name)
  }

  /** How far sources are trusted, also those that are yet to be read; creates the collection where it is missing. */
  trust(name: string, sources: readonly string[], trust: Trust): void {
    this.#store.transaction(() => this.#origins.trust(this.#made(name), sources, trust))
  }

  /**
   * Labels sources, also those that are yet to be read; creates the collection where it is missing. Its tuning and
   * semantics are made of what has no label: where that loses a document they are dropped, to be made anew.
   */
  label(name: string, sources: readonly string[], labels: readonly string[]): void {
    const wanted = packed(labels)
    this.#store.transaction(() => {
      const collection = this.#made(name)
      const moved = this.#origins.label(collection, sources, wanted)
      if (this.#origins.labelSets(collection).length > MAX_LABEL_SETS) throw tooManySets(name)
      if (moved.length === 0) return
      const ids = moved.map(({ id }) => id)
      this.#segments.relabel(collection, wanted, ids)
      if (moved.some(({ before }) => before === '')) {
        this.#store
          .prepare('UPDATE collection SET tuning = NULL, semantics = NULL WHERE id = ?')
          .run(collection)
        this.vectors.dropTuning(collection)
      }
      this.#changed(collection)
    })
  }

  has(name: string): boolean {
    return this.#store.prepare('SELECT 1 FROM collection WHERE name = ?').get(name) !== undefined
  }

  /** A document by the number of its source; undefined where none is seen by who holds these labels. */
  document(name: string, origin: number, held: readonly string[] = ALL): StoredDocument | undefined {
    // Before its text is read: what is hidden takes no longer than what is not there.
    return this.#origins.isSeen(name, origin, held) ? this.#origins.document(name, origin) : undefined
  }

  /** The version that stands for a source now, by its number; undefined as above. */
  versionAt(name: string, origin: number, held: readonly string[] = ALL): string | undefined {
    return this.#origins.isSeen(name, origin, held) ? this.#origins.versionAt(name, origin) : undefined
  }

  sourceOf(name: string, origin: number): string | undefined {
    return this.#origins.sourceOf(name, origin)
  }

  /** A source's number. */
  originOf(name: string, source: string): number | undefined {
    return this.#origins.numberOf(name, source)
  }

  /** The names of the collections that hold a document of this source. */
  holding(source: string): string[] {
    const rows = this.#store.prepare(
      'SELECT name FROM document JOIN collection ON collection.id = document.collection WHERE source = ? ORDER BY name',
    )
    return rows.all(source).map((row) => String(row['name']))
  }

  /** What all collections hold, one source in memory at a time; what goes meanwhile is passed over. */
  standing(): Generator<StandingSource> {
    return this.#origins.standing()
  }

  /**
   * Empties SQLite's write-ahead log, where pages of before may lie. False where somebody was reading: then bytes
   * of what was removed may remain in it.
   */
  scrub(): boolean {
    return Number(this.#store.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy']) === 0
  }

  /**
   * Takes documents out, with their chunks and postings; returns how many there were. With `heeded` it remembers which
   * sources were labelled or of another trust than most: a file that comes back must not come back with less.
   */
  remove(name: string, sources: readonly string[], heeded = false): number {
    return this.#store.transaction(() => {
      const collection = this.#existing(name)
      const removed = this.#erase(collection, sources)
      this.#origins.remove(collection, sources, heeded)
      if (removed > 0) this.#changed(collection)
      return removed
    })
  }

  #erase(collection: number, sources: readonly string[]): number {
    const find = this.#store.prepare('SELECT id FROM document WHERE collection = ? AND source = ?')
    const ids = sources.flatMap((source) => find.all(collection, source).map((row) => Number(row['id'])))
    this.#segments.remove(ids)
    const erase = this.#store.prepare('DELETE FROM document WHERE id = ?')
    for (const id of ids) erase.run(id)
    if (ids.length > 0) this.#forgetTerms(collection)
    return ids.length
  }

  /** Takes words that no document without labels holds any more out of the semantics too, which are made of those. */
  #forgetTerms(collection: number): void {
    const row = this.#store.prepare('SELECT semantics FROM collection WHERE id = ?').get(collection)
    const stored = row?.['semantics']
    if (!(stored instanceof Uint8Array)) return
    const open = this.#segments.of(collection).filter(({ labels }) => labels.length === 0)
    const held = open.map(({ id }) => this.#segments.read(id).terms)
    const rest = withTerms(decodeModel(stored), (term) => held.some((terms) => terms.has(term)))
    this.#store.prepare('UPDATE collection SET semantics = ? WHERE id = ?').run(encodeModel(rest), collection)
  }

  #changed(collection: number): void {
    this.#segments.compact(collection)
    this.#store.prepare('UPDATE collection SET generation = generation + 1 WHERE id = ?').run(collection)
  }

  tuning(name: string): KeptTuning | undefined {
    const row = this.#store.prepare('SELECT tuning FROM collection WHERE id = ?').get(this.#existing(name))
    const kept = row?.['tuning']
    if (typeof kept !== 'string') return undefined
    const tuning = JSON.parse(kept) as KeptTuning // written by keepTuning alone
    return { ...tuning, settings: settingsSchema.parse(tuning.settings) }
  }

  /**
   * Keeps a tuning, and the model of the collection's semantics that it gives a weight. Undefined, and nothing kept,
   * where the collection is no longer of the generation that was tuned: what has been labelled or forgotten meanwhile
   * must not come back by a model that was made of it.
   */
  keepTuning(name: string, tuning: Tuning, model?: LsaModel, tuned?: number): KeptTuning | undefined {
    return this.#store.transaction(() => {
      if (tuned !== undefined && this.generation(name) !== tuned) return undefined
      const kept: KeptTuning = { ...tuning, at: this.#clock.now(), chunks: this.figures(name, []).chunks }
      this.#store
        .prepare('UPDATE collection SET tuning = ?, semantics = ?, generation = generation + 1 WHERE id = ?')
        .run(JSON.stringify(kept), model === undefined ? null : encodeModel(model), this.#existing(name))
      return kept
    })
  }

  /** Counts the changes of a collection. */
  generation(name: string): number {
    const row = this.#store
      .prepare('SELECT generation FROM collection WHERE id = ?')
      .get(this.#existing(name))
    return Number(row?.['generation'])
  }

  /** The collection as it stands now, its postings in memory, to be searched and tuned. */
  searcher(name: string): Searcher {
    return new Searcher(this.#store, readHeld(this.#store, this.#segments, this.#existing(name)))
  }

  /** Reads the whole file; throws UpshiftError, naming it, where it is damaged. */
  check(): void {
    this.#store.check()
  }

  /** Size of the file, everything in it included. */
  bytes(): number {
    const pragma = (name: string): number =>
      Number(Object.values(this.#store.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0)
    return pragma('page_count') * pragma('page_size')
  }

  close(): void {
    this.#store.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #existing(name: string): number {
    const row = this.#store.prepare('SELECT id FROM collection WHERE name = ?').get(name)
    if (row !== undefined) return Number(row['id'])
    throw new UpshiftError({
      code: 'not_found',
      message: `There is no collection ${JSON.stringify(name)}. \`upshift knowledge list\` names those that are there; \`upshift knowledge add --collection NAME FILE…\` makes one.`,
    })
  }
}

function tooManySets(name: string): UpshiftError {
  return new UpshiftError({
    code: 'invalid_request',
    message: `The collection ${name} has ${MAX_LABEL_SETS} different sets of labels already. Use one of those that \`upshift knowledge list --collection ${name}\` shows, or another collection.`,
  })
}
