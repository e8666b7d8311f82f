import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queryTerms } from '../index/query.ts'
import { SegmentBuilder } from '../index/segment.ts'
import { widePool } from '../tune/pool.ts'
import { fused } from './dense.ts'
import { LexicalIndex } from './lexical.ts'
import { DEFAULT_SETTINGS } from './settings.ts'

type Text = readonly [document: number, head: string, body: string]

const TEXTS: readonly Text[] = [
  [0, 'gears', 'a gear turns a larger gear'],
  [0, 'gears', 'oil keeps it quiet'],
  [1, 'pumps', 'a pump moves oil and water through a pipe'],
  [2, 'pipes', 'water in a pipe'],
]

function indexOf(...segments: readonly (readonly Text[])[]): LexicalIndex {
  return new LexicalIndex(
    segments.map((texts) => {
      const builder = new SegmentBuilder()
      for (const [document, head, body] of texts) builder.add({ document, head, body })
      return builder.finish()
    }),
  )
}

const found = (index: LexicalIndex, question: string, settings = DEFAULT_SETTINGS) =>
  index.search(queryTerms(question), settings, 10)

test('the rarer word counts more, and a shorter chunk before a longer one', () => {
  const ranked = found(indexOf(TEXTS), 'water pipe', { ...DEFAULT_SETTINGS, head: 0, document: 0 })
  assert.deepEqual(
    ranked.map(({ chunk }) => chunk),
    [3, 2],
  )
  assert.deepEqual(found(indexOf(TEXTS), 'nothing of that'), [])
})

test('how a collection is spread over segments changes no score', () => {
  const scores = (index: LexicalIndex) => found(index, 'oil in gears').map(({ score }) => score.toFixed(5))
  const [first = [0, '', ''], second = [0, '', ''], third = [0, '', ''], fourth = [0, '', '']] = TEXTS
  const apart = indexOf([first, second], [
    [0, third[1], third[2]],
    [1, fourth[1], fourth[2]],
  ] as const)
  assert.deepEqual(scores(apart), scores(indexOf(TEXTS)))
})

test('a chunk is lifted by what the rest of its document says', () => {
  const order = (document: number) =>
    found(indexOf(TEXTS), 'gear oil', { ...DEFAULT_SETTINGS, head: 0, document }).map(({ chunk }) => chunk)
  assert.ok(order(2).indexOf(1) < order(2).indexOf(2))
  const [alone] = found(indexOf(TEXTS), 'oil', { ...DEFAULT_SETTINGS, head: 0, document: 0 })
  assert.equal(alone?.chunk, 1)
})

test('searches do not leave scores to the next one', () => {
  const index = indexOf(TEXTS)
  const before = found(index, 'water')
  found(index, 'gear oil pump')
  assert.deepEqual(found(index, 'water'), before)
})

test('the tuning scores chunks just as the search does', () => {
  const index = indexOf(TEXTS)
  const query = queryTerms('oil pipe gear')
  const settings = { ...DEFAULT_SETTINGS, k1: 0.9, b: 0.6, head: 0.8, document: 0.5 }
  const at = { segment: 0, chunk: 1, text: '' }
  const item = { at, query, asked: '', sentence: '', removed: new Map(), removedLength: 0 }
  const pool = widePool(item, index)
  const { rivals, sought } = pool.scores(settings)
  const searched = new Map(index.search(query, settings, 10).map(({ chunk, score }) => [chunk, score]))
  assert.ok(Math.abs(sought - (searched.get(1) ?? 0)) < 1e-5)
  assert.equal(rivals.length, 3)
  for (const [row, score] of rivals.entries()) {
    assert.ok(Math.abs(score - (searched.get(pool.rivals[row]?.chunk ?? -1) ?? 0)) < 1e-5)
  }
})

test('a fusion of weight 0 or 1 is one ranking alone, and between them both count', () => {
  const one = (chunk: number, score: number) => ({ segment: 0, chunk, score })
  const [lexical, dense] = [
    [one(1, 9), one(2, 6)],
    [one(3, 0.9), one(2, 0.8)],
  ]
  const order = (weight: number) => fused(lexical, dense, weight, 10).map(({ chunk }) => chunk)
  assert.deepEqual(order(0).slice(0, 2), [1, 2])
  assert.deepEqual(order(1).slice(0, 2), [3, 2])
  assert.equal(order(0.5)[0], 2)
})
