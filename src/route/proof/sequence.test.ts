import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfidenceSequence } from './sequence.ts'

const RANGE = { low: -1, high: 1 }

function fed(terms: readonly number[]): ConfidenceSequence {
  const sequence = new ConfidenceSequence(RANGE)
  for (const term of terms) sequence.add(term, 1)
  return sequence
}

test('of all paths of 12 fair coins, at most a share of alpha ever leaves the interval, and some do', () => {
  const flips = 12
  // So large that a dozen coins can show a miss at all.
  const alpha = 0.9
  let left = 0
  for (let path = 0; path < 2 ** flips; path++) {
    const sequence = new ConfidenceSequence(RANGE)
    let covered = true
    for (let flip = 0; flip < flips && covered; flip++) {
      sequence.add((path >> flip) & 1 ? 1 : -1, 1)
      const { low, high } = sequence.interval(alpha)
      covered = low <= 0 && high >= 0
    }
    if (!covered) left += 1
  }
  assert.ok(left > 0 && left <= alpha * 2 ** flips, String(left))
})

test('before the first term the interval is all that can be, and there is no mean', () => {
  const sequence = new ConfidenceSequence(RANGE)
  assert.equal(sequence.mean, undefined)
  assert.deepEqual(sequence.interval(0.05), RANGE)
})

test('the interval shrinks as terms come, and faster where they differ less', () => {
  const width = (sequence: ConfidenceSequence): number => {
    const { low, high } = sequence.interval(0.05)
    return high - low
  }
  const coins = (count: number, size: number): number[] =>
    Array.from({ length: count }, (_, index) => (index % 2 === 0 ? size : -size))
  const widths = [10, 100, 1_000, 10_000].map((count) => width(fed(coins(count, 1))))
  assert.deepEqual(
    widths.toSorted((a, b) => b - a),
    widths,
  )
  assert.ok((widths[3] ?? 1) < 0.08, String(widths[3]))
  assert.ok(width(fed(coins(1_000, 0.1))) < 0.2 * width(fed(coins(1_000, 1))))
})

test('a mean above 0 is told from 0, and one below', () => {
  const mostly = Array.from({ length: 400 }, (_, index) => (index % 4 === 0 ? -1 : 1))
  assert.ok(fed(mostly).interval(0.05).low > 0)
  assert.ok(fed(mostly.map((term) => -term)).interval(0.05).high < 0)
})

test('a rise that can only be small is refuted early, whatever the largest fall is', () => {
  const first = (range: { low: number; high: number }): number => {
    const sequence = new ConfidenceSequence(range)
    for (let count = 1; count <= 10_000; count++) {
      sequence.add(-0.5, 1)
      if (sequence.interval(0.05).high < 0) return count
    }
    return Number.POSITIVE_INFINITY
  }
  assert.equal(first({ low: -1_000, high: 1 }), first({ low: -1, high: 1 }))
  assert.ok(first({ low: -1, high: 1 }) <= 20)
})

test('a weight is smaller the farther a term can go, and never above 1', () => {
  const sequence = new ConfidenceSequence(RANGE)
  assert.equal(sequence.weightOf(RANGE), 1)
  assert.equal(sequence.weightOf({ low: -3, high: 1 }), 0.5)
  assert.equal(sequence.weightOf({ low: 0, high: 0 }), 1)
})

test('a sequence goes on from its state as if it had never stopped', () => {
  const terms = Array.from({ length: 50 }, (_, index) => Math.sin(index))
  const half = JSON.parse(JSON.stringify(fed(terms.slice(0, 25)).state()))
  const restored = new ConfidenceSequence(RANGE, half)
  for (const term of terms.slice(25)) restored.add(term, 1)
  assert.deepEqual(restored.state(), fed(terms).state())
})
