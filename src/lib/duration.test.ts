import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from './duration.ts'

test('a duration is a whole number and one unit, or 0', () => {
  const cases = {
    '0': 0,
    '90s': 90_000,
    '15m': 900_000,
    '12h': 43_200_000,
    '30d': 2_592_000_000,
    '2w': 1_209_600_000,
  }
  for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms)
})

test('anything else is no duration', () => {
  for (const text of ['', '1', 'd', '1.5h', '-1d', '1 d', '1D', '1y', 'constructor', '1234567890d']) {
    assert.equal(parseDuration(text), undefined, text)
  }
})
