import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Caller } from '../../contract/caller.ts'
import { isRefusal, type ProblemCode, refuse } from '../../contract/problem.ts'
import { systemClock } from '../../lib/clock.ts'
import { Collections } from '../collection/collections.ts'
import { createSearchPool } from '../collection/search-pool.ts'
import { tuneVectors } from '../tune/tune-vectors.ts'
import { makeVectors } from '../vectors/make.ts'
import { scriptedEmbedder, Topics } from '../vectors/topics.fixture.ts'
import { Library } from './library.ts'
import type { RerankerPort, RetrievalEngines } from './ports.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-stages-'))
const { signal } = new AbortController()
const CALLER: Caller = { key: 'key_one', name: 'one', owner: false, scope: { engines: 'any' } }
const asking = { caller: CALLER, signal }

const topics = new Topics()
const library = new Library(join(folder, 'collections.db'), systemClock)
after(async () => {
  await library.close()
  rmSync(folder, { recursive: true, force: true })
})
const asked: string[] = []

function engines(more: Partial<RetrievalEngines> = {}): RetrievalEngines {
  return {
    embed: async (model, question) => {
      asked.push(question)
      return { type: 'question-vector', model, vector: topics.byTopic(question) }
    },
    ...more,
  }
}

/** Refuses as an engine does whose message repeats what it was sent. */
const failing = (code: ProblemCode) => async () => refuse(code, 'The prompt "my secret question" broke it.')

async function filled(): Promise<void> {
  // The file is made by another connection, as `knowledge add` has one of its own.
  using collections = new Collections(join(folder, 'collections.db'), systemClock)
  const documents = Array.from({ length: 12 }, (_, topic) => topics.document(topic, 5, true))
  collections.put('shelf', documents)
  collections.vectors.choose('shelf', 'box/vectors')
  const embedder = scriptedEmbedder((text) => topics.byTopic(text))
  await makeVectors(collections, 'shelf', embedder, { signal })
  await tuneVectors(collections, 'shelf', embedder, signal)
}
await filled()

async function search(question: string, by = asking) {
  const found = await library.search({ collection: 'shelf', question, limit: 5 }, CALLER.scope, signal, by)
  assert.ok(!isRefusal(found), JSON.stringify(found))
  return { sources: found.hits.map(({ source }) => source), verdicts: found.verdicts, hits: found.hits }
}

const countOf = (stage: string, why: string): number =>
  library.stages.counts.find((one) => one.stage === stage && one.why === why)?.count ?? 0

test('a question is embedded once by its key, and finds what shares no word with it', async () => {
  library.stages.use(engines())
  const question = topics.question(7)
  const before = asked.length
  const { sources, verdicts } = await search(question)
  assert.equal(sources[0], '7.txt')
  assert.deepEqual(verdicts, [
    { check: 'retrieval.dense', outcome: 'passed', detail: 'vectors of box/vectors' },
    { check: 'retrieval.rerank', outcome: 'skipped', detail: 'no reranker is configured' },
  ])
  assert.equal((await search(question)).sources[0], '7.txt')
  assert.equal(asked.length, before + 1)
  await search(question, { caller: { ...CALLER, key: 'key_two' }, signal })
  assert.equal(asked.length, before + 2, 'what one key may ask says nothing of another')
})

for (const [code, words] of [
  ['upstream_unreachable', /it cannot be reached/],
  ['deadline_exceeded', /did not answer in time/],
  ['out_of_scope', /the key may not use it/],
  ['engine_not_allowed', /has not been allowed/],
  ['internal', /it failed/],
] as const) {
  test(`where a question’s vector is not to be had (${code}), words find what they find, and that is said`, async () => {
    library.stages.use(engines({ embed: failing(code) }))
    const before = countOf('dense', code)
    const { sources, verdicts } = await search(topics.question(3))
    assert.deepEqual(sources, [])
    const [dense] = verdicts
    assert.deepEqual([dense?.check, dense?.outcome], ['retrieval.dense', 'skipped'])
    assert.match(dense?.detail ?? '', words)
    assert.doesNotMatch(dense?.detail ?? '', /secret/, 'an engine’s own words stay out of the log')
    assert.equal(countOf('dense', code), before + 1)
  })
}

