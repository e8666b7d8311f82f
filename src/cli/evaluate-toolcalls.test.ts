import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { run } from './scripted.fixture.ts'

/** The command as it is called, over rows of our own. */

const folder = mkdtempSync(join(tmpdir(), 'upshift-evaluate-'))
after(() => rmSync(folder, { recursive: true }))

const FIND = {
  name: 'boat.find',
  parameters: {
    type: 'dict',
    properties: { city: { type: 'string' }, seats: { type: 'integer' } },
    required: ['city'],
  },
}
const asked = (id: string, truth: unknown) => ({ id, question: [], function: [FIND], ground_truth: truth })
const BERGEN = [{ 'boat.find': { city: ['Bergen'], seats: [4, ''] } }]
const QUESTIONS = [
  asked('simple_python_1', BERGEN),
  asked('simple_python_2', BERGEN),
  asked('simple_python_3', BERGEN),
  asked('simple_python_4', BERGEN),
  asked('parallel_1', [...BERGEN, { 'boat.find': { city: ['Oslo'] } }]),
  asked('irrelevance_1', null),
  asked('irrelevance_2', null),
  asked('irrelevance_3', null),
  asked('irrelevance_9', null),
]
const OUTPUTS = [
  { id: 'simple_1', result: "[boat.find(city='Bergen')]" },
  { id: 'simple_2', result: "['boat.find', {'city': 'Bergen', 'seats': '4'}]" },
  { id: 'simple_3', result: 'I do not know any boat.' },
  { id: 'simple_4', result: [{ boat_find: '{"city": "Bergen"}' }] },
  { id: 'parallel_function_1', result: "boat.find({'city': 'Oslo'}), boat.find({'city': 'Bergen'})" },
  { id: 'relevance_1', result: 'There is no such boat.' },
  { id: 'relevance_2', result: "[boat.find(city='Nowhere')]" },
  { id: 'relevance_3', result: 'boat.find(4, 5)' },
  { id: 'multiple_function_7', result: '' },
]

function file(name: string, rows: readonly unknown[] | string): string {
  const path = join(folder, name)
  const text = typeof rows === 'string' ? rows : rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text)
  return path
}
const questions = file('questions.jsonl.gz', QUESTIONS)
const outputs = file('outputs.jsonl', OUTPUTS)
const evaluate = (...argv: readonly string[]) => run({ argv: ['evaluate', 'toolcalls', ...argv] })

test('the JSON holds rows and shares, with and without the rescue, for all and for each category', async () => {
  const { code, out, err } = await evaluate('--questions', questions, '--outputs', outputs, '--json')
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(out), {
    n: 8,
    perCategory: {
      simple_python: {
        n: 4,
        without: { accuracy: 0.5, parsed: 0.5 },
        with: { accuracy: 0.75, parsed: 0.75 },
      },
      parallel: { n: 1, without: { accuracy: 0, parsed: 0 }, with: { accuracy: 1, parsed: 1 } },
      irrelevance: {
        n: 3,
        without: { accuracy: 1 / 3, parsed: 1 / 3 },
        with: { accuracy: 2 / 3, parsed: 1 / 3 },
      },
    },
    without: { accuracy: 3 / 8, parsed: 3 / 8 },
    with: { accuracy: 6 / 8, parsed: 5 / 8 },
  })
  assert.equal(err, 'Without a partner: 1 question, 1 output.\n')
})

test('without --json a table says the same', async () => {
  const { out } = await evaluate(questions, '--outputs', outputs)
  const [head, first] = out.split('\n')
  assert.match(head ?? '', /^CATEGORY +ROWS +RIGHT WITHOUT +RIGHT WITH +READ WITHOUT +READ WITH$/)
  assert.match(first ?? '', /^simple_python +4 +50\.0 % +75\.0 % +50\.0 % +75\.0 %$/)
  assert.match(out, /\nall +8 +37\.5 % +75\.0 % +37\.5 % +62\.5 %\n$/)
})

test('several files, a folder and a pattern name the same rows', async () => {
  const half = join(folder, 'half')
  const { mkdirSync } = await import('node:fs')
  mkdirSync(half)
  file('half/a.jsonl', QUESTIONS.slice(0, 4))
  file('half/b.jsonl.gz', QUESTIONS.slice(4))
  file('half/readme.txt', 'no rows')
  const reference = (await evaluate('--questions', questions, '--outputs', outputs, '--json')).out
  for (const words of [
    ['--questions', half],
    ['--questions', join(half, '*.jsonl*')],
    ['--questions', join(half, 'a.jsonl'), '--questions', join(half, 'b.jsonl.gz')],
  ]) {
    assert.equal((await evaluate(...words, '--outputs', outputs, '--json')).out, reference, words.join(' '))
  }
})

test('what cannot be evaluated is said: a missing file, a row of another kind, nothing in common', async () => {
  const missing = await evaluate('--questions', join(folder, 'none.jsonl'), '--outputs', outputs)
  assert.equal(missing.code, 1)
  assert.match(missing.err, /There is no file .*none\.jsonl/)
  const empty = await evaluate('--questions', join(folder, 'nothing*.jsonl'), '--outputs', outputs)
  assert.match(empty.err, /There is no file of rows at .*nothing\*\.jsonl/)
  const strange = file('strange.jsonl', '{"id": "simple_1", "function": []}\n{"id": 3}\n')
  const odd = await evaluate('--questions', strange, '--outputs', outputs)
  assert.match(odd.err, /strange\.jsonl, line 2, is no row of this kind: id/)
  const broken = file('broken.jsonl', '{"id": ')
  assert.match((await evaluate('--questions', questions, '--outputs', broken)).err, /broken\.jsonl, line 1/)
  writeFileSync(join(folder, 'plain.jsonl.gz'), 'not packed')
  assert.match(
    (await evaluate(join(folder, 'plain.jsonl.gz'), '--outputs', outputs)).err,
    /cannot be unpacked/,
  )
  const other = file('other.jsonl', [{ id: 'multiple_1', result: '' }])
  const apart = await evaluate('--questions', questions, '--outputs', other, '--json')
  assert.equal(apart.code, 1)
  assert.match(apart.err, /No question has an output/)
  assert.equal((await evaluate('--questions', questions)).code, 2)
})
