import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UpshiftError } from '../../contract/problem.ts'
import { type Recorded, type Row, readOutcomes, rowsWith } from './rows.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-rows-'))
after(() => rmSync(folder, { recursive: true }))

function read(...lines: readonly unknown[]): readonly Row[] {
  const path = join(folder, 'rows.jsonl')
  writeFileSync(path, lines.map((line) => JSON.stringify(line)).join('\n'))
  return readOutcomes([path])
}

function recorded(entry: readonly unknown[], gold?: string): Partial<Recorded> | undefined {
  return read({ id: 1, prompt: 'x', gold, m: { a: entry } })[0]?.models.get('a')
}

test('every form of a recorded result is understood', () => {
  const [inTokens, outTokens, none] = [150, 50, { answer: undefined, valid: undefined }]
  assert.deepEqual(recorded([1, '18', 0, 150, 50], '18'), {
    right: 1,
    answer: '18',
    valid: false,
    inTokens,
    outTokens,
  })
  const answered = { right: 0, answer: 'B', valid: undefined }
  assert.deepEqual(recorded([0, 'B', 150, 50], 'C'), { ...answered, inTokens, outTokens })
  assert.deepEqual(recorded([0, 'B', 50], 'C'), { ...answered, inTokens: undefined, outTokens })
  assert.deepEqual(recorded([1, null, 150, 50, 2.5]), { right: 1, ...none, inTokens, outTokens })
  assert.deepEqual(recorded([1]), { right: 1, ...none, inTokens: undefined, outTokens: undefined })
})

test('an error is no answer: it would give away that the model was wrong', () => {
  for (const entry of [
    [0, 'wrong_count', 150, 50, 2.5],
    [0, 'wrong_count', 0, 0, 0.8],
    [0, 'wrong_count', 0, 20, 30],
  ])
    assert.equal(recorded(entry)?.answer, undefined)
})

test('options are part of the text; domain, task or category is only a label', () => {
  const models = { weak: 1, strong: 0 }
  const [plain, options, none] = read(
    { id: 1, prompt: 'Which?', options: ['a', 'b'], cat: 'law', ...models },
    { id: 2, prompt: 'Which?', domain: 7, ...models },
    { id: 3, prompt: 'Which?', domain: null, ...models },
  )
  assert.deepEqual([plain?.text, plain?.label], ['Which?\na\nb', 'law'])
  assert.deepEqual([options?.text, options?.label, none?.label], ['Which?', '7', undefined])
})

test('a row of many models without a recorded prompt is left out; among two models it is a mistake', () => {
  const m = { a: [1], b: [0] }
  assert.equal(read({ id: 1, prompt: null, m }, { id: 2, prompt: 'x', m }).length, 1)
  assert.throws(() => read({ id: 1, prompt: null, weak: 1, strong: 0 }), UpshiftError)
  assert.throws(() => read({ id: 1, m }), /line 1, is no row of this kind: prompt/)
})

test('rows that know both models are kept', () => {
  const rows = read({ id: 1, prompt: 'x', m: { a: [1], b: [0] } }, { id: 2, prompt: 'y', m: { a: [1] } })
  assert.deepEqual(
    rowsWith(rows, ['a', 'b']).map(({ id }) => id),
    ['1'],
  )
  assert.throws(() => rowsWith(rows, ['a', 'c']), /No row knows a model "c"\. These are there: a, b\./)
})
