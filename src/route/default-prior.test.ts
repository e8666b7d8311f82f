import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import { DEFAULT_PRIOR, openPrior } from './default-prior.ts'
import { isFault } from './learn/packing.ts'

const EASY =
  'James decides to run 3 sprints 3 times a week. He runs 60 meters each sprint. How many total meters?'
const HARD =
  'Find the degree for the given field extension Q(sqrt(2), sqrt(3)) over Q.\nA. 0\nB. 4\nC. 2\nD. 6\nAnswer:'

test('the prior that ships is there, small, and expects more of the strong model on harder questions', () => {
  assert.ok(statSync(DEFAULT_PRIOR).size < 4e6)
  const prior = openPrior(DEFAULT_PRIOR)
  assert.ok(!isFault(prior))
  const [easy, hard] = [prior.decide(EASY), prior.decide(HARD)]
  assert.ok(hard.gain > 0 && hard.pWeak < easy.pWeak, JSON.stringify({ easy, hard }))
})

test('a prior that is missing is a fault that names the file', () => {
  const fault = openPrior(new URL('./none.prior', DEFAULT_PRIOR))
  assert.ok(isFault(fault))
  assert.match(fault.why, /there is no file .*none\.prior/)
})

test('a prior that cannot be read is a fault, not the end of every request', () => {
  const fault = openPrior(new URL('.', DEFAULT_PRIOR))
  assert.ok(isFault(fault))
  assert.match(fault.why, /EISDIR.*cannot read the file/)
})
