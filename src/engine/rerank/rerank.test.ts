import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { isRefusal, type Refusal, UpshiftError } from '../../contract/problem.ts'
import { systemClock } from '../../lib/clock.ts'
import { createConnections } from '../connections.ts'
import { head, httpChunk, respond, type Script, startUpstream } from '../upstream.fixture.ts'
import { Reranker, type Reranking, type RerankTarget } from './rerank.ts'

const connections = createConnections()
after(() => connections.close())
const made = () =>
  new Reranker({ clock: systemClock, dispatcherFor: (url) => connections.dispatcherFor(url) })

const DOCUMENTS = ['about oil', 'about air', 'about water']

async function run(script: Script, more: Partial<RerankTarget> = {}, signal = new AbortController().signal) {
  const upstream = await startUpstream(script)
  try {
    const target = { url: upstream.url, model: 'm', key: undefined, timeoutMs: 10_000, ...more }
    const end = await made().rerank(target, { id: 'req_1', question: 'Oil?', documents: DOCUMENTS, signal })
    const [request] = upstream.received
    return {
      end,
      head: request?.head ?? '',
      body: JSON.parse(request?.body ?? '{}'),
      sent: upstream.received.length,
    }
  } finally {
    await upstream.close()
  }
}

const answers =
  (body: unknown, status = 200): Script =>
  (socket) =>
    respond(socket, status, typeof body === 'string' ? body : JSON.stringify(body))

const scored = (...scores: readonly (readonly [number, unknown])[]) => ({
  results: scores.map(([index, relevance_score]) => ({ index, relevance_score })),
})

function orderOf(end: Reranking | Refusal): number[] {
  assert.ok(!isRefusal(end), JSON.stringify(end))
  return end.order.map(({ index }) => index)
}

function problemOf(end: Reranking | Refusal) {
  assert.ok(isRefusal(end), JSON.stringify(end))
  return end.problem
}

test('question, documents and key go to /rerank, and the best comes first whatever the order of the answer', async () => {
  const {
    end,
    head: sent,
    body,
  } = await run(answers(scored([0, 0.1], [2, 0.9], [1, 0.5])), {
    key: () => 'secret-key',
  })
  assert.deepEqual(orderOf(end), [2, 1, 0])
  assert.match(sent, /^POST \/v1\/rerank HTTP/)
  assert.match(sent, /authorization: Bearer secret-key/)
  assert.deepEqual(body, { model: 'm', query: 'Oil?', documents: DOCUMENTS, top_n: 3 })
})

for (const [what, body, order] of [
  ['with fewer documents than were sent', scored([1, 0.5]), [1]],
  ['whose scores are equal', scored([2, 1], [0, 1], [1, 1]), [0, 1, 2]],
  ['whose scores are below zero', scored([0, -9.5], [1, -2.5]), [1, 0]],
  ['under `data`', { data: [{ index: 1, relevance_score: 0.2 }] }, [1]],
  [
    'as a bare list with `score`',
    [
      { index: 2, score: 0.2 },
      { index: 0, score: 0.8 },
    ],
    [0, 2],
  ],
  ['with the documents in it', { results: [{ index: 0, relevance_score: 1, document: { text: 'x' } }] }, [0]],
] as const) {
  test(`an answer ${what} is understood`, async () => {
    assert.deepEqual(orderOf((await run(answers(body))).end), order)
  })
}

for (const [what, body, words] of [
  ['an index of no document', scored([3, 1]), /index 3 is none of the 3/],
  ['an index below zero', scored([-1, 1]), /index -1/],
  ['an index twice', scored([1, 1], [1, 0.5]), /stands there twice/],
  ['half an index', scored([0.5, 1]), /no list of/],
  ['a score of words', scored([0, 'high']), /no list of/],
  ['no score', scored([0, undefined]), /has no score/],
  ['nothing', scored(), /ranks nothing/],
  ['another shape', { ranking: [] }, /no list of/],
  ['a page', '<!doctype html>', /not JSON/],
] as const) {
  test(`an answer with ${what} is not believed`, async () => {
    const problem = problemOf((await run(answers(body))).end)
    assert.equal(problem.code, 'upstream_garbled')
    assert.match(problem.message, words)
  })
}

