import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  DAY_MS,
  dateOf,
  dayEndsAt,
  dayOf,
  dayOfDate,
  minuteText,
  monthBeginsAt,
  monthOf,
  secondText,
} from './utc.ts'

const YEAR_9999_MS = Date.UTC(9999, 11, 31)
const moment = fc.integer({ min: 0, max: YEAR_9999_MS })

test('a day holds its moments and ends where the next one begins', () => {
  fc.assert(
    fc.property(moment, (at) => {
      const end = dayEndsAt(dayOf(at))
      assert.ok(at < end && at >= end - DAY_MS)
      assert.equal(dayOf(end), dayOf(at) + 1)
    }),
  )
})

test('a month holds its days, leap days too', () => {
  fc.assert(
    fc.property(moment, (at) => {
      const month = monthOf(dayOf(at))
      assert.ok(monthBeginsAt(month) <= at && at < monthBeginsAt(month + 1))
    }),
  )
  const leap = monthOf(dayOf(Date.UTC(2028, 1, 29)))
  assert.equal(monthBeginsAt(leap + 1), Date.UTC(2028, 2, 1))
})

test('a date stands for its day, both ways', () => {
  assert.equal(dateOf(dayOf(Date.UTC(2026, 10, 21, 23, 59))), 20261121)
  fc.assert(
    fc.property(moment, (at) => {
      assert.equal(dayOfDate(dateOf(dayOf(at))), dayOf(at))
    }),
  )
})

test('a moment reads the same everywhere: in UTC, to the minute or the second', () => {
  const at = Date.UTC(2026, 10, 21, 3, 4, 5, 999)
  assert.deepEqual([minuteText(at), secondText(at)], ['2026-11-21 03:04Z', '2026-11-21 03:04:05Z'])
})
