import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import type { GrammarBounds } from './bounds.ts'
import { compileJsonObject, compileSchema } from './compile.ts'
import { GrammarTexts } from './gbnf.fixture.ts'
import { Matcher } from './match.fixture.ts'
import type { Compiled, Refused } from './outcome.ts'
import { chance, validatorOf } from './validator.fixture.ts'

interface Example {
  readonly name: string
  readonly schema: object
  readonly valid: readonly unknown[]
  readonly invalid: readonly unknown[]
}

const EXAMPLES: readonly Example[] = JSON.parse(
  readFileSync(new URL('schemas.fixture.json', import.meta.url), 'utf8'),
)
const matcher = await Matcher.open()
after(() => matcher[Symbol.asyncDispose]())

function compiled(schema: unknown, bounds?: Partial<GrammarBounds>): Compiled {
  const found = compileSchema(schema, bounds)
  assert.ok(found.type === 'compiled', JSON.stringify(found))
  return found
}

function refused(schema: unknown): Refused {
  const found = compileSchema(schema)
  assert.ok(found.type === 'refused', 'it is compiled')
  return found
}

/** What llama.cpp takes for a schema, as compact JSON. */
function taker(schema: unknown, bounds?: Partial<GrammarBounds>): (value: unknown) => boolean {
  const fits = matcher.read(compiled(schema, bounds).gbnf)
  return (value) => fits(JSON.stringify(value))
}

describe('the set of schemas', () => {
  assert.ok(EXAMPLES.length >= 100)
  for (const { name, schema, valid, invalid } of EXAMPLES) {
    test(`${name}: llama.cpp takes what is valid, and nothing else is ever said`, () => {
      const { gbnf, checked, longest } = compiled(schema)
      const validate = validatorOf(schema)
      const fits = matcher.read(gbnf)
      for (const value of valid) {
        assert.ok(validate(value), `Ajv refuses ${JSON.stringify(value)}`)
        assert.ok(fits(JSON.stringify(value)), `the grammar refuses ${JSON.stringify(value)}`)
      }
      for (const value of invalid) {
        assert.ok(!validate(value), `Ajv takes ${JSON.stringify(value)}`)
        assert.ok(!fits(JSON.stringify(value)), `the grammar takes ${JSON.stringify(value)}`)
      }
      assert.ok(longest < Infinity)
      const texts = new GrammarTexts(gbnf)
      const random = chance(1)
      for (let count = 0; count < 40; count++) {
        const text = texts.say(random)
        assert.ok([...text].length <= longest)
        const value: unknown = JSON.parse(text)
        if (checked.length === 0) assert.ok(validate(value), `${text} ${JSON.stringify(validate.errors)}`)
      }
      assert.ok(fits(texts.say(random)), 'llama.cpp reads the grammar as it is read here')
    })
  }
})

