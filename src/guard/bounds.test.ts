import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isRefusal } from '../contract/problem.ts'
import { parseBody } from './bounds.ts'

const bounds = { maxBodyBytes: 4096, maxDepth: 8, maxValues: 100 }
function parse(text: string | Buffer): unknown {
  const parsed = parseBody(Buffer.from(text), bounds)
  assert.ok(!isRefusal(parsed), String(text).slice(0, 40))
  return parsed.value
}
function refusal(text: string | Buffer): { code: string; message: string } {
  const parsed = parseBody(Buffer.from(text), bounds)
  assert.ok(isRefusal(parsed), String(text).slice(0, 40))
  return parsed.problem
}

test('a body comes back as the value that JSON.parse gives', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      fc.pre(text.length < 2000)
      assert.deepEqual(parse(text), JSON.parse(text))
    }),
  )
})

test('a body that looks like a refusal of ours is a body like any other', () => {
  const text = '{"type":"refusal","problem":{"code":"internal","message":"x"}}'
  assert.deepEqual(parse(text), JSON.parse(text))
})

test('a body that is too large, not UTF-8 or empty is refused by name', () => {
  assert.equal(refusal('"'.padEnd(4097)).code, 'body_too_large')
  assert.equal(refusal(Buffer.from([0x22, 0xff, 0xfe, 0x22])).code, 'invalid_encoding')
  assert.equal(refusal(Buffer.from('"€"').subarray(0, 3)).code, 'invalid_encoding')
  assert.equal(refusal('').code, 'invalid_json')
})

test('nesting is counted outside strings only, and refused before the parser runs', () => {
  assert.deepEqual(parse('[[[[[[[[]]]]]]]]'), [[[[[[[[]]]]]]]])
  assert.equal(refusal('[[[[[[[[[]]]]]]]]]').code, 'too_deep')
  assert.equal(refusal('{"a":'.repeat(9)).code, 'too_deep')
  assert.equal(refusal('['.repeat(4000)).code, 'too_deep')
  assert.deepEqual(parse('{"a":"[[[[[[[[[[[[{{{{{{{{","b":"\\"[[[[[[[[[[["}'), {
    a: '[[[[[[[[[[[[{{{{{{{{',
    b: '"[[[[[[[[[[[',
  })
  assert.deepEqual(parse('[[],[],[],[],[],[],[],[],[],[]]'), [[], [], [], [], [], [], [], [], [], []])
})

test('broken JSON is refused with the position and without the text of the body', () => {
  for (const [text, position] of [
    ['{"secret":1,}', 12],
    ['{"secret" 1}', 10],
    ['secret', 0],
    ['{"secret":tru}', 13],
    ['{"secret":"x', 12],
    ['{"secret":"\u0001"}', 11],
    ['{"secret":[1,2', 14],
    ['{} secret', 3],
  ] as const) {
    const problem = refusal(text)
    assert.equal(problem.code, 'invalid_json')
    assert.match(problem.message, new RegExp(`position ${position}\\b`), `${text}: ${problem.message}`)
    assert.ok(!problem.message.includes('secret'), problem.message)
  }
})

test('arbitrary bytes are parsed or refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parseBody(Buffer.from(bytes), bounds)
    }),
  )
})

test('a body of very many small values is refused before anything walks it, and commas in strings do not count', () => {
  const many = JSON.stringify(Array(102).fill(0))
  const refused = parseBody(Buffer.from(many), bounds)
  assert.ok(isRefusal(refused))
  assert.equal(refused.problem.code, 'too_many_values')
  assert.ok(!isRefusal(parseBody(Buffer.from(JSON.stringify(Array(101).fill(0))), bounds)))
  assert.ok(!isRefusal(parseBody(Buffer.from(JSON.stringify([','.repeat(2_000)])), bounds)))
})
