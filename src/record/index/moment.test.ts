import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMoment } from './moment.ts'

const NOW = Date.UTC(2026, 10, 3, 12)

test('a duration is counted back from now, and days and times are read in UTC', () => {
  assert.equal(parseMoment('30m', NOW), NOW - 1_800_000)
  assert.equal(parseMoment('7d', NOW), NOW - 7 * 86_400_000)
  assert.equal(parseMoment('2026-11-02', NOW), Date.UTC(2026, 10, 2))
  assert.equal(parseMoment('2026-11-02T13:30', NOW), Date.UTC(2026, 10, 2, 13, 30))
  assert.equal(parseMoment('2026-11-02T13:30:05.5+02:00', NOW), Date.UTC(2026, 10, 2, 11, 30, 5, 500))
})

test('what is no moment is not taken for one', () => {
  for (const text of [
    '',
    'yesterday',
    '7',
    // A second of the epoch, and no time ago.
    '0',
    '2026-13-01',
    '2026-11-31',
    '2026-02-29',
    '2026-11-02T25:00',
    '1e3d',
  ]) {
    assert.equal(parseMoment(text, NOW), undefined, text)
  }
})