describe('what is printed', () => {
  test('one space may follow a comma or a colon, and no other space stands anywhere', () => {
    const schema = { type: 'object', properties: { a: { type: 'array', items: { type: 'integer' } } } }
    const fits = matcher.read(compiled({ ...schema, required: ['a'] }).gbnf)
    for (const text of ['{"a":[1,2]}', '{"a": [1, 2]}', '{"a": [1,2]}']) assert.ok(fits(text), text)
    for (const text of ['{ "a":[1]}', '{"a":  [1]}', '{"a":[1 ]}', '{"a":[1]} ', '{"a"\n:[1]}']) {
      assert.ok(!fits(text), text)
    }
  })

  test('strings hold no raw control characters, no broken escapes and no halves of surrogate pairs', () => {
    const fits = matcher.read(compiled({ type: 'string' }).gbnf)
    for (const text of ['"\\n\\t\\\\\\""', '"é😀"', '""']) assert.ok(fits(text), text)
    for (const text of ['"\n"', '"\\x"', '"\\u12"', '"\\ud800"', '"\u0000"', '"\ufffd"', '"a', '"\\"']) {
      assert.ok(!fits(text), JSON.stringify(text))
    }
  })

  test('numbers have one spelling of their whole part, and no exponent', () => {
    const fits = matcher.read(compiled({ type: 'number' }).gbnf)
    for (const text of ['0', '-1', '10.50', '0.0']) assert.ok(fits(text), text)
    for (const text of ['-0', '01', '1e3', '.5', '1.', '+1', '-0.0', 'NaN']) assert.ok(!fits(text), text)
  })

  test('a property that the schema does not name is printed only where it asks for others', () => {
    const named = { type: 'object', properties: { a: { type: 'integer' } } }
    assert.ok(!taker(named)({ a: 1, b: 2 }))
    assert.ok(taker({ ...named, additionalProperties: true })({ a: 1, b: 2 }))
    assert.ok(taker({ type: 'object' })({ b: 2 }))
    assert.ok(taker({ ...named, minProperties: 2 })({ a: 1, b: 2 }))
  })

  test('a name that is given is not printed again among the others, nor one that a program may trip over', () => {
    const { gbnf } = compiled({
      type: 'object',
      properties: { 'a"b': { type: 'integer' }, ab: { type: 'integer' } },
      additionalProperties: { type: 'integer' },
    })
    const fits = matcher.read(gbnf)
    assert.ok(fits('{"ab":1,"abc":2,"a":3}'))
    assert.ok(!fits('{"ab":1,"ab":2}'))
    assert.ok(!fits('{"a\\"b":1,"a\\"b":2}'))
    assert.ok(!fits('{"__proto__":2}'))
  })

  test('a keyword that speaks of one kind of value intends it, and anything at all stays anything', () => {
    const text = taker({ minLength: 2 })
    assert.ok(text('ab') && !text(1) && !text('a'))
    const either = taker({ anyOf: [{ minimum: 5 }, { required: ['a'] }] })
    assert.ok(either(5) && either({ a: null }) && !either('x'))
    const any = taker({})
    for (const value of [null, 1, 'x', [], {}]) assert.ok(any(value))
  })

  test('json_object is any object, and nothing else', () => {
    const found = compileJsonObject()
    assert.ok(found.type === 'compiled')
    const fits = matcher.read(found.gbnf)
    assert.ok(fits('{}') && fits('{"a":[{"b":null}],"c":1.5}'))
    assert.ok(!fits('[]') && !fits('"x"') && !fits('{"a":1'))
  })
})

describe('bounds', () => {
  test('strings, lists, names and recursion end where the bounds say', () => {
    const bounds = { stringChars: 70, items: 3, extraKeys: 2, keyChars: 4, recursion: 1 }
    const text = taker({ type: 'string' }, bounds)
    assert.ok(text('x'.repeat(70)) && text('') && text('x'.repeat(64)) && !text('x'.repeat(71)))
    const list = taker({ type: 'array', items: { type: 'null' } }, bounds)
    assert.ok(list([null, null, null]) && !list([null, null, null, null]))
    const map = taker({ type: 'object', additionalProperties: { type: 'null' } }, bounds)
    assert.ok(map({ a: null, abcd: null }) && !map({ a: null, b: null, c: null }) && !map({ abcde: null }))
    const tree = taker({ anyOf: [{ type: 'null' }, { type: 'array', items: { $ref: '#' } }] }, bounds)
    assert.ok(tree([[]]) && tree([null]) && !tree([[null]]))
  })

  test('a limit of the schema holds to the character, whatever blocks it is counted in', () => {
    for (const [least, most] of [
      [0, 63],
      [0, 64],
      [1, 65],
      [63, 129],
      [200, 200],
      [5, 1_000],
    ] as const) {
      const fits = taker({ type: 'string', minLength: least, maxLength: most })
      assert.ok(fits('é'.repeat(most)) && !fits('é'.repeat(most + 1)), `${most}`)
      assert.ok(fits('"'.repeat(least)) && (least === 0 || !fits('"'.repeat(least - 1))), `${least}`)
    }
  })

  test('recursion that needs more room than the bound is given it', () => {
    const nested = (levels: number): object =>
      levels === 0
        ? { $ref: '#' }
        : { type: 'object', properties: { a: nested(levels - 1) }, required: ['a'] }
    const schema = { anyOf: [{ ...nested(3), title: 'deep' }, { type: 'null' }] }
    assert.ok(taker(schema, { recursion: 0 })(null))
    const wide = {
      type: 'object',
      properties: { a: { $ref: '#/$defs/b' } },
      required: ['a'],
      additionalProperties: false,
    }
    const chain = {
      ...wide,
      $defs: { b: { anyOf: [{ $ref: '#/$defs/c' }] }, c: { anyOf: [{ enum: [1] }, { $ref: '#' }] } },
    }
    assert.ok(taker(chain, { recursion: 0 })({ a: 1 }))
  })

  test('a schema that would make too large a grammar gets tighter bounds, and then a reason', () => {
    const lists = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [
        `p${at}`,
        { type: 'array', items: { type: 'string', maxLength: at + 1 } },
      ]),
    )
    const found = compiled({ type: 'object', properties: lists, required: Object.keys(lists) })
    assert.equal(found.bounds.items, 128)
    const wide = Object.fromEntries(Array.from({ length: 11_000 }, (_, at) => [`p${at}`, { enum: [at] }]))
    const { why } = refused({ type: 'object', properties: wide })
    assert.match(why, /make (it|the schema) smaller/)
  })
})

