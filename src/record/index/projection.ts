import { rmSync } from 'node:fs'
import type { Feedback, ResponseDeleted, Stamped } from '../../contract/entry.ts'
import { UpshiftError } from '../../contract/problem.ts'
import { assert } from '../../lib/assert.ts'
import { BriefMap } from '../../lib/brief-map.ts'
import { openStore, type Store } from '../../store/open.ts'
import { attempted, begin, type Course, erase, settled, settledAtEnd } from './course.ts'
import { Gone } from './gone.ts'
import type { Query, ReadText, Reply } from './query.ts'
import { createReading, type Reading } from './reading/reading.ts'
import { type End, fold, type Row, refusedRow, rowOf } from './row.ts'
import { number, Rows } from './rows.ts'
import { hourOf, Sums } from './sums.ts'
import { migrations } from './tables.ts'

// DESIGN. The log's entries as tables for questions, filled by whoever follows the log: `visit` every entry in
// order, `commit` now and then. `position` is kept in the same transaction as the rows, so that after a crash the
// follower goes on exactly behind what is there; entries before it are passed over. A request is held in memory
// from its `opened` to its `closed` and written once then, into the transaction that the next commit ends: rows that
// waited for it would outlive the young generation, and collecting them cost as much as writing them. One that is
// still open at a commit is written as it stands, and found again by the next start. All is made from the log alone:
// the file may be deleted, and what is built anew is the same whatever the commits were.

export interface Projection {
  /** The seq of the next entry that `visit` wants; entries before it are passed over. */
  readonly position: number
  /** Why the file that was there was put aside and is built anew from entry 0; undefined where it was not. */
  readonly rebuilt: string | undefined
  /** Takes entries in the order of the log. Throws as `commit`. */
  visit(entry: Stamped): void
  /** Writes what was visited. Throws where the disk refuses: then close this and open it again. */
  commit(): void
  /** Answers from what is committed; never asked while something that was visited is not. */
  query(query: Query): Reply
  /** Commits, cuts every pointer to the subject's texts, and leaves no byte of them in the file or its log. */
  forget(subject: string): void
  close(): void
}

export interface ProjectionOptions {
  /** index.db */
  readonly path: string
  /** Reads a kept text for `search` and for a request's texts. */
  readonly readText: ReadText
  /** Milliseconds, monotonic: bounds a search. */
  readonly elapsed: () => number
}

/** Opens or creates index.db. A damaged file is deleted: all of it can be made from the log again. */
export function openProjection(options: ProjectionOptions): Projection {
  try {
    return new Projecting(openStore(options.path, migrations), options, undefined)
  } catch (error) {
    if (!(error instanceof UpshiftError && error.problem.code === 'internal')) throw error
    for (const suffix of ['', '-wal', '-shm']) rmSync(options.path + suffix, { force: true })
    return new Projecting(openStore(options.path, migrations), options, error.message)
  }
}

/** What has been visited since the last commit and waits for the next: what is rare, or written once for many. */
interface Batch {
  readonly feedback: Stamped<Feedback>[]
  readonly deleted: Stamped<ResponseDeleted>[]
  readonly events: Stamped[]
  /** First and last seq of the requests of an hour. */
  readonly spans: Map<number, { readonly first: number; last: number }>
}

class Projecting implements Projection {
  readonly rebuilt: string | undefined
  position: number
  #committed: number
  readonly #store: Store
  readonly #rows: Rows
  readonly #sums: Sums
  readonly #gone: Gone
  readonly #reading: Reading
  readonly #statements: Statements
  readonly #open = new BriefMap<Course>()
  #batch: Batch = emptyBatch()
  /** What is written is not committed yet. */
  #writing = false
  /** A write has failed, and with it those since the last commit. */
  #broken = false

