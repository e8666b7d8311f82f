import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from './ids.ts'

const NOON = Date.UTC(2026, 10, 21, 12)

test('an id is its prefix and 26 characters, and no two are the same', () => {
  const ids = Array.from({ length: 2_000 }, () => newId('req', NOON))
  for (const id of ids) assert.match(id, /^req_[0-9a-hjkmnp-tv-z]{26}$/)
  assert.equal(new Set(ids).size, ids.length)
  // Every digit of the random part takes every value: none is left as it was before.
  for (let at = 14; at < 30; at++) assert.equal(new Set(ids.map((id) => id[at])).size, 32, `character ${at}`)
})

test('ids sort by time, whatever the time', () => {
  const times = [0, 1, 31, 32, 2 ** 25 - 1, 2 ** 25, NOON - 1, NOON, NOON + 32_768, 2 ** 48 - 1]
  const ids = times.map((time) => newId('req', time))
  assert.deepEqual(ids.toSorted(), ids)
  assert.equal(newId('req', 2 ** 48 - 1).slice(0, 14), 'req_7zzzzzzzzz')
  assert.equal(newId('req', 2 ** 25 + 33).slice(0, 14), 'req_0000100011')
})
