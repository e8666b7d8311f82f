import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyTerms, outcomes, type Pair, paired, single, TERMS } from './outcome.fixture.ts'
import type { Outcome } from './outcome.ts'
import { Uplift } from './uplift.ts'

const ROWS: readonly Pair[] = [
  [
    [0, 100],
    [1, 1_100],
  ],
  [
    [1, 100],
    [1, 2_100],
  ],
]

function fed(rows: readonly Outcome[], terms = TERMS): Uplift {
  const uplift = new Uplift(terms)
  for (const row of rows) uplift.add(row)
  return uplift
}

function close(actual: number | undefined, expected: number): void {
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
    `${actual}`,
  )
}

test('two pairs by hand: half a right answer more for 1,500 micro-dollars more', () => {
  const { labels, quality, costMicros, netMicros, qualityPerUsd } = fed(
    ROWS.map((row) => paired(row)),
  ).estimate(0.05)
  assert.equal(labels, 2)
  close(quality.estimate, 0.5)
  close(costMicros.estimate, 1_500)
  close(netMicros.estimate, 20_000 * 0.5 - 1_500)
  close(qualityPerUsd.estimate, 0.5 / 0.0015)
  assert.ok(quality.low >= -1 && quality.high === 1)
  // Two labels cannot show that the strong arm costs more at all, so nothing bounds the yield.
  assert.equal(qualityPerUsd.high, Number.POSITIVE_INFINITY)
})

test('pairs in which the dear answer was of no use, or worse, are counted', () => {
  const worse: Pair = [
    [1, 100],
    [0.5, 1_100],
  ]
  const { paired: pairs, wasted, harmful } = fed([...ROWS, worse].map((row) => paired(row))).estimate(0.05)
  assert.deepEqual([pairs, wasted, harmful], [3, 1, 1])
})

test('a first single outcome by hand: over its propensity, about what is taken for granted', () => {
  const strong = fed([single('strong', 0.25, [1, 1_000])]).estimate(0.05)
  close(strong.quality.estimate, (1 - 0.5) / 0.25)
  close(strong.costMicros.estimate, 1_000 / 0.25)
  close(fed([single('cheap', 0.8, [1, 40])]).estimate(0.05).quality.estimate, -0.5 / 0.8)
})

test('whatever came before, a single outcome has the right mean over its lot, with the same weight for either arm', () => {
  const share = fc.double({ min: 0.01, max: 0.99, noNaN: true })
  const unit = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(
      fc.array(outcomes(TERMS), { maxLength: 8 }),
      share,
      unit,
      unit,
      (before, p, cheap, strong) => {
        const at = fed(before).state()
        const ifStrong = fed([...before, single('strong', p, [strong, 900])]).state()
        const ifCheap = fed([...before, single('cheap', 1 - p, [cheap, 50])]).state()
        const truth = { quality: strong - cheap, cost: 850, net: 20_000 * (strong - cheap) - 850 }
        for (const name of ['quality', 'cost', 'net'] as const) {
          const weight = ifStrong[name].weight - at[name].weight
          assert.ok(Math.abs(ifCheap[name].weight - at[name].weight - weight) < 1e-9)
          const mean = p * ifStrong[name].sum + (1 - p) * ifCheap[name].sum - at[name].sum
          const scale = Math.max(1, Math.abs(at[name].sum), Math.abs(weight * truth[name]))
          assert.ok(Math.abs(mean - weight * truth[name]) < 1e-8 * scale, `${name}: ${mean}`)
        }
      },
    ),
  )
})

test('net value is price times quality less cost, of pairs and single outcomes together', () => {
  fc.assert(
    fc.property(fc.array(outcomes(TERMS), { minLength: 1, maxLength: 30 }), (rows) => {
      const { quality, costMicros, netMicros } = fed(rows).estimate(0.05)
      const expected = 20_000 * (quality.estimate ?? 0) - (costMicros.estimate ?? 0)
      assert.ok(
        Math.abs((netMicros.estimate ?? 0) - expected) < 1e-6 * Math.max(1_000_000, Math.abs(expected)),
      )
    }),
  )
})

test('the estimate of pairs does not depend on their order', () => {
  const pairs = fc.array(
    outcomes(TERMS).filter(({ design }) => design === 'paired'),
    { minLength: 2, maxLength: 30 },
  )
  fc.assert(
    fc.property(pairs, (rows) => {
      const there = fed(rows).estimate(0.05)
      const back = fed(rows.toReversed()).estimate(0.05)
      close(back.quality.estimate, there.quality.estimate ?? Number.NaN)
      close(back.netMicros.estimate, there.netMicros.estimate ?? Number.NaN)
    }),
  )
})

test('no outcome of any terms makes a NaN, an interval turned round, or a state that JSON would change', () => {
  const world = anyTerms.chain((terms) =>
    fc.tuple(fc.constant(terms), fc.array(outcomes(terms), { minLength: 1, maxLength: 40 })),
  )
  fc.assert(
    fc.property(world, ([terms, rows]) => {
      const uplift = fed(rows, terms)
      const { netMicros, quality, costMicros, qualityPerUsd } = uplift.estimate(0.05)
      for (const { estimate, low, high } of [netMicros, quality, costMicros, qualityPerUsd]) {
        assert.ok(!Number.isNaN(estimate) && !Number.isNaN(low) && !Number.isNaN(high))
        assert.ok(low <= high, `${low} to ${high}`)
      }
      assert.deepEqual(JSON.parse(JSON.stringify(uplift.state())), uplift.state())
    }),
  )
})

test('an uplift goes on from its state as if it had never stopped', () => {
  fc.assert(
    fc.property(fc.array(outcomes(TERMS), { maxLength: 20 }), fc.nat(20), (rows, cut) => {
      const state = JSON.parse(JSON.stringify(fed(rows.slice(0, cut)).state()))
      const restored = new Uplift(TERMS, state)
      for (const row of rows.slice(cut)) restored.add(row)
      assert.deepEqual(restored.state(), fed(rows).state())
    }),
  )
})

test('a cost above the bound counts as the bound, and is told', () => {
  const { costMicros, clipped } = fed([
    paired([
      [1, 700],
      [1, 50_000],
    ]),
  ]).estimate(0.05)
  assert.equal(clipped, 2)
  close(costMicros.estimate, 30_000 - 500)
})

test('where escalation surely costs more, the yield has an interval that holds the estimate', () => {
  const rows = Array.from({ length: 4_000 }, (_, index) =>
    paired([
      [index % 3 === 0 ? 0 : 1, 100],
      [1, 5_100],
    ]),
  )
  const { qualityPerUsd } = fed(rows).estimate(0.05)
  const { estimate = Number.NaN, low, high } = qualityPerUsd
  close(estimate, 1_334 / 4_000 / 0.005)
  assert.ok(low > 40 && low < estimate && high > estimate && high < 120, `${low} to ${high}`)
})
