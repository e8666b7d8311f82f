import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Hold, Limits, Visit } from '../../contract/budget.ts'
import { isRefusal, type Problem, type Refusal } from '../../contract/problem.ts'
import { createLedger, type Ledger } from './ledger.ts'

const NOON = Date.UTC(2026, 10, 21, 12)
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const USD = 1_000_000

/** A ledger with one set of limits for every key, and a clock that stands still. */
function book(limits: Limits) {
  const clock = { at: NOON, now: () => clock.at, elapsed: () => clock.at }
  const set = { limits }
  const ledger = createLedger({ limitsOf: () => set.limits, clock })
  return { ledger, clock, set }
}

function ok<Value>(value: Value | Refusal): Value {
  if (isRefusal(value)) assert.fail(value.problem.message)
  return value
}

function problem(value: unknown): Problem {
  assert.ok(isRefusal(value), 'not refused')
  return value.problem
}

const enter = (ledger: Ledger, key = 'key_a'): Visit => ok(ledger.enter(key))
const hold = (visit: Visit, micros: number | undefined, tokens = 0): Hold =>
  ok(visit.reserve({ micros, tokens }))

/** One whole request that costs so much. */
function spend(ledger: Ledger, micros: number, key = 'key_a'): void {
  const visit = enter(ledger, key)
  hold(visit, micros).settle({ costMicros: micros, tokens: 0 })
  visit.leave()
}

test('what is held and what is spent count together, and a settled hold gives back what it did not need', () => {
  const { ledger } = book({ microsPerDay: 10 * USD })
  const visit = enter(ledger)
  const first = hold(visit, 7 * USD)
  assert.equal(problem(visit.reserve({ micros: 4 * USD, tokens: 0 })).code, 'budget_exceeded')
  first.settle({ costMicros: 2 * USD, tokens: 0 })
  hold(visit, 8 * USD)
  const { today, heldMicros } = ledger.view('key_a')
  assert.deepEqual([today.spentMicros, heldMicros], [2 * USD, 8 * USD])
})

test('one key’s money is none of another’s', () => {
  const { ledger } = book({ microsPerDay: USD })
  spend(ledger, USD, 'key_a')
  assert.ok(isRefusal(ledger.enter('key_a')))
  spend(ledger, USD, 'key_b')
})

test('a spent day is refused at the door with the time until midnight, and opens again there', () => {
  const { ledger, clock } = book({ microsPerDay: USD })
  spend(ledger, USD)
  const { code, message, retryAfterMs } = problem(ledger.enter('key_a'))
  assert.equal(code, 'budget_exceeded')
  assert.equal(retryAfterMs, 12 * HOUR_MS)
  assert.match(message, /key_a has spent its budget of \$1\.00 a day \(UTC\): \$1\.00 spent/)
  assert.match(message, /afresh at 2026-11-22 00:00Z.*`upshift keys limit key_a --day-usd AMOUNT`/)
  clock.at += 12 * HOUR_MS
  spend(ledger, USD)
})

test('a spent month outlasts the day and opens with the next month', () => {
  const { ledger, clock } = book({ microsPerDay: 2 * USD, microsPerMonth: 2 * USD })
  spend(ledger, 2 * USD)
  clock.at += DAY_MS
  const { message, retryAfterMs } = problem(ledger.enter('key_a'))
  assert.match(message, /\$2\.00 a month.*2026-12-01 00:00Z.*--month-usd/)
  assert.equal(retryAfterMs, Date.UTC(2026, 11, 1) - clock.at)
  clock.at = Date.UTC(2026, 11, 1)
  spend(ledger, 2 * USD)
})

test('a worst case above the whole budget never fits, so no time to wait is named', () => {
  const { ledger } = book({ microsPerDay: USD })
  const { message, retryAfterMs } = problem(enter(ledger).reserve({ micros: 1_500_000, tokens: 0 }))
  assert.equal(retryAfterMs, undefined)
  assert.match(message, /may cost up to \$1\.50, more than the whole budget of \$1\.00 a day/)
  assert.match(message, /smaller max_tokens.*upshift keys limit key_a --day-usd/)
})

test('where only what is reserved stands in the way, waiting a moment is enough', () => {
  const { ledger } = book({ microsPerDay: 10 * USD })
  const visit = enter(ledger)
  hold(visit, 9 * USD)
  const { message, retryAfterMs } = problem(visit.reserve({ micros: 2 * USD, tokens: 0 }))
  assert.equal(retryAfterMs, 1_000)
  assert.match(message, /has \$1\.00 left of its budget of \$10\.00 a day.*\$9\.00 reserved/)
})

