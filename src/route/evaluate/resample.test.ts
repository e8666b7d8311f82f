import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Chance } from '../learn/chance.ts'
import { Ranking } from './ranking.ts'
import { resampled } from './resample.ts'

const ROWS = 1_000
const chance = new Chance(5)
const gains = Float64Array.from({ length: ROWS }, () => (chance.next() < 0.3 ? 1 : 0))
const outcomes = { weak: gains.map((gain) => 1 - gain), strong: new Float64Array(ROWS).fill(1) }
const blind = new Ranking(Float64Array.from({ length: ROWS }, () => chance.next()))
const seeing = new Ranking(gains.map((gain) => 0.5 * gain + chance.next()))
const each = Uint32Array.from(gains.keys())

test('the interval holds a coin’s 0.5, and the same rows give the same interval', () => {
  const { own } = resampled(blind, seeing, outcomes, each)
  assert.ok(own !== null && own.low < 0.5 && own.high > 0.5 && own.high - own.low < 0.2)
  assert.deepEqual(resampled(blind, seeing, outcomes, each).own, own)
})

test('the paired difference is above 0 for the better order, and nothing for an order beside itself', () => {
  const { difference } = resampled(seeing, blind, outcomes, each)
  assert.ok(difference !== null && difference.low > 0)
  assert.deepEqual(resampled(blind, blind, outcomes, each).difference, { low: 0, high: 0 })
})

test('rows of one prompt are drawn together, so copies do not make the interval narrower', () => {
  const pairs = (values: Float64Array): Float64Array => Float64Array.from([...values, ...values])
  const scores = gains.map((gain, at) => 0.5 * gain + (at % 100) / 100)
  const [once, twice] = [new Ranking(scores), new Ranking(pairs(scores))]
  const doubled = { weak: pairs(outcomes.weak), strong: pairs(outcomes.strong) }
  const width = ({ own }: ReturnType<typeof resampled>): number => (own === null ? 0 : own.high - own.low)
  const [single, copies] = [
    width(resampled(once, once, outcomes, each)),
    width(resampled(twice, twice, doubled, Uint32Array.from([...each, ...each]))),
  ]
  assert.ok(single > 0 && Math.abs(single - copies) < 1e-9, `${single} ${copies}`)
})

test('where resamples have no gap between the models there is no interval', () => {
  const none = { weak: outcomes.strong, strong: outcomes.strong }
  assert.deepEqual(resampled(seeing, blind, none, each), { own: null, difference: null })
})
