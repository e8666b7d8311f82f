import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { codesIn, MAX_TERMS, matchExpression, readQuestion, type Term } from './question.ts'

function term(question: string, raw: string): Term {
  const found = readQuestion(question).terms.find((one) => one.raw === raw)
  assert.ok(found, `${raw} in ${question}`)
  return found
}

test('a sentence that sets the scene lends its words at less weight than the asked one', () => {
  const question = 'My server sits in the attic. Why is it not discovered?'
  assert.equal(term(question, 'server').context, true)
  assert.equal(term(question, 'discovered').context, false)
})

test('the scene is the question where the asked sentence says nothing by itself', () => {
  assert.equal(term('Cap hit at noon. What now?', 'Cap').context, false)
})

test('a question without a question mark is its last sentence', () => {
  assert.equal(term('It is loud here. tell me about leases', 'leases').context, false)
  assert.equal(term('It is loud here. tell me about leases', 'loud').context, true)
})

test('what is to be defined is read from the ways in which people ask for a meaning', () => {
  for (const question of [
    'Define lease.',
    'What is a lease?',
    "what's a lease",
    'What does lease mean?',
    'Lease?',
    "In this product's terms, what is a lease?",
    'What is a lease, in one sentence?',
    'Explain the term lease',
    'what is the meaning of lease?',
  ]) {
    assert.equal(readQuestion(question).defined, 'leas', question)
  }
  assert.equal(readQuestion('How long is a lease held when the replica never answers?').defined, '')
})

test('questions for a figure are told from others', () => {
  for (const question of ['How many keys may I make?', 'which port is used?', 'how long does it wait?']) {
    assert.equal(readQuestion(question).quantity, true, question)
  }
  assert.equal(readQuestion('How do I make a key?').quantity, false)
})

test('a question hinges on the noun behind "which" and on the verb and noun behind "how do I"', () => {
  assert.equal(term('Which tokenizer does the index use?', 'tokenizer').focus, true)
  assert.equal(term('Which tokenizer does the index use?', 'index').focus, false)
  assert.equal(term('How do I change the font of the page?', 'font').focus, true)
  assert.equal(term('Can a key be renamed after its creation?', 'renamed').focus, true)
})

test('codes are terms as they are written, and their parts only lend their weight', () => {
  assert.deepEqual(codesIn('`server.drainMs`, upstream_failed, --grace, NO_COLOR and plain words.'), [
    'server.drainms',
    'upstream_failed',
    '--grace',
    'no_color',
  ])
  const question = 'We get upstream_failed. What now?'
  assert.equal(term(question, 'upstream_failed').context, false)
  assert.deepEqual(readQuestion('exit status 4?').identifiers, ['4'])
})

test('phrases that mean more than their words bring that word along', () => {
  assert.ok(readQuestion('Does it phone home?').terms.some((one) => one.raw === 'telemetry'))
  assert.ok(readQuestion('How do I get rid of it?').terms.some((one) => one.raw === 'remove'))
})

test('everyday words are told from specific ones', () => {
  assert.equal(term('Is it in the basement?', 'basement').everyday, true)
  assert.equal(term('Does it speak Kafka?', 'Kafka').everyday, false)
})

test('any text can be read, with a bounded number of terms, and makes a safe query', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.lorem({ maxCount: 200 })), (text) => {
      const { terms } = readQuestion(text)
      assert.ok(terms.length <= MAX_TERMS)
      const match = matchExpression(terms)
      if (match !== null) assert.match(match, /^"(?:[^"]|"")*"(?: OR "(?:[^"]|"")*")*$/)
    }),
  )
})

test('who asks what something does or costs does not ask for a definition', () => {
  assert.equal(readQuestion('What does Upshift cost?').defined, '')
  assert.equal(readQuestion('What does a lease mean?').defined, readQuestion('What is a lease?').defined)
  assert.equal(readQuestion('What does TTFT stand for?').defined, 'ttft')
})
