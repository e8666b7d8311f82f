import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textTable } from './table.ts'

test('columns line up, and the last one is left as it is', () => {
  const text = textTable(
    ['ID', 'NAME', 'STATE'],
    [
      ['a', 'Zoë', 'active'],
      ['long-one', '', 'revoked'],
    ],
  )
  assert.equal(text, 'ID        NAME  STATE\na         Zoë   active\nlong-one        revoked\n')
})

test('a cell cannot steer the terminal', () => {
  assert.equal(textTable(['A'], [['x\u001b[2Jy\nz']]), 'A\nx?[2Jy?z\n')
})
