import assert from 'node:assert/strict'
import { test } from 'node:test'
import { offered } from './offered.fixture.ts'
import { rescueText } from './text-rescue.ts'

/** What a tool with one parameter `x` of this schema is called with; undefined where it is not. */
function fitted(schema: object, printed: string, more: object = {}) {
  const parameters = { type: 'object', properties: { x: schema }, ...more }
  const [call] = rescueText(`f(x=${printed})`, offered([{ name: 'f', parameters }]))?.calls ?? []
  return call === undefined ? undefined : [call.arguments, ...call.coercions]
}

const LIST = { type: 'array', items: { type: 'integer' } }
const OBJECT = { type: 'object', properties: { n: { type: 'number' } } }

test('what becomes of its type without loss is coerced, and the verdict can say how', () => {
  const cases: readonly [object, string, string, ...string[]][] = [
    [{ type: 'integer' }, '"5"', '{"x":5}', 'text to integer'],
    [{ type: 'integer' }, '5.0', '{"x":5}', 'decimal to integer'],
    [{ type: 'integer' }, '"-3.00"', '{"x":-3}', 'text to integer'],
    [{ type: 'number' }, '"2.50"', '{"x":2.50}', 'text to number'],
    [{ type: 'boolean' }, '"true"', '{"x":true}', 'text to boolean'],
    [{ type: 'boolean' }, '"False"', '{"x":false}', 'text to boolean'],
    [{ type: 'string' }, '12345678901234567890', '{"x":"12345678901234567890"}', 'number to text'],
    [{ type: 'string' }, 'celsius', '{"x":"celsius"}', 'word to text'],
    [LIST, '"[1, 2]"', '{"x":[1,2]}', 'text to list'],
    [LIST, '(1, "2")', '{"x":[1,2]}', 'text to integer'],
    [OBJECT, `"{'n': 1}"`, '{"x":{"n":1}}', 'text to object'],
    [OBJECT, '{"n": "1.5"}', '{"x":{"n":1.5}}', 'text to number'],
    [OBJECT, '{"n": None}', '{"x":{}}', 'null left out'],
    [{ type: 'string', enum: ['Red', 'Blue'] }, '"red"', '{"x":"Red"}', 'case of an allowed value'],
    [{ type: 'string' }, 'None', '{}', 'null left out'],
  ]
  for (const [schema, printed, ...result] of cases) assert.deepEqual(fitted(schema, printed), result, printed)
})

test('what is of its type is left as it was printed', () => {
  const cases: readonly [object, string, string][] = [
    [{ type: 'number' }, '5', '{"x":5}'],
    [{ type: 'string' }, '"5"', '{"x":"5"}'],
    [{ type: ['string', 'null'] }, 'None', '{"x":null}'],
    [{ type: ['integer', 'string'] }, '"5"', '{"x":"5"}'],
    [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, '"5"', '{"x":"5"}'],
    [{}, '"5"', '{"x":"5"}'],
    [{ type: 'string', enum: ['a', 'A'] }, '"A"', '{"x":"A"}'],
    [{ const: 3 }, '3', '{"x":3}'],
  ]
  for (const [schema, printed, json] of cases) assert.deepEqual(fitted(schema, printed), [json], printed)
})

test('what would lose or gain something does not fit', () => {
  const cases: readonly [object, string][] = [
    [{ type: 'integer' }, '5.5'],
    [{ type: 'integer' }, '"5.5"'],
    [{ type: 'integer' }, '"007"'],
    [{ type: 'integer' }, '"1,000"'],
    [{ type: 'integer' }, '"five"'],
    [{ type: 'integer' }, 'True'],
    [{ type: 'boolean' }, '1'],
    [{ type: 'boolean' }, '"yes"'],
    [{ type: 'string' }, 'True'],
    [{ type: 'string' }, '["a"]'],
    [LIST, '1'],
    [LIST, '"1, 2"'],
    [LIST, '[1, "two"]'],
    [OBJECT, '[1]'],
    [{ ...OBJECT, additionalProperties: false }, '{"m": 1}'],
    [{ ...OBJECT, required: ['n'] }, '{}'],
    [{ ...OBJECT, required: ['n'] }, '{"n": None}'],
    [{ type: 'string', enum: ['a', 'A'] }, '"b"'],
    [{ type: 'string', enum: ['Red', 'RED'] }, '"red"'],
    [{ const: 3 }, '4'],
    [{ anyOf: [{ type: 'integer' }, { type: 'boolean' }] }, '"x"'],
    [{ anyOf: [{ type: 'array', items: {} }, { type: 'object' }] }, '3'],
  ]
  for (const [schema, printed] of cases) assert.equal(fitted(schema, printed), undefined, printed)
  assert.equal(fitted({ type: 'string' }, 'None', { required: ['x'] }), undefined)
})

