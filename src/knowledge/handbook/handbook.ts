import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Passage } from '../../contract/passage.ts'
import type { Refusal } from '../../contract/problem.ts'
import { ENGLISH } from '../../lib/text/language.ts'
import { chunksOf } from './chunk.ts'
import { openIndex } from './database.ts'
import { type Document, readDocuments } from './documents.ts'
import {
  type Analysis,
  analyse,
  type Evidence,
  evidenceOf,
  type Found,
  type WeightedTerm,
} from './evidence.ts'
import { formatId } from './id.ts'
import { type OpenedCitation, openCitation } from './open-citation.ts'
import { alternativesOf, matchExpression, readQuestion, type Term } from './question.ts'
import { supportOf } from './support.ts'
import { WarmUp } from './warm-up.ts'
import { weightOf } from './weight.ts'

/**
 * DESIGN. The handbook is a folder of Markdown files; the index beside the other state is derived from it.
 * `refresh` compares content hashes and indexes only what changed, in one transaction, so a reader sees the
 * old index or the new one. Texts of earlier versions stay (at most KEPT_VERSIONS a document), because a
 * citation promises to open what was quoted, not what replaced it. A lookup is one FTS5 query (BM25, words in
 * headings weigh more) for a bounded number of candidates, which are then judged and ordered by support.
 */

export interface Handbook {
  /** Passages that bear on the question, the best supported first. Never throws for anything in a question. */
  find(question: string, limit: number): readonly Passage[]
  /** The same passages with what was measured of each: why a passage is, or is not, worth quoting. */
  explain(question: string, limit: number): readonly Explained[]
  /** The best passage's support, 0–1: whether the handbook is worth asking. */
  probe(question: string): number
  /** A passage or quotation by its id, from the version that the id names. */
  open(id: string): OpenedCitation | Refusal
  /** Brings the index up to date with the folder. */
  refresh(): Refreshed
  close(): void
}

export interface Refreshed {
  readonly indexed: readonly string[]
  readonly removed: readonly string[]
  readonly unchanged: number
}

export interface Explained {
  readonly passage: Passage
  readonly evidence: Evidence
}

export interface HandbookOptions {
  /** The index file, usually `<home>/knowledge.db`; `:memory:` for none. */
  readonly path: string
  /** The folder of Markdown files. */
  readonly docs: string
}

/** Passages that are judged for one question. */
const CANDIDATES = 24
const HEADING_WEIGHT = 3
const ASKED_WEIGHT = 2
const KEPT_VERSIONS = 32
/** Analysed passages and counted words that are kept in memory; at the bound they are dropped whole. */
const MAX_CACHED = 8_192
/** Passages that one slice of the warm-up takes apart, and the question that it reads. */
const WARMED_AT_ONCE = 4
const WARMING_QUESTION = 'How do I find out which port, key or model `upshift.yaml` sets?'

/** Opens and refreshes the index. Throws UpshiftError where the folder or the index file cannot be used. */
export function openHandbook(options: HandbookOptions): Handbook {
  const database = openIndex(options.path)
  try {
    return new IndexedHandbook(database, options.docs)
  } catch (cause) {
    database.close()
    throw cause
  }
}

interface Candidate {
  readonly key: number
  readonly document: string
  readonly version: string
  readonly headings: readonly string[]
  readonly asked: string
  readonly start: number
  readonly end: number
  readonly text: string
}

class IndexedHandbook implements Handbook {
  readonly #database: DatabaseSync
  readonly #docs: string
  readonly #search
  readonly #count
  readonly #following
  readonly #warmUp = new WarmUp(() => this.#warmSome())
  readonly #analyses = new Map<number, Analysis>()
  /** Each stem of the analyses, once. */
  readonly #stems = new Map<string, string>()
  readonly #frequencies = new Map<string, number>()
  #passages = 0
  #warmedTo = 0

