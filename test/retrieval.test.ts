import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { upshift } from '../bench/process/command.ts'
import { get } from './process/admin.ts'
import { type Asked, type EmbedScript, listOf, startEmbedder } from './process/embedder.ts'
import { readLog } from './process/log.ts'
import { byWord, startReranker } from './process/reranker.ts'
import { chat, send } from './process/send.ts'
import { startServer } from './process/server.ts'
import { configOf } from './process/settings.ts'
import { until } from './process/until.ts'
import { reply } from './process/upstream.ts'

/** Engine vectors and a reranker over the whole process: commands, searches, answers, the record and the metrics. */

const LIMIT = { timeout: 120_000 }
const folder = mkdtempSync(join(tmpdir(), 'upshift-retrieval-'))
const held = new AsyncDisposableStack()
const embedder = held.use(await startEmbedder(['vectors']))
const reranker = held.use(await startReranker())
const config = configOf(
  { box: { kind: 'vllm', url: embedder.url, models: [{ name: 'vectors', kind: 'embedding' }] } },
  {
    knowledge: {
      embeddings: { questionTimeoutMs: 2_000 },
      rerank: { url: reranker.url, model: 'cross', depth: 10, timeoutMs: 1_000 },
    },
  },
)
const server = held.use(await startServer({ config }))
after(async () => {
  await held.disposeAsync()
  rmSync(folder, { recursive: true, force: true })
})

/** Words that mean the same to this engine. */
const SENSES = [
  ['pump', 'impeller', 'suction'],
  ['oil', 'grease', 'lubricant'],
  ['frost', 'winter', 'cold'],
]

const sense = (text: string): number[] => [
  ...SENSES.map((words) => words.filter((word) => text.toLowerCase().includes(word)).length),
  0.01,
]
const bySense: EmbedScript = (response, asked) =>
  reply(
    response,
    200,
    listOf(asked, (one) => sense(String(one))),
  )

beforeEach(() => {
  embedder.answer(bySense)
  // All alike: the first order stands.
  reranker.answer(byWord('zebra'))
})

const FILES = {
  'pumps.md': '# Pumps\n\nThe impeller draws water in by suction. A valve holds the valve shut.\n',
  'oil.md': '# Service\n\nThe lubricant is changed every 500 hours in the machine.\n',
  'frost.md': '# Seasons\n\nDrain the machine before winter, and open the valve.\n',
}

function shelf(name: string, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(folder, `${name}-`))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text)
  return path
}

async function run(...words: readonly string[]) {
  const ran = await upshift(server.home, words)
  assert.equal(ran.code, 0, `${ran.out}\n${ran.err}`)
  return ran
}

const foundSchema = z.object({
  verdicts: z.array(z.object({ check: z.string(), outcome: z.string(), detail: z.string().optional() })),
  hits: z.array(z.looseObject({ document: z.string(), reranked: z.number().optional() })),
})

async function search(question: string, headers = {}) {
  const body = JSON.stringify({ question })
  const answer = await send(server, { path: '/v1/knowledge/manuals/search', body, headers })
  assert.equal(answer.status, 200, answer.text)
  const { hits, verdicts } = foundSchema.parse(JSON.parse(answer.text))
  const of = (stage: string) => verdicts.find(({ check }) => check === `retrieval.${stage}`)
  return {
    files: hits.map(({ document }) => document.split('/').at(-1)),
    dense: of('dense'),
    rerank: of('rerank'),
  }
}

/** A count of what is in the home's collections, as another process sees it now. */
function count(home: string, sql: string): number {
  using database = new DatabaseSync(join(home, 'collections.db'), { readOnly: true, timeout: 5_000 })
  return Number(Object.values(database.prepare(sql).get() ?? {})[0])
}

const path = shelf('manuals', FILES)

