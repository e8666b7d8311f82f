import { createHash } from 'node:crypto'
import type { Ask, Handle, Meaning } from '../contract/ask.ts'
import type { Purse } from '../contract/budget.ts'
import { type Caller, mayUse } from '../contract/caller.ts'
import type { EmbedRequest } from '../contract/embed.ts'
import type { ModelView } from '../contract/model.ts'
import { isRefusal } from '../contract/problem.ts'
import { settledWithin, systemClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { keptVector } from '../route/online/like.ts'

/** Texts whose vectors are remembered, 64 bytes each; the longest unused is forgotten. */
const KNOWN_MAX = 2_048
/** Asked for at once. A request beyond that is decided without. */
const UNDER_WAY_MAX = 8
/** A vector that comes later is of no use to anybody. */
const GIVEN_UP_MS = 10_000
/** Of a text, what is embedded: UTF-16 units. */
const TEXT_CHARS = 4_000

interface Wanted {
  readonly model: string
  readonly waitMs: number
}

/**
 * Embeddings of what is asked, for routing to look for requests of like meaning. They come from a model on this machine
 * that costs nothing: nothing leaves, and nobody is charged for a thought of ours. Each asking is a request of its own
 * on the path, with its record. A decision waits so many milliseconds and then goes on without; what comes after that is
 * known for the next time.
 */
export class Meanings implements AsyncDisposable {
  readonly #embed: Handle<EmbedRequest>
  #known = new Map<string, Int8Array>()
  readonly #underWay = new Map<string, Promise<void>>()
  readonly #stop = new AbortController()

  constructor(embed: Handle<EmbedRequest>) {
    this.#embed = embed
  }

  async of(
    ask: Ask,
    caller: Caller,
    text: string,
    wanted: Wanted,
    models: readonly ModelView[],
  ): Promise<Meaning> {
    const { model, waitMs } = wanted
    const view = models.find(({ id }) => id === model)
    const obstacle = obstacleOf(view, caller)
    if (obstacle !== undefined) return { model, missing: obstacle }
    const asked = text.slice(0, TEXT_CHARS)
    if (asked.trim() === '') return { model, missing: 'there is no text to embed' }
    const key = createHash('sha256').update(`${model}\0${asked}`).digest('base64url')
    const known = this.#take(key)
    if (known !== undefined) return { model, vector: known }
    if (!this.#underWay.has(key) && this.#underWay.size >= UNDER_WAY_MAX)
      return { model, missing: `${UNDER_WAY_MAX} others are being embedded` }
    const coming = this.#underWay.get(key) ?? this.#begin(key, ask, caller, model, asked)
    await settledWithin(coming, waitMs, ask.signal)
    const vector = this.#take(key)
    return vector === undefined
      ? { model, missing: `${model} gave none within ${waitMs} ms` }
      : { model, vector }
  }

  /** Nothing that was made of any text until now is kept: nobody knows of a vector whose text it was. */
  forget(): void {
    this.#known = new Map()
  }

  /** Breaks off what is under way; its records are closed when this resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#underWay.values())
  }

  #begin(key: string, ask: Ask, caller: Caller, model: string, text: string): Promise<void> {
    const known = this.#known
    const asking = this.#ask(ask, caller, model, text)
      .then((vector) => {
        // What was forgotten meanwhile does not come back.
        if (vector !== undefined && known === this.#known) this.#keep(key, vector)
      })
      .finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, asking)
    // Whoever waits for it is told of a bug; where the wait is over, nobody is.
    asking.catch(() => undefined)
    return asking
  }

  async #ask(ask: Ask, caller: Caller, model: string, text: string): Promise<Int8Array | undefined> {
    const depth = ask.origin.type === 'child' ? ask.origin.depth : 0
    const answer = await this.#embed({
      id: newId('req', systemClock.now()),
      origin: { type: 'child', parent: ask.id, caller, depth: depth + 1, purse: FREE },
      request: { model, input: text, ...(ask.request.user === undefined ? {} : { user: ask.request.user }) },
      bytes: Buffer.byteLength(text),
      receivedAt: systemClock.now(),
      signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(GIVEN_UP_MS)]),
    })
    if (isRefusal(answer)) return undefined
    await using held = answer
    let vector: Int8Array | undefined
    for await (const batch of held.events) {
      for (const event of batch) {
        const [first] = event.type === 'embedding-whole' ? event.vectors : []
        if (first !== undefined) vector = keptVector(first)
      }
    }
    return vector
  }

  #take(key: string): Int8Array | undefined {
    const vector = this.#known.get(key)
    if (vector !== undefined) this.#keep(key, vector)
    return vector
  }

  #keep(key: string, vector: Int8Array): void {
    this.#known.delete(key)
    this.#known.set(key, vector)
    const [oldest] = this.#known.keys()
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest)
  }
}

function obstacleOf(view: ModelView | undefined, caller: Caller): string | undefined {
  if (view === undefined || view.kind !== 'embedding') return 'no such model embeds here'
  if (view.offMachine) return `${view.id} is not on this machine`
  const { price } = view
  if (price !== undefined && price.inputPerMillion > 0) return `${view.id} has a price`
  if (!view.allowed || !view.available) return `${view.id} does not answer now`
  const may = mayUse(caller.scope, view)
  return may === true ? undefined : `the key may not use ${view.id}`
}

/** What costs nothing takes nothing. */
const FREE: Purse = { reserve: () => ({ settle: () => undefined }) }