  constructor(database: DatabaseSync, docs: string) {
    this.#database = database
    this.#docs = docs
    this.#search = database.prepare(`
      SELECT passage.id AS key, passage.document, document.version, headings, asked, start, "end", text
      FROM (SELECT rowid AS found, bm25(passage_words, ${HEADING_WEIGHT}, ${ASKED_WEIGHT}, 1) AS score
            FROM passage_words WHERE passage_words MATCH ? ORDER BY score LIMIT ${CANDIDATES})
      JOIN passage ON passage.id = found JOIN document ON document.name = passage.document
      ORDER BY score, passage.id`)
    this.#count = database.prepare('SELECT count(*) AS n FROM passage_words WHERE passage_words MATCH ?')
    this.#following = database.prepare(`
      SELECT id AS key, document, '' AS version, headings, asked, start, "end", text
      FROM passage WHERE id > ? ORDER BY id LIMIT ${WARMED_AT_ONCE}`)
    this.refresh()
  }

  find(question: string, limit: number): readonly Passage[] {
    return this.explain(question, limit).map((one) => one.passage)
  }

  explain(question: string, limit: number): readonly Explained[] {
    const read = readQuestion(question)
    const match = matchExpression(read.terms)
    if (match === null || limit < 1) return []
    const weighted = read.terms.map((term) => this.#weigh(this.#withParts(term)))
    return this.#search
      .all(match)
      .map((row, rank) => {
        const candidate = readCandidate(row)
        const found = evidenceOf(read, weighted, this.#analysis(candidate))
        return { rank, evidence: found.evidence, passage: passageOf(candidate, found) }
      })
      .sort((a, b) => b.passage.support - a.passage.support || a.rank - b.rank)
      .slice(0, Math.min(limit, CANDIDATES))
      .map(({ passage, evidence }) => ({ passage, evidence }))
  }

  probe(question: string): number {
    return this.find(question, 1)[0]?.support ?? 0
  }

  open(id: string): OpenedCitation | Refusal {
    return openCitation(this.#database, id)
  }

  refresh(): Refreshed {
    const texts = readDocuments(this.#docs)
    const known = new Map(
      this.#database
        .prepare('SELECT name, stamp FROM document')
        .all()
        .map((row) => [String(row['name']), String(row['stamp'])]),
    )
    const changed = [...texts].filter(([name, found]) => known.get(name) !== found.stamp)
    const removed = [...known.keys()].filter((name) => !texts.has(name))
    if (changed.length > 0 || removed.length > 0) {
      this.#inTransaction(() => {
        for (const name of removed) this.#drop(name)
        for (const [name, found] of changed) this.#index(name, found)
      })
    }
    this.#forget()
    this.#frequencies.clear()
    this.#passages = Number(this.#database.prepare('SELECT count(*) AS n FROM passage').get()?.['n'])
    this.#warmedTo = 0
    this.#warmUp.start()
    return {
      indexed: changed.map(([name]) => name),
      removed,
      unchanged: texts.size - changed.length,
    }
  }

  close(): void {
    this.#warmUp.stop()
    this.#database.close()
  }

  /** The next few passages, and once they are all done a question over them; false where nothing is left. */
  #warmSome(): boolean {
    const rows = this.#following.all(this.#warmedTo).map(readCandidate)
    for (const candidate of rows) this.#analysis(candidate)
    this.#warmedTo = rows.at(-1)?.key ?? this.#warmedTo
    if (rows.length === 0) this.find(WARMING_QUESTION, 1)
    return rows.length > 0
  }

  #weigh(term: Term): WeightedTerm {
    return weightOf(term, (word) => this.#frequency(word), this.#passages)
  }

  /** "healthcheck" is looked for as "health" and "check" where the documents know only those. */
  #withParts(term: Term): Term {
    const { raw } = term
    if (raw.length < 2 * MIN_PART || raw.length > MAX_COMPOUND || this.#frequency(raw) > 0) return term
    for (let cut = MIN_PART; cut <= raw.length - MIN_PART; cut++) {
      const parts = [raw.slice(0, cut), raw.slice(cut)]
      if (parts.every((part) => this.#frequency(part) > 0)) {
        return { ...term, alternatives: [...term.alternatives, ...alternativesOf(parts)] }
      }
    }
    return term
  }

  #frequency(word: string): number {
    const key = word.toLowerCase()
    const cached = this.#frequencies.get(key)
    if (cached !== undefined) return cached
    const count = Number(this.#count.get(`"${key.replaceAll('"', '""')}"`)?.['n'])
    if (this.#frequencies.size >= MAX_CACHED) this.#frequencies.clear()
    this.#frequencies.set(key, count)
    return count
  }

  #analysis(candidate: Candidate): Analysis {
    const cached = this.#analyses.get(candidate.key)
    if (cached !== undefined) return cached
    if (this.#analyses.size >= MAX_CACHED) this.#forget()
    const fresh = analyse(candidate.headings, candidate.asked, candidate.text, ENGLISH, this.#once)
    this.#analyses.set(candidate.key, fresh)
    return fresh
  }

  readonly #once = (stem: string): string => {
    const kept = this.#stems.get(stem)
    if (kept !== undefined) return kept
    this.#stems.set(stem, stem)
    return stem
  }

  #forget(): void {
    this.#analyses.clear()
    this.#stems.clear()
  }

