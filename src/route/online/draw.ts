import { type Draw, EVALUATOR_BOUNDS } from '../../contract/escalation.ts'
import type { ModelView } from '../../contract/model.ts'
import { costMicros, type Price } from '../../contract/usage.ts'
import type { RouteConfig } from '../config.ts'
import type { Drawing } from '../escalate/plan.ts'
import { Exploration, type ExplorationState } from '../proof/exploration.ts'
import { lotOf } from '../proof/lot.ts'
import type { Segments } from '../proof/segments.ts'

const HALF = 0.5
/**
 * Costs are compared up to those of a request of this size, and dearer ones count as that: a bound that changed from
 * request to request would begin the experiment anew each time.
 */
const COMPARED_PROMPT_TOKENS = 4_096
const COMPARED_OUTPUT_TOKENS = 2_048

/**
 * Lets a lot choose requests to learn from: within the day's share and money, never of a key that opted out. With an
 * evaluator both models answer; without one a second lot chooses one of them, and feedback is waited for.
 */
export class Lots {
  readonly #seed: string
  readonly #segments: Segments
  readonly #explored: ExplorationState
  #exploration: { readonly of: RouteConfig; readonly it: Exploration } | undefined

  /**
   * @param seed - a secret of this home: nobody else can foresee a draw, and who knows it can check each
   * @param explored - what the log says of the day so far, so that a restart does not begin it anew
   */
  constructor(seed: string, segments: Segments, explored: ExplorationState) {
    this.#seed = seed
    this.#segments = segments
    this.#explored = explored
  }

  draw(
    config: RouteConfig,
    { ask, caller, segment, low, high, maxOutputTokens, evaluator }: Drawing,
    nowMs: number,
  ): Draw | undefined {
    const { explore, worthUsd } = config.escalation
    if (explore.share === 0 || worthUsd === 0 || low.price === undefined || high.price === undefined)
      return undefined
    const dearest = worst(high.price, ask.bytes, maxOutputTokens) + judged(evaluator, ask.bytes)
    const exploration = this.#explorationOf(config)
    const room = exploration.room(dearest, nowMs)
    const optedOut = explore.exceptKeys.includes(caller.key)
    // Both models are within the caller's scope and allowed: else there would be no going up.
    const { explore: share } = this.#segments.decide(segment, nowMs, {
      optedOut,
      withinResidency: true,
      room,
    })
    if (share === 0 || lotOf(this.#seed, ask.id, 'drawn') >= share) return undefined
    const { micros: heldMicros } = exploration.draw(dearest, nowMs)
    const terms = {
      models: modelsOf(low, high),
      priceMicros: worthUsd * 1_000_000,
      cheapMaxMicros: worst(low.price, COMPARED_PROMPT_TOKENS, COMPARED_OUTPUT_TOKENS),
      strongMaxMicros: worst(high.price, COMPARED_PROMPT_TOKENS, COMPARED_OUTPUT_TOKENS),
    }
    if (evaluator !== undefined) return { arm: 'both', drawn: share, propensity: 1, heldMicros, terms }
    const arm = lotOf(this.#seed, ask.id, 'arm') < HALF ? 'cheap' : 'strong'
    return { arm, drawn: share, propensity: HALF, heldMicros, terms }
  }

  /** What was explored today is kept over a change of the limits. */
  #explorationOf(config: RouteConfig): Exploration {
    if (this.#exploration?.of === config) return this.#exploration.it
    const { share, usdPerDay } = config.escalation.explore
    const limits = { microsPerDay: usdPerDay * 1_000_000, shareOfRequests: share }
    const it = new Exploration(limits, this.#exploration?.it.state() ?? this.#explored)
    this.#exploration = { of: config, it }
    return it
  }
}

function worst(price: Price, promptTokens: number, completionTokens: number): number {
  return costMicros(price, { promptTokens, completionTokens })
}

/**
 * The most that it costs to be told which of two answers is right; nothing where the evaluator has no price. A token has
 * at least one byte, and a UTF-16 unit at most three.
 */
function judged(evaluator: ModelView | undefined, askedBytes: number): number {
  if (evaluator?.price === undefined) return 0
  const { shownChars, frameBytes, verdictTokens } = EVALUATOR_BOUNDS
  const textBytes = 3 * shownChars
  return worst(
    evaluator.price,
    frameBytes + Math.min(askedBytes, 2 * textBytes) + 2 * textBytes,
    verdictTokens,
  )
}

function modelsOf(low: ModelView, high: ModelView): string {
  const named = ({ id, price }: ModelView): string =>
    `${id}@${price?.inputPerMillion}/${price?.outputPerMillion}`
  return `${named(low)} > ${named(high)}`
}
