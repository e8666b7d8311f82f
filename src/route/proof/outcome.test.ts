import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { paired, single } from './outcome.fixture.ts'
import { readOutcome, segmentKey } from './outcome.ts'

const PAIR = paired([
  [0, 100],
  [1, 1_100],
])

function why(value: unknown): string {
  const read = readOutcome(value)
  return 'why' in read ? read.why : ''
}

test('a good row is read as it is', () => {
  assert.deepEqual(readOutcome(PAIR), PAIR)
  const one = single('strong', 0.3, [1, 900])
  assert.deepEqual(readOutcome(JSON.parse(JSON.stringify(one))), one)
})

test('what a row lacks or has wrong is named', () => {
  assert.match(
    why({ ...PAIR, cheap: { quality: Number.NaN, costMicros: 1 } }),
    /cheap\.quality: .*from 0 to 1/,
  )
  assert.match(why({ ...PAIR, cheap: { quality: 1.5, costMicros: 1 } }), /cheap\.quality: .*from 0 to 1/)
  assert.match(why({ ...PAIR, strong: undefined }), /strong/)
  assert.match(why({ ...PAIR, drawn: 0 }), /drawn must be a number from 0\.005 to 1/)
  assert.match(why({ ...single('cheap', 0.5, [1, 1]), propensity: 1 }), /propensity .*0\.995/)
  assert.match(why({ ...PAIR, design: 'guess' }), /design must be paired or single/)
  assert.match(why({ ...PAIR, terms: { ...PAIR.terms, priceMicros: 0 } }), /priceMicros must be/)
  assert.match(why({ ...PAIR, cheap: { quality: 1, costMicros: -1 } }), /costMicros must be a number from 0/)
  assert.match(why({ ...PAIR, segment: 'x'.repeat(200) }), /at most 120 characters/)
  assert.match(why(null), /cannot be used/)
})

test('nothing that is read holds a NaN or a weight beyond 200', () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), (quality, drawn) => {
      const read = readOutcome({ ...PAIR, drawn, cheap: { quality, costMicros: 1 } })
      if ('why' in read) return
      assert.ok(read.design === 'paired' && read.cheap.quality >= 0 && read.cheap.quality <= 1)
      assert.ok(1 / read.drawn <= 200)
    }),
  )
})

test('a segment is named in one line of few characters, whatever its parts are called', () => {
  assert.equal(segmentKey('careful', 'fast', 'expert', 'code'), 'careful/fast→expert/code')
  const odd = segmentKey('a b/c\n', 'x'.repeat(99), 'expert', '→')
  assert.ok(odd.length <= 120 && /^[^\s]+$/.test(odd), odd)
  assert.equal(odd.split('/').length, 3)
})
