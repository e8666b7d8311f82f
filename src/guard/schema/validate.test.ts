import assert from 'node:assert/strict'
import { test } from 'node:test'
import { performSchemaTask } from './validate.ts'

function judged(schema: object, value: number) {
  return performSchemaTask({ type: 'validate', schema: JSON.stringify(schema), text: JSON.stringify(value) })
}

test('multiples are told in decimals, by each dialect', () => {
  for (const $schema of [undefined, 'http://json-schema.org/draft-07/schema#']) {
    const cents = { $schema, type: 'number', multipleOf: 0.01 }
    for (const value of [0.07, 19.99, -1.1, 1_234_567_890_123.45, 1e21, 0])
      assert.equal(judged(cents, value).type, 'valid', `${value}`)
    for (const value of [0.075, 1e-9, 19.999]) assert.equal(judged(cents, value).type, 'invalid', `${value}`)
    assert.equal(judged({ $schema, multipleOf: 7 }, 5e-324).type, 'invalid')
    assert.equal(judged({ $schema, multipleOf: 7 }, 1.4e308).type, 'valid')
  }
  const told = judged({ multipleOf: 0.01 }, 0.075)
  assert.deepEqual(told, { type: 'invalid', errors: ['the value must be a multiple of 0.01'] })
})

test('a step that is none is the fault of the schema', () => {
  for (const multipleOf of [0, -1, 'x', null])
    assert.equal(judged({ multipleOf }, 1).type, 'bad-schema', `${multipleOf}`)
})
