import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isRight } from './ast-rule.ts'
import { jsonValue } from './plain.ts'
import { questionSchema } from './rows.ts'

/** A question about a boat: `truth` lists what is accepted, an empty text where an argument may be left out. */
function question(truth: readonly object[], properties: object, required: readonly string[] = []) {
  const parameters = { type: 'dict', properties, required }
  const functions = [
    { name: 'boat.find', parameters },
    { name: 'boat.sell', parameters },
  ]
  return questionSchema.parse({ id: 'simple_1', function: functions, ground_truth: truth })
}

function calls(...printed: readonly (readonly [string, object | string])[]) {
  return printed.map(([name, held]) => {
    const value = jsonValue(typeof held === 'string' ? held : JSON.stringify(held))
    assert.ok(value?.kind === 'dict')
    return { name, arguments: value.entries }
  })
}

/** Whether a value is right for one parameter of this shape. */
function accepts(shape: object, accepted: readonly unknown[], value: string): boolean {
  const asked = question([{ 'boat.find': { x: accepted } }], { x: shape })
  return isRight(asked, calls(['boat.find', `{"x": ${value}}`]))
}

describe('a call is right', () => {
  const shape = { city: { type: 'string' }, seats: { type: 'integer' } }
  const truth = { 'boat.find': { city: ['Bergen'], seats: [4, ''] } }
  const one = question([truth], shape, ['city'])

  test('where name and arguments are, with dots and underscores alike', () => {
    assert.ok(isRight(one, calls(['boat.find', { city: 'Bergen', seats: 4 }])))
    assert.ok(isRight(one, calls(['boat_find', { city: 'Bergen' }])))
    assert.ok(!isRight(one, calls(['boat.sell', { city: 'Bergen' }])))
    assert.ok(!isRight(one, calls(['boat', { city: 'Bergen' }])))
  })

  test('where none is missing that is required or may not be left out, and none is unknown', () => {
    assert.ok(!isRight(one, calls(['boat.find', { seats: 4 }])))
    assert.ok(!isRight(one, calls(['boat.find', { city: 'Bergen', wind: 'low' }])))
    const strict = question([{ 'boat.find': { city: ['Bergen'], seats: [4] } }], shape, ['city'])
    assert.ok(!isRight(strict, calls(['boat.find', { city: 'Bergen' }])))
    const silent = question([{ 'boat.find': { city: ['Bergen'] } }], shape, ['city'])
    assert.ok(!isRight(silent, calls(['boat.find', { city: 'Bergen', seats: 4 }])))
  })

  test('where there are as many as in the truth, in any order, each matched once', () => {
    const wide = { 'boat.find': { city: ['Bergen', 'Oslo'] } }
    const narrow = { 'boat.find': { city: ['Bergen'] } }
    const two = question([wide, narrow], { city: { type: 'string' } }, ['city'])
    const [bergen, oslo] = [
      ['boat.find', { city: 'Bergen' }] as const,
      ['boat.find', { city: 'Oslo' }] as const,
    ]
    assert.ok(isRight(two, calls(oslo, bergen)))
    assert.ok(isRight(two, calls(bergen, oslo)))
    assert.ok(isRight(two, calls(bergen, bergen)))
    assert.ok(!isRight(two, calls(oslo, oslo)))
    assert.ok(!isRight(two, calls(bergen)))
    assert.ok(!isRight(two, calls(bergen, oslo, bergen)))
  })

  test('where no call is right, an answer without one is', () => {
    const none = question([], shape)
    assert.ok(isRight(none, []))
    assert.ok(!isRight(none, calls(['boat.find', { city: 'Bergen' }])))
  })
})

test('values are compared by type: texts without case, blanks and marks, whole numbers where a float is wanted', () => {
  const text = { type: 'string' }
  assert.ok(accepts(text, ['New York, NY'], '"new york ny"'))
  assert.ok(accepts(text, ['3*x^2'], '"3x2"'))
  assert.ok(accepts(text, ["the 'boat'"], JSON.stringify('the "boat"')))
  assert.ok(!accepts(text, ['Bergen'], '"Oslo"'))
  assert.ok(!accepts(text, ['5'], '5'))
  assert.ok(accepts({ type: 'float' }, [4, 4.5], '4'))
  assert.ok(accepts({ type: 'float' }, [4.5], '4.50'))
  assert.ok(!accepts({ type: 'integer' }, [4], '4.5'))
  assert.ok(!accepts({ type: 'integer' }, [4], '"4"'))
  assert.ok(accepts({ type: 'boolean' }, [true], 'true'))
  assert.ok(!accepts({ type: 'boolean' }, [true], '"true"'))
  assert.ok(!accepts(text, ['Bergen', ''], 'null'))
})

test('lists and dicts are compared member by member', () => {
  const texts = { type: 'array', items: { type: 'string' } }
  assert.ok(accepts(texts, [['Sail', 'Oar']], '["sail", "oar"]'))
  assert.ok(!accepts(texts, [['Sail', 'Oar']], '["oar", "sail"]'))
  assert.ok(!accepts(texts, [['Sail']], '"sail"'))
  assert.ok(accepts({ type: 'tuple', items: { type: 'float' } }, [[1.5, 2]], '[1.5, 2]'))
  assert.ok(!accepts({ type: 'array', items: { type: 'integer' } }, [[1]], '["1"]'))
  const dict = { type: 'dict' }
  const member = { hull: ['Wood', 'wooden'], mast: [2, ''] }
  assert.ok(accepts(dict, [member], '{"hull": "wood"}'))
  assert.ok(accepts(dict, [member], '{"hull": "Wooden", "mast": 2}'))
  assert.ok(!accepts(dict, [member], '{"mast": 2}'))
  assert.ok(!accepts(dict, [member], '{"hull": "wood", "keel": 1}'))
  const dicts = { type: 'array', items: { type: 'dict' } }
  assert.ok(accepts(dicts, [[member, member]], '[{"hull": "wood"}, {"hull": "wood"}]'))
  assert.ok(!accepts(dicts, [[member]], '[{"hull": "wood"}, {"hull": "wood"}]'))
})

test('a text stands for a value where the truth itself is a text: the name of a variable', () => {
  assert.ok(accepts({ type: 'array', items: { type: 'float' } }, ['data.x'], '"data.x"'))
  assert.ok(!accepts({ type: 'array', items: { type: 'float' } }, ['data.x'], '"data.y"'))
  assert.ok(!accepts({ type: 'array', items: { type: 'float' } }, ['data.x'], '"dataX"'))
})
