import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { boundsToTry } from './bounds.ts'
import { compileSchema } from './compile.ts'
import { isCovered } from './covers.ts'

function covers(schema: object): boolean {
  return isCovered({
    response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { ...schema } } },
  })
}

/** What is covered must be followed wholly, or refused, within the bounds that large schemas get, too. */
function isKept(schema: object): boolean {
  if (!covers(schema)) return true
  return boundsToTry({}).every((bounds) => {
    const compiled = compileSchema(schema, bounds)
    return compiled.type === 'refused' || compiled.checked.length === 0
  })
}

const LEAF = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.constantFrom<object>(
      { type: 'string' },
      { type: ['string', 'null'], maxLength: 9 },
      { type: 'integer', minimum: -3, maximum: 300 },
      { type: 'number', exclusiveMinimum: 0.5 },
      { enum: ['a', 1, null] },
      { const: { a: [1] } },
      { minLength: 2 },
      { $ref: '#/$defs/one' },
      {},
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<object>(
      { type: 'string', pattern: 'a(?=b)' },
      { uniqueItems: true },
      { format: 'regex' },
    ),
  },
)

const { schema: anySchema } = fc.letrec<{ schema: object }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    LEAF,
    fc.record({ type: fc.constant('array'), items: tie('schema'), minItems: fc.nat(3) }),
    fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 4 }) }),
    fc.record({
      type: fc.constantFrom('object', 'object', ['object', 'string']),
      properties: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema')),
      required: fc.subarray(['a', 'b', 'd']),
      additionalProperties: fc.oneof(fc.boolean(), tie('schema')),
    }),
    fc.record({
      anyOf: fc.array(tie('schema'), { minLength: 2, maxLength: 3 }),
      properties: fc.record({ a: LEAF }),
    }),
  ),
}))

test('of whatever is said to be covered, the grammar leaves nothing to a validator', () => {
  const whole = fc.tuple(anySchema, anySchema).map(([schema, one]) => ({ ...schema, $defs: { one } }))
  let told = 0
  const property = fc.property(whole, (schema) => {
    assert.ok(isKept(schema))
    if (covers(schema) && compileSchema(schema).type === 'compiled') told += 1
  })
  fc.assert(property, { numRuns: 400 })
  assert.ok(told > 40, `${told} of 400 were covered`)
})

test('of the trial’s schemas a good part is covered, and each that is, is followed wholly', () => {
  const file = new URL('./schemas.fixture.json', import.meta.url)
  const trials: readonly { name: string; schema: object }[] = JSON.parse(readFileSync(file, 'utf8'))
  for (const { name, schema } of trials) assert.ok(isKept(schema), name)
  const covered = trials.filter(({ schema }) => covers(schema)).length
  assert.ok(covered > 25, `${covered} of ${trials.length}`)
})

test('keywords that may be left to a validator, and choices without end, are not covered', () => {
  const doubling = Object.fromEntries(
    Array.from({ length: 30 }, (_, at) => [
      `d${at}`,
      { anyOf: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }] },
    ]),
  )
  for (const schema of [
    { type: 'string', pattern: '^a$' },
    { type: 'object', properties: { a: { not: { type: 'string' } } } },
    { type: 'array', items: { oneOf: [{ type: 'string' }, { type: 'integer' }] } },
    { type: 'array', items: { $ref: 'https://example.org/other' } },
    { $defs: { ...doubling, d30: { type: 'string' } }, $ref: '#/$defs/d0' },
    { type: 'string', unheard: 1 },
  ])
    assert.equal(covers(schema), false, JSON.stringify(schema).slice(0, 80))
  assert.equal(isCovered({}), false)
  assert.equal(isCovered({ response_format: { type: 'text' } }), false)
  assert.equal(isCovered({ response_format: { type: 'json_object' } }), true)
})
