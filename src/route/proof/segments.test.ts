import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NOON, outcomes, paired, TERMS } from './outcome.fixture.ts'
import { PROOF_RULES } from './segment.ts'
import { SEGMENTS_MAX, Segments, segmentsStateSchema } from './segments.ts'

const FREE = { optedOut: false, withinResidency: true, room: true } as const
const PAIR = paired([
  [1, 100],
  [1, 5_100],
])

test('a segment of which nothing was ever seen is unknown, and nobody is drawn who may not be', () => {
  const segments = new Segments(PROOF_RULES)
  assert.deepEqual(segments.decide('new', NOON, FREE), {
    state: 'unknown',
    explore: 0.1,
    reason: 'nothing is known of this segment yet: the prior governs; drawn with 10.0 %',
  })
  const { explore, reason } = segments.decide('new', NOON, { ...FREE, optedOut: true })
  assert.equal(explore, 0)
  assert.match(reason, /not drawn: the key opted out/)
})

test('segments are learned apart', () => {
  const segments = new Segments(PROOF_RULES)
  for (let index = 0; index < 60; index++) segments.add({ ...PAIR, segment: 'losing' })
  segments.add({ ...PAIR, segment: 'new' })
  const states = segments.report(NOON).map(({ key, state, labels }) => [key, state, labels])
  assert.deepEqual(states, [
    ['losing', 'does-not-pay', 60],
    ['new', 'unknown', 1],
  ])
})

test('their number is bounded: the one without labels for longest is forgotten, and counted', () => {
  const segments = new Segments(PROOF_RULES)
  for (let index = 0; index <= SEGMENTS_MAX; index++)
    segments.add({ ...PAIR, segment: `s${index}`, assignedAt: NOON + (index === 0 ? 999_999 : index) })
  const keys = new Set(segments.report(NOON).map(({ key }) => key))
  assert.equal(keys.size, SEGMENTS_MAX)
  assert.ok(keys.has('s0') && !keys.has('s1') && keys.has(`s${SEGMENTS_MAX}`))
  assert.equal(segments.state().forgotten, 1)
})

test('the fold goes on from its state as if it had never stopped, over re-tests and other terms', () => {
  const rows = fc.array(
    fc
      .tuple(outcomes(TERMS), fc.constantFrom('one', 'two'), fc.constantFrom('a', 'b'))
      .map(([row, segment, models]) => ({ ...row, segment, terms: { ...TERMS, models } })),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(rows, fc.nat(40), (all, cut) => {
      const whole = new Segments(PROOF_RULES)
      for (const row of all) whole.add(row)
      const first = new Segments(PROOF_RULES)
      for (const row of all.slice(0, cut)) first.add(row)
      const state = segmentsStateSchema.parse(JSON.parse(JSON.stringify(first.state())))
      const restored = new Segments(PROOF_RULES, state)
      for (const row of all.slice(cut)) restored.add(row)
      assert.deepEqual(restored.state(), whole.state())
    }),
  )
})