test('of a question without end engines read the beginning, cut between two characters', async () => {
  const questions: string[] = []
  const reranker: RerankerPort = {
    model: 'rerank/m',
    depth: 8,
    rerank: async (question, passages) => {
      questions.push(question)
      return { type: 'reranked', order: passages.map((_, index) => ({ index, score: -index })) }
    },
  }
  library.stages.use(engines({ reranker }))
  const start = `${topics.question(7)} `
  // An emoji is two UTF-16 units, and one lies across the bound.
  const long = `${start}${'x'.repeat((start.length + 1) % 2)}${'😀'.repeat(50_000)}`
  const before = asked.length
  assert.equal((await search(long)).sources[0], '7.txt')
  const sent = [...asked.slice(before), ...questions]
  assert.equal(sent.length, 2)
  for (const text of sent) {
    assert.equal(text.length, 3_999)
    assert.ok(long.startsWith(text) && text.isWellFormed())
  }
  await search(`${long} and more`)
  assert.equal(asked.length, before + 1, 'what an engine would read is the same')
})

test('a vector of another model or length is never compared', async () => {
  for (const [model, length] of [
    ['box/other', 32],
    ['box/vectors', 16],
  ] as const) {
    library.stages.use(
      engines({
        embed: async () => ({ type: 'question-vector', model, vector: new Float32Array(length).fill(1) }),
      }),
    )
    const { sources, verdicts } = await search(topics.question(4))
    assert.deepEqual(sources, [])
    assert.match(verdicts[0]?.detail ?? '', new RegExp(`${length} of ${model}`))
  }
})

/** Puts passages about one topic first, as far as it sees them. */
function rerankerOf(
  topic: number,
  rerank?: RerankerPort['rerank'],
): { port: RerankerPort; seen: string[][] } {
  const seen: string[][] = []
  return {
    seen,
    port: {
      model: 'rerank/m',
      depth: 8,
      rerank:
        rerank ??
        (async (_, passages) => {
          seen.push([...passages])
          const scores = passages.map((passage) => topics.likeness(passage, topic))
          const order = scores.map((score, index) => ({ index, score })).sort((a, b) => b.score - a.score)
          return { type: 'reranked', order }
        }),
    },
  }
}

test('a reranker’s order stands, for a search and for what an answer is made of', async () => {
  const question = [1, 2, 5].map((topic) => topics.name(topic)).join(' ')
  const { port, seen } = rerankerOf(5)
  library.stages.use(engines({ embed: failing('no_model'), reranker: port }))
  const { sources, verdicts, hits } = await search(question)
  assert.equal(sources[0], '5.txt')
  assert.ok((hits[0]?.reranked ?? 0) > (hits[1]?.reranked ?? 1))
  assert.match(verdicts[1]?.detail ?? '', /rerank\/m put 3 passages in order/)
  assert.equal(seen[0]?.length, 3)
  const found = await library.find({ collection: 'shelf', question, limit: 2 }, CALLER.scope, signal, asking)
  assert.ok(!isRefusal(found))
  assert.equal(found.passages[0]?.document, '5.txt')
  assert.ok(found.verdicts.some(({ check, outcome }) => check === 'retrieval.rerank' && outcome === 'passed'))
})

test('where the reranker brings nothing the first order stands', async () => {
  const question = [1, 2, 5].map((topic) => topics.name(topic)).join(' ')
  library.stages.use(engines({ embed: failing('no_model') }))
  const plain = await search(question)
  const { port } = rerankerOf(5, failing('upstream_timeout'))
  library.stages.use(engines({ embed: failing('no_model'), reranker: port }))
  const failed = await search(question)
  assert.deepEqual(failed.sources, plain.sources)
  assert.match(failed.verdicts[1]?.detail ?? '', /rerank\/m: it did not answer in time \(upstream_timeout\)/)
  assert.equal(countOf('rerank', 'upstream_timeout'), 1)
})

test('nothing of a collection reaches an engine for a key that may not read it', async () => {
  const { port, seen } = rerankerOf(5)
  library.stages.use(engines({ reranker: port }))
  const before = asked.length
  const scope = { engines: 'any', collections: ['other'] } as const
  const sought = { collection: 'shelf', question: 'anything at all', limit: 5 }
  for (const found of [
    await library.search(sought, scope, signal, asking),
    await library.find(sought, scope, signal, asking),
  ]) {
    assert.ok(isRefusal(found))
    assert.equal(found.problem.code, 'not_found')
  }
  assert.deepEqual([asked.length, seen.length], [before, 0])
})