describe('vectors of an embedding engine', LIMIT, () => {
  test('are made by `knowledge add`, with a record of each request and no text in it, and shown by `inspect`', async () => {
    const { out } = await run('knowledge', 'add', '-c', 'manuals', '--embeddings', 'box/vectors', path)
    assert.match(out, /3 vectors made by box\/vectors, 0 passages left without one; weight 0.3/)
    assert.equal(embedder.asked[0]?.input.length, 3)
    const inspected = JSON.parse((await run('knowledge', 'inspect', '-c', 'manuals', '--json')).out)
    assert.deepEqual(inspected.vectors.made, { model: 'box/vectors', dimensions: 4 })
    assert.deepEqual([inspected.vectors.embedded, inspected.vectors.passages], [3, 3])
    const opened = readLog(server.home).flatMap((entry) =>
      entry.type === 'opened' && entry.plan.mode === 'embed' ? [entry] : [],
    )
    assert.equal(opened.length, 1)
    const listed = await send(server, { method: 'GET', path: '/v1/admin/requests?text=lubricant' })
    assert.doesNotMatch(listed.text, /lubricant is changed/)
    const again = await run('knowledge', 'add', '-c', 'manuals', path)
    assert.match(again.out, /3 unchanged/)
    assert.equal(embedder.asked.length, 1, 'what has a vector is not embedded again')
  })

  test('find what shares no word with the question, for a search, for the command and for an answer', async () => {
    const { files, dense } = await search('grease')
    assert.equal(files[0], 'oil.md')
    assert.deepEqual([dense?.outcome, dense?.detail], ['passed', 'vectors of box/vectors'])
    const told = await run('knowledge', 'search', '-c', 'manuals', '--json', 'grease')
    assert.match(JSON.parse(told.out).hits[0].source, /oil\.md$/)
  })

  test('that cannot be asked for leave a search by words, and the record, the answer and the metrics say why', async () => {
    embedder.answer((response) => reply(response, 500, { error: { message: 'CUDA error: machine hours' } }))
    const { files, dense } = await search('machine hours')
    assert.equal(files[0], 'oil.md')
    assert.deepEqual([dense?.outcome, dense?.detail], ['skipped', 'box/vectors: it failed (upstream_failed)'])
    const answer = await chat(server, {
      model: 'extractive/handbook',
      messages: [{ role: 'user', content: 'How often is the lubricant changed in the machine?' }],
      upshift: { collection: 'manuals' },
    })
    const { upshift: told } = JSON.parse(answer.text)
    assert.match(told.citations[0].quote, /every 500 hours/)
    const said = {
      check: 'retrieval.dense',
      outcome: 'skipped',
      detail: 'box/vectors: it failed (upstream_failed)',
    }
    assert.deepEqual(
      told.verdicts.find(({ check }: { check: string }) => check === said.check),
      said,
    )
    const closed = readLog(server.home).find(
      (entry) => entry.type === 'closed' && entry.id === told.request_id,
    )
    assert.ok(
      JSON.stringify(closed).includes('box/vectors: it failed (upstream_failed)'),
      JSON.stringify(closed),
    )
    const child = readLog(server.home).find(
      (entry) => entry.type === 'opened' && entry.parent === told.request_id && entry.plan.mode === 'embed',
    )
    assert.ok(child, 'the question’s embedding is a part of the request')
    const metrics = (await get(server, '/metrics')).text
    assert.match(
      metrics,
      /upshift_retrieval_stages_total\{stage="dense",outcome="skipped",why="upstream_failed"\} 2/,
    )
    assert.match(metrics, /upshift_verdicts_total\{verdict="retrieval\.dense=skipped"\} 1/)
  })

  test('that are slow are waited for no longer than is configured', async () => {
    embedder.answer(() => undefined)
    const { files, dense } = await search('drain before winter')
    assert.equal(files[0], 'frost.md')
    assert.match(dense?.detail ?? '', /did not answer in time \(deadline_exceeded\)/)
  })

  test('are gone when their document is forgotten', async () => {
    const other = shelf('other', { 'secret.md': '# Secret\n\nThe zanzibar impeller is lent.\n' })
    await run('knowledge', 'add', '-c', 'manuals', other)
    const vectors = 'SELECT count(*) FROM vector'
    const before = count(server.home, vectors)
    const { out } = await run('knowledge', 'forget', 'manuals', join(other, 'secret.md'), '--yes', '--json')
    assert.equal(JSON.parse(out).result, 'forgotten', out)
    assert.equal(count(server.home, vectors), before - 1)
    assert.ok(!(await search('zanzibar impeller')).files.includes('secret.md'))
  })

  test('are made anew, all of them, where another model is named', async () => {
    await run('knowledge', 'add', '-c', 'again', '--embeddings', 'vectors', path)
    assert.equal(embedder.asked.length, 1)
    await run('knowledge', 'add', '-c', 'again', '--embeddings', 'box/vectors')
    assert.equal(embedder.asked.length, 1, 'the same model by its whole name')
    await run('knowledge', 'add', '-c', 'again', '--embeddings', 'none')
    const { vectors } = JSON.parse((await run('knowledge', 'inspect', '-c', 'again', '--json')).out)
    assert.equal(vectors, null)
    const wrong = await upshift(server.home, [
      'knowledge',
      'add',
      '-c',
      'again',
      '--embeddings',
      'box/nothing',
    ])
    assert.equal(wrong.code, 1)
    assert.match(wrong.out, /No engine here has a model "box\/nothing"/)
  })
})

