import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Neighbours } from './neighbours.ts'
import { chanceOf, oddsOf, TermOdds } from './term-odds.ts'
import { TermReader } from './terms.ts'
import { Vocabulary } from './vocabulary.ts'

/** Sums are hard for the weak model, and colours for none. */
const TOPICS = [
  'sums of large primes',
  'colours of small birds',
  'sums of odd primes',
  'colours of old birds',
]
const TEXTS = Array.from(
  { length: 200 },
  (_, at) => `${TOPICS[at % TOPICS.length]} case${at % 20} kind${at % 7}`,
)
const reader = new TermReader()
const vocabulary = Vocabulary.of(TEXTS.map((text) => reader.read(text)))
const vectorOf = (text: string) => vocabulary.vector(reader.read(text))
const rows = TEXTS.map(vectorOf)
const weak = Float64Array.from(TEXTS, (text) => (text.startsWith('sums') ? 0 : 1))
const strong = new Float64Array(TEXTS.length).fill(1)

test('a prompt is judged by how the models did on those like it', () => {
  const neighbours = Neighbours.of(rows, weak, strong)
  const [sums, colours] = ['case3 kind4 primes', 'case3 kind4 birds'].map((text) =>
    neighbours.near(vectorOf(text)),
  )
  assert.ok((sums?.weak ?? 1) < (colours?.weak ?? 0))
  assert.ok((sums?.nearness ?? 0) > 0)
  assert.equal(Math.round(100 * (sums?.strong ?? 0)), 100)
})

test('a prompt like none gets the mean over all, and one call leaves nothing behind for the next', () => {
  const neighbours = Neighbours.of(rows, weak, strong)
  const first = neighbours.near(vectorOf('case3 kind4'))
  const strange = neighbours.near(vectorOf('ζζζ'))
  assert.equal(strange.nearness, 0)
  assert.ok(Math.abs(strange.weak - 0.5) < 0.01)
  assert.deepEqual(neighbours.near(vectorOf('case3 kind4')), first)
})

test('the odds of a right answer follow the words', () => {
  const odds = TermOdds.fit(rows, weak)
  const [sums, colours] = [odds.odds(vectorOf('sums of primes')), odds.odds(vectorOf('colours of birds'))]
  assert.ok(sums < 0 && colours > 0, `${sums} ${colours}`)
  assert.deepEqual(TermOdds.fit(rows, weak).weights, odds.weights)
})

test('odds and chances are each other’s inverse, and stay finite at the ends', () => {
  for (const share of [0.01, 0.3, 0.5, 0.99]) assert.ok(Math.abs(chanceOf(oddsOf(share)) - share) < 1e-9)
  assert.ok(Number.isFinite(oddsOf(0)) && Number.isFinite(oddsOf(1)))
})
