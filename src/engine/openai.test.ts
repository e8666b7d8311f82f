import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { AnswerEvent } from '../contract/event.ts'
import { createConnections } from './connections.ts'
import { MAX_EVENT_BYTES } from './sse.ts'
import {
  callOf,
  collect,
  delta,
  engineOver,
  FINISH,
  head,
  httpChunk,
  respond,
  type Script,
  STREAM_END,
  STREAM_HEAD,
  sse,
  startUpstream,
  targetAt,
  textOf,
  USAGE,
  WHOLE,
} from './upstream.fixture.ts'

const connections = createConnections()
const engine = engineOver(connections)
after(() => connections.close())

/** Answers one call with the script and returns all events. */
async function run(
  script: Script,
  call = callOf(),
  more: Parameters<typeof targetAt>[1] = {},
): Promise<{
  readonly events: AnswerEvent[]
  readonly body: Record<string, unknown>
  readonly head: string
}> {
  const upstream = await startUpstream(script)
  try {
    const events = await collect(engine.generate(targetAt(upstream.url, more), call))
    const request = upstream.received[0]
    return { events, body: JSON.parse(request?.body ?? '{}'), head: request?.head ?? '' }
  } finally {
    await upstream.close()
  }
}

const streamed =
  (text: string): Script =>
  (socket) =>
    socket.write(STREAM_HEAD + httpChunk(text) + STREAM_END)

/** A stream without a length: it ends when the connection does. */
const unbounded =
  (text: string): Script =>
  (socket) =>
    socket.end(head(200, { 'content-type': 'text/event-stream' }) + text)

function problemOf(events: readonly AnswerEvent[]): { readonly code: string; readonly message: string } {
  const last = events.at(-1)
  assert.equal(last?.type, 'answer-error')
  assert.equal(
    events.filter((event) => event.type === 'answer-error' || event.type === 'answer-finish').length,
    1,
  )
  return last.problem
}

test('a stream becomes chunk events with their original text, and one finish with the usage', async () => {
  const { events } = await run(streamed(sse(delta('Hel'), delta('lo'), FINISH, USAGE, '[DONE]')))
  assert.equal(textOf(events), 'Hello')
  assert.deepEqual(events[0], {
    type: 'chunk-delta',
    chunk: delta('Hel'),
    wire: JSON.stringify(delta('Hel')),
  })
  assert.equal(events.length, 5)
  assert.deepEqual(events.at(-1), {
    type: 'answer-finish',
    usage: { promptTokens: 5, completionTokens: 2 },
    verdicts: [],
  })
})

test('what one socket read brought is one batch', async () => {
  const upstream = await startUpstream((socket) => {
    socket.write(
      STREAM_HEAD + httpChunk(sse(delta('a'))) + httpChunk(sse(delta('b'))) + httpChunk(sse(delta('c'))),
    )
    setTimeout(() => socket.write(httpChunk(sse(FINISH, '[DONE]')) + STREAM_END), 30)
  })
  const sizes: number[] = []
  for await (const batch of engine.generate(targetAt(upstream.url), callOf())) sizes.push(batch.length)
  await upstream.close()
  assert.deepEqual(sizes, [3, 2])
})

test('the request goes on with our model and bound, without upshift, and asks for usage', async () => {
  const request = {
    model: 'auto',
    max_tokens: 5_000,
    temperature: null,
    upshift: { mode: 'direct' as const },
    custom_field: { deep: [1] },
    stream_options: { include_obfuscation: false },
  }
  const { body, head: sent } = await run(streamed(sse(delta('x'), FINISH, '[DONE]')), callOf(request), {
    apiKey: 'secret-key',
  })
  assert.deepEqual(body, {
    messages: [{ role: 'user', content: 'Hi' }],
    custom_field: { deep: [1] },
    model: 'upstream-model',
    stream: true,
    max_tokens: 64,
    stream_options: { include_obfuscation: false, include_usage: true },
  })
  assert.match(sent, /^POST \/v1\/chat\/completions HTTP\/1\.1/)
  assert.match(sent, /authorization: Bearer secret-key/)
  assert.match(sent, /accept-encoding: identity/)
  assert.match(sent, /x-request-id: req_test/)
})

