import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ahead, ALNUM, classOf, DASH, Runs } from './char-runs.ts'

const text = fc.string({ unit: fc.constantFrom('a', 'B', '7', '-', '.', ' '), maxLength: 60 })
const places = fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 60 })), { maxLength: 30 })

function plainEnd(whole: string, from: number, limit: number): number {
  let end = from
  while (end < limit && (classOf(whole.charCodeAt(end)) & (ALNUM | DASH)) !== 0) end++
  return end
}

test('a remembered run ends where a fresh reading ends it, in any order of questions', () => {
  fc.assert(
    fc.property(text, places, fc.nat({ max: 20 }), (whole, questions, drop) => {
      const runs = new Runs(ALNUM | DASH)
      const ask = (shown: string, [a, b]: readonly [number, number]): void => {
        const from = Math.min(a, b, shown.length)
        const limit = Math.min(Math.max(a, b), shown.length)
        assert.equal(runs.endOf(shown, from, limit), plainEnd(shown, from, limit))
      }
      for (const question of questions) ask(whole, question)
      runs.shift(Math.min(drop, whole.length))
      for (const question of questions) ask(whole.slice(drop), question)
    }),
  )
})

test('a remembered hit is the one that a fresh search finds, in any order of questions', () => {
  fc.assert(
    fc.property(text, places, (whole, questions) => {
      const ahead = new Ahead((shown, from, limit) => {
        const start = shown.slice(0, limit).indexOf('a-', from)
        return start === -1 ? limit - 1 : { start, end: start + 2 }
      })
      for (const [a, b] of questions) {
        const from = Math.min(a, b, whole.length)
        const limit = Math.min(Math.max(a, b), whole.length)
        const start = whole.slice(0, limit).indexOf('a-', from)
        const expected = start === -1 ? undefined : { start, end: start + 2 }
        assert.deepEqual(ahead.next(whole, from, limit), expected)
      }
    }),
  )
})

test('questions that move forward read every character once', () => {
  const whole = 'x'.repeat(10_000)
  let read = 0
  const ahead = new Ahead((_, from, limit) => {
    read += limit - from
    return limit
  })
  for (let at = 0; at < whole.length; at++) ahead.next(whole, at, Math.min(whole.length, at + 4_000))
  assert.ok(read <= whole.length, `${read}`)
})
