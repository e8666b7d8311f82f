import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeSegment, encodeSegment } from './encode.ts'
import { mergeSegments } from './merge.ts'
import { type Segment, SegmentBuilder } from './segment.ts'

function segmentOf(...chunks: readonly (readonly [document: number, head: string, body: string])[]): Segment {
  const builder = new SegmentBuilder()
  for (const [document, head, body] of chunks) builder.add({ document, head, body })
  return builder.finish()
}

/** Postings as one reads them: chunk, count in the head, count in the body. */
function postings(segment: Segment): Record<string, number[][]> {
  const lists = [...segment.terms].map(([term, id]) => {
    const places = Array.from(
      { length: (segment.offsets[id + 1] ?? 0) - (segment.offsets[id] ?? 0) },
      (_, at) => (segment.offsets[id] ?? 0) + at,
    )
    return [
      term,
      places.map((at) => [segment.chunks[at] ?? -1, segment.head[at] ?? -1, segment.body[at] ?? -1]),
    ] as const
  })
  return Object.fromEntries(lists.sort((a, b) => (a[0] < b[0] ? -1 : 1)))
}

const FIRST = segmentOf([0, 'apple', 'apple pear'], [0, '', 'pear pear'], [1, 'plum', 'fig'])
const SECOND = segmentOf([0, '', 'fig fig'], [1, 'pear', 'quince'])

test('postings say where a word stands and how often, in head and body', () => {
  assert.deepEqual(postings(FIRST), {
    appl: [[0, 1, 1]],
    fig: [[2, 0, 1]],
    pear: [
      [0, 0, 1],
      [1, 0, 2],
    ],
    plum: [[2, 1, 0]],
  })
  assert.equal(FIRST.documentCounts[FIRST.terms.get('pear') ?? -1], 1)
})

test('a segment comes back from its bytes as it was', () => {
  assert.deepEqual(decodeSegment(encodeSegment(FIRST)), FIRST)
  assert.deepEqual(decodeSegment(encodeSegment(segmentOf())), segmentOf())
})

test('bytes that are no segment are refused, wherever they were cut', () => {
  const bytes = encodeSegment(FIRST)
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeSegment(bytes.slice(0, length)), /Add its documents again/)
  }
})

test('two segments merge into what would have been built at once, and what goes leaves no word behind', () => {
  const merged = mergeSegments([
    { segment: FIRST, keeps: (chunk) => chunk !== 2 },
    { segment: SECOND, keeps: () => true },
  ])
  const whole = segmentOf(
    [0, 'apple', 'apple pear'],
    [0, '', 'pear pear'],
    [1, '', 'fig fig'],
    [2, 'pear', 'quince'],
  )
  assert.deepEqual(postings(merged), postings(whole))
  assert.deepEqual([...merged.documents], [...whole.documents])
  assert.deepEqual([...merged.bodyLengths], [...whole.bodyLengths])
  assert.equal(merged.terms.has('plum'), false)
})
