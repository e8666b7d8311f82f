import { createHash } from 'node:crypto'
import type { Verdict } from '../../contract/event.ts'
import { isRefusal, type ProblemCode } from '../../contract/problem.ts'
import type { Collections } from '../collection/collections.ts'
import type { Hit } from '../collection/searcher.ts'
import { type AskedVector, MAX_VECTOR_BYTES } from '../vectors/chunk-vectors.ts'
import { unitVector } from '../vectors/encode.ts'
import { prefixesOf } from '../vectors/prefix.ts'
import type { VectorChoice } from '../vectors/store.ts'
import type { Asking, RetrievalEngines } from './ports.ts'

/**
 * DESIGN. Two stages of a search ask engines: the nearness of vectors, for which the question is embedded, and the
 * reranking. Neither is needed for an answer, so that neither can keep one back: where a stage does not run the search
 * goes on without it, and a verdict says so and why. It stands in the record, in the answer and in the metrics.
 */
export type Stage = 'dense' | 'rerank'

/** Why a stage did not run, or not whole: a few words of ours, or the problem that an engine or the path had. */
type Why =
  | 'none'
  | 'no-weight'
  | 'no-vectors'
  | 'incomplete'
  | 'too-large'
  | 'other-model'
  | 'ran'
  | ProblemCode

/** How often a stage of searches came out so since the start. */
export interface StageCount {
  readonly stage: Stage
  readonly outcome: 'passed' | 'skipped'
  readonly why: string
  readonly count: number
}

/** What a stage says of itself, and what it brought. */
interface Near {
  readonly asked?: AskedVector
  /** Called once, when the search is over: passages without a vector, or null where the vector was not used in it. */
  verdicts(missing: number | null): readonly Verdict[]
}

const SILENT: Near = { verdicts: () => [] }

/** Questions whose vectors are kept, and states of collections. */
const MAX_KEPT = 256
/** Of a passage a reranker reads no more, in UTF-16 units. */
const MAX_PASSAGE = 4_000
/** Of a question engines read no more, in UTF-16 units: a chat's may be a whole file, and words look for all of it. */
const MAX_QUESTION = 4_000

export class Stages {
  #engines: RetrievalEngines | undefined
  readonly #kept = new Map<string, Float32Array>()
  readonly #counts = new Map<string, StageCount>()
  readonly #states = new Map<
    string,
    { readonly generation: number; readonly state: VectorChoice | undefined }
  >()

  /** From now on, for searches that begin. */
  use(engines: RetrievalEngines): void {
    this.#engines = engines
  }

