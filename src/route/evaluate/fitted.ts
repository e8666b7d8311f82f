import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../lib/clock.ts'
import { Base, crossViews, type Reading, read, readAll, type View } from '../learn/base.ts'
import { Blend } from '../learn/blend.ts'
import type { Evidence } from '../learn/evidence.ts'
import { Posterior } from '../learn/posterior.ts'
import type { Prior } from '../learn/prior.ts'
import { TermReader } from '../learn/terms.ts'
import type { Case } from './pair.ts'

/** Per set of training rows. */
const DECISIONS_TIMED = 1_000

/** What one row is given by what was learned on others. */
export interface Scored {
  /** Log odds, with the answers' evidence where there is any; compares with the training rows' scores. */
  readonly score: number
  /**
   * The score above the mean of the training rows. Orders rows of several folds: where a fold's own rows are luckier,
   * its training rows are less so, and without this that difference would count against the router.
   */
  readonly above: number
  /** The calibrated gain. */
  readonly gain: number
  /** Like `above`, by the prior from the prompt alone. */
  readonly promptAbove: number
}

/** The prior and, where all rows hold answers, the posterior of one set of training rows. */
export class Fitted {
  readonly #base: Base
  readonly #blend: Blend
  readonly #posterior: Posterior | undefined
  /** For each training row, the score by weights that have not seen it: what a threshold may be chosen on. */
  readonly scores: Float64Array
  readonly #middle: number
  readonly #promptMiddle: number
  readonly #reader = new TermReader()

  private constructor(
    base: Base,
    prior: { readonly blend: Blend; readonly scores: Float64Array },
    answers: { readonly posterior: Posterior; readonly scores: Float64Array } | undefined,
  ) {
    this.#base = base
    this.#blend = prior.blend
    this.#posterior = answers?.posterior
    this.scores = answers?.scores ?? prior.scores
    this.#middle = meanOf(this.scores)
    this.#promptMiddle = meanOf(prior.scores)
  }

  /** Gives others a turn between its steps; throws where the signal is aborted. */
  static async fit(cases: readonly Case[], signal: AbortSignal): Promise<Fitted> {
    const examples = cases.map(({ example }) => example)
    const readings: readonly Reading[] = readAll(examples)
    await next(signal)
    const views = crossViews(readings, examples)
    await next(signal)
    const base = Base.fit(readings, examples)
    await next(signal)
    const gains = Float64Array.from(examples, ({ weak, strong }) => strong - weak)
    const prior = Blend.fit(
      views.map(({ columns }) => columns),
      gains,
    )
    const evidence = evidenceOf(cases)
    const answers = evidence === undefined ? undefined : Posterior.fit(views, evidence, gains)
    return new Fitted(base, prior, answers)
  }

  /** A prior that was stored: it has no training rows here, so no scores of them. */
  static stored({ base, blend }: Prior): Fitted {
    return new Fitted(base, { blend, scores: new Float64Array() }, undefined)
  }

  score({ example, evidence }: Case): Scored {
    const view: View = this.#base.view(read(this.#reader, example))
    const promptScore = this.#blend.score(view.columns)
    const decided =
      this.#posterior === undefined || evidence === undefined
        ? { score: promptScore, gain: this.#blend.gain(promptScore) }
        : this.#posterior.decide(view, evidence)
    return {
      ...decided,
      above: decided.score - this.#middle,
      promptAbove: promptScore - this.#promptMiddle,
    }
  }
}

/**
 * Milliseconds of each of some DECISIONS_TIMED decisions, over the cases in turn. After their scores were taken, so that
 * the code is compiled as it is in a server that runs.
 */
export function decisionTimes(fitted: Fitted, cases: readonly Case[], clock: Clock): Float64Array {
  const times = new Float64Array(DECISIONS_TIMED)
  for (let at = 0; at < DECISIONS_TIMED; at++) {
    const one = cases[at % cases.length]
    if (one === undefined) break
    const from = clock.elapsed()
    fitted.score(one)
    times[at] = clock.elapsed() - from
  }
  return times
}

/** The answers' evidence where every row has it: scores of rows with and without it do not compare. */
function evidenceOf(cases: readonly Case[]): readonly Evidence[] | undefined {
  const known = cases.map(({ evidence }) => evidence).filter((one) => one !== undefined)
  return known.length === cases.length ? known : undefined
}

async function next(signal: AbortSignal): Promise<void> {
  await turn()
  signal.throwIfAborted()
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
