import assert from 'node:assert/strict'
import { test } from 'node:test'
import { documentOf, groupedByDocument } from './grouped.ts'
import { ndcg, percentile, recall, reciprocalRank } from './measure.ts'

const records = (...ids: readonly string[]) => ids.map((_id) => ({ _id, title: '', text: `text of ${_id}` }))
const groups = (...ids: readonly string[]) =>
  [...groupedByDocument(records(...ids)).values()].map((group) => group.map(({ _id }) => _id))

test('records whose ids say so are parts of one document', () => {
  assert.deepEqual(groups('a_chunk_0', 'b_chunk_0', 'a_chunk_1'), [['a_chunk_0', 'a_chunk_1'], ['b_chunk_0']])
  assert.deepEqual(groups('https://x.org/p#one', 'https://x.org/p#two'), [
    ['https://x.org/p#one', 'https://x.org/p#two'],
  ])
  assert.deepEqual(groups('talk:7', 'talk:8', '4983', '31715818', '#'), [
    ['talk:7', 'talk:8'],
    ['4983'],
    ['31715818'],
    ['#'],
  ])
})

test('records that are numbered through are documents of their own', () => {
  const ids = Array.from({ length: 300 }, (_, at) => `MED-${at}`)
  assert.equal(groups(...ids).length, 300)
})

test('a record is found again at its place in the document, title and text as they stand', () => {
  const document = documentOf('d', [
    { _id: 'd#1', title: 'One', text: 'first' },
    { _id: 'd#2', title: '', text: 'second' },
  ])
  const texts = document.chunks.map(({ start, end }) => document.text.slice(start, end))
  assert.deepEqual(texts, ['One\nfirst', 'second'])
  assert.deepEqual(document.chunks[0]?.headings, ['One'])
})

test('rankings are judged as trec_eval judges them', () => {
  const judged = new Map([
    ['a', 2],
    ['b', 1],
    ['c', 0],
  ])
  assert.equal(ndcg(['a', 'b'], judged, 10), 1)
  const swapped = (1 + 2 / Math.log2(3)) / (2 + 1 / Math.log2(3))
  assert.ok(Math.abs(ndcg(['b', 'a'], judged, 10) - swapped) < 1e-12)
  assert.equal(ndcg(['c', 'x'], judged, 10), 0)
  assert.equal(recall(['c', 'b'], judged, 100), 0.5)
  assert.equal(reciprocalRank(['c', 'x', 'b'], judged, 10), 1 / 3)
  assert.equal(reciprocalRank(['c', 'x', 'b'], judged, 2), 0)
  assert.equal(percentile([5, 1, 4, 2, 3], 0.95), 5)
})
