import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Escalation, Evidence } from '../../contract/escalation.ts'
import { familyOf } from './family.ts'
import { fitWeights } from './fit.ts'
import { judge } from './judge.ts'
import { DEFAULT_WEIGHTS, posteriorGain } from './posterior.ts'
import { equalAnswer, sameAnswer } from './same.ts'
import { Sessions, sessionOf } from './sessions.ts'
import { thriftOf } from './thrift.ts'

test('a model’s maker is read from its name', () => {
  const families = [
    'qwen3:4b',
    'Qwen2.5-7B-Instruct',
    'meta-llama/Llama-3.1-8B',
    'llama3.2',
    'open-mistral-nemo',
    '7b',
  ]
  assert.deepEqual(
    families.map((name) => familyOf({ name })),
    ['qwen', 'qwen', 'llama', 'llama', 'mistral', 'b'],
  )
})

const said = (text: string) => ({ text, calls: [] })

const SAME: readonly (readonly [string, string, boolean | undefined])[] = [
  ['The answer is 42.', 'So the final answer is **42**', true],
  ['It costs $1,250.00 in all.', 'Adding up: 1000 + 250 = 1250', true],
  ['The answer is 42.', 'The answer is 43.', false],
  ['\\boxed{\\frac{1}{2}}', 'Therefore \\boxed{\\frac{1}{2}}', true],
  ['\\boxed{\\dfrac{1}{2}}', 'Therefore \\boxed{\\frac12}', true],
  ['\\boxed{\\frac{1}{2}}', 'Therefore \\boxed{\\frac{3}{2}}', false],
  ['So it is **1,000.0**', '`1000`', true],
  ['{"a":1,"b":[2]}', '{ "b": [2], "a": 1 }', true],
  ['{"a":1}', '{"a":2}', false],
  ['Paris', 'paris.', true],
  ['Paris', 'Lyon', false],
  ['B', 'C', false],
  ['', 'Paris', false],
  ['', '', undefined],
  ['The sum of 2, 3 and 5.', 'These are 1, 4 and 5.', undefined],
  ['1. Apples of autumn\n2. Green pears\n5. Plums', '3. Iron nails\n4. Brass screws\n5. Bolts', false],
  [
    'Use a hash map from words to their counts and read the text once.',
    'Reading the text once, keep a hash map from words to counts.',
    true,
  ],
  [
    'Plants take carbon dioxide and water and make sugar with the light of the sun.',
    'A mutex keeps two threads from changing shared memory together.',
    false,
  ],
]
for (const [one, other, same] of SAME) {
  test(`${JSON.stringify(one.slice(0, 40))} and ${JSON.stringify(other.slice(0, 40))} say the same: ${same}`, () => {
    assert.equal(sameAnswer(said(one), said(other)), same)
    assert.equal(sameAnswer(said(other), said(one)), same)
  })
}

test('an answer says the same as itself, unless it says nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(sameAnswer(said(text), said(text)), text.trim() === '' ? undefined : true)
    }),
  )
})

test('calls are compared by name and arguments, and never by the numbers in them', () => {
  const calls = (name: string, json: string) => ({
    text: `${name} ${json}`,
    calls: [{ name, arguments: json }],
  })
  const read = calls('read', '{"line":7,"file":"a.ts"}')
  for (const compare of [sameAnswer, equalAnswer]) {
    assert.equal(compare(read, calls('read', '{ "file": "a.ts", "line": 7 }')), true)
    assert.equal(compare(read, calls('read', '{"file":"b.ts","line":7}')), false)
    assert.equal(compare(read, calls('write', '{"file":"a.ts","line":7}')), false)
    assert.equal(compare(read, said('It is in line 7.')), false)
  }
})