test('of several branches that would take a value by a coercion none is chosen', () => {
  const branches = { anyOf: [{ type: 'integer' }, { type: 'boolean' }] }
  assert.deepEqual(fitted(branches, '"5"'), ['{"x":5}', 'text to integer'])
  assert.equal(fitted({ anyOf: [{ type: 'integer' }, { type: 'number' }] }, '"5"'), undefined)
})

test('types are known by the names that schemas give them, and references are followed', () => {
  for (const type of ['int', 'Integer', 'long']) assert.deepEqual(fitted({ type }, '5'), ['{"x":5}'], type)
  for (const type of ['tuple', 'list']) assert.deepEqual(fitted({ type }, '(1, 2)'), ['{"x":[1,2]}'], type)
  for (const type of ['dict', 'HashMap'])
    assert.deepEqual(fitted({ type }, '{"a": 1}'), ['{"x":{"a":1}}'], type)
  for (const type of ['float', 'double'])
    assert.deepEqual(fitted({ type }, '"0.5"'), ['{"x":0.5}', 'text to number'])
  assert.deepEqual(fitted({ type: 'any' }, '[1]'), ['{"x":[1]}'])
  const referring = { $ref: '#/$defs/size' }
  assert.deepEqual(fitted(referring, '"4"', { $defs: { size: { type: 'integer' } } }), [
    '{"x":4}',
    'text to integer',
  ])
})

test('an argument that the schema does not name is taken only where the schema says so', () => {
  const tool = (more: object) =>
    offered([{ name: 'f', parameters: { type: 'object', properties: { x: {} }, ...more } }])
  for (const [more, fits] of [
    [{}, false],
    [{ additionalProperties: false }, false],
    [{ additionalProperties: true }, true],
    [{ additionalProperties: { type: 'string' } }, true],
    [{ patternProperties: { '^y': {} } }, true],
  ] as const) {
    assert.equal(rescueText('f(x=1, y="a")', tool(more)) !== undefined, fits, JSON.stringify(more))
  }
})

test('values without names are taken where only one meaning is declared', () => {
  const call = (properties: readonly string[], required: readonly string[], printed: string) => {
    const parameters = {
      type: 'object',
      properties: Object.fromEntries(properties.map((name) => [name, {}])),
      required,
    }
    return rescueText(`f(${printed})`, offered([{ name: 'f', parameters }]))?.calls[0]?.arguments
  }
  assert.equal(call(['a', 'b'], ['a', 'b'], '1, 2'), '{"a":1,"b":2}')
  assert.equal(call(['a', 'b'], ['a'], '1'), '{"a":1}')
  assert.equal(call(['only'], [], '1'), '{"only":1}')
  assert.equal(call(['a', 'b'], ['b'], '1'), undefined)
  assert.equal(call(['a', 'b'], ['b', 'a'], '1, 2'), undefined)
  assert.equal(call(['a'], ['a'], '1, 2'), undefined)
  assert.equal(call(['a', 'b'], ['a', 'b'], '1, b=2'), undefined)
})

test('a schema whose branches multiply into millions is given up', () => {
  let schema: object = { type: 'integer' }
  for (let level = 0; level < 12; level++) schema = { anyOf: Array.from({ length: 8 }, () => schema) }
  assert.equal(fitted(schema, '"x"'), undefined)
})
