/**
 * How far a sum of centred terms may stray, at any time and at all times at once.
 *
 * DESIGN. Let y₁, y₂, … be terms with yᵢ ≥ −1, μᵢ the mean of yᵢ given all before it, S = Σ(yᵢ − μᵢ) and V = Σyᵢ².
 * For each bet 0 ≤ b < 1, exp(bS − ψ(b)V) with ψ(b) = −ln(1 − b) − b is a supermartingale that begins at 1 (Fan, Grama
 * and Liu 2015; Howard, Ramdas, McAuliffe and Sekhon 2021, Theorem 4 and its proof). So is a weighted mean of them over
 * several bets, and by Ville's inequality it ever reaches 1/α with a chance of at most α. The bound is the S at which
 * it would. The bets are a finite, geometric row instead of a density, because a finite mixture is just as valid, has
 * no special functions to go wrong in, and costs some ten percent of width at most where a bet falls between two.
 */
const LARGEST_BET = 0.9
const BET_RATIO = 0.55
const BETS_COUNT = 14
const NEWTON_STEPS = 60
/** Of the logarithm of the wealth. */
const TOLERANCE = 1e-10
/** Logarithm of a share of the wealth that changes no digit of a double. */
const NEGLIGIBLE = -40

/** Small bets are for more labels than most segments ever have: each weighs so much of the one before it. */
const WEIGHT_RATIO = 0.8
const WEIGHTS_SUM = (1 - WEIGHT_RATIO ** BETS_COUNT) / (1 - WEIGHT_RATIO)

interface Bet {
  readonly bet: number
  /** ψ(bet). */
  readonly cost: number
  /** Logarithm of its share of the mixture; the shares sum to 1. */
  readonly logShare: number
}

const BETS: readonly Bet[] = Array.from({ length: BETS_COUNT }, (_, index) => {
  const bet = LARGEST_BET * BET_RATIO ** index
  const logShare = index * Math.log(WEIGHT_RATIO) - Math.log(WEIGHTS_SUM)
  return { bet, cost: -Math.log1p(-bet) - bet, logShare }
})

/**
 * The least S that happens at any time with a chance of at most `alpha`, where the squares of the terms sum to
 * `variance` (≥ 0), in units of the largest fall of a term.
 */
export function strayBound(variance: number, alpha: number): number {
  const target = -Math.log(alpha)
  // Where one bet alone would have earned enough: never below the root, from which Newton falls to it without a miss,
  // because the logarithm of the wealth is convex in S.
  let sum = Number.POSITIVE_INFINITY
  for (const { bet, cost, logShare } of BETS) sum = Math.min(sum, (target - logShare + cost * variance) / bet)
  for (let step = 0; step < NEWTON_STEPS; step++) {
    const { log, slope } = wealth(sum, variance)
    const over = log - target
    if (over <= TOLERANCE) break
    sum -= over / slope
  }
  return sum
}

/** The logarithm of the mixed wealth, and its slope in S. Exported for its proof. */
export function wealth(sum: number, variance: number): { readonly log: number; readonly slope: number } {
  let largest = Number.NEGATIVE_INFINITY
  for (const { bet, cost, logShare } of BETS) {
    const log = logShare + bet * sum - cost * variance
    if (log > largest) largest = log
  }
  let total = 0
  let sloped = 0
  for (const { bet, cost, logShare } of BETS) {
    const over = logShare + bet * sum - cost * variance - largest
    if (over < NEGLIGIBLE) continue
    const part = Math.exp(over)
    total += part
    sloped += part * bet
  }
  return { log: largest + Math.log(total), slope: sloped / total }
}