test('neither answer is the better one only where they are equal but for form', () => {
  const equal = (one: string, other: string) => equalAnswer(said(one), said(other))
  assert.ok(equal('Paris', '**paris.**'))
  assert.ok(equal('{"a":1,"b":2}', '{ "b": 2, "a": 1 }'))
  assert.ok(equal('Because of this, \\boxed{\\frac12}', 'So: \\boxed{\\dfrac{1}{2}}'))
  assert.ok(!equal('The answer is 42.', 'It is 42.'), 'evidence, but no label')
  assert.ok(!equal('', ''))
  const end = 'and so on. '.repeat(500)
  assert.ok(!equal(`Yes, ${end}`, `No, ${end}`), 'what comes before the end counts')
})

const EVIDENCE = fc.record({
  chars: fc.nat(100_000),
  whole: fc.boolean(),
  agrees: fc.option(fc.boolean(), { nil: undefined }),
})

test('the posterior is a gain, whatever comes, and rises with the prior', () => {
  fc.assert(
    fc.property(fc.double({ min: -1, max: 1, noNaN: true }), EVIDENCE, (prior, { agrees, ...rest }) => {
      const evidence = agrees === undefined ? rest : { ...rest, agrees }
      const gain = posteriorGain(prior, evidence, DEFAULT_WEIGHTS)
      assert.ok(gain >= -1 && gain <= 1)
      assert.ok(posteriorGain(Math.min(1, prior + 0.1), evidence, DEFAULT_WEIGHTS) >= gain)
    }),
  )
})

const SEEN = { chars: 600, whole: true }

test('what is absent is neutral, and each piece of evidence has its direction', () => {
  const gain = (evidence: Partial<Evidence>): number => posteriorGain(0.1, evidence, DEFAULT_WEIGHTS)
  const plain = gain(SEEN)
  assert.ok(Math.abs(plain - 0.1) < 1e-9)
  assert.equal(gain({}), plain)
  assert.ok(gain({ ...SEEN, grounding: 0 }) > plain && gain({ ...SEEN, grounding: 1 }) < plain)
  assert.equal(
    gain({ ...SEEN, step: { number: 9 } }),
    plain,
    'how many steps there were is for outcomes to weigh',
  )
  assert.ok(gain({ ...SEEN, step: { number: 9, failed: 'error' } }) > plain)
  assert.ok(gain({ ...SEEN, repeats: true }) > plain)
  const near = (weight: number) => gain({ ...SEEN, neighbours: { gain: 0.6, weight } })
  assert.ok(near(0) === plain && near(0.5) > plain && near(0.9) > near(0.5) && near(0.9) < 0.6)
  assert.ok(gain({ ...SEEN, neighbours: { gain: -0.5, weight: 0.5 } }) < plain)
})

test('what grounding and failed steps weigh is learned from outcomes', () => {
  const rows = Array.from({ length: 600 }, (_, nth) => {
    const grounded = nth % 2 === 0
    const evidence = { ...SEEN, grounding: grounded ? 1 : 0, step: { number: 2 + (nth % 5) } }
    return { prior: 0, evidence, gain: grounded ? 0 : 1 }
  })
  const before = posteriorGain(0, { ...SEEN, grounding: 0 }, DEFAULT_WEIGHTS)
  const learned = fitWeights(rows, DEFAULT_WEIGHTS)
  assert.ok(posteriorGain(0, { ...SEEN, grounding: 0 }, learned) > before + 0.2)
  const calm = Array.from({ length: 600 }, () => {
    return { prior: 0, evidence: { ...SEEN, step: { number: 3, failed: 'error' as const } }, gain: 0 }
  })
  const forgiving = posteriorGain(0, calm[0]?.evidence ?? SEEN, fitWeights(calm, DEFAULT_WEIGHTS))
  assert.ok(Math.abs(forgiving) < 0.1, `failures that cost nothing are forgiven: ${forgiving}`)
})

test('what is learned of nothing is what was there, and many rows move it', () => {
  assert.deepEqual(fitWeights([], DEFAULT_WEIGHTS), [...DEFAULT_WEIGHTS])
  const row = { prior: 0, evidence: { agrees: true, chars: 600, whole: true }, gain: 1 }
  const weights = fitWeights(
    Array.from({ length: 500 }, () => row),
    DEFAULT_WEIGHTS,
  )
  assert.ok((weights[0] ?? 0) > 1)
})