test('a request that does not stream becomes one whole answer', async () => {
  const { events, body } = await run(
    (socket) => respond(socket, 200, JSON.stringify(WHOLE)),
    callOf({ stream: false }),
  )
  assert.equal(body['stream'], false)
  assert.equal('stream_options' in body, false)
  assert.deepEqual(events, [
    { type: 'answer-whole', completion: WHOLE },
    { type: 'answer-finish', usage: { promptTokens: 5, completionTokens: 2 }, verdicts: [] },
  ])
})

test('comments, CRLF, a byte order mark and characters split over reads change nothing', async () => {
  const text = `\uFEFF: ping\r\n\r\n${sse(delta('héllo 世界👍'), FINISH, '[DONE]').replaceAll('\n', '\r\n')}`
  const bytes = Buffer.from(text)
  const { events } = await run((socket) => {
    socket.setNoDelay(true)
    socket.write(head(200, { 'content-length': bytes.length }))
    let at = 0
    const next = (): void => {
      if (at >= bytes.length) return
      socket.write(bytes.subarray(at, at + 1), () => setImmediate(next))
      at++
    }
    next()
  })
  assert.equal(textOf(events), 'héllo 世界👍')
  assert.equal(events.at(-1)?.type, 'answer-finish')
})

test('a stream split anywhere gives the same text', async () => {
  const bytes = Buffer.from(sse(delta('añb'), delta('世'), FINISH, USAGE, '[DONE]'))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 6 }), async (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
      const { events } = await run((socket) => {
        socket.setNoDelay(true)
        socket.write(head(200, { 'content-length': bytes.length }))
        const write = (index: number): void => {
          if (index >= places.length) return
          socket.write(bytes.subarray(places[index - 1], places[index]), () => setImmediate(write, index + 1))
        }
        write(1)
      })
      assert.equal(textOf(events), 'añb世')
      assert.equal(events.at(-1)?.type, 'answer-finish')
    }),
    { numRuns: 40 },
  )
})

test('an event of 2 MB passes, one above the bound is refused by name', async () => {
  const { events } = await run(streamed(sse(delta('é'.repeat(1024 * 1024)), FINISH, '[DONE]')))
  assert.equal(textOf(events).length, 1024 * 1024)
  const refused = await run(streamed(sse(delta('x'.repeat(MAX_EVENT_BYTES)), FINISH, '[DONE]')))
  const problem = problemOf(refused.events)
  assert.equal(problem.code, 'upstream_garbled')
  assert.match(problem.message, /larger than 4 MiB/)
})

test('a chunk of usage alone is counted and passed on', async () => {
  const { events } = await run(streamed(sse(delta('x'), FINISH, USAGE, '[DONE]')))
  assert.deepEqual(events.at(-2), { type: 'chunk-delta', chunk: USAGE, wire: JSON.stringify(USAGE) })
})

test('a stream that ends after its finish_reason is whole without [DONE], also without its blank line', async () => {
  assert.equal((await run(unbounded(sse(delta('x'), FINISH)))).events.at(-1)?.type, 'answer-finish')
  assert.equal((await run(unbounded(sse(delta('x'), FINISH).trimEnd()))).events.at(-1)?.type, 'answer-finish')
  assert.equal(
    (await run(unbounded(`${sse(delta('x'), FINISH)}data: [DONE]`))).events.at(-1)?.type,
    'answer-finish',
  )
})

