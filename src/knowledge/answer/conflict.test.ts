import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Passage } from '../../contract/passage.ts'
import { conflictsIn } from './conflict.ts'

function passage(document: string, text: string): Passage {
  const version = 'a'.repeat(64)
  const id = `c:1@${version.slice(0, 12)}:100-${100 + text.length}`
  return { id, document, headings: [], version, start: 100, end: 100 + text.length, text, support: 1 }
}

const QUESTION = 'How long are the invoices of customers kept?'
const found = (one: string, other: string, document = 'b.md') =>
  conflictsIn(QUESTION, [passage('a.md', one), passage(document, other)]).map(({ by }) => by)

test('the same said with other figures is a contradiction, and the quotations are slices', () => {
  const [conflict] = conflictsIn(QUESTION, [
    passage('a.md', 'Hello. Invoices of customers are kept for 7 years.'),
    passage('b.md', 'Invoices of customers are kept for 10 years.'),
  ])
  assert.equal(conflict?.by, 'figures')
  assert.equal(conflict?.one.quote, 'Invoices of customers are kept for 7 years.')
  assert.deepEqual([conflict?.one.start, conflict?.one.id.endsWith(':107-150')], [107, true])
})

test('one that denies what the other says is a contradiction', () => {
  assert.deepEqual(found('Invoices of customers are kept.', 'Invoices of customers are not kept.'), [
    'negation',
  ])
})

test('the same figures, another subject, or the same document are none', () => {
  const kept = 'Invoices of customers are kept for 7 years.'
  assert.deepEqual(found(kept, 'For 7 years the invoices of customers are kept.'), [])
  assert.deepEqual(found(kept, 'Pumps of customers are oiled every 300 hours.'), [])
  assert.deepEqual(found(kept, 'Invoices of customers are kept for 9 years.', 'a.md'), [])
})