test('vectors that had gone by the time of the search are not told as used', async () => {
  library.stages.use(engines())
  const { collections } = library
  assert.ok(collections)
  const question = topics.question(7)
  const near = await library.stages.near(collections, 'shelf', question, asking)
  assert.ok(near.asked)
  const pool = createSearchPool(join(folder, 'collections.db'))
  const sought = { collection: 'shelf', question, limit: 5 }
  const gone = { ...near.asked, model: 'box/gone' }
  try {
    assert.equal((await pool.search({ ...sought, asked: near.asked }, [])).missing, 0)
    assert.equal((await pool.search({ ...sought, asked: gone }, [])).missing, null)
    assert.equal((await pool.find({ ...sought, asked: gone }, [])).missing, null)
  } finally {
    await pool.close()
  }
  const [verdict] = near.verdicts(null)
  assert.equal(verdict?.outcome, 'skipped')
  assert.match(verdict?.detail ?? '', /vectors of box\/vectors had gone/)
})

test('a passage without a vector yet is found by its words, and the gap is said', async () => {
  library.stages.use(engines())
  library.collections?.put('shelf', [topics.document(40, 5, true)])
  const { sources, verdicts } = await search(topics.name(40))
  assert.equal(sources[0], '40.txt')
  const [dense] = verdicts
  assert.deepEqual([dense?.check, dense?.outcome], ['retrieval.dense', 'passed'])
  assert.match(dense?.detail ?? '', /^vectors of box\/vectors; 1 of 13 passages have none yet/)
  assert.ok(library.stages.counts.some(({ outcome, why }) => outcome === 'passed' && why === 'incomplete'))
  assert.equal((await search(topics.question(7))).sources[0], '7.txt', 'the vectors that are there count')
})

test('what is removed while the reranker reads is in no result', async () => {
  const question = [1, 2, 5].map((topic) => topics.name(topic)).join(' ')
  const removing = (source: string) =>
    rerankerOf(5, async (_, passages) => {
      library.collections?.remove('shelf', [source])
      return { type: 'reranked', order: passages.map((_text, index) => ({ index, score: -index })) }
    }).port
  library.stages.use(engines({ embed: failing('no_model'), reranker: removing('5.txt') }))
  assert.deepEqual((await search(question)).sources.toSorted(), ['1.txt', '2.txt'])
  library.stages.use(engines({ embed: failing('no_model'), reranker: removing('1.txt') }))
  const found = await library.find({ collection: 'shelf', question, limit: 5 }, CALLER.scope, signal, asking)
  assert.ok(!isRefusal(found))
  assert.deepEqual(
    found.passages.map(({ document }) => document),
    ['2.txt'],
  )
})

test('what a key may not read reaches no reranker, and is in no count that it is told', async () => {
  const read: string[] = []
  const reranker: RerankerPort = {
    model: 'rerank/spy',
    depth: 20,
    rerank: async (_question, passages) => {
      read.push(...passages)
      return { type: 'reranked', order: passages.map((_, index) => ({ index, score: -index })) }
    },
  }
  library.stages.use(engines({ reranker }))
  using collections = new Collections(join(folder, 'collections.db'), systemClock)
  const hidden = collections.documents('shelf').find(({ source }) => source === '9.txt')
  assert.ok(hidden)
  collections.label('shelf', ['9.txt'], ['board'])
  const question = topics.name(9)
  const { sources } = await search(question)
  assert.ok(!sources.includes('9.txt'))
  const scope = { ...CALLER.scope, labels: ['board'] }
  const holder = { caller: { ...CALLER, scope }, signal }
  const sought = { collection: 'shelf', question, limit: 5 }
  assert.ok(read.every((text) => !text.includes(question)))
  const found = await library.search(sought, scope, signal, holder)
  assert.ok(!isRefusal(found))
  assert.equal(found.hits[0]?.source, '9.txt')
  assert.ok(read.some((text) => text.includes(question)))
})
