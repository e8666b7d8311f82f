interface Block {
  /** Sum of targets, sum of weights, and the least and greatest score inside. */
  sum: number
  weight: number
  low: number
  high: number
}

/**
 * A non-decreasing map from score to target, by pool adjacent violators (Ayer et al. 1955), linear between the
 * middles of the blocks so that scores keep their order where the data says nothing against it.
 */
export class Isotonic {
  readonly scores: Float64Array
  readonly levels: Float64Array

  /** `scores` ascending, `levels` non-decreasing, of equal length and not empty. */
  constructor(scores: Float64Array, levels: Float64Array) {
    this.scores = scores
    this.levels = levels
  }

  static fit(scores: Float64Array, targets: Float64Array): Isotonic {
    const order = Uint32Array.from(scores.keys()).sort(
      (left, right) => (scores[left] ?? 0) - (scores[right] ?? 0),
    )
    const blocks: Block[] = []
    for (const row of order) {
      const score = scores[row] ?? 0
      const target = targets[row] ?? 0
      const last = blocks.at(-1)
      // Equal scores are one point, whatever their order.
      if (last !== undefined && last.high === score && last.low === score) {
        last.sum += target
        last.weight++
        continue
      }
      settle(blocks)
      blocks.push({ sum: target, weight: 1, low: score, high: score })
    }
    settle(blocks)
    const middles = blocks.map(({ low, high }) => (low + high) / 2)
    return new Isotonic(
      Float64Array.from(middles),
      Float64Array.from(blocks, ({ sum, weight }) => sum / weight),
    )
  }

  at(score: number): number {
    const { scores, levels } = this
    let low = 0
    let high = scores.length - 1
    if (high < 0) return 0
    if (score <= (scores[0] ?? 0)) return levels[0] ?? 0
    if (score >= (scores[high] ?? 0)) return levels[high] ?? 0
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((scores[middle] ?? 0) <= score) low = middle
      else high = middle
    }
    const from = scores[low] ?? 0
    const span = (scores[high] ?? 0) - from
    const share = span > 0 ? (score - from) / span : 0
    return (levels[low] ?? 0) + share * ((levels[high] ?? 0) - (levels[low] ?? 0))
  }
}

/** Pools the last blocks while an earlier one is not below a later one. */
function settle(blocks: Block[]): void {
  for (;;) {
    const last = blocks.at(-1)
    const before = blocks.at(-2)
    if (last === undefined || before === undefined) return
    if (before.sum * last.weight < last.sum * before.weight) return
    before.sum += last.sum
    before.weight += last.weight
    before.high = last.high
    blocks.pop()
  }
}
