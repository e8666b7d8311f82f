import { type ProblemCode, UpshiftError } from '../../contract/problem.ts'
import type { Collections } from '../collection/collections.ts'
import { EMBED_TEXTS_MAX, type Embedded, type Embedder } from './embedder.ts'
import { prefixesOf } from './prefix.ts'
import type { Unembedded } from './store.ts'

export interface MakeOptions {
  readonly signal: AbortSignal
  /** Called after each batch, with the passages that are left. */
  readonly progress?: (left: number) => void
}

export interface MakeReport {
  /** Vectors that were made in this run. */
  readonly made: number
  /** Passages without a vector; the next run tries them again. */
  readonly left: number
  /** What kept the run from its end. */
  readonly stopped?: string
  /** Passages that the engine or the guard would not take, and the last reason. */
  readonly refused?: { readonly passages: number; readonly why: string }
}

/** A text that is too long for a model is halved so often. */
const HALVINGS_MAX = 5
/**
 * Refusals of a text and not of the engine: others of the same batch may do. Where an engine rejects every text of a
 * batch, it is the engine after all, unless it has made vectors before and still makes one of a word.
 */
const OF_THE_TEXT: readonly ProblemCode[] = ['context_length_exceeded', 'guard_refused', 'upstream_rejected']
/** Where the model turns out to be another one, what was made before is made again, once. */
const PASSES_MAX = 2
/** What every model that embeds takes. */
const PLAIN = 'word'

/**
 * Makes a vector of each passage of a collection that has none, batch by batch; each batch is kept before the next is
 * asked for, so that a run that breaks off, or is killed, has lost one batch at most. An engine that fails ends the run
 * with its words. What a model finds too long is embedded by its beginning.
 */
export async function makeVectors(
  collections: Collections,
  name: string,
  embedder: Embedder,
  options: MakeOptions,
): Promise<MakeReport> {
  const run = new MakeRun(collections, name, embedder, options)
  let stopped: string | undefined
  try {
    let ended: 'done' | 'again' = 'again'
    for (let pass = 0; pass < PASSES_MAX && ended === 'again'; pass++) ended = await run.pass()
    if (ended === 'again' && !options.signal.aborted) stopped = run.unsteady()
  } catch (error) {
    if (!options.signal.aborted) {
      if (!(error instanceof UpshiftError)) throw error
      stopped = error.message
    }
  } finally {
    run.tell()
  }
  return run.report(stopped)
}

class MakeRun {
  readonly #collections: Collections
  readonly #name: string
  readonly #embedder: Embedder
  readonly #options: MakeOptions
  #model: string | undefined
  #made = 0
  #left: number
  /** The last text that the engine rejected. */
  #rejection: UpshiftError | undefined
  #refused: { readonly passages: number; readonly why: string } | undefined

  constructor(collections: Collections, name: string, embedder: Embedder, options: MakeOptions) {
    this.#collections = collections
    this.#name = name
    this.#embedder = embedder
    this.#options = options
    const state = collections.vectors.state(name)
    this.#model = state?.made?.model
    this.#left = left(state)
  }

  /** One pass over what is missing; `again` where vectors that were there had to go. */
  async pass(): Promise<'done' | 'again'> {
    const { vectors } = this.#collections
    let [after, again] = [0, false]
    this.#refused = undefined
    while (!this.#options.signal.aborted) {
      const batch = vectors.missing(this.#name, after, EMBED_TEXTS_MAX)
      const last = batch.at(-1)
      if (last === undefined) break
      after = last.chunk
      const made = this.#made
      this.#rejection = undefined
      const kept = await this.#batch(batch)
      again ||= kept === 'replaced'
      if (this.#made === made && this.#rejection !== undefined && !(await this.#embedsYet()))
        throw this.#rejection
      this.#options.progress?.(this.#left)
    }
    return again ? 'again' : 'done'
  }

  async #batch(batch: readonly Unembedded[]): Promise<'kept' | 'replaced'> {
    try {
      return this.#keep(batch, await this.#embedded(batch.map(({ text }) => text)))
    } catch (error) {
      if (!(error instanceof UpshiftError) || !OF_THE_TEXT.includes(error.problem.code)) throw error
      if (batch.length === 1) return this.#alone(batch, error)
      const middle = batch.length >> 1
      const first = await this.#batch(batch.slice(0, middle))
      const second = await this.#batch(batch.slice(middle))
      return first === 'replaced' ? first : second
    }
  }

  /** One passage that was refused: by its beginning, where it is too long. */
  async #alone([one]: readonly Unembedded[], error: UpshiftError): Promise<'kept' | 'replaced'> {
    let refusal = error
    for (let halving = 1; one !== undefined && halving <= HALVINGS_MAX; halving++) {
      if (refusal.problem.code !== 'context_length_exceeded') break
      const text = one.text.slice(0, one.text.length >> halving)
      if (text === '') break
      try {
        return this.#keep([one], await this.#embedded([text]))
      } catch (again) {
        if (!(again instanceof UpshiftError)) throw again
        refusal = again
      }
    }
    if (refusal.problem.code === 'upstream_rejected') this.#rejection = refusal
    this.#refused = { passages: (this.#refused?.passages ?? 0) + 1, why: refusal.message }
    return 'kept'
  }

  /** Whether the engine that made this collection's vectors makes any now. */
  async #embedsYet(): Promise<boolean> {
    if (this.#model === undefined) return false
    try {
      await this.#embedder.embed([PLAIN], this.#options.signal)
      return true
    } catch (error) {
      if (error instanceof UpshiftError && error.problem.code === 'upstream_rejected') return false
      throw error
    }
  }

  /** With what the model wants before a passage; which one it is, its first answer tells. */
  async #embedded(texts: readonly string[]): Promise<Embedded> {
    const { signal } = this.#options
    const { passage } = prefixesOf(this.#model ?? this.#embedder.wanted)
    const made = await this.#embedder.embed(
      texts.map((text) => passage + text),
      signal,
    )
    this.#model = made.model
    const right = prefixesOf(made.model).passage
    if (right === passage) return made
    return this.#embedder.embed(
      texts.map((text) => right + text),
      signal,
    )
  }

  #keep(batch: readonly Unembedded[], { model, vectors }: Embedded): 'kept' | 'replaced' {
    const made = batch.flatMap(({ chunk }, at) => {
      const values = vectors[at]
      return values === undefined ? [] : [{ chunk, values }]
    })
    const { wanted } = this.#embedder
    const kept = this.#collections.vectors.put(this.#name, { wanted, model, vectors: made })
    if (kept === 'changed') {
      const message = `Another model has been named for ${this.#name} meanwhile; what ${model} made is not kept.`
      throw new UpshiftError({ code: 'conflict', message })
    }
    this.#made += made.length
    this.#left -= made.length
    return kept
  }

  /** What is said where even the last pass had to remove vectors. */
  unsteady(): string {
    return `What ${this.#embedder.wanted} makes changed its model or its length again and again, and only vectors of one kind are kept together. Name one exact model.`
  }

  tell(): void {
    if (this.#made > 0) this.#collections.vectors.tell(this.#name)
  }

  report(stopped: string | undefined): MakeReport {
    return {
      made: this.#made,
      left: left(this.#collections.vectors.state(this.#name)),
      ...(stopped === undefined ? {} : { stopped }),
      ...(this.#refused === undefined ? {} : { refused: this.#refused }),
    }
  }
}

function left(state: { readonly passages: number; readonly embedded: number } | undefined): number {
  return state === undefined ? 0 : state.passages - state.embedded
}