  #inTransaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#database.exec('COMMIT')
    } catch (cause) {
      this.#database.exec('ROLLBACK')
      throw cause
    }
  }

  /**
   * A statement that changes something. SQLite reports the last row id of the connection after each, and FTS5
   * leaves ids of its own segments there that exceed what a double holds: without BigInts node:sqlite throws.
   */
  #writing(sql: string): StatementSync {
    const statement = this.#database.prepare(sql)
    statement.setReadBigInts(true)
    return statement
  }

  #drop(name: string): void {
    this.#writing('DELETE FROM passage_words WHERE rowid IN (SELECT id FROM passage WHERE document = ?)').run(
      name,
    )
    this.#writing('DELETE FROM passage WHERE document = ?').run(name)
    this.#writing('DELETE FROM document WHERE name = ?').run(name)
  }

  #index(name: string, { version, stamp, text, asked }: Document): void {
    this.#drop(name)
    this.#writing('INSERT INTO document (name, version, stamp) VALUES (?, ?, ?)').run(name, version, stamp)
    this.#keepVersion(name, version, text)
    const passage = this.#writing(
      'INSERT INTO passage (document, headings, asked, start, "end", text) VALUES (?, ?, ?, ?, ?, ?)',
    )
    const words = this.#writing(
      'INSERT INTO passage_words (rowid, headings, asked, body) VALUES (?, ?, ?, ?)',
    )
    for (const chunk of chunksOf(text, asked)) {
      const body = text.slice(chunk.start, chunk.end)
      const added = passage.run(
        name,
        JSON.stringify(chunk.headings),
        chunk.asked,
        chunk.start,
        chunk.end,
        body,
      )
      words.run(added.lastInsertRowid, chunk.headings.join('\n'), chunk.asked, body)
    }
  }

  #keepVersion(name: string, version: string, text: string): void {
    this.#writing(
      `INSERT INTO version (document, version, text, seen)
         VALUES (?1, ?2, ?3, (SELECT coalesce(max(seen), 0) + 1 FROM version WHERE document = ?1))
         ON CONFLICT DO UPDATE SET seen = excluded.seen`,
    ).run(name, version, text)
    this.#writing(
      `DELETE FROM version WHERE document = ?1 AND version NOT IN
         (SELECT version FROM version WHERE document = ?1 ORDER BY seen DESC LIMIT ?2)`,
    ).run(name, KEPT_VERSIONS)
  }
}

/** Letters of each half of a compound, and of the whole, between which it is taken apart. */
const MIN_PART = 4
const MAX_COMPOUND = 24
/** SQLite hands out columns as unknown values; this is where they become a candidate. */
function readCandidate(row: Record<string, unknown>): Candidate {
  const headings: unknown = JSON.parse(String(row['headings']))
  return {
    key: Number(row['key']),
    document: String(row['document']),
    version: String(row['version']),
    headings: Array.isArray(headings) ? headings.map(String) : [],
    asked: String(row['asked']),
    start: Number(row['start']),
    end: Number(row['end']),
    text: String(row['text']),
  }
}

function passageOf(candidate: Candidate, found: Found): Passage {
  const { key: _key, asked: _asked, ...rest } = candidate
  const id = formatId(rest.document, rest.version, rest.start, rest.end)
  const focus = { start: rest.start + found.start, end: rest.start + found.end }
  return { id, ...rest, support: supportOf(found.evidence), ...(found.end > found.start ? { focus } : {}) }
}