test('an unknown cost leaves the hold spent, and a cost above the hold is charged whole', () => {
  const { ledger } = book({ microsPerDay: 10 * USD })
  const visit = enter(ledger)
  hold(visit, 3 * USD).settle({ costMicros: undefined, tokens: undefined })
  hold(visit, 1 * USD).settle({ costMicros: 4 * USD, tokens: 0 })
  const figures = { spentMicros: 7 * USD, unknownMicros: 3 * USD, overshootMicros: 3 * USD }
  const { today, thisMonth, heldMicros } = ledger.view('key_a')
  assert.deepEqual([today, thisMonth, heldMicros], [figures, figures, 0])
})

test('a model without a price reserves tokens and no money', () => {
  const { ledger } = book({ microsPerDay: USD, tokensPerMinute: 100 })
  const visit = enter(ledger)
  hold(visit, undefined, 60).settle({ costMicros: undefined, tokens: undefined })
  assert.deepEqual(ledger.view('key_a').today.spentMicros, 0)
  assert.equal(problem(visit.reserve({ micros: undefined, tokens: 50 })).code, 'rate_limited')
})

test('a hold over midnight counts against the new day, and so does what it turns into', () => {
  const { ledger, clock } = book({ microsPerDay: USD })
  const visit = enter(ledger)
  const overnight = hold(visit, USD)
  clock.at += DAY_MS
  assert.ok(isRefusal(visit.reserve({ micros: 1, tokens: 0 })))
  overnight.settle({ costMicros: USD, tokens: 0 })
  assert.equal(ledger.view('key_a').today.spentMicros, USD)
  assert.ok(isRefusal(ledger.enter('key_a')))
})

test('a clock that is set back hands out no second budget, not for the day and not for the month', () => {
  const { ledger, clock } = book({ microsPerDay: USD, microsPerMonth: 3 * USD })
  spend(ledger, USD)
  clock.at += 15 * DAY_MS
  spend(ledger, USD)
  for (const back of [DAY_MS, 15 * DAY_MS, 60 * DAY_MS]) {
    clock.at = NOON + 15 * DAY_MS - back
    assert.match(problem(ledger.enter('key_a')).message, /2026-12-07 00:00Z/)
    assert.equal(ledger.view('key_a').today.spentMicros, USD)
  }
})

test('what is spent after the clock was set back counts in the day that was reached', () => {
  const { ledger, clock } = book({ microsPerDay: USD })
  spend(ledger, 900_000)
  clock.at += DAY_MS
  spend(ledger, 500_000)
  clock.at = NOON
  spend(ledger, 400_000)
  assert.ok(isRefusal(enter(ledger).reserve({ micros: 100_001, tokens: 0 })))
  clock.at += DAY_MS
  assert.equal(ledger.view('key_a').today.spentMicros, 900_000)
})

test('looking at a key from a clock that ran ahead changes nothing', () => {
  const { ledger, clock } = book({ microsPerDay: USD })
  spend(ledger, USD)
  clock.at += 40 * DAY_MS
  assert.equal(ledger.view('key_a').today.spentMicros, 0)
  const visit = enter(ledger)
  hold(visit, undefined, 9).settle({ costMicros: undefined, tokens: 0 })
  visit.leave()
  clock.at = NOON
  assert.ok(isRefusal(ledger.enter('key_a')))
})

test('what was reserved while the clock ran ahead counts on that day after it was set back', () => {
  const { ledger, clock } = book({ microsPerDay: 1_000 })
  spend(ledger, 900)
  const visit = enter(ledger)
  clock.at += DAY_MS
  const held = hold(visit, 800)
  clock.at = NOON
  held.settle({ costMicros: 800, tokens: 0 })
  assert.equal(ledger.view('key_a').today.spentMicros, 800)
  assert.ok(isRefusal(visit.reserve({ micros: 201, tokens: 0 })))
})

test('requests at once are counted from the door until they leave, and leaving twice frees one place', () => {
  const { ledger } = book({ concurrentRequests: 2 })
  const first = enter(ledger)
  enter(ledger)
  const { code, message, retryAfterMs } = problem(ledger.enter('key_a'))
  assert.deepEqual([code, retryAfterMs], ['rate_limited', 1_000])
  assert.match(message, /2 requests under way.*`upshift keys limit key_a --concurrent NUMBER`/)
  first.leave()
  first.leave()
  enter(ledger)
  assert.ok(isRefusal(ledger.enter('key_a')))
})

test('requests a minute are refused with the seconds until the oldest has slid out', () => {
  const { ledger, clock } = book({ requestsPerMinute: 2 })
  enter(ledger)
  clock.at += 10_000
  enter(ledger)
  clock.at += 20_000
  const { code, message, retryAfterMs } = problem(ledger.enter('key_a'))
  assert.deepEqual([code, retryAfterMs], ['rate_limited', 30_000])
  assert.match(message, /2 requests within a minute.*free in 30 s.*--rpm NUMBER/)
  clock.at += 30_000
  enter(ledger)
  assert.ok(isRefusal(ledger.enter('key_a')))
})