test('a stream that just ends was cut off and says so, with what came before', async () => {
  for (const text of [sse(delta('x')), `${sse(delta('x'))}data: {"choices":[{"ind`]) {
    const { events } = await run(unbounded(text))
    const problem = problemOf(events)
    assert.equal(problem.code, 'upstream_garbled')
    assert.match(problem.message, /cut off/)
    assert.equal(textOf(events), 'x')
  }
  const two = await run(unbounded(sse(delta('x'), FINISH)), callOf({ n: 2 }))
  assert.match(problemOf(two.events).message, /finish_reason for every choice/)
})

test('every kind of garbage is upstream_garbled and says what was wrong', async () => {
  const cases: [string, RegExp][] = [
    [sse('{not json'), /not JSON/],
    [sse('"text"'), /not a JSON object/],
    [sse({ id: 'x' }), /no list of choices/],
    [sse({ choices: {} }), /no list of choices/],
    [sse({ choices: ['x'] }), /choice is not an object/],
    [sse({ choices: [{ index: 0, delta: 'x' }] }), /delta of a choice/],
    [sse({ choices: [{ index: 0, delta: { content: 7 } }] }), /content is neither text nor null/],
    [sse({ choices: [{ index: 'a', delta: {} }] }), /index of a choice/],
    [sse({ choices: [{ index: 0, delta: {}, finish_reason: 1 }] }), /finish_reason is not a text/],
    [sse({ choices: [{ index: 0, delta: { tool_calls: [1] } }] }), /tool call is not an object/],
    [sse({ choices: [{ index: 0, delta: { tool_calls: [{ function: { arguments: 5 } }] } }] }), /arguments/],
    [sse({ choices: [], usage: 'many' }), /usage is not an object/],
    ['<html><body>Sign in</body></html>', /HTML page/],
    [JSON.stringify(WHOLE), /JSON document where a stream/],
    ['[1]', /JSON document where a stream/],
    ['', /no event at all/],
    [': only a comment\n\n', /no event at all/],
    [sse('[DONE]'), /without an answer/],
    ['just words\n\n', /no event at all/],
  ]
  for (const [text, why] of cases) {
    const { events } = await run(unbounded(text))
    const problem = problemOf(events)
    assert.equal(problem.code, 'upstream_garbled', text)
    assert.match(problem.message, why, text)
  }
})

test('a body that is no chat completion is upstream_garbled where a whole answer was asked for', async () => {
  const cases: [string, RegExp][] = [
    ['', /empty body/],
    ['  \n', /empty body/],
    ['<html></html>', /HTML page/],
    [sse(delta('x')), /stream of events instead of JSON/],
    ['{"choices":[', /not JSON/],
    ['{"choices":[]}', /no choices/],
    ['{"choices":[{"index":0}]}', /no message/],
    ['{"choices":[{"index":0,"message":[]}]}', /message of a choice/],
  ]
  for (const [text, why] of cases) {
    const { events } = await run((socket) => respond(socket, 200, text), callOf({ stream: false }))
    const problem = problemOf(events)
    assert.equal(problem.code, 'upstream_garbled', text)
    assert.match(problem.message, why, text)
  }
})

test('a whole answer above its bound is refused and no more of it is read', async () => {
  const block = Buffer.alloc(1024 * 1024, ' ')
  let written = 0
  const { events } = await run(
    (socket) => {
      socket.write(head(200, { 'content-length': 100 * block.length }))
      const more = (): void => {
        while (!socket.destroyed && written < 100 && socket.write(block)) written++
        written++
      }
      socket.on('drain', more)
      more()
    },
    callOf({ stream: false }),
  )
  const { code, message } = problemOf(events)
  assert.equal(code, 'answer_too_large')
  assert.match(message, /larger than 33554432 bytes/)
  assert.ok(written < 60, `${written} MiB written`)
})