test('a status that says no, a redirect and a connection that closes are refusals, and the key is in none of them', async () => {
  const key = () => 'secret-key'
  const failed = problemOf((await run(answers({ error: 'CUDA error near secret-key' }, 500), { key })).end)
  assert.equal(failed.code, 'upstream_failed')
  assert.doesNotMatch(failed.message, /secret-key/)
  assert.equal(problemOf((await run(answers('', 401), { key })).end).code, 'upstream_unauthorized')
  const redirect: Script = (socket) =>
    respond(socket, 302, '', { location: 'http://127.0.0.1:1/elsewhere', 'content-type': 'text/plain' })
  assert.equal(problemOf((await run(redirect)).end).code, 'upstream_failed')
  const closing = await run((socket) => void socket.destroy())
  assert.equal(problemOf(closing.end).code, 'upstream_unreachable')
  const half: Script = (socket) => {
    socket.write(`${head(200, { 'content-type': 'application/json', 'content-length': 500 })}{"results":`)
    socket.end()
  }
  assert.match(problemOf((await run(half)).end).code, /upstream_(?:unreachable|failed)/)
})

test('an answer that is slow is given up in time, and one without end at its bound', async () => {
  const slow = problemOf((await run(() => {}, { timeoutMs: 60 })).end)
  assert.equal(slow.code, 'upstream_timeout')
  const endless: Script = (socket) => {
    socket.write(head(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }))
    const more = (): void => {
      while (!socket.destroyed && socket.write(httpChunk(' '.repeat(65_536))));
      if (!socket.destroyed) socket.once('drain', more)
    }
    more()
  }
  assert.match(problemOf((await run(endless)).end).message, /larger than 4194304 bytes/)
})

test('a caller that leaves ends it, and a key that cannot be read sends nothing', async () => {
  const gone = new AbortController()
  const left = await run(() => gone.abort(), {}, gone.signal)
  assert.equal(problemOf(left.end).code, 'client_closed')
  const unread = await run(answers(scored([0, 1])), {
    key: () => {
      throw new UpshiftError({ code: 'invalid_request', message: 'the file is not there' })
    },
  })
  assert.deepEqual([problemOf(unread.end).code, unread.sent], ['upstream_unauthorized', 0])
})

test('one that fails again and again is left alone for a while, and asked again after it', async () => {
  let now = 0
  const clock = { ...systemClock, elapsed: () => now }
  const reranker = new Reranker({ clock, dispatcherFor: (url) => connections.dispatcherFor(url) })
  const upstream = await startUpstream((socket, _, nth) =>
    nth < 3 ? respond(socket, 500, '{}') : respond(socket, 200, JSON.stringify(scored([0, 1]))),
  )
  const target = { url: `${upstream.url}/rerank`, model: 'm', key: undefined, timeoutMs: 5_000 }
  const { signal } = new AbortController()
  const ask = () => reranker.rerank(target, { id: 'r', question: 'q', documents: DOCUMENTS, signal })
  try {
    for (let nth = 0; nth < 3; nth++) assert.equal(problemOf(await ask()).code, 'upstream_failed')
    assert.match(problemOf(await ask()).message, /left alone for 30 s/)
    assert.equal(upstream.received.length, 3)
    now = 30_001
    assert.deepEqual(orderOf(await ask()), [0])
    assert.match(upstream.received[0]?.head ?? '', /^POST \/v1\/rerank HTTP/)
  } finally {
    await upstream.close()
  }
})

test('failures of one target say nothing of another', async () => {
  const reranker = made()
  const upstream = await startUpstream((socket, { body }) =>
    body.includes('"model":"good"')
      ? respond(socket, 200, JSON.stringify(scored([0, 1])))
      : respond(socket, 500, '{}'),
  )
  const { signal } = new AbortController()
  const ask = (model: string) =>
    reranker.rerank(
      { url: upstream.url, model, key: undefined, timeoutMs: 5_000 },
      { id: 'r', question: 'q', documents: DOCUMENTS, signal },
    )
  try {
    for (let nth = 0; nth < 3; nth++) await ask('broken')
    assert.match(problemOf(await ask('broken')).message, /left alone/)
    assert.deepEqual(orderOf(await ask('good')), [0])
    for (let nth = 0; nth < 2; nth++) assert.equal(problemOf(await ask('broken')).code, 'upstream_failed')
    assert.deepEqual(orderOf(await ask('good')), [0])
  } finally {
    await upstream.close()
  }
})
