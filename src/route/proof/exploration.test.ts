import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS } from '../../lib/utc.ts'
import { Exploration } from './exploration.ts'
import { NOON } from './outcome.fixture.ts'

const LIMITS = { microsPerDay: 10_000, shareOfRequests: 0.5 }

test('what experiments may cost in a day holds, with the worst case of those under way', () => {
  const exploration = new Exploration({ ...LIMITS, shareOfRequests: 1 })
  assert.equal(exploration.room(6_000, NOON), true)
  const hold = exploration.draw(6_000, NOON)
  const refused = exploration.room(6_000, NOON)
  assert.match(
    String(refused),
    /\$0\.004000 of the day's \$0\.010000 .* may cost \$0\.006000; again from 2026-11-22/,
  )
  exploration.settle(hold, 1_000)
  assert.equal(exploration.room(6_000, NOON), true)
  assert.equal(exploration.state().micros, 1_000)
})

test('a cost that nobody knows keeps its worst case', () => {
  const exploration = new Exploration(LIMITS)
  exploration.settle(exploration.draw(6_000, NOON), undefined)
  assert.equal(exploration.state().micros, 6_000)
  assert.match(String(exploration.room(Number.NaN, NOON)), /nobody knows/)
})

test('no more than the stated share of requests is drawn', () => {
  const exploration = new Exploration({ microsPerDay: 1e9, shareOfRequests: 0.1 })
  let drawn = 0
  for (let request = 0; request < 1_000; request++) {
    if (exploration.room(1, NOON) !== true) continue
    exploration.draw(1, NOON)
    drawn += 1
  }
  assert.equal(drawn, 100)
  assert.match(
    String(exploration.room(1, NOON)),
    /100 of the day's 1001 requests were drawn, and at most 10 %/,
  )
})

test('the share holds from the first request of a day on, and from the first of the next', () => {
  const exploration = new Exploration({ microsPerDay: 1e9, shareOfRequests: 0.02 })
  for (const day of [NOON, NOON + DAY_MS]) {
    for (let request = 1; request <= 120; request++) {
      if (exploration.room(1, day) === true) exploration.draw(1, day)
      assert.equal(exploration.state().drawn, Math.floor(request / 50), `after request ${request}`)
    }
  }
})

test('a share or a budget of nothing draws nobody', () => {
  assert.notEqual(new Exploration({ ...LIMITS, shareOfRequests: 0 }).room(1, NOON), true)
  assert.notEqual(new Exploration({ ...LIMITS, microsPerDay: 0 }).room(1, NOON), true)
})

test('a day begins afresh, once, and a hold of the day before changes nothing in it', () => {
  const exploration = new Exploration({ ...LIMITS, shareOfRequests: 1 })
  exploration.room(9_000, NOON)
  const hold = exploration.draw(9_000, NOON)
  assert.equal(exploration.room(9_000, NOON + DAY_MS), true)
  exploration.settle(hold, 0)
  exploration.draw(9_000, NOON + DAY_MS)
  // The clock was set back: the day that was reached goes on.
  assert.match(String(exploration.room(9_000, NOON)), /of the day's/)
  const restored = new Exploration(LIMITS, JSON.parse(JSON.stringify(exploration.state())))
  assert.deepEqual(restored.state(), exploration.state())
  assert.notEqual(restored.room(9_000, NOON), true)
})

test('limits that cannot hold are refused by name', () => {
  assert.throws(() => new Exploration({ ...LIMITS, microsPerDay: Number.NaN }), /microsPerDay is NaN/)
  assert.throws(() => new Exploration({ ...LIMITS, shareOfRequests: 2 }), /shareOfRequests is 2/)
})