describe('without a server', LIMIT, () => {
  test('the command embeds and searches through one that it opens itself', async () => {
    const home = join(folder, 'alone')
    const file = join(folder, 'alone.yaml')
    writeFileSync(file, JSON.stringify(config))
    const more = ['--config', file]
    const added = await upshift(home, ['knowledge', 'add', '--embeddings', 'box/vectors', path, ...more])
    assert.match(added.out, /3 vectors made by box\/vectors, 0 passages left without one/, added.err)
    const found = await upshift(home, ['knowledge', 'search', '--json', 'grease', ...more])
    assert.match(JSON.parse(found.out).hits[0].source, /oil\.md$/)
    assert.deepEqual(
      JSON.parse(found.out).verdicts.map(({ outcome }: { outcome: string }) => outcome),
      ['passed', 'passed'],
    )
  })
})

describe('a run that is killed while it embeds', LIMIT, () => {
  const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
  const many = shelf(
    'many',
    Object.fromEntries(
      Array.from({ length: 200 }, (_, at) => [`${at}.md`, `# Part ${at}\n\nOil number${at} for the pump.\n`]),
    ),
  )
  const OF_MANY =
    "SELECT count(*) FROM vector JOIN chunk ON chunk.id = chunk JOIN document ON document.id = document JOIN collection ON collection.id = collection WHERE name = 'many'"

  function begin(): ChildProcess {
    const words = ['knowledge', 'add', '-c', 'many', '--embeddings', 'box/vectors', many]
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      UPSHIFT_HOME: server.home,
      UPSHIFT_DISCOVER: 'false',
    }
    return spawn(process.execPath, [MAIN, ...words], { env, stdio: 'ignore' })
  }

  test('keeps every batch that was made, and the next run embeds the rest and no more', async () => {
    const first: Asked[] = []
    // The third batch never comes: then two are on the disk.
    embedder.answer((response, asked, nth) => {
      if (nth > 1) return
      first.push(asked)
      bySense(response, asked, nth)
    })
    const child = begin()
    const ended = once(child, 'exit')
    await until(
      'two batches are on the disk',
      () => embedder.asked.length > 2 && count(server.home, OF_MANY) === 128,
    )
    child.kill('SIGKILL')
    await ended
    assert.equal(child.signalCode, 'SIGKILL')
    assert.equal(
      count(server.home, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'"),
      0,
    )
    assert.equal(count(server.home, OF_MANY), 128)
    embedder.answer(bySense)
    const { out } = await run('knowledge', 'add', '-c', 'many', many)
    assert.match(out, /72 vectors made by box\/vectors, 0 passages left/)
    const texts = [...first, ...embedder.asked].flatMap(({ input }) => input.map(String))
    const passages = texts.filter((text) => /number\d+ for the pump/.test(text) && /Part/.test(text))
    assert.equal(new Set(passages.slice(0, 200)).size, 200, 'no passage was embedded twice')
    assert.equal(count(server.home, OF_MANY), 200)
  })
})