test('tokens a minute count what is held, and settle to what was used', () => {
  const { ledger, clock } = book({ tokensPerMinute: 1_000 })
  const visit = enter(ledger)
  const first = hold(visit, undefined, 800)
  const waiting = problem(visit.reserve({ micros: undefined, tokens: 300 }))
  assert.equal(waiting.retryAfterMs, 1_000)
  assert.match(waiting.message, /200 left of its 1000 a minute.*as soon as one of those requests ends/)
  first.settle({ costMicros: undefined, tokens: 500 })
  clock.at += 20_000
  const later = problem(visit.reserve({ micros: undefined, tokens: 600 }))
  assert.equal(later.retryAfterMs, 40_000)
  hold(visit, undefined, 500)
  const never = problem(visit.reserve({ micros: undefined, tokens: 1_001 }))
  assert.equal(never.retryAfterMs, undefined)
  assert.match(never.message, /more than the 1000 a minute/)
})

test('a limit that is changed holds from the next reservation on', () => {
  const { ledger, set } = book({ microsPerDay: USD })
  const visit = enter(ledger)
  assert.ok(isRefusal(visit.reserve({ micros: 2 * USD, tokens: 0 })))
  set.limits = { microsPerDay: 2 * USD }
  hold(visit, 2 * USD)
  set.limits = {}
  hold(visit, 100 * USD)
})

test('a hold is settled once, and an attempt after the visit still counts', () => {
  const { ledger } = book({ microsPerDay: 3 * USD })
  const visit = enter(ledger)
  const held = hold(visit, USD)
  held.settle({ costMicros: USD, tokens: 0 })
  assert.throws(() => held.settle({ costMicros: 0, tokens: 0 }), /settled once/)
  visit.leave()
  hold(visit, USD).settle({ costMicros: USD, tokens: 0 })
  assert.equal(ledger.view('key_a').today.spentMicros, 2 * USD)
})

test('a worst case that is no whole number is a bug and reserves nothing', () => {
  const { ledger } = book({ microsPerDay: USD })
  const visit = enter(ledger)
  for (const micros of [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY]) {
    assert.throws(() => visit.reserve({ micros, tokens: 0 }), /whole number/)
  }
  assert.equal(ledger.view('key_a').heldMicros, 0)
})

test('keys that have spent nothing and have nothing open are dropped as others come', () => {
  const { ledger, clock } = book({})
  for (let at = 0; at < 500; at++) enter(ledger, `key_idle_${at}`).leave()
  const open = enter(ledger, 'key_open')
  spend(ledger, USD, 'key_spent')
  assert.equal(ledger.views().length, 502)
  clock.at += 2 * 60_000
  for (let at = 0; at < 500; at++) enter(ledger, `key_next_${at}`).leave()
  clock.at += 2 * 60_000
  assert.deepEqual(
    ledger.views().map(({ key }) => key),
    ['key_open', 'key_spent'],
  )
  open.leave()
  assert.equal(ledger.view('key_open').openRequests, 0)
})

test('while no attempt costs more than its hold, spent and held together never exceed a budget', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('reserve' as const), visit: fc.nat(3), micros: fc.nat(400) }),
    fc.record({
      type: fc.constant('settle' as const),
      hold: fc.nat(9),
      share: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    }),
    fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: -2 * DAY_MS, max: 20 * DAY_MS }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const limits = { microsPerDay: 1_000, microsPerMonth: 2_500 }
      const { ledger, clock } = book(limits)
      const visits = Array.from({ length: 4 }, () => enter(ledger))
      const holds: { hold: Hold; micros: number }[] = []
      for (const one of steps) {
        if (one.type === 'wait') clock.at += one.ms
        else if (one.type === 'reserve') {
          const { micros } = one
          const held = visits[one.visit]?.reserve({ micros, tokens: 0 })
          if (held !== undefined && !isRefusal(held)) holds.push({ hold: held, micros })
        } else {
          const [ending] = holds.splice(one.hold % Math.max(1, holds.length), 1)
          const costMicros = one.share === null ? undefined : Math.floor((ending?.micros ?? 0) * one.share)
          ending?.hold.settle({ costMicros, tokens: 0 })
        }
        const { today, thisMonth, heldMicros } = ledger.view('key_a')
        assert.equal(
          heldMicros,
          holds.reduce((sum, { micros }) => sum + micros, 0),
        )
        assert.ok(today.spentMicros + heldMicros <= limits.microsPerDay)
        assert.ok(thisMonth.spentMicros + heldMicros <= limits.microsPerMonth)
        assert.equal(thisMonth.overshootMicros, 0)
      }
    }),
    { numRuns: 500 },
  )
})
