import * as z from 'zod'
import type { Evidence, Judgement } from '../../contract/escalation.ts'
import { fitWeights, type LearnedRow } from '../escalate/fit.ts'
import { DEFAULT_WEIGHTS, posteriorGain, WEIGHT_NAMES, type Weights } from '../escalate/posterior.ts'
import { type Arm, type Outcome, outcomeSchema } from '../proof/outcome.ts'
import { type ReplayRow, replay } from '../proof/replay.ts'
import { type Declined, type Version, VersionList, versionListStateSchema } from '../proof/versions.ts'

/** Compared requests that are learned from and replayed: the newest. */
const ROWS_MAX = 2_000
/** New ones before the weights are fitted anew. */
const EVERY = 50
const ALPHA = 0.05
/** What a version may lose a request and still count as not worse, as a share of what a right answer is worth. */
const MARGIN_SHARE = 0.01
const FIRST = 'v1'

/** Of `Evidence`, as a snapshot holds it. */
const evidenceSchema = z.strictObject({
  agrees: z.boolean().exactOptional(),
  margin: z.number().exactOptional(),
  grounding: z.number().exactOptional(),
  repeats: z.literal(true).exactOptional(),
  step: z
    .strictObject({
      number: z.number().int().min(2),
      failed: z.enum(['error', 'invalid', 'repeat']).exactOptional(),
    })
    .exactOptional(),
  neighbours: z.strictObject({ gain: z.number(), weight: z.number() }).exactOptional(),
  chars: z.number(),
  whole: z.boolean(),
}) satisfies z.ZodType<Evidence>

const rowSchema = z.strictObject({
  id: z.string(),
  prior: z.number(),
  evidence: evidenceSchema,
  gain: z.number(),
  worthMicros: z.number(),
  extraMicros: z.number(),
  outcome: outcomeSchema,
})

export const learnerStateSchema = z.strictObject({
  rows: z.array(rowSchema).max(ROWS_MAX),
  unlearned: z.number().int().min(0),
  made: z.number().int().min(1),
  weights: z.record(z.string(), z.array(z.number())),
  versions: versionListStateSchema,
})
export type LearnerState = z.infer<typeof learnerStateSchema>

interface Row extends LearnedRow, ReplayRow {
  readonly worthMicros: number
  readonly extraMicros: number
}

/**
 * Refits what the evidence weighs from requests on which both models have answered. A version goes live only where a
 * replay on them rules out that it does worse than the live one. The same entries give the same versions, so that
 * nothing needs to be stored beside the log.
 */
export class Learner {
  #rows: Row[] = []
  #unlearned = 0
  #made = 1
  readonly #weights = new Map<string, Weights>([[FIRST, DEFAULT_WEIGHTS]])
  #versions: VersionList

  constructor(state?: LearnerState) {
    this.#versions = VersionList.of(versionOf(FIRST, 0, 'ships with Upshift', DEFAULT_WEIGHTS, 0))
    if (state === undefined) return
    this.#rows = [...state.rows]
    this.#unlearned = state.unlearned
    this.#made = state.made
    for (const [id, weights] of Object.entries(state.weights)) this.#weights.set(id, weights)
    this.#versions = new VersionList(state.versions)
  }

  /** Of the version that is live. */
  get weights(): Weights {
    return this.#weights.get(this.#versions.live) ?? DEFAULT_WEIGHTS
  }

  get versions(): ReturnType<VersionList['list']> {
    return this.#versions.list()
  }

  /** What was live before, and would be again. */
  get before(): string | undefined {
    return this.#versions.state().before.at(-1)
  }

  /** A request on which both have answered. */
  add(id: string, judged: Judgement, outcome: Extract<Outcome, { design: 'paired' }>, at: number): void {
    const { evidence, prior, worthMicros, extraMicros } = judged
    if (evidence === undefined) return
    const gain = outcome.strong.quality - outcome.cheap.quality
    this.#rows.push({ id, prior, evidence, gain, worthMicros, extraMicros, outcome })
    if (this.#rows.length > ROWS_MAX) this.#rows.shift()
    this.#unlearned += 1
    if (this.#unlearned >= EVERY) this.#refit(at)
  }

  /** Back to the version that was live before. */
  rollBack(): Declined | undefined {
    const back = this.#versions.rollBack()
    if (!(back instanceof VersionList)) return back
    this.#versions = back
    return undefined
  }

  state(): LearnerState {
    return {
      rows: this.#rows.map((row) => ({ ...row, evidence: { ...row.evidence } })),
      unlearned: this.#unlearned,
      made: this.#made,
      weights: Object.fromEntries([...this.#weights].map(([id, weights]) => [id, [...weights]])),
      versions: this.#versions.state(),
    }
  }

  #refit(at: number): void {
    this.#unlearned = 0
    this.#made += 1
    const id = `v${this.#made}`
    const weights = fitWeights(this.#rows, DEFAULT_WEIGHTS)
    const added = this.#versions.add(
      versionOf(id, at, `${this.#rows.length} compared requests`, weights, this.#rows.length),
    )
    if (!(added instanceof VersionList)) return
    this.#weights.set(id, weights)
    const compared = replay(chooses(weights), chooses(this.weights), this.#rows, {
      alpha: ALPHA,
      marginMicros: MARGIN_SHARE * Math.max(...this.#rows.map(({ outcome }) => outcome.terms.priceMicros)),
    })
    const told = compared.type === 'refused' ? undefined : compared
    const noted = added.replayed(
      id,
      told === undefined ? null : { against: added.live, verdict: told.verdict, reason: told.reason },
    )
    const kept = noted instanceof VersionList ? noted : added
    const promoted = kept.promote(id)
    this.#versions = promoted instanceof VersionList ? promoted : kept
    const known = new Set(this.#versions.list().map((version) => version.id))
    for (const old of this.#weights.keys()) if (!known.has(old)) this.#weights.delete(old)
  }
}

/** What a version would have done with a compared request. */
function chooses(weights: Weights): (row: Row) => Arm {
  return ({ prior, evidence, worthMicros, extraMicros }) =>
    posteriorGain(prior, evidence, weights) * worthMicros > extraMicros ? 'strong' : 'cheap'
}

function versionOf(id: string, madeAt: number, note: string, weights: Weights, rows: number): Version {
  const figures = Object.fromEntries(
    WEIGHT_NAMES.map((name, at) => [name, Math.round((weights[at] ?? 0) * 1e6) / 1e6]),
  )
  return { id, madeAt, note, figures: { ...figures, rows }, replayed: null }
}
