import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LIMITS } from './bounds.ts'
import { compileSchema } from './compile.ts'
import { GrammarTexts } from './gbnf.fixture.ts'
import { chance, validatorOf } from './validator.fixture.ts'

function list<Item>(length: number, make: (index: number) => Item): Item[] {
  return Array.from({ length }, (_, index) => make(index))
}

function table<Item>(length: number, make: (index: number) => readonly [string, Item]): Record<string, Item> {
  return Object.fromEntries(list(length, make))
}

function nested(levels: number, wrap: (inner: object) => object, innermost: object): object {
  return list(levels, () => wrap).reduce((inner, one) => one(inner), innermost)
}

function chain(link: (next: string) => object): object {
  const links = table(4_000, (at) => [`d${at}`, link(`#/$defs/d${at + 1}`)])
  return { $defs: { ...links, d4000: { type: 'string' } }, $ref: '#/$defs/d0' }
}

const INTEGER = { type: 'integer' }

/** Each of these would grow beyond all bounds in a compiler that multiplied things out. */
const SCHEMAS: Readonly<Record<string, unknown>> = {
  '2,000 optional properties': { type: 'object', properties: table(2_000, (at) => [`p${at}`, INTEGER]) },
  'a count over 300 optional properties': {
    type: 'object',
    properties: table(300, (at) => [`p${at}`, INTEGER]),
    minProperties: 100,
    maxProperties: 200,
  },
  'thirty choices of ten at once': {
    allOf: list(30, (at) => ({
      anyOf: list(10, (choice) => ({ properties: { [`k${at}`]: { const: choice } }, required: [`k${at}`] })),
    })),
  },
  'references that double forty times': {
    $defs: table(40, (at) => [
      `d${at}`,
      at === 0
        ? INTEGER
        : { prefixItems: [{ $ref: `#/$defs/d${at - 1}` }, { $ref: `#/$defs/d${at - 1}` }], items: false },
    ]),
    $ref: '#/$defs/d39',
  },
  'alternatives that double thirty times': {
    $defs: table(30, (at) => [
      `d${at}`,
      at === 0 ? INTEGER : { anyOf: [{ $ref: `#/$defs/d${at - 1}` }, { $ref: `#/$defs/d${at - 1}` }] },
    ]),
    $ref: '#/$defs/d29',
  },
  'fifty objects that hold one another': {
    $defs: table(50, (at) => [
      `d${at}`,
      { type: 'object', properties: table(50, (to) => [`r${to}`, { $ref: `#/$defs/d${to}` }]) },
    ]),
    $ref: '#/$defs/d0',
  },
  'sixty branches that overlap': {
    oneOf: list(60, (at) => ({ type: 'object', properties: { [`a${at}`]: INTEGER }, required: [`a${at}`] })),
  },
  'conditions in a ring': {
    type: 'object',
    properties: table(40, (at) => [`p${at}`, INTEGER]),
    allOf: list(40, (at) => {
      return Object.fromEntries([
        ['if', { required: [`p${at}`] }],
        ['then', { required: [`p${(at + 1) % 40}`] }],
      ])
    }),
  },
  'a pattern that doubles': { type: 'string', pattern: '^(a|b)*a(a|b){40}$' },
  'a pattern of a million characters': { type: 'string', pattern: '^(a{1000}){1000}$' },
  'loops within loops': { type: 'string', pattern: '^(((((a*)*)*)*)*)*b$' },
  'a thousand patterns of names': {
    type: 'object',
    patternProperties: table(1_000, (at) => [`^p${at}.*x$`, INTEGER]),
  },
  'patterns that multiply': { type: 'string', allOf: list(8, (at) => ({ pattern: `a.{${at + 3}}b` })) },
  'ten thousand values': { enum: list(10_000, (at) => `value-${at * 7_919}`) },
  'values that begin alike': { enum: list(400, (at) => 'a'.repeat(at)) },
  'references one behind the other': chain((next) => ({ $ref: next })),
  'references side by side with something': chain((next) => ({ allOf: [{ $ref: next }], maxLength: 9 })),
  'denials one behind the other': chain((next) => ({ not: { $ref: next } })),
  'properties one behind the other': chain((next) => ({ properties: { a: { $ref: next } } })),
  'nothing but depth': nested(5_000, (items) => ({ items }), {}),
  'denials of denials': nested(60, (not) => ({ not }), { type: 'string' }),
  'lists of lists of 500': nested(5, (items) => ({ type: 'array', items, minItems: 500 }), {
    type: 'boolean',
  }),
}

