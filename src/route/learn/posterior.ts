import type { View } from './base.ts'
import { Blend } from './blend.ts'
import { type Evidence, posteriorColumns } from './evidence.ts'

/** What is expected once the cheap answers are known; learned beside a prior, whose views it is given. */
export class Posterior {
  readonly blend: Blend

  constructor(blend: Blend) {
    this.blend = blend
  }

  /** Log odds to order by, and the calibrated gain in [-1, 1]. */
  decide(view: View, evidence: Evidence): { score: number; gain: number } {
    const score = this.blend.score(posteriorColumns(view, evidence))
    return { score, gain: this.blend.gain(score) }
  }

  /** `views` must not have seen the answers of their own row (crossViews); gains in [-1, 1]. */
  static fit(
    views: readonly View[],
    evidence: readonly Evidence[],
    gains: Float64Array,
  ): { posterior: Posterior; scores: Float64Array } {
    const rows = views.flatMap((view, at) => {
      const known = evidence[at]
      return known === undefined ? [] : [posteriorColumns(view, known)]
    })
    const { blend, scores } = Blend.fit(rows, gains)
    return { posterior: new Posterior(blend), scores }
  }
}
