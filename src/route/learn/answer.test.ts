import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { normaliseAnswer } from './answer.ts'
import { agree } from './evidence.ts'

const EQUAL: readonly (readonly unknown[])[] = [
  ['18', ' 18.0 ', '$18$', '\\boxed{18}', '18.', '"18"', 18, '$\\boxed{18}$', '18\\%'],
  ['1,234', '1234', '1234.00', '\\$1,234'],
  ['\\frac{1}{2}', '1/2', '\\dfrac{1}{2}', '\\frac12', '$\\frac{1}{2}$', '\\left\\frac{1}{2}\\right'],
  ['True', 'true', "'true'", '`TRUE`'],
  ["{'a': [1, 2]}", "{'a':[1,2]}"],
  ['\\text{north}', 'North'],
  ['90^\\circ', '90', '90°'],
  ['', "''"],
]

test('forms of one answer are one', () => {
  for (const forms of EQUAL) {
    const normal = new Set(forms.map(normaliseAnswer))
    assert.equal(normal.size, 1, `${JSON.stringify(forms)} became ${JSON.stringify([...normal])}`)
  }
})

test('different answers stay different', () => {
  const normal = EQUAL.map(([first]) => normaliseAnswer(first))
  assert.equal(new Set(normal).size, EQUAL.length)
  for (const [left, right] of [
    ['-1', '1'],
    ['12', '1,2'],
    ['1/2', '2/1'],
    ['x^2', 'x_2'],
    ['1e3', '1e-3'],
  ]) {
    assert.notEqual(normaliseAnswer(left), normaliseAnswer(right))
  }
})

test('any answer has a form, a long one in no more than bounded work', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof normaliseAnswer(text) === 'string'))
  assert.ok((normaliseAnswer('x'.repeat(1_000_000)) ?? '').length <= 2_000)
})

test('no answer agrees with nothing, and what nobody knows is no disagreement', () => {
  const said = (answer: unknown) => ({ answer, outTokens: 1, valid: true })
  assert.equal(agree({ weak: said('7'), second: said('7.0') }), true)
  assert.equal(agree({ weak: said('7'), second: said('8') }), false)
  assert.equal(agree({ weak: said(null), second: said(null) }), false)
  assert.equal(agree({ weak: said(undefined), second: said('8') }), undefined)
  assert.equal(agree({ weak: said('7'), second: undefined }), undefined)
})
