import { existsSync } from 'node:fs'
import { mayRead, type Scope } from '../../contract/caller.ts'
import type { Verdict } from '../../contract/event.ts'
import type { Citation, Found } from '../../contract/passage.ts'
import { isRefusal, type Refusal, refuse } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { WorkerError } from '../../lib/worker-pool.ts'
import { type CollectionFigures, Collections } from '../collection/collections.ts'
import { createSearchPool, type SearchPool, type Sought } from '../collection/search-pool.ts'
import type { Hit } from '../collection/searcher.ts'
import type { OpenedCitation } from '../handbook/open-citation.ts'
import { WIDE } from './find.ts'
import { openSpan } from './open-span.ts'
import type { Asking } from './ports.ts'
import { parseSpan } from './span-id.ts'
import { Stages } from './stages.ts'

/** The best passages, the best first, and what the stages of the search say of themselves. */
export interface Searched {
  readonly type: 'searched'
  readonly hits: readonly Hit[]
  readonly verdicts: readonly Verdict[]
}

/**
 * DESIGN. The collections as a server serves them. What a key may not read does not exist for it: one refusal, the
 * same words and the same way through the code as for what is not there, and before anything is looked for. Nor do
 * documents whose labels it does not hold: it is served a collection in which they never were. The file
 * is opened when it is first needed, since most homes have none; searches run in a thread of their own.
 */
export class Library {
  /** The stages of a search that ask engines. */
  readonly stages = new Stages()
  readonly #path: string
  readonly #clock: Clock
  #collections: Collections | undefined
  #pool: SearchPool | undefined

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  /** The collections of the home's file; undefined where it has none yet. */
  get collections(): Collections | undefined {
    if (this.#collections === undefined && existsSync(this.#path))
      this.#collections = new Collections(this.#path, this.#clock)
    return this.#collections
  }

  /** Why this collection is not there for a caller; undefined where it is. */
  refusal(collection: string, scope: Scope): Refusal | undefined {
    const there = mayRead(scope, collection) && this.collections?.has(collection) === true
    return there ? undefined : hidden(collection)
  }

  list(scope: Scope): CollectionFigures[] {
    return (this.collections?.list(labelsOf(scope)) ?? []).filter(({ name }) => mayRead(scope, name))
  }

  /** The `limit` best passages, with what the stages of the search say of themselves. */
  async search(
    sought: Sought,
    scope: Scope,
    signal: AbortSignal,
    asking?: Asking,
  ): Promise<Searched | Refusal> {
    const opened = this.#opened(sought.collection, scope)
    if (isRefusal(opened)) return opened
    return unlessUnsearched(async () => {
      const near = await this.stages.near(opened.collections, sought.collection, sought.question, asking)
      const labels = labelsOf(scope)
      const limit = Math.max(sought.limit, asking === undefined ? 0 : (this.stages.depth ?? 0))
      const whole = { ...sought, limit, ...(near.asked && { asked: near.asked }) }
      const first = await opened.pool.search(whole, labels, signal)
      const ordered = await this.stages.reranked(sought.question, first.hits, asking)
      return {
        type: 'searched',
        hits: standing(opened.collections, sought.collection, ordered.hits, labels).slice(0, sought.limit),
        verdicts: [...near.verdicts(first.missing), ...ordered.verdicts],
      }
    })
  }

  /** What an answer may be made of. */
  async find(sought: Sought, scope: Scope, signal: AbortSignal, asking?: Asking): Promise<Found | Refusal> {
    const opened = this.#opened(sought.collection, scope)
    if (isRefusal(opened)) return opened
    const { collections, pool } = opened
    return unlessUnsearched(async () => {
      const { collection, question } = sought
      const labels = labelsOf(scope)
      const near = await this.stages.near(collections, collection, question, asking)
      const whole = { ...sought, ...(near.asked && { asked: near.asked }) }
      const { depth } = this.stages
      // Without a reranker it is one task of the worker.
      const wide =
        depth === undefined
          ? undefined
          : await pool.search({ ...whole, limit: Math.max(WIDE, depth, sought.limit) }, labels, signal)
      const ordered = await this.stages.reranked(question, wide?.hits ?? [], asking)
      const among =
        depth === undefined ? {} : { hits: standing(collections, collection, ordered.hits, labels) }
      const last = await pool.find({ ...whole, ...among }, labels, signal)
      const verdicts = [...near.verdicts((wide ?? last).missing), ...ordered.verdicts]
      return { ...last.found, verdicts: [...last.found.verdicts, ...verdicts] }
    })
  }

  /** What a search needs; refused where the collection is not there for the caller. */
  #opened(collection: string, scope: Scope) {
    const refusal = this.refusal(collection, scope)
    const { collections } = this
    if (refusal !== undefined || collections === undefined) return refusal ?? hidden(collection)
    this.#pool ??= createSearchPool(this.#path)
    return { type: 'opened', collections, pool: this.#pool } as const
  }

  /** A span by its id; undefined where the id is none of a collection. */
  open(id: string, scope: Scope): OpenedCitation | Refusal | undefined {
    const span = parseSpan(id)
    if (span === undefined) return undefined
    const document = mayRead(scope, span.collection)
      ? this.collections?.document(span.collection, span.origin, labelsOf(scope))
      : undefined
    return openSpan(id, span, document)
  }

  /** True where the cited version still stands for its source, and the caller may read it. Each has its collection's id. */
  stands({ id, version }: Citation, scope: Scope): boolean {
    const span = parseSpan(id)
    if (span === undefined || !mayRead(scope, span.collection)) return false
    return this.collections?.versionAt(span.collection, span.origin, labelsOf(scope)) === version
  }

  async close(): Promise<void> {
    await this.#pool?.close()
    this.#collections?.close()
  }
}

function labelsOf({ labels }: Scope): readonly string[] {
  return labels ?? []
}

function hidden(collection: string): Refusal {
  const message = `There is no collection ${JSON.stringify(collection)} that this key may read. GET /v1/knowledge (or \`upshift knowledge list\`) names those that there are.`
  return refuse('not_found', message, { param: 'collection' })
}

/** Without what was removed, changed or labelled while an engine was asked. */
function standing(
  collections: Collections,
  collection: string,
  hits: readonly Hit[],
  labels: readonly string[],
): readonly Hit[] {
  return hits.filter(({ origin, version }) => collections.versionAt(collection, origin, labels) === version)
}

/** A search that the worker did not do is a refusal. */
async function unlessUnsearched<Result>(search: () => Promise<Result>): Promise<Result | Refusal> {
  try {
    return await search()
  } catch (error) {
    if (error instanceof WorkerError) return unsearched(error)
    throw error
  }
}

const RETRY_AFTER_MS = 1_000

function unsearched({ fault, message }: WorkerError): Refusal {
  if (fault === 'aborted') return refuse('client_closed', 'The caller left before the search had ended.')
  if (fault === 'queue-full' || fault === 'wait-timeout') {
    const why = 'Too many searches wait already. Try again in a second.'
    return refuse('queue_full', why, { retryAfterMs: RETRY_AFTER_MS })
  }
  return refuse('check_unavailable', `The collection could not be searched: ${message}. Try again.`)
}
