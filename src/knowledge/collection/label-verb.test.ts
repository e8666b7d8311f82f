import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { UsageError, type VerbContext } from '../../contract/verb.ts'
import { fill, run as runIn, scratchFolder } from '../ingest/run.fixture.ts'

const scratch = scratchFolder()
const run = (home: string, name: string, args: readonly string[], flags: VerbContext['flags'] = {}) =>
  runIn(join(scratch, home), name, args, flags)

async function labelsIn(home: string): Promise<Record<string, string[]>> {
  const { documents } = (await run(home, 'list', [], { collection: 'default' })).json
  return Object.fromEntries(
    documents.map(({ source, labels }: { source: string; labels: string[] }) => [
      source.split('/').at(-1),
      labels,
    ]),
  )
}

test('labels are given with what is read, stay while versions change, and are changed by name or pattern', async () => {
  const path = fill(join(scratch, 'office'), {
    'pay.md': '# Pay\n\nThe salary is paid monthly.\n',
    'sub/deal.md': '# Deal\n\nThe merger is near.\n',
  })
  await run('home', 'add', [path], { label: ['finance', 'board'] })
  assert.deepEqual(await labelsIn('home'), {
    'pay.md': ['board', 'finance'],
    'deal.md': ['board', 'finance'],
  })
  writeFileSync(join(path, 'pay.md'), '# Pay\n\nThe salary is paid weekly.\n')
  writeFileSync(join(path, 'open.md'), '# Open\n\nThe door is open.\n')
  assert.deepEqual((await run('home', 'add', [path])).json.replaced, 1)
  assert.deepEqual(await labelsIn('home'), {
    'pay.md': ['board', 'finance'],
    'deal.md': ['board', 'finance'],
    'open.md': [],
  })
  const inspected = (await run('home', 'inspect', [])).json
  assert.deepEqual([inspected.documents, inspected.tuning.chunks], [3, 1])
  const labelled = (await run('home', 'label', ['*/sub/*', join(path, 'open.md')], { label: ['legal'] })).json
  assert.equal(labelled.documents.length, 2)
  assert.deepEqual((await run('home', 'inspect', [])).json.tuning, null)
  await run('home', 'label', [join(path, 'pay.md')], { none: true })
  assert.deepEqual(await labelsIn('home'), { 'pay.md': [], 'deal.md': ['legal'], 'open.md': ['legal'] })
  assert.equal((await run('home', 'inspect', [])).json.tuning.chunks, 1)
})

test('a file that vanishes and comes back has its labels again', async () => {
  const path = fill(join(scratch, 'coming'), { 'pay.md': 'The salary.', 'other.md': 'The rest.' })
  await run('coming', 'add', [path])
  await run('coming', 'label', [join(path, 'pay.md')], { label: ['finance'] })
  rmSync(join(path, 'pay.md'))
  assert.equal((await run('coming', 'add', [path])).json.removed, 1)
  writeFileSync(join(path, 'pay.md'), 'The salary again.')
  await run('coming', 'add', [path])
  assert.deepEqual(await labelsIn('coming'), { 'pay.md': ['finance'], 'other.md': [] })
})

test('a search is narrowed by name, type, label and day', async () => {
  const path = fill(join(scratch, 'many'), {
    'a/pump.md': 'The pump one.',
    'b/pump.txt': 'The pump two.',
    'b/pump.ts': 'export const pump = 3',
  })
  await run('many', 'add', [path])
  await run('many', 'label', ['*.txt'], { label: ['legal'] })
  const found = async (flags: VerbContext['flags']): Promise<string[]> =>
    (await run('many', 'search', ['pump'], flags)).json.hits
      .map(({ source }: { source: string }) => source.slice(path.length + 1))
      .toSorted()
  assert.deepEqual(await found({ source: '*/b/*' }), ['b/pump.ts', 'b/pump.txt'])
  assert.deepEqual(await found({ source: join(path, 'a') }), ['a/pump.md'])
  assert.deepEqual(await found({ 'media-type': 'text/markdown' }), ['a/pump.md'])
  assert.deepEqual(await found({ label: 'legal' }), ['b/pump.txt'])
  assert.deepEqual((await found({ after: '2020-01-01' })).length, 3)
  assert.deepEqual(await found({ before: '2020-01-01' }), [])
})

test('a wrong label, filter or document is named, and nothing is changed', async () => {
  const path = fill(join(scratch, 'wrong'), { 'a.md': 'One.' })
  await run('wrong', 'add', [path])
  const [file] = [join(path, 'a.md')]
  await assert.rejects(run('wrong', 'label', [file], {}), UsageError)
  await assert.rejects(run('wrong', 'label', [file], { label: ['x'], none: true }), UsageError)
  await assert.rejects(run('wrong', 'label', [], { none: true }), UsageError)
  await assert.rejects(run('wrong', 'label', [file], { label: ['Not so'] }), /small letters/)
  await assert.rejects(run('wrong', 'label', [file, 'b.md'], { label: ['x'] }), /nothing called "b\.md"/)
  await assert.rejects(run('wrong', 'add', [path], { label: ['Not so'] }), /small letters/)
  await assert.rejects(
    run('wrong', 'search', ['one'], { after: 'soon' }),
    /--after is not understood: .*2026-01-31/,
  )
  await assert.rejects(run('wrong', 'search', ['one'], { label: 'Not' }), /--label is not understood/)
  assert.deepEqual(await labelsIn('wrong'), { 'a.md': [] })
})