describe('a hostile schema is compiled within the limits, or refused with a reason', () => {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    test(name, () => {
      const compiled = compileSchema(schema)
      if (compiled.type === 'refused') {
        assert.ok(compiled.why.length > 20 && compiled.keyword !== '')
        return
      }
      assert.ok(compiled.gbnf.split('\n').length <= LIMITS.rules + 1)
      assert.ok(Buffer.byteLength(compiled.gbnf) <= LIMITS.bytes + LIMITS.rules)
      assert.ok(!Number.isNaN(compiled.longest))
    })
  }
})

test('patterns that are too many for one grammar are left to a validator, and the schema is not refused', () => {
  const heavy = (at: number) => ({
    type: 'string',
    allOf: [{ pattern: `a${at}.{9}b` }, { pattern: `c${at}.{9}d` }],
  })
  const compiled = compileSchema({ type: 'object', properties: table(100, (at) => [`p${at}`, heavy(at)]) })
  assert.ok(compiled.type === 'compiled')
  assert.equal(compiled.checked.filter(({ keyword }) => keyword === 'pattern').length, 200)
})

test('a value that is no schema is refused, never thrown at', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom(
        'type',
        'enum',
        'properties',
        'required',
        'items',
        'anyOf',
        'pattern',
        '$ref',
        'minLength',
        'not',
        'additionalProperties',
      ),
      (value, keyword) => {
        for (const schema of [value, { [keyword]: value }]) {
          const { type } = compileSchema(schema)
          assert.ok(type === 'compiled' || type === 'refused')
        }
      },
    ),
    { numRuns: 300, seed: 1 },
  )
})

const KEYS = ['a', 'b', 'ab', 'x1']
const PATTERNS = ['^a', 'b$', '^[a-c]+$', '\\d', '^.{2,4}$', '[^a]', '^$', '\\bx', '^(?!a)']
const key = fc.constantFrom(...KEYS)
const few = fc.integer({ min: 0, max: 3 })

/** Schemas of all sorts of keywords that stand together as they happen to. */
const { schema: anySchema } = fc.letrec((tie) => ({
  schema: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.boolean(), tie('leaf'), tie('branch')),
  leaf: fc.record(
    {
      type: fc.oneof(
        fc.constantFrom('string', 'integer', 'number', 'boolean', 'null', 'array', 'object'),
        fc.uniqueArray(fc.constantFrom('string', 'integer', 'null', 'object'), {
          minLength: 1,
          maxLength: 3,
        }),
      ),
      minimum: fc.constantFrom(-3, 0, 1.5),
      exclusiveMaximum: fc.constantFrom(5, 7.5, 100),
      multipleOf: fc.constantFrom(1, 3, 0.5),
      minLength: few,
      maxLength: fc.integer({ min: 2, max: 6 }),
      pattern: fc.constantFrom(...PATTERNS),
      enum: fc.uniqueArray(fc.constantFrom(null, 1, 2.5, 'a', 'ab', 'foo', true), {
        minLength: 1,
        maxLength: 3,
      }),
    },
    { requiredKeys: [] },
  ),
  branch: fc.record(
    {
      type: fc.constantFrom('array', 'object', 'object', 'object'),
      properties: fc.dictionary(key, tie('schema'), { maxKeys: 3 }),
      required: fc.uniqueArray(key, { maxLength: 2 }),
      additionalProperties: tie('schema'),
      patternProperties: fc.dictionary(fc.constantFrom(...PATTERNS), tie('schema'), { maxKeys: 2 }),
      propertyNames: tie('leaf'),
      minProperties: few,
      maxProperties: few,
      dependentRequired: fc.dictionary(key, fc.array(key, { maxLength: 1 }), { maxKeys: 2 }),
      items: tie('schema'),
      prefixItems: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
      minItems: few,
      maxItems: few,
      contains: tie('schema'),
      maxContains: few,
      uniqueItems: fc.boolean(),
      anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }),
      oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }),
      allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
      not: tie('schema'),
    },
    { requiredKeys: [] },
  ),
}))

test('whatever schema is compiled wholly, only valid values are said', () => {
  const bounds = { stringChars: 10, keyChars: 5, items: 4, extraKeys: 2, recursion: 2, recursiveItems: 2 }
  let said = 0
  const property = fc.property(anySchema, (schema) => {
    const compiled = compileSchema(schema, bounds)
    if (compiled.type === 'refused' || compiled.checked.length > 0) return
    const validate = validatorOf(schema === true ? {} : (schema as object))
    const texts = new GrammarTexts(compiled.gbnf)
    const random = chance(2)
    for (let count = 0; count < 10; count++) {
      const text = texts.say(random)
      said += 1
      assert.ok(validate(JSON.parse(text)), `${text} ${JSON.stringify(validate.errors)}`)
    }
  })
  fc.assert(property, { numRuns: 400, seed: 1 })
  assert.ok(said > 1_000, `${said} were said`)
})
