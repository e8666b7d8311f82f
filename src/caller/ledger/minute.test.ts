import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Minute } from './minute.ts'

const NOW = 1_800_000_000

test('what happened counts in its own second and the 59 after it, and then no more', () => {
  const minute = new Minute()
  minute.add(NOW, 1, 500)
  assert.equal(minute.requests(NOW + 59), 1)
  assert.equal(minute.tokens(NOW + 59), 500)
  assert.equal(minute.requests(NOW + 60), 0)
  assert.equal(minute.tokens(NOW + 60), 0)
})

test('a minute says how long until enough has slid out, and that it never holds enough', () => {
  const minute = new Minute()
  minute.add(NOW, 2, 100)
  minute.add(NOW + 10, 1, 0)
  minute.add(NOW + 30, 0, 900)
  assert.equal(minute.secondsUntilRequestsFree(1, NOW + 30), 30)
  assert.equal(minute.secondsUntilRequestsFree(3, NOW + 30), 40)
  assert.equal(minute.secondsUntilTokensFree(101, NOW + 30), 60)
  assert.equal(minute.secondsUntilTokensFree(1_001, NOW + 30), undefined)
})

test('a second shortly before the newest frees nothing; a clock set back by a minute begins anew', () => {
  const minute = new Minute()
  minute.add(NOW, 1, 10)
  minute.add(NOW - 5, 1, 10)
  assert.equal(minute.requests(NOW - 5), 2)
  minute.add(NOW - 3_600, 1, 7)
  assert.equal(minute.requests(NOW - 3_600), 1)
  assert.deepEqual(minute.seconds(NOW - 3_600), [{ second: NOW - 3_600, requests: 1, tokens: 7 }])
})

test('the sums are those of a list of all that happened, whatever the gaps', () => {
  const happening = fc.record({ gap: fc.nat(90), requests: fc.nat(3), tokens: fc.nat(1_000) })
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60, size: 'max' }), (happenings) => {
      const minute = new Minute()
      const all: { second: number; requests: number; tokens: number }[] = []
      let second = NOW
      for (const { gap, requests, tokens } of happenings) {
        second += gap
        minute.add(second, requests, tokens)
        all.push({ second, requests, tokens })
        const last = all.filter((one) => one.second > second - 60)
        const sum = (name: 'requests' | 'tokens') => last.reduce((total, one) => total + one[name], 0)
        assert.equal(minute.requests(second), sum('requests'))
        assert.equal(minute.tokens(second), sum('tokens'))
        const listed = minute.seconds(second)
        assert.equal(
          listed.reduce((total, one) => total + one.tokens, 0),
          sum('tokens'),
        )
        assert.ok(listed.every((one) => one.second > second - 60 && one.second <= second))
      }
    }),
  )
})