  get counts(): readonly StageCount[] {
    return [...this.#counts.values()]
  }

  /** The passages that the reranker wants to see; undefined where there is none. */
  get depth(): number | undefined {
    return this.#engines?.reranker?.depth
  }

  /** The question's vector, where the collection has vectors that count. Without `asking` no engine is asked. */
  async near(
    collections: Collections,
    collection: string,
    question: string,
    asking: Asking | undefined,
  ): Promise<Near> {
    if (asking === undefined) return SILENT
    const { labels = [] } = asking.caller.scope
    const state = this.#stateOf(collections, collection, labels)
    const { made, tuning } = state ?? {}
    if (state === undefined) {
      if ((collections.tuning(collection)?.settings.dense ?? 0) > 0) return SILENT
      const detail =
        'the collection’s tuning gives its semantics no weight, and no model makes vectors for it'
      return this.#without('none', detail)
    }
    if (made === undefined) return this.#without('no-vectors', `${state.wanted} has made no vector yet`)
    if (tuning === undefined) {
      return this.#without('no-weight', `the vectors of ${made.model} have not been tuned yet`)
    }
    if (tuning.weight === 0) {
      return this.#without('no-weight', `the tuning gives the vectors of ${made.model} no weight`)
    }
    if (state.passages * made.dimensions * Float32Array.BYTES_PER_ELEMENT > MAX_VECTOR_BYTES) {
      const detail = `${state.passages} vectors of ${made.dimensions} numbers are more than are held in memory`
      return this.#without('too-large', detail)
    }
    const vector = await this.#vectorOf(made.model, asEnginesRead(question), made.dimensions, asking)
    if (!(vector instanceof Float32Array)) return this.#without(vector.why, vector.detail)
    const now = this.#stateOf(collections, collection, labels)?.made
    if (now?.model !== made.model || now.dimensions !== made.dimensions) {
      return this.#without('other-model', 'another model was named for the collection meanwhile')
    }
    const asked = { model: made.model, vector, weight: tuning.weight }
    return this.#with(asked, state.passages)
  }

  /** The first passages in the reranker's order, the rest behind them as they were. */
  async reranked(
    question: string,
    hits: readonly Hit[],
    asking: Asking | undefined,
  ): Promise<{ readonly hits: readonly Hit[]; readonly verdicts: readonly Verdict[] }> {
    if (asking === undefined) return { hits, verdicts: [] }
    const reranker = this.#engines?.reranker
    if (reranker === undefined) {
      return { hits, verdicts: [this.#count('rerank', 'skipped', 'none', 'no reranker is configured')] }
    }
    const first = hits.slice(0, reranker.depth)
    if (first.length === 0) return { hits, verdicts: [] }
    const texts = first.map(({ text }) => text.slice(0, MAX_PASSAGE))
    const reply = await reranker.rerank(asEnginesRead(question), texts, asking)
    if (isRefusal(reply)) {
      const { code } = reply.problem
      return { hits, verdicts: [this.#count('rerank', 'skipped', code, wordsOf(reranker.model, code))] }
    }
    const taken = new Set(reply.order.map(({ index }) => index))
    const ordered = reply.order.flatMap(({ index, score }) => {
      const hit = first[index]
      return hit === undefined ? [] : [{ ...hit, reranked: score }]
    })
    const rest = hits.filter((_, at) => !taken.has(at))
    const detail = `${reranker.model} put ${ordered.length} passages in order`
    return { hits: [...ordered, ...rest], verdicts: [this.#count('rerank', 'passed', 'ran', detail)] }
  }

  #with(asked: AskedVector, passages: number): Near {
    const vectors = `vectors of ${asked.model}`
    const verdicts = (missing: number | null): Verdict[] => {
      if (missing === null)
        return [
          this.#count('dense', 'skipped', 'other-model', `the ${vectors} had gone before they were searched`),
        ]
      if (missing === 0) return [this.#count('dense', 'passed', 'ran', vectors)]
      const gap = `${missing} of ${passages} passages have none yet, and were looked for by their words`
      return [this.#count('dense', 'passed', 'incomplete', `${vectors}; ${gap}`)]
    }
    return { asked, verdicts }
  }

  #without(why: Why, detail: string): Near {
    return { verdicts: () => [this.#count('dense', 'skipped', why, detail)] }
  }

  #count(stage: Stage, outcome: StageCount['outcome'], why: Why, detail: string): Verdict {
    const key = `${stage} ${outcome} ${why}`
    const count = (this.#counts.get(key)?.count ?? 0) + 1
    this.#counts.set(key, { stage, outcome, why, count })
    return { check: `retrieval.${stage}`, outcome, detail }
  }

  /** As far as the holder of these labels sees it, and as it stood at the collection's last change. */
  #stateOf(
    collections: Collections,
    collection: string,
    labels: readonly string[],
  ): VectorChoice | undefined {
    const generation = collections.generation(collection)
    const key = JSON.stringify([collection, ...labels])
    const known = this.#states.get(key)
    if (known?.generation === generation) return known.state
    const state = collections.vectors.choice(collection, labels)
    const [oldest] = this.#states.keys()
    if (this.#states.size >= MAX_KEPT && oldest !== undefined) this.#states.delete(oldest)
    this.#states.set(key, { generation, state })
    return state
  }

  /** Kept for each key by itself: what another may use says nothing of this one. */
  async #vectorOf(model: string, question: string, dimensions: number, asking: Asking) {
    const key = createHash('sha256')
      .update(JSON.stringify([asking.caller.key, model, question]))
      .digest('base64')
    const known = this.#kept.get(key)
    if (known?.length === dimensions) return known
    const reply = await this.#engines?.embed(model, prefixesOf(model).question + question, asking)
    if (reply === undefined) return { why: 'none', detail: 'no engine is asked here' } as const
    if (isRefusal(reply)) return { why: reply.problem.code, detail: wordsOf(model, reply.problem.code) }
    if (reply.model !== model || reply.vector.length !== dimensions) {
      const detail = `the collection’s vectors are ${dimensions} numbers of ${model}, and the question’s came as ${reply.vector.length} of ${reply.model}; \`upshift knowledge add --embeddings\` makes them anew`
      return { why: 'other-model', detail } as const
    }
    const vector = unitVector(reply.vector)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(key, vector)
    return vector
  }
}

/** No half of a surrogate pair is left at the cut: some servers refuse it. */
function asEnginesRead(question: string): string {
  if (question.length <= MAX_QUESTION) return question
  return question.slice(0, MAX_QUESTION).replace(/[\ud800-\udbff]$/, '')
}

/**
 * Why a model was not asked, or brought nothing. In our own words: what an engine says may repeat what it was sent, and
 * this goes into the log, which no forgetting reaches.
 */
const WORDS: Partial<Readonly<Record<ProblemCode, string>>> = {
  out_of_scope: 'the key may not use it',
  engine_not_allowed: 'its engine has not been allowed',
  unknown_model: 'no engine here has it',
  no_model: 'no engine here has it',
  spending_cap: 'the daily cap of its engine is spent',
  budget_exceeded: 'the budget of the key is spent',
  rate_limited: 'the key has asked too often',
  guard_refused: 'a rule of the guard keeps back what it would get',
  upstream_timeout: 'it did not answer in time',
  queue_timeout: 'every place at it stayed taken',
  deadline_exceeded: 'it did not answer in time',
  upstream_unreachable: 'it cannot be reached',
  upstream_garbled: 'what it answered cannot be used',
  upstream_unauthorized: 'it refused our key',
}

function wordsOf(model: string, code: ProblemCode): string {
  return `${model}: ${WORDS[code] ?? 'it failed'} (${code})`
}