test('an error event after 200 ends the answer with its message and its code', async () => {
  const cases: [unknown, string, string][] = [
    [{ error: { message: 'GPU on fire', type: 'server_error' } }, 'upstream_failed', 'GPU on fire'],
    [{ error: { message: 'slow down', code: 429 } }, 'upstream_rate_limited', 'slow down'],
    [{ object: 'error', message: 'old vLLM', code: 500 }, 'upstream_failed', 'old vLLM'],
    [{ error: 'plain' }, 'upstream_failed', 'plain'],
    [
      { error: { code: 'context_length_exceeded', message: 'too long' } },
      'context_length_exceeded',
      'too long',
    ],
    [{ choices: [{ index: 0, delta: {}, finish_reason: 'error' }] }, 'upstream_failed', 'finish_reason'],
  ]
  for (const [event, code, message] of cases) {
    const { events } = await run(streamed(sse(delta('x'), event, delta('never'))))
    const problem = problemOf(events)
    assert.equal(problem.code, code)
    assert.ok(problem.message.includes(message), problem.message)
    assert.equal(textOf(events), 'x')
  }
})

test('an error in a whole 200 is an error', async () => {
  const body = JSON.stringify({ error: { message: 'provider down', code: 502 } })
  const { events } = await run((socket) => respond(socket, 200, body), callOf({ stream: false }))
  assert.equal(problemOf(events).code, 'upstream_failed')
  assert.match(problemOf(events).message, /provider down/)
})

test('older llama.cpp’s error field is an error there, and nothing elsewhere', async () => {
  const text = `${sse(delta('x'))}error: {"code":500,"message":"slot failed","type":"server_error"}\n\n${sse(FINISH, '[DONE]')}`
  const failed = await run(streamed(text), callOf(), { kind: 'llama.cpp' })
  assert.match(problemOf(failed.events).message, /slot failed/)
  const passed = await run(streamed(text), callOf(), { kind: 'openai' })
  assert.equal(passed.events.at(-1)?.type, 'answer-finish')
})

test('a chunk that had to be put right loses its original text', async () => {
  const chunk = { choices: [{ delta: { role: null, content: [{ type: 'text', text: 'Hi' }] } }] }
  const { events } = await run(streamed(sse(chunk, FINISH, '[DONE]')))
  assert.deepEqual(events[0], {
    type: 'chunk-delta',
    chunk: { choices: [{ index: 0, delta: { content: 'Hi' } }] },
  })
})

test('an event of several data lines keeps its meaning and loses its text', async () => {
  const { events } = await run(
    streamed(`data: {"choices":\ndata: []}\n\n${sse(delta('x'), FINISH, '[DONE]')}`),
  )
  assert.deepEqual(events[0], { type: 'chunk-delta', chunk: { choices: [] } })
})

test('what an engine refuses is left out, and a verdict names it where it asked for something', async () => {
  const request = { parallel_tool_calls: false, tools: [] }
  const { events, body } = await run(streamed(sse(delta('x'), FINISH, '[DONE]')), callOf(request), {
    kind: 'gemini',
  })
  assert.equal('parallel_tool_calls' in body, false)
  const last = events.at(-1)
  assert.equal(last?.type === 'answer-finish' && last.verdicts[0]?.outcome, 'skipped')
})

test('connections are used again after a streamed answer', async () => {
  const upstream = await startUpstream(streamed(sse(delta('x'), FINISH, '[DONE]')))
  for (let turn = 0; turn < 20; turn++) await collect(engine.generate(targetAt(upstream.url), callOf()))
  const made = upstream.sockets.length
  await upstream.close()
  // Undici lets one turn of the loop pass before it uses a socket again: two take turns.
  assert.ok(made <= 2, `${made} connections for 20 calls`)
})

test('a base URL keeps its path and query', async () => {
  const upstream = await startUpstream(streamed(sse(delta('x'), FINISH, '[DONE]')))
  const url = `http://127.0.0.1:${upstream.port}/openai/deployments/a/?api-version=2026-01`
  await collect(engine.generate(targetAt(url), callOf()))
  assert.match(
    upstream.received[0]?.head ?? '',
    /^POST \/openai\/deployments\/a\/chat\/completions\?api-version=2026-01 /,
  )
  await upstream.close()
})
