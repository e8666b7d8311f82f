import fc from 'fast-check'
import { type Outcome, PROPENSITY_FLOOR, type Terms } from './outcome.ts'

export const TERMS: Terms = {
  models: 'small@1 large@1',
  priceMicros: 20_000,
  cheapMaxMicros: 500,
  strongMaxMicros: 30_000,
}
export const NOON = Date.UTC(2026, 10, 21, 12)

/** Quality and cost of the cheap and of the strong arm. */
export type Pair = readonly [cheap: readonly [number, number], strong: readonly [number, number]]

export function paired([cheap, strong]: Pair, assignedAt: number = NOON, terms: Terms = TERMS): Outcome {
  return {
    segment: 'careful/fast→expert/code',
    assignedAt,
    terms,
    drawn: 0.1,
    design: 'paired',
    cheap: { quality: cheap[0], costMicros: cheap[1] },
    strong: { quality: strong[0], costMicros: strong[1] },
  }
}

export function single(
  arm: 'cheap' | 'strong',
  propensity: number,
  [quality, costMicros]: readonly [number, number],
): Outcome {
  const { segment, assignedAt, terms, drawn } = paired([
    [0, 0],
    [0, 0],
  ])
  return {
    segment,
    assignedAt,
    terms,
    drawn,
    design: 'single',
    arm,
    propensity,
    seen: { quality, costMicros },
  }
}

const unit = fc.double({ min: 0, max: 1, noNaN: true })
const micros = fc.oneof(fc.constantFrom(0, 1, 1e12), fc.double({ min: 0, max: 40_000, noNaN: true }))
const seen = fc.record({ quality: unit, costMicros: micros })
const propensity = fc.double({ min: PROPENSITY_FLOOR, max: 1 - PROPENSITY_FLOOR, noNaN: true })

/** Anything that an outcome of these terms can be. */
export function outcomes(terms: Terms): fc.Arbitrary<Outcome> {
  const common = {
    segment: fc.constant('any'),
    assignedAt: fc.integer({ min: NOON, max: NOON + 400 * 86_400_000 }),
    terms: fc.constant(terms),
    drawn: fc.constantFrom(PROPENSITY_FLOOR, 0.1, 1),
  }
  return fc.oneof(
    fc.record({ ...common, design: fc.constant('paired'), cheap: seen, strong: seen }),
    fc.record({
      ...common,
      design: fc.constant('single'),
      arm: fc.constantFrom('cheap', 'strong'),
      propensity,
      seen,
    }),
  )
}

/** Terms with the extremes among them. */
export const anyTerms: fc.Arbitrary<Terms> = fc.record({
  models: fc.constant('a b'),
  priceMicros: fc.constantFrom(1, 20_000, 1e12),
  cheapMaxMicros: fc.constantFrom(0, 500, 1e12),
  strongMaxMicros: fc.constantFrom(0, 30_000, 1e12),
})
