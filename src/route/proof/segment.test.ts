import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS } from '../../lib/utc.ts'
import { NOON, type Pair, paired, TERMS } from './outcome.fixture.ts'
import { checkRules, PROOF_RULES, Segment, segmentStateSchema } from './segment.ts'

const FREE = { optedOut: false, withinResidency: true, room: true } as const
const LOSES: Pair = [
  [1, 100],
  [1, 5_100],
]
const GAINS: Pair = [
  [0, 100],
  [1, 1_100],
]
const MINUTE_MS = 60_000

/** Adds so many rows, a minute apart; says when the last one was. */
function add(segment: Segment, pair: Pair, count: number, fromMs: number, terms = TERMS): number {
  for (let index = 0; index < count; index++) segment.add(paired(pair, fromMs + index * MINUTE_MS, terms))
  return fromMs + (count - 1) * MINUTE_MS
}

function segmentAfter(pair: Pair, count: number): Segment {
  const segment = new Segment(PROOF_RULES, TERMS, NOON)
  add(segment, pair, count, NOON)
  return segment
}

test('at first nothing is known: the prior governs, and requests are drawn at the highest share', () => {
  const { state, explore, reason } = new Segment(PROOF_RULES, TERMS, NOON).decide(NOON, FREE)
  assert.deepEqual([state, explore], ['unknown', 0.1])
  assert.match(reason, /the prior governs: no label yet; drawn for a trial with 10 %/)
})

test('a segment that loses money is switched off, goes on being explored a little, and says so in numbers', () => {
  const segment = segmentAfter(LOSES, 60)
  const { state, explore, reason } = segment.decide(NOON + DAY_MS, FREE)
  assert.deepEqual([state, explore], ['does-not-pay', 0.01])
  assert.match(reason, /does not pay here and is switched off: net −\$0\.005000 a request \(95 % at any time/)
  assert.match(reason, /60 labels\); drawn for a trial with 1 %; looked at anew from 2026-12-21/)
})

test('a segment that gains is said to pay, with its interval above 0', () => {
  const segment = segmentAfter(GAINS, 60)
  const { state, netMicros, retesting } = segment.report(NOON + DAY_MS)
  assert.deepEqual([state, retesting], ['pays', false])
  assert.ok(netMicros.low > 0 && netMicros.estimate === 19_000)
  assert.equal(segment.decide(NOON + DAY_MS, FREE).explore, 0.02)
})

test('a verdict stays while evidence drifts back, until the evidence says the contrary', () => {
  const segment = segmentAfter(GAINS, 30)
  const worse: Pair = [
    [1, 100],
    [0, 5_100],
  ]
  const at = add(segment, worse, 25, NOON + 60 * MINUTE_MS)
  const { state, netMicros } = segment.report(at)
  assert.ok(netMicros.low < 0 && netMicros.high > 0)
  assert.equal(state, 'pays')
  add(segment, worse, 300, at)
  assert.equal(segment.report(at).state, 'does-not-pay')
})

test('an old verdict governs while it is looked at anew, and new evidence turns it round', () => {
  const segment = segmentAfter(LOSES, 60)
  const later = NOON + 31 * DAY_MS
  const { state, explore, reason } = segment.decide(later, FREE)
  assert.deepEqual([state, explore], ['does-not-pay', 0.05])
  assert.match(reason, /an earlier verdict, looked at anew/)
  segment.add(paired(GAINS, later))
  assert.deepEqual([segment.report(later).epoch, segment.report(later).labels], [2, 1])
  assert.equal(segment.report(later).state, 'does-not-pay')
  const at = add(segment, GAINS, 60, later)
  assert.equal(segment.report(at).state, 'pays')
  assert.equal(segment.decide(at, FREE).explore, 0.02)
})

test('a re-test without an outcome ends in not knowing', () => {
  const segment = new Segment({ ...PROOF_RULES, retestLabels: 40 }, TERMS, NOON)
  add(segment, LOSES, 60, NOON)
  const even: readonly Pair[] = [
    [
      [0, 100],
      [1, 100],
    ],
    [
      [1, 100],
      [0, 100],
    ],
  ]
  const later = NOON + 40 * DAY_MS
  for (let index = 0; index < 40; index++) segment.add(paired(even[index % 2] ?? LOSES, later + index))
  assert.equal(segment.report(later).state, 'unknown')
  assert.equal(segment.decide(later + 100, FREE).explore, 0.1)
})

test('evidence that decided nothing is let go after its time', () => {
  const segment = segmentAfter(LOSES, 2)
  segment.add(paired(LOSES, NOON + 121 * DAY_MS))
  const { epoch, labels, state } = segment.report(NOON + 121 * DAY_MS)
  assert.deepEqual([epoch, labels, state], [2, 1, 'unknown'])
})

test('another model or price begins anew with nothing known, and what was drawn before comes too late', () => {
  const segment = segmentAfter(LOSES, 60)
  const cheaper = { ...TERMS, models: 'small@1 large@2' }
  const at = NOON + 2 * DAY_MS
  segment.add(paired(GAINS, at, cheaper))
  assert.deepEqual([segment.report(at).state, segment.report(at).labels], ['unknown', 1])
  segment.add(paired(LOSES, NOON + DAY_MS))
  assert.deepEqual([segment.report(at).late, segment.report(at).labels], [1, 1])
})

test('nobody is drawn who opted out, may not leave, or for whom there is no room, and the reason says so', () => {
  const segment = segmentAfter(LOSES, 60)
  const cases = [
    [{ ...FREE, optedOut: true }, /opted out/],
    [{ ...FREE, withinResidency: false }, /may not go to both models/],
    [{ ...FREE, room: 'the day is spent' }, /the day is spent/],
  ] as const
  for (const [drawable, words] of cases) {
    const { state, explore, reason } = segment.decide(NOON, drawable)
    assert.deepEqual([state, explore], ['does-not-pay', 0])
    assert.match(reason, words)
  }
})

test('a segment goes on from its state as if it had never stopped', () => {
  const whole = segmentAfter(GAINS, 60)
  const half = segmentAfter(GAINS, 30)
  const state = segmentStateSchema.parse(JSON.parse(JSON.stringify(half.state())))
  const restored = Segment.from(PROOF_RULES, state)
  add(restored, GAINS, 30, NOON + 30 * MINUTE_MS)
  assert.deepEqual(restored.state(), whole.state())
  assert.deepEqual(restored.decide(NOON + DAY_MS, FREE), whole.decide(NOON + DAY_MS, FREE))
})

test('rules under which nothing is learned are refused by name', () => {
  const explore = { ...PROOF_RULES.explore, doesNotPay: 0 }
  assert.throws(() => checkRules({ ...PROOF_RULES, explore }), /explore\.doesNotPay is 0: .*0\.005/)
  assert.throws(() => checkRules({ ...PROOF_RULES, alpha: Number.NaN }), /alpha is NaN/)
  assert.throws(() => checkRules({ ...PROOF_RULES, retestDays: 0 }), /retestDays is 0/)
})
