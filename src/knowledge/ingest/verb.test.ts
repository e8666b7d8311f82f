import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { UsageError, type VerbContext } from '../../contract/verb.ts'
import { fill, run as runIn, scratchFolder } from './run.fixture.ts'

const scratch = scratchFolder()
const folder = (name: string, files: Parameters<typeof fill>[1]): string => fill(join(scratch, name), files)
const run = (
  home: string,
  name: string,
  args: readonly string[],
  flags: VerbContext['flags'] = {},
  more: Partial<VerbContext> = {},
) => runIn(join(scratch, home), name, args, flags, more)

test('a folder is read, found in, left alone when it is read again, and a changed file replaces its old version', async () => {
  const path = folder('shop', {
    'oil.md': '# Oil\n\nChange the oil every spring.\n',
    'sub/page.html': '<title>Water</title><h1>Water</h1><p>Pumps want water.',
    'src/pump.ts': 'export function startPump() {\n  return 1\n}\n',
    'latin.txt': Buffer.from('Das \xd6l ist hei\xdf.', 'latin1'),
    '.hidden/secret.md': 'not this',
    'picture.png': 'nothing that is read',
  })
  const first = (await run('home', 'add', [path])).json
  assert.deepEqual([first.added, first.replaced, first.unchanged, first.passedOver], [4, 0, 0, 1])
  const found = async (question: string) => (await run('home', 'search', question.split(' '))).json.hits
  const [oil] = await found('when to change oil')
  assert.equal(oil.source, join(path, 'oil.md'))
  assert.deepEqual(oil.headings, ['Oil'])
  assert.equal((await found('start pump'))[0].source, join(path, 'src/pump.ts'))
  assert.match((await found('heiß'))[0].text, /Das Öl ist heiß/)
  writeFileSync(join(path, 'oil.md'), '# Oil\n\nChange the grease every autumn.\n')
  const second = (await run('home', 'add', [path])).json
  assert.deepEqual([second.added, second.replaced, second.unchanged], [0, 1, 3])
  assert.deepEqual(await found('spring'), [])
  const { documents } = (await run('home', 'list', [], { collection: 'default' })).json
  assert.equal(documents.length, 4)
})

test('a file that cannot be read is named with the reason, and the others are read', async () => {
  const path = folder('poison', {
    'good.txt': 'This one is fine.',
    'broken.json': '{"a": ',
    'binary.txt': Buffer.from([1, 0, 2, 0, 3]),
    'empty.md': '\n\n',
  })
  const { code, json, err } = await run('poisoned', 'add', [path])
  assert.equal(code, 0)
  assert.equal(json.added, 1)
  assert.match(err, /binary\.txt: it is a binary file/)
  assert.match(err, /broken\.json: .*JSON/)
  assert.match(err, /empty\.md: it holds no text/)
})

test('a folder that holds nothing to read is said to, with an exit code that a script can see', async () => {
  const empty = folder('empty', {})
  const none = await run('barren', 'add', [empty])
  assert.equal(none.code, 1)
  assert.equal(none.json.added, 0)
  assert.ok(none.err.includes(`Nothing was added: ${empty} holds no file.`), none.err)
  const pictures = folder('pictures', { 'a.png': 'x', 'b.png': 'y' })
  const passed = await run('barren', 'add', [pictures])
  assert.match(
    passed.err,
    /pictures holds no file of a kind that is read \(2 of other kinds were passed over\)/,
  )
  const read = await run('barren', 'add', [folder('one', { 'a.md': 'one' }), empty])
  assert.deepEqual([read.code, read.json.added, read.err.includes('Nothing was added')], [0, 1, false])
})

test('patterns name files, and what they do not match is an error', async () => {
  const path = folder('pattern', { 'a.md': 'one', 'b.txt': 'two', 'deep/c.md': 'three' })
  const { json } = await run('globs', 'add', [join(path, '**/*.md')], { collection: 'notes' })
  assert.equal(json.added, 2)
  await assert.rejects(run('globs', 'add', [join(path, '*.csv')]), /matches no file/)
  await assert.rejects(run('globs', 'add', [join(path, 'missing.md')]), /There is no file/)
})

test('standard input is read under the name that it is given', async () => {
  const stdin = Readable.from([Buffer.from('# Note\n\nThe valve is '), Buffer.from('stuck.')])
  const { json } = await run('piped', 'add', ['-'], { name: 'note.md' }, { stdin })
  assert.equal(json.added, 1)
  const { hits } = (await run('piped', 'search', ['valve'])).json
  assert.equal(hits[0].source, 'stdin:note.md')
  await assert.rejects(run('piped', 'add', ['-']), UsageError)
})

