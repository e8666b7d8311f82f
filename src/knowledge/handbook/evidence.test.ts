import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyse, type Evidence, evidenceOf } from './evidence.ts'
import { readQuestion } from './question.ts'
import { supportOf } from './support.ts'
import { weightOf } from './weight.ts'

const KNOWN = new Set('cap key daily lease attempt replica temporary right starts'.split(' '))

function evidence(question: string, headings: readonly string[], asked: string, text: string): Evidence {
  const read = readQuestion(question)
  const terms = read.terms.map((term) =>
    weightOf(term, (word) => (KNOWN.has(word.toLowerCase()) ? 3 : 0), 200),
  )
  return evidenceOf(read, terms, analyse(headings, asked, text)).evidence
}

const LEASE = 'A lease is the temporary right of one attempt to use a replica.'
const CAP = 'The daily cap starts afresh at midnight.'

test('a passage defines what its heading names and what stands before "is"', () => {
  assert.equal(evidence('Define lease.', ['Glossary', 'Lease'], '', LEASE).defines, 1)
  assert.equal(evidence('What is a lease?', ['Other'], '', LEASE).defines, 1)
  assert.equal(evidence('What is a replica?', ['Glossary', 'Lease'], '', LEASE).defines, 0)
})

test('a missing everyday word costs less than a missing name', () => {
  const plain = evidence('What is the daily cap?', ['Caps'], '', CAP)
  const basement = evidence('What is the daily cap in the basement?', ['Caps'], '', CAP)
  const kafka = evidence('What is the daily cap in Kafka?', ['Caps'], '', CAP)
  assert.ok(supportOf(plain) > supportOf(basement))
  assert.ok(supportOf(basement) > supportOf(kafka))
})

test('a question for a figure is poorly supported by a passage without one', () => {
  const text = 'The lease of a replica is short.'
  assert.equal(evidence('How many leases may a replica have?', [], '', text).figureless, 1)
  assert.equal(evidence('How many leases may a replica have?', [], '', `${text} At most 3.`).figureless, 0)
})

test('an asked-for phrase counts wherever it stands in a longer question', () => {
  const question = 'My neighbour is loud, and by the way, when do we get a new daily cap?'
  assert.ok(evidence(question, [], 'new daily cap', 'It starts.').contained > 0.3)
  assert.equal(evidence(question, [], 'lease of a replica', 'It starts.').contained, 0)
})

test('what a question hinges on must be shown, not only asked for', () => {
  const hidden = evidence('Which replica is used?', ['Caps'], 'replica', CAP)
  assert.ok(hidden.unquoted > 0)
  assert.equal(evidence('Which replica is used?', ['Caps'], '', `${CAP} A replica is used.`).unquoted, 0)
})

test('a code is found only where it stands as it is written', () => {
  const question = 'What does queue_full mean?'
  assert.equal(evidence(question, [], '', '`queue_full` is an error.').identifiers, 1)
  assert.equal(evidence(question, [], '', 'The queue is full.').identifiers, 0)
})

test('a passage without sentences, and a question without words, give no support', () => {
  assert.ok(supportOf(evidence('daily cap?', [], '', '')) < 0.5)
  assert.ok(supportOf(evidence('???', ['Caps'], 'daily cap', CAP)) < 0.5)
})
