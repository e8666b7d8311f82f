import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lotOf } from './lot.ts'

const COUNT = 4_000

test('a lot is the same for the same request, and another for another seed or purpose', () => {
  assert.equal(lotOf('seed', 'req_1', 'draw'), lotOf('seed', 'req_1', 'draw'))
  assert.notEqual(lotOf('seed', 'req_1', 'draw'), lotOf('seed', 'req_1', 'arm'))
  assert.notEqual(lotOf('seed', 'req_1', 'draw'), lotOf('seeds', 'req_1', 'draw'))
  assert.notEqual(lotOf('a', 'bc', 'd'), lotOf('ab', 'c', 'd'))
})

test('lots are spread evenly from 0 to 1, and those of two purposes have nothing to do with each other', () => {
  const lots = Array.from({ length: COUNT }, (_, index) => [
    lotOf('s', `req_${index}`, 'draw'),
    lotOf('s', `req_${index}`, 'arm'),
  ])
  const share = (of: (lot: number[]) => boolean): number => lots.filter(of).length / COUNT
  assert.ok(lots.flat().every((lot) => lot >= 0 && lot < 1))
  assert.ok(Math.abs(share(([draw = 0]) => draw < 0.1) - 0.1) < 0.02)
  assert.ok(Math.abs(share(([draw = 0]) => draw < 0.5) - 0.5) < 0.03)
  assert.ok(Math.abs(share(([draw = 0, arm = 0]) => draw < 0.5 && arm < 0.5) - 0.25) < 0.03)
})