describe('refusals say what is wrong, where, and what to do', () => {
  const cases: readonly (readonly [schema: unknown, pointer: string, why: RegExp])[] = [
    [{ type: 'integer', minimum: 5, maximum: 3 }, '/minimum', /nothing lies between minimum 5 and maximum 3/],
    [{ type: 'string', minLength: 4, maxLength: 3 }, '/minLength', /minLength 4 and maxLength 3/],
    [
      {
        type: 'object',
        properties: { a: { type: 'integer', minimum: 5, exclusiveMaximum: 5 } },
        required: ['a'],
      },
      '/properties/a/minimum',
      /the property "a" is required, and nothing fits it/,
    ],
    [
      { type: 'object', properties: { a: false }, required: ['a'] },
      '/required',
      /"a" is required, and its schema is false/,
    ],
    [{ type: 'object', required: ['a', 'b'], maxProperties: 1 }, '/required', /maxProperties is 1/],
    [{ allOf: [{ type: 'string' }, { type: 'integer' }] }, '/allOf', /no value meets all/],
    [{ type: 'string', pattern: '^a$', minLength: 2 }, '/type', /no value meets all/],
    [{ type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] }, '', /holds itself without end/],
    [{ $ref: '#' }, '/$ref', /leads back to itself/],
    [{ anyOf: [{ $ref: '#' }, { type: 'null' }] }, '', /leads back to itself before any property/],
    [{ properties: { a: { $ref: '#/$defs/no' } } }, '/properties/a/$ref', /leads to nothing/],
    [{ $ref: 'other.json' }, '/$ref', /nothing is fetched/],
    [{ type: 'strnig' }, '/type', /"strnig" is no type/],
    [{ type: 'string', pattern: '(' }, '/pattern', /no regular expression/],
    [{ type: 'array', items: 5 }, '/items', /a schema is expected here/],
    [{ type: 'array', minItems: 10_000 }, '/minItems', /ask for fewer/],
    [{ type: 'string', minLength: 1e9 }, '/minLength', /ask for fewer/],
    [{ enum: [] }, '/enum', /at least one value/],
    [{ minimum: '3' }, '/minimum', /a number/],
    [{ maxItems: -1 }, '/maxItems', /whole number/],
    [false, '', /false allows no value/],
    [null, '', /a schema is an object/],
    [7, '', /a schema is an object/],
  ]
  for (const [schema, pointer, why] of cases) {
    test(`${JSON.stringify(schema).slice(0, 80)} at ${pointer || 'the root'}`, () => {
      const found = refused(schema)
      assert.equal(found.pointer, pointer)
      assert.match(found.why, why)
    })
  }

  test('what cannot be is left out where it need not be', () => {
    const fits = taker({
      type: 'object',
      properties: { a: { type: 'integer', minimum: 5, maximum: 3 }, b: { const: 1 } },
    })
    assert.ok(fits({}) && fits({ b: 1 }) && !fits({ a: 4 }))
  })
})

describe('what a validator must see after the grammar', () => {
  const cases: readonly (readonly [schema: object, keyword: string, pointer: string])[] = [
    [{ type: 'string', pattern: '^(a)\\1$' }, 'pattern', '/pattern'],
    [{ type: 'array', items: { type: 'string' }, uniqueItems: true }, 'uniqueItems', '/uniqueItems'],
    [
      { type: 'object', properties: { a: { type: 'string', format: 'nonsense' } } },
      'format',
      '/properties/a/format',
    ],
    [{ type: 'object', minProperties: 2 }, 'minProperties', '/minProperties'],
    [{ type: 'number', multipleOf: 0.15 }, 'multipleOf', '/multipleOf'],
    [{ type: 'array', not: { uniqueItems: true } }, 'not', '/not'],
  ]
  for (const [schema, keyword, pointer] of cases) {
    test(`${keyword} in ${JSON.stringify(schema)}`, () => {
      const found = compiled(schema).checked.find((one) => one.keyword === keyword)
      assert.equal(found?.pointer, pointer)
    })
  }

  test('a schema that is followed wholly leaves nothing to a validator', () => {
    assert.deepEqual(
      compiled({ type: 'object', properties: { a: { enum: [1] } }, required: ['a'] }).checked,
      [],
    )
  })
})
