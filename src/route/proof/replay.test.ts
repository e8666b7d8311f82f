import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { outcomes, type Pair, paired, single, TERMS } from './outcome.fixture.ts'
import type { Arm, Outcome } from './outcome.ts'
import { type Comparison, REPLAY_ROWS_MAX, type ReplayRow, replay } from './replay.ts'

const RULES = { alpha: 0.05, marginMicros: 200 }
const GAINS: Pair = [
  [0, 100],
  [1, 1_100],
]
const LOSES: Pair = [
  [1, 100],
  [1, 5_100],
]
const cheap = (): Arm => 'cheap'
const strong = (): Arm => 'strong'

function rowsOf(outcomes: readonly Outcome[]): readonly ReplayRow[] {
  return outcomes.map((outcome, index) => ({ id: `req_${index}`, outcome }))
}

function compared(
  candidate: (row: ReplayRow) => Arm,
  live: (row: ReplayRow) => Arm,
  outcomes: readonly Outcome[],
): Comparison {
  const result = replay(candidate, live, rowsOf(outcomes), RULES)
  assert.ok(result.type === 'compared')
  return result
}

function times(count: number, ...pairs: readonly Pair[]): readonly Outcome[] {
  return Array.from({ length: count }, () => pairs.map((pair) => paired(pair))).flat()
}

test('by hand: a candidate that escalates where the live version does not', () => {
  const { estimateMicros, differing, rows } = compared(strong, cheap, times(1, GAINS, LOSES))
  assert.equal(estimateMicros, (19_000 - 5_000) / 2)
  assert.deepEqual([rows, differing], [2, 2])
})

test('one that chooses alike is not worse, exactly, whatever the rows are', () => {
  const { verdict, intervalMicros, reason } = compared(strong, strong, times(1, LOSES))
  assert.deepEqual([verdict, intervalMicros], ['not-worse', { low: 0, high: 0 }])
  assert.match(reason, /chooses as the live version does on all 1 requests/)
})

test('better is not worse, worse is worse, and little is undecided', () => {
  const better = compared(strong, cheap, times(200, GAINS))
  assert.equal(better.verdict, 'not-worse')
  assert.ok(better.intervalMicros.low > 0)
  const worse = compared(cheap, strong, times(200, GAINS))
  assert.equal(worse.verdict, 'worse')
  assert.match(worse.reason, /−\$0\.019000 a request .*200 of them chosen differently\): worse/)
  const few = compared(strong, cheap, times(2, GAINS))
  assert.equal(few.verdict, 'undecided')
  assert.match(few.reason, /more labels are needed/)
})

test('a row weighs 1 over its chance of being drawn, as its traffic does', () => {
  const often = { ...paired(GAINS), drawn: 1 }
  const seldom = { ...paired(LOSES), drawn: 0.1 }
  const { estimateMicros } = compared(strong, cheap, [often, seldom])
  assert.ok(Math.abs(estimateMicros - (19_000 - 10 * 5_000) / 11) < 1e-9)
})

test('a row of one arm counts over its propensity, and over both lots it tells the truth', () => {
  const ifStrong = compared(strong, cheap, [single('strong', 0.25, [1, 1_100])]).estimateMicros
  const ifCheap = compared(strong, cheap, [single('cheap', 0.75, [0, 100])]).estimateMicros
  assert.ok(Math.abs(ifStrong - (18_900 - 10_000) / 0.25) < 1e-9)
  assert.ok(Math.abs(0.25 * ifStrong + 0.75 * ifCheap - 19_000) < 1e-9)
})

test('the order of the rows changes nothing, no interval is turned round or NaN, and sides are mirrored', () => {
  const rows = fc.array(outcomes(TERMS), { minLength: 1, maxLength: 25 })
  fc.assert(
    fc.property(rows, (all) => {
      const there = compared(strong, cheap, all)
      const back = compared(strong, cheap, all.toReversed())
      const mirrored = compared(cheap, strong, all)
      const close = (one: number, other: number): void =>
        assert.ok(Math.abs(one - other) < 1e-4 * Math.max(1, Math.abs(one)), `${one} ${other}`)
      const { low, high } = there.intervalMicros
      assert.ok(low <= high)
      close(there.estimateMicros, back.estimateMicros)
      close(low, back.intervalMicros.low)
      close(high, back.intervalMicros.high)
      close(low, -mirrored.intervalMicros.high)
      close(high, -mirrored.intervalMicros.low)
    }),
  )
})

test('rows that cannot be compared are refused with what to do', () => {
  const [row] = rowsOf([paired(GAINS)])
  assert.ok(row)
  const why = (rows: readonly ReplayRow[], rules = RULES): string => {
    const result = replay(strong, cheap, rows, rules)
    return result.type === 'refused' ? result.why : ''
  }
  assert.match(why([]), /no labelled request to replay/)
  assert.match(why([row, row]), /req_0 is there twice/)
  assert.match(why(new Array(REPLAY_ROWS_MAX + 1).fill(row)), /more than 500000: replay the newest/)
  assert.match(why([row], { ...RULES, alpha: 0 }), /alpha is 0/)
  assert.match(why([row], { ...RULES, marginMicros: Number.NaN }), /margin is NaN/)
})