  constructor(store: Store, options: ProjectionOptions, rebuilt: string | undefined) {
    this.rebuilt = rebuilt
    this.#store = store
    const reached = store.prepare('SELECT position, expired, swept FROM reached').get() ?? {}
    this.position = number(reached, 'position')
    this.#committed = this.position
    this.#rows = new Rows(store)
    this.#sums = new Sums(store)
    this.#gone = new Gone(store, reached)
    this.#statements = prepare(store)
    this.#reading = createReading({
      store,
      readText: options.readText,
      elapsed: options.elapsed,
      floor: () => this.#gone.expired,
    })
    for (const course of this.#rows.open()) {
      if (course.opened.seq > this.#gone.expired) this.#open.set(course.opened.id, course)
    }
  }

  visit(entry: Stamped): void {
    if (entry.seq < this.position) return
    this.position = entry.seq + 1
    this.#whole(() => this.#take(entry))
  }

  #take(entry: Stamped): void {
    switch (entry.type) {
      case 'opened':
        this.#open.set(entry.id, begin(entry))
        this.#span(entry)
        return
      case 'attempt':
        this.#with(entry.id, (course) => attempted(course, entry))
        return
      case 'settled':
        this.#with(entry.id, (course) => settled(course, entry))
        return
      case 'closed':
        this.#with(entry.id, (course) => {
          settledAtEnd(course, entry)
          this.#end(course, { type: 'closed', entry })
        })
        return
      case 'refused':
        this.#put(refusedRow(entry), false)
        this.#span(entry)
        return
      case 'feedback':
        this.#batch.feedback.push(entry)
        return
      case 'response-deleted':
        this.#batch.deleted.push(entry)
        return
      default:
        this.#happened(entry)
    }
  }

  /** What is no request: kept as an event, and acted upon. */
  #happened(entry: Stamped): void {
    if (entry.type === 'started') {
      // Children before their parents, which count what the children did.
      for (const course of this.#courses().sort((a, b) => b.opened.seq - a.opened.seq)) {
        this.#end(course, { type: 'lost', seq: entry.seq })
      }
    }
    if (entry.type === 'erasure-begun') this.#eraseOpen(entry.subject)
    if (entry.type === 'expired' && entry.last !== undefined) {
      for (const course of this.#courses()) {
        if (course.opened.seq <= entry.last) this.#open.delete(course.opened.id)
      }
    }
    this.#batch.events.push(entry)
  }

  /** A request whose `opened` has expired is unknown, and so are its later entries. */
  #with(id: string, change: (course: Course) => void): void {
    const course = this.#open.get(id)
    if (course !== undefined) change(course)
  }

  #end(course: Course, end: End): void {
    const row = rowOf(course, end)
    this.#open.delete(row.id)
    this.#put(row, course.written)
    if (row.parent === null) return
    const parent = this.#open.get(row.parent)
    if (parent === undefined) return
    fold(parent.below, row)
    parent.changed = true
  }

  #courses(): Course[] {
    return Array.from(this.#open.entries(), ([, course]) => course)
  }

  #span({ seq, at }: Stamped): void {
    const hour = hourOf(at)
    const known = this.#batch.spans.get(hour)
    if (known === undefined) this.#batch.spans.set(hour, { first: seq, last: seq })
    else known.last = seq
  }

  commit(): void {
    if (this.position === this.#committed && this.#gone.swept === this.#gone.expired) return
    this.#whole(() => {
      const batch = this.#batch
      this.#begin()
      this.#write(batch)
      for (const entry of batch.events) this.#act(entry)
      this.#gone.sweep(this.position)
      this.#store.commit()
    })
    this.#writing = false
    this.#batch = emptyBatch()
    this.#committed = this.position
  }

  #begin(): void {
    if (!this.#writing) this.#store.begin()
    this.#writing = true
  }

  #write(batch: Batch): void {
    const { feedback, event, span, deleted } = this.#statements
    for (const course of this.#courses()) {
      if (!course.changed) continue
      this.#rows.write(rowOf(course, { type: 'open' }), course.written)
      course.written = true
      course.changed = false
    }
    for (const [hour, { first, last }] of batch.spans) span.run(hour, first, last)
    for (const one of batch.feedback) {
      const { seq, at, id, request, key, subject, score, correction } = one
      const ref = correction === undefined ? null : JSON.stringify(correction)
      feedback.run(seq, at, id, request, key, subject ?? null, score ?? null, ref)
    }
    // A response is deleted after it has ended: its row is there by now.
    for (const { id, key } of batch.deleted) deleted.run(id, key)
    for (const { seq, at, type, ...data } of batch.events) event.run(seq, at, type, JSON.stringify(data))
    this.#sums.write()
    this.#sums.clear()
  }

  #put(row: Row, again: boolean): void {
    this.#begin()
    this.#rows.write(row, again)
    this.#sums.add(row)
    const { seq, key, prompt, answer, detail } = row
    if (detail.response === undefined || prompt === undefined) return
    const bytes = prompt.bytes + (answer?.bytes ?? 0)
    this.#statements.response.run(seq, key, bytes, detail.response.previous ?? null)
  }

  /** After every row before it is written: what it says holds for them all. */
  #act(entry: Stamped): void {
    if (entry.type === 'erasure-begun') this.#gone.forget(entry.subject)
    if (entry.type !== 'expired' || entry.last === undefined) return
    this.#gone.expire(entry.last, this.#sums)
    this.#sums.write()
    this.#sums.clear()
  }

  /** Where it fails, rows may be there whose sums are not: nothing is written after it. */
  #whole(work: () => void): void {
    assert(!this.#broken, 'projections that could not be written are closed, and opened again')
    this.#broken = true
    work()
    this.#broken = false
  }

  query(query: Query): Reply {
    assert(!this.#writing, 'questions are asked between commits')
    return this.#reading(query)
  }

  forget(subject: string): void {
    this.#eraseOpen(subject)
    this.commit()
    this.#store.transaction(() => this.#gone.forget(subject))
    const checkpoint = this.#store.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    if (checkpoint?.['busy'] === 0) return
    const message =
      `Another program reads ${this.#store.path}, so that what was erased still stands in the file beside it ` +
      '(-wal). Close that program and repeat the erasure.'
    throw new UpshiftError({ code: 'conflict', message })
  }

  #eraseOpen(subject: string): void {
    for (const course of this.#courses()) if (course.subject === subject) erase(course)
  }

  close(): void {
    this.#store.close()
  }
}

function emptyBatch(): Batch {
  return { feedback: [], deleted: [], events: [], spans: new Map() }
}

type Statements = ReturnType<typeof prepare>

function prepare(store: Store) {
  return {
    feedback: store.prepare('INSERT INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    event: store.prepare('INSERT INTO event VALUES (?, ?, ?, ?)'),
    response: store.prepare('INSERT INTO response VALUES (?, ?, ?, ?)'),
    deleted: store.prepare(
      'DELETE FROM response WHERE seq IN (SELECT seq FROM request WHERE id = ? AND key = ?)',
    ),
    span: store.prepare(
      `INSERT INTO span VALUES (?, ?, ?)
       ON CONFLICT (hour) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)`,
    ),
  }
}
