import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { standingClock } from './scripted.fixture.ts'
import { DailySpend, type Hold } from './spend.ts'

const DAY_MS = 86_400_000

test('a hold that the cap does not leave room for is not taken', () => {
  const spend = new DailySpend(standingClock().now)
  const first = spend.reserve(60, 100)
  assert.ok(first)
  assert.equal(spend.reserve(41, 100), undefined)
  spend.settle(first, 10)
  assert.ok(spend.reserve(90, 100))
  assert.deepEqual(spend.view(), { spentMicros: 10, heldMicros: 90, unknownMicros: 0, excessMicros: 0 })
})

test('an unknown cost keeps the hold spent and says so; an excess is charged whole and shown', () => {
  const spend = new DailySpend(standingClock().now)
  spend.settle(spend.reserve(50, 1_000) ?? { micros: 0 }, undefined)
  spend.settle(spend.reserve(20, 1_000) ?? { micros: 0 }, 25)
  assert.deepEqual(spend.view(), { spentMicros: 75, heldMicros: 0, unknownMicros: 50, excessMicros: 5 })
})

test('midnight UTC starts a new day, holds live on, and a clock set back does not hand out a second cap', () => {
  const clock = standingClock(Date.UTC(2026, 10, 21, 23, 59))
  const spend = new DailySpend(clock.now)
  spend.restore(70)
  const hold = spend.reserve(30, 100)
  assert.equal(spend.resetsInMs(), 60_000)
  clock.move(60_000)
  assert.deepEqual(spend.view(), { spentMicros: 0, heldMicros: 30, unknownMicros: 0, excessMicros: 0 })
  if (hold) spend.settle(hold, 30)
  clock.move(-DAY_MS)
  assert.equal(spend.view().spentMicros, 30)
})

test('no order of reservations and settlements at or below the hold ever exceeds the cap', () => {
  const step = fc.record({
    worst: fc.nat(100),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    known: fc.boolean(),
    end: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(500), (steps, cap) => {
      const spend = new DailySpend(standingClock().now)
      const open: { hold: Hold; cost: number | undefined }[] = []
      for (const { worst, share, known, end } of steps) {
        const hold = spend.reserve(worst, cap)
        if (hold) open.push({ hold, cost: known ? Math.floor(worst * share) : undefined })
        const last = end ? open.pop() : undefined
        if (last) spend.settle(last.hold, last.cost)
        const { spentMicros, heldMicros } = spend.view()
        assert.ok(spentMicros + heldMicros <= cap)
      }
    }),
  )
})
