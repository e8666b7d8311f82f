import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Blend } from './blend.ts'
import { Chance } from './chance.ts'

const ROWS = 4_000

/** One telling column, one that says nothing, one that never changes; the gain's chance rises with the first. */
function made(): { rows: Float64Array[]; gains: Float64Array } {
  const chance = new Chance(3)
  const rows: Float64Array[] = []
  const gains = new Float64Array(ROWS)
  for (let at = 0; at < ROWS; at++) {
    const [telling, noise] = [chance.next(), chance.next()]
    rows.push(Float64Array.of(telling, noise, 7))
    if (chance.next() < telling / 2) gains[at] = 1
  }
  return { rows, gains }
}

test('what tells moves the score, what does not hardly does, and what never changes not at all', () => {
  const { rows, gains } = made()
  const { blend } = Blend.fit(rows, gains)
  const [telling, noise, constant] = blend.weights
  assert.ok((telling ?? 0) > 5 * Math.abs(noise ?? 9))
  assert.equal(constant, 0)
  assert.ok((blend.shares(Float64Array.of(1, 0.5, 7))[0] ?? 0) > 0)
})

test('the gain is calibrated: near the true one where the score is low, in the middle, and high', () => {
  const { rows, gains } = made()
  const { blend, scores } = Blend.fit(rows, gains)
  for (const telling of [0.1, 0.5, 0.9]) {
    const gain = blend.gain(blend.score(Float64Array.of(telling, 0.5, 7)))
    assert.ok(Math.abs(gain - telling / 2) < 0.07, `${telling}: ${gain}`)
  }
  assert.equal(scores.length, ROWS)
})

test('equal rows give equal weights, and a gain that is the same everywhere is told as such', () => {
  const { rows, gains } = made()
  assert.deepEqual(Blend.fit(rows, gains).blend, Blend.fit(rows, gains).blend)
  const { blend } = Blend.fit(rows, gains.fill(1))
  assert.equal(blend.gain(blend.score(Float64Array.of(0.3, 0.3, 7))), 1)
})
