import { existsSync } from 'node:fs'
import { mayRead, type Scope } from '../../contract/caller.ts'
import type { Citation, Found } from '../../contract/passage.ts'
import { type Refusal, refuse } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { WorkerError } from '../../lib/worker-pool.ts'
import { type CollectionFigures, Collections } from '../collection/collections.ts'
import { createSearchPool, type SearchPool, type Sought } from '../collection/search-pool.ts'
import type { Hit } from '../collection/searcher.ts'
import type { OpenedCitation } from '../handbook/open-citation.ts'
import { openSpan } from './open-span.ts'
import { parseSpan } from './span-id.ts'

/**
 * DESIGN. The collections as a server serves them. What a key may not read does not exist for it: one refusal, the
 * same words and the same way through the code as for what is not there, and before anything is looked for. Nor do
 * documents whose labels it does not hold: it is served a collection in which they never were. The file
 * is opened when it is first needed, since most homes have none; searches run in a thread of their own.
 */
export class Library {
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

  search(sought: Sought, scope: Scope, signal: AbortSignal): Promise<readonly Hit[] | Refusal> {
    return this.#asked(sought, scope, (pool) => pool.search(sought, labelsOf(scope), signal))
  }

  /** What an answer may be made of. */
  find(sought: Sought, scope: Scope, signal: AbortSignal): Promise<Found | Refusal> {
    return this.#asked(sought, scope, (pool) => pool.find(sought, labelsOf(scope), signal))
  }

  async #asked<Result>(
    sought: Sought,
    scope: Scope,
    ask: (pool: SearchPool) => Promise<Result>,
  ): Promise<Result | Refusal> {
    const refusal = this.refusal(sought.collection, scope)
    if (refusal !== undefined) return refusal
    this.#pool ??= createSearchPool(this.#path)
    try {
      return await ask(this.#pool)
    } catch (error) {
      if (error instanceof WorkerError) return unsearched(error)
      throw error
    }
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

const RETRY_AFTER_MS = 1_000

function unsearched({ fault, message }: WorkerError): Refusal {
  if (fault === 'aborted') return refuse('client_closed', 'The caller left before the search had ended.')
  if (fault === 'queue-full' || fault === 'wait-timeout') {
    const why = 'Too many searches wait already. Try again in a second.'
    return refuse('queue_full', why, { retryAfterMs: RETRY_AFTER_MS })
  }
  return refuse('check_unavailable', `The collection could not be searched: ${message}. Try again.`)
}