describe('a reranker', LIMIT, () => {
  beforeEach(() => reranker.answer(byWord('valve')))

  test('puts passages in its order', async () => {
    const { files, rerank } = await search('machine')
    assert.equal(files[0], 'frost.md')
    assert.deepEqual([rerank?.outcome, rerank?.detail], ['passed', 'rerank/cross put 2 passages in order'])
    const [asked] = reranker.asked
    assert.deepEqual(
      [asked?.model, asked?.query, asked?.top_n],
      ['cross', 'machine', asked?.documents.length],
    )
  })

  for (const [what, script, why] of [
    ['says 500', (response) => reply(response, 500, { error: 'the machine' }), 'upstream_failed'],
    ['says nothing', () => undefined, 'upstream_timeout'],
    ['closes', (response) => void response.destroy(), 'upstream_unreachable'],
  ] as const satisfies readonly (readonly [string, Parameters<typeof reranker.answer>[0], string])[]) {
    test(`that ${what} leaves the first order, and the answer says so`, async () => {
      reranker.answer(byWord('zebra'))
      const { files } = await search('machine oil')
      reranker.answer(script)
      const failed = await search('machine oil')
      assert.deepEqual(failed.files, files)
      assert.equal(failed.rerank?.outcome, 'skipped')
      assert.match(failed.rerank?.detail ?? '', new RegExp(`^rerank/cross: .*\\(${why}\\)$`))
      reranker.answer(byWord('valve'))
      assert.equal((await search('machine oil')).rerank?.outcome, 'passed')
    })
  }

  test('of wrong indexes is not believed, and the record of an answer says so', async () => {
    reranker.answer((response) => reply(response, 200, { results: [{ index: 77, relevance_score: 1 }] }))
    const answer = await chat(server, {
      model: 'extractive/handbook',
      messages: [{ role: 'user', content: 'How often is the lubricant changed in the machine?' }],
      upshift: { collection: 'manuals' },
    })
    const { upshift: told } = JSON.parse(answer.text)
    assert.match(told.citations[0].quote, /every 500 hours/)
    const closed = readLog(server.home).find(
      (entry) => entry.type === 'closed' && entry.id === told.request_id,
    )
    assert.match(
      JSON.stringify(closed),
      /rerank\/cross: what it answered cannot be used \(upstream_garbled\)/,
    )
  })
})

describe('a reload', LIMIT, () => {
  const file = join(dirname(server.home), 'upshift.yaml')
  const reload = async (next: object): Promise<string[]> => {
    writeFileSync(file, JSON.stringify(next))
    const reloaded = await send(server, { path: '/v1/admin/reload', body: '{}' })
    assert.equal(reloaded.status, 200, reloaded.text)
    return JSON.parse(reloaded.text).changed
  }

  test('takes the reranker away, and brings it back', async () => {
    assert.ok((await reload({ ...config, knowledge: {} })).includes('knowledge.rerank.url'))
    assert.deepEqual((await search('machine')).rerank, {
      check: 'retrieval.rerank',
      outcome: 'skipped',
      detail: 'no reranker is configured',
    })
    await reload(config)
    assert.equal((await search('machine')).rerank?.outcome, 'passed')
  })
})

describe('a key', LIMIT, () => {
  async function keyOf(scope: object): Promise<Record<string, string>> {
    const body = JSON.stringify({ name: 'narrow', ...scope })
    const made = await send(server, { path: '/v1/admin/keys', body })
    return { authorization: `Bearer ${JSON.parse(made.text).secret}` }
  }

  test('that may use neither model gets a search by words, and nothing is sent', async () => {
    const { files, dense, rerank } = await search('lubricant', await keyOf({ models: ['extractive/*'] }))
    assert.equal(files[0], 'oil.md')
    assert.match(dense?.detail ?? '', /the key may not use it \(out_of_scope\)/)
    assert.match(rerank?.detail ?? '', /the key may not use it \(out_of_scope\)/)
    assert.deepEqual([embedder.asked.length, reranker.asked.length], [0, 0])
  })

  test('that may not read the collection has nothing of it sent anywhere', async () => {
    const headers = await keyOf({ collections: ['other'] })
    const body = JSON.stringify({ question: 'oil' })
    const refused = await send(server, { path: '/v1/knowledge/manuals/search', body, headers })
    assert.equal(refused.status, 404)
    assert.deepEqual([embedder.asked.length, reranker.asked.length], [0, 0])
    const embed = { path: '/v1/admin/knowledge/embed', headers }
    const forbidden = await send(server, { ...embed, body: JSON.stringify({ model: 'auto', texts: ['x'] }) })
    assert.equal(forbidden.status, 403)
  })
})
