import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { ServerPort } from '../../contract/verb.ts'
import { systemClock } from '../../lib/clock.ts'
import { toBase64 } from '../../lib/float32.ts'
import { Collections } from '../collection/collections.ts'
import { fill, run, scratchFolder } from '../ingest/run.fixture.ts'
import { EMBED_PATH, embedBody } from './embedder.ts'
import { VectorKeeper } from './keep.ts'
import type { VectorRound } from './round.ts'
import { Topics } from './topics.fixture.ts'

const scratch = scratchFolder()

/** A server that embeds; `refuse` says with what status it answers instead. */
function serverOf(
  vector: (text: string) => Float32Array,
  refuse: () => number | undefined = () => undefined,
) {
  const asked: string[][] = []
  const port: ServerPort = {
    running: true,
    call: async (method, path, body) => {
      assert.deepEqual([method, path], ['POST', EMBED_PATH])
      const { texts } = embedBody.parse(body)
      const status = refuse() ?? 200
      if (status === 200) asked.push(texts)
      const said =
        status === 200
          ? { model: 'box/vectors', vectors: texts.map((text) => toBase64(vector(text))) }
          : { error: { message: 'The engine is down.', code: 'upstream_unreachable' } }
      return { status, headers: {}, body: Readable.from([JSON.stringify(said)]) }
    },
  }
  return { port, asked, server: async () => port }
}

test('`knowledge add` with a server that fails adds the documents all the same, and says what is left', async () => {
  const path = fill(join(scratch, 'down'), {
    'a.md': '# Oil\n\nOil is changed.\n',
    'b.md': '# Air\n\nAir is dry.\n',
  })
  const home = join(scratch, 'down-home')
  const down = serverOf(
    () => new Float32Array(3),
    () => 502,
  )
  const first = await run(home, 'add', [path], { embeddings: 'box/vectors' }, { server: down.server })
  assert.equal(first.code, 1)
  assert.deepEqual([first.json.added, first.json.vectors.made, first.json.vectors.left], [2, 0, 2])
  assert.match(first.json.vectors.stopped, /The engine is down/)
  const shown = (await run(home, 'inspect', [], {}, { json: false })).text
  assert.match(shown, /box\/vectors, no vector yet/)
  assert.match(shown, /passages with a vector\s+0 of 2/)
  // Without a vector the command searches by words, and asks no server.
  assert.equal((await run(home, 'search', ['oil'])).json.hits.length, 1)
  const up = serverOf(() => Float32Array.of(1, 2, 3))
  const second = await run(home, 'add', [path], {}, { server: up.server })
  assert.deepEqual([second.code, second.json.vectors.made, second.json.vectors.left], [0, 2, 0])
  assert.match(up.asked[0]?.[0] ?? '', /^Oil\n\n|^Oil › /)
})

test('a collection that does not exist gets no model', async () => {
  await assert.rejects(run(join(scratch, 'none'), 'add', [], { embeddings: 'box/vectors' }), /no collection/i)
})

test('what is watched is embedded when it changes, also where the engine was away before', async () => {
  const topics = new Topics()
  using collections = new Collections(join(scratch, 'watched.db'), systemClock)
  collections.put('shelf', [topics.document(1)])
  collections.vectors.choose('shelf', 'box/vectors')
  let up = false
  const { port } = serverOf(
    (text) => topics.byTopic(text),
    () => (up ? undefined : 502),
  )
  const ended = new AbortController()
  const keeper = new VectorKeeper()
  const rounds: VectorRound[] = []
  const waiting: ((round: VectorRound) => void)[] = []
  const next = () => new Promise<VectorRound>((resolve) => waiting.push(resolve))
  const first = next()
  const running = keeper.run(
    collections,
    'shelf',
    { server: async () => port, signal: ended.signal },
    (round) => {
      rounds.push(round)
      waiting.shift()?.(round)
    },
  )
  assert.equal((await first).left, 1)
  up = true
  collections.put('shelf', [topics.document(2)])
  const second = next()
  keeper.wake()
  assert.deepEqual([(await second).made, rounds[1]?.left], [2, 0])
  ended.abort()
  await running
  assert.equal(rounds.length, 2)
})

test('`knowledge evaluate` measures vectors of an engine where one is named, and asks none where not', async () => {
  const topics = new Topics()
  const folder = join(scratch, 'beir')
  mkdirSync(join(folder, 'qrels'), { recursive: true })
  const records = Array.from({ length: 100 }, (_, topic) => ({
    _id: `d${topic}`,
    title: '',
    text: topics.document(topic).text,
  }))
  const queries = records.map((_, topic) => ({ _id: `q${topic}`, text: topics.question(topic) }))
  const lines = (rows: readonly object[]) => rows.map((one) => `${JSON.stringify(one)}\n`).join('')
  writeFileSync(join(folder, 'corpus.jsonl'), lines(records))
  writeFileSync(join(folder, 'queries.jsonl'), lines(queries))
  const judged = records.map((_, topic) => `q${topic}\td${topic}\t1\n`).join('')
  writeFileSync(join(folder, 'qrels', 'test.tsv'), `query-id\tcorpus-id\tscore\n${judged}`)
  const { asked, server } = serverOf((text) => topics.byTopic(text))
  const plain = (await run(scratch, 'evaluate', [], { dir: folder }, { server })).json
  assert.deepEqual([plain.ndcg10, plain.vectors, asked.length], [0, undefined, 0])
  const { json } = await run(scratch, 'evaluate', [], { dir: folder, embeddings: 'box/vectors' }, { server })
  assert.ok(json.vectors.weight > 0)
  assert.ok(json.ndcg10 > 0.95, `${json.ndcg10}`)
  assert.equal(json.parts.lexical, 0)
  assert.ok(json.parts.dense > 0.95)
})