test('a run that was broken off goes on where it was', async () => {
  const files = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`${at}.txt`, `text number ${at}`]))
  const path = folder('many', files)
  const abort = new AbortController()
  const err = new PassThrough()
  abort.abort()
  const nothing = await run('resumed', 'add', [path], {}, { signal: abort.signal, err })
  assert.deepEqual([nothing.code, nothing.json.added, nothing.json.unread], [130, 0, 30])
  assert.equal((await run('resumed', 'add', [path])).json.added, 30)
  assert.equal((await run('resumed', 'add', [path])).json.unchanged, 30)
})

test('an interrupted run does not pass for a whole one: it says what was not read, and ends with 130', async () => {
  const path = folder('halted', { 'a.txt': 'text of a', 'b.txt': 'text of b' })
  const abort = new AbortController()
  const fetch = async () => {
    abort.abort()
    abort.signal.throwIfAborted()
    throw new Error('the abort has thrown')
  }
  const pages = async () => ({ fetch, [Symbol.asyncDispose]: async () => undefined })
  const args = [path, 'https://example.org/a.html', 'https://example.org/b.html']
  const { code, json, err } = await run('halted-home', 'add', args, {}, { signal: abort.signal, pages })
  assert.equal(code, 130)
  assert.ok(json.unread >= 2)
  assert.equal(json.added + json.unread, 4)
  assert.match(err, new RegExp(`Interrupted with ${json.unread} of 4 not read\\. .*run it again`))
  const abortedBefore = await run('halted-home', 'add', [path], {}, { signal: abort.signal, json: false })
  assert.match(abortedBefore.text, /2 not read/)
})

test('two runs at once over the same files count each document once', async () => {
  const files = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`${at}.txt`, `text number ${at}`]))
  const path = folder('twice', files)
  const both = await Promise.all([run('shared', 'add', [path]), run('shared', 'add', [path])])
  const sum = (field: string): number => both.reduce((all, { json }) => all + json[field], 0)
  assert.deepEqual([sum('added'), sum('replaced'), sum('unchanged'), sum('chunks')], [30, 0, 30, 30])
})

test('inspect shows the settings and where they came from; text for people shows no control characters', async () => {
  const path = folder('shown', { 'a\u001b[2J.md': '# Title\n\nred \u001b[31m text' })
  await run('shown-home', 'add', [path])
  const { json } = await run('shown-home', 'inspect', [])
  assert.equal(json.documents, 1)
  assert.equal(json.tuning.kept, 'too-few-queries')
  const { text } = await run('shown-home', 'search', ['red'], {}, { json: false })
  assert.equal(text.includes('\u001b'), false)
  assert.match(text, /1\. .*a\[2J\.md › Title, characters \d+–\d+/)
})

test('retrieval is measured on a folder in the layout of BEIR, tuned before a judgement is read', async () => {
  const lines = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n')
  const corpus = Array.from({ length: 40 }, (_, at) => ({
    _id: `page#${at}`,
    title: '',
    text: `thing${at} is part of it`,
  }))
  const files = {
    'corpus.jsonl.gz': gzipSync(lines(corpus)),
    'queries.jsonl': lines([
      { _id: 'q1', text: 'what is thing7' },
      { _id: 'page#3', text: 'thing3' },
      { _id: 'q3', text: 'thing9' },
      { _id: 'unjudged', text: 'thing1' },
    ]),
    'qrels/test.tsv':
      'query-id\tcorpus-id\tscore\nq1\tpage#7\t1\npage#3\tpage#4\t1\nq3\tpage#9\t2\nq3\tpage#10\t1\n',
  }
  const dir = folder('beir', files)
  const { json } = await run('none', 'evaluate', [], { dir })
  assert.deepEqual([json.queries, json.records, json.documents], [3, 40, 1])
  // q1 is found, page#3 finds only itself, which does not count, and of q3 the better of two is found first.
  const third = 2 / (2 + 1 / Math.log2(3))
  assert.ok(Math.abs(json.ndcg10 - (1 + 0 + third) / 3) < 1e-9, String(json.ndcg10))
  assert.ok(Math.abs(json.mrr10 - 2 / 3) < 1e-9)
  assert.ok(Math.abs(json.recall100 - 1.5 / 3) < 1e-9)
  assert.equal(json.tuning.kept, 'too-few-queries')
  for (const figure of ['queriesPerSecond', 'p95Ms', 'indexBytes']) assert.ok(json[figure] > 0, figure)
  await assert.rejects(run('none', 'evaluate', [], { dir: scratch }), /corpus\.jsonl is missing/)
  const broken = folder('beir-broken', { ...files, 'qrels/test.tsv': 'q1\tpage#7\tyes\n' })
  await assert.rejects(run('none', 'evaluate', [], { dir: broken }), /test\.tsv/)
})