const ESCALATION: Escalation = {
  strong: ['z/large'],
  tier: 'expert',
  maxOutputTokens: 100,
  deadlineMs: 1_000,
  second: [],
  gain: 0.2,
  extraMicros: 1_000,
  worthMicros: 10_000,
  segment: 'fast>expert prose',
  order: 'after',
}
const UNKNOWN = { state: 'unknown', reason: '' } as const
const parts = (more: object = {}) => ({
  weights: DEFAULT_WEIGHTS,
  standing: UNKNOWN,
  abstains: false,
  ...more,
})

test('going up is for what is worth more than it costs, and says so in numbers', () => {
  const up = judge(parts(), ESCALATION, { agrees: false, chars: 600, whole: true })
  assert.equal(up.action, 'escalate')
  assert.match(
    up.reason,
    /^expected gain 0\.\d\d \(0\.20 before, a second model differs\) is worth \$0\.\d{6} and costs \$0\.001000: expert$/,
  )
  assert.equal(judge(parts(), ESCALATION, { agrees: true, chars: 600, whole: true }).action, 'accept')
  assert.equal(judge(parts(), { ...ESCALATION, extraMicros: 9_000 }, undefined).action, 'accept')
})

test('where it was shown not to pay nothing goes up, and the reason is the figures', () => {
  const standing = { state: 'does-not-pay', reason: 'loses $0.01 a request' } as const
  const told = judge(parts({ standing }), ESCALATION, { agrees: false, chars: 600, whole: true })
  assert.equal(told.action, 'accept')
  assert.match(told.reason, /loses \$0\.01 a request/)
})

test('doubt that is too dear to resolve is an answer only where that was wanted', () => {
  const dear = { ...ESCALATION, extraMicros: 1_000_000 }
  const doubt = { agrees: false, chars: 600, whole: true }
  assert.equal(judge(parts(), dear, doubt).action, 'accept')
  assert.equal(judge(parts({ abstains: true }), dear, doubt).action, 'abstain')
  const abstaining = (more: Partial<Evidence>) =>
    judge(parts({ abstains: true }), dear, { chars: 600, whole: true, ...more }).action
  assert.equal(abstaining({ agrees: true }), 'accept')
  assert.deepEqual(
    [abstaining({ grounding: 0.9 }), abstaining({ grounding: 0.2 }), abstaining({ repeats: true })],
    ['accept', 'abstain', 'abstain'],
  )
})

test('thrift falls where money goes faster than time, and is 0 where it has gone', () => {
  const noon = Date.UTC(2026, 10, 22, 12)
  const spent = (todayMicros: number) => ({ todayMicros, monthMicros: todayMicros })
  assert.equal(thriftOf({}, spent(1e9), noon), 1)
  assert.equal(thriftOf({ microsPerDay: 100 }, spent(0), noon), 1)
  assert.equal(thriftOf({ microsPerDay: 100 }, spent(75), noon), 0.5)
  assert.equal(thriftOf({ microsPerDay: 100 }, spent(100), noon), 0)
  assert.ok(thriftOf({ microsPerMonth: 100 }, spent(90), noon) < 0.5)
})

test('a conversation is known by its key and its beginning, and the longest unused is forgotten', () => {
  const first = [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: 'Hello.' },
  ]
  const later = [
    ...first,
    { role: 'assistant' as const, content: 'Hi.' },
    { role: 'user' as const, content: 'More.' },
  ]
  const of = (messages: typeof later | typeof first, key = 'key_a') =>
    sessionOf({ model: 'auto', messages }, { key })
  assert.equal(of(first), of(later))
  assert.notEqual(of(first), of(first, 'key_b'))
  const sessions = new Sessions()
  sessions.is('first', 'a/b')
  for (let nth = 0; nth < 8_192; nth++) sessions.is(String(nth), 'a/b')
  assert.deepEqual([sessions.modelOf('first'), sessions.modelOf('8191')], [undefined, 'a/b'])
})
