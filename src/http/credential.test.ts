import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../contract/problem.ts'
import { bearer, bearerOrApiKey } from './credential.ts'

test('either header brings the key, and both where it is the same one', () => {
  assert.equal(bearerOrApiKey({ authorization: 'Bearer upk_a' }), 'Bearer upk_a')
  assert.equal(bearerOrApiKey({ 'x-api-key': 'upk_a' }), 'upk_a')
  for (const authorization of ['Bearer upk_a', 'bearer  upk_a ', 'upk_a']) {
    assert.equal(bearerOrApiKey({ authorization, 'x-api-key': 'upk_a' }), 'upk_a')
  }
  assert.equal(bearerOrApiKey({}), undefined)
})

test('two keys are nobody’s, and neither of them is told', () => {
  for (const authorization of ['Bearer upk_b', 'Bearer upk_a2', 'Bearer', '']) {
    const refused = bearerOrApiKey({ authorization, 'x-api-key': 'upk_a' })
    assert.ok(isRefusal(refused), authorization)
    assert.equal(refused.problem.code, 'invalid_key')
    assert.doesNotMatch(refused.problem.message, /upk_/)
  }
})

test('where only bearers count an x-api-key is not looked at', () => {
  assert.equal(bearer({ 'x-api-key': 'upk_a' }), undefined)
  assert.equal(bearer({ authorization: 'Bearer upk_b', 'x-api-key': 'upk_a' }), 'Bearer upk_b')
})
