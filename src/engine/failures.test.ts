import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { AnswerEvent } from '../contract/event.ts'
import { PROBLEM_CODES, type Problem } from '../contract/problem.ts'
import { createConnections } from './connections.ts'
import { problemOfNetwork } from './network.ts'
import { RETRY_AFTER_MAX_MS } from './retry-after.ts'
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
  STREAM_HEAD,
  sse,
  startUpstream,
  targetAt,
  textOf,
} from './upstream.fixture.ts'
import { MESSAGE_MAX_CHARACTERS } from './upstream.ts'

const connections = createConnections()
const engine = engineOver(connections)
after(() => connections.close())

async function run(script: Script, more: Parameters<typeof targetAt>[1] = {}): Promise<AnswerEvent[]> {
  const upstream = await startUpstream(script)
  try {
    return await collect(engine.generate(targetAt(upstream.url, more), callOf()))
  } finally {
    await upstream.close()
  }
}

function problemOf(events: readonly AnswerEvent[]): Problem {
  const last = events.at(-1)
  assert.equal(last?.type, 'answer-error')
  assert.ok(PROBLEM_CODES.includes(last.problem.code))
  return last.problem
}

const answering =
  (status: number, body: unknown, headers: Record<string, string | number> = {}): Script =>
  (socket) =>
    respond(socket, status, typeof body === 'string' ? body : JSON.stringify(body), headers)

async function refusal(
  status: number,
  body: unknown,
  headers: Record<string, string | number> = {},
  more: Parameters<typeof targetAt>[1] = {},
): Promise<Problem> {
  return problemOf(await run(answering(status, body, headers), more))
}

test('a rejected request keeps its status, message and param', async () => {
  const error = {
    message: 'temperature too hot',
    type: 'invalid_request_error',
    param: 'temperature',
    code: null,
  }
  for (const status of [400, 404, 413, 422]) {
    const problem = await refusal(status, { error })
    assert.equal(problem.code, 'upstream_rejected')
    assert.equal(problem.status, status)
    assert.equal(problem.param, 'temperature')
    assert.match(problem.message, /temperature too hot/)
  }
})

test('a message is bounded, one line, and never holds our key', async () => {
  const message = `bad key sk-very-secret\n\u0007 ${'x'.repeat(5_000)}`
  const problem = await refusal(400, { error: { message } }, {}, { apiKey: 'sk-very-secret' })
  assert.ok(problem.message.length < MESSAGE_MAX_CHARACTERS + 300)
  assert.equal(problem.message.includes('sk-very-secret'), false)
  assert.match(problem.message, /^[^\p{Cc}]*$/u)
})

test('every engine’s words for a context that is too long are understood', async () => {
  const bodies = [
    {
      error: {
        code: 'context_length_exceeded',
        message: "This model's maximum context length is 8192 tokens",
      },
    },
    {
      object: 'error',
      message: "This model's maximum context length is 4096 tokens. However, you requested 5000",
    },
    {
      error: {
        code: 400,
        type: 'exceed_context_size_error',
        message: 'the request exceeds the available context size',
      },
    },
    {
      object: 'error',
      message: "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
    },
    [
      {
        error: {
          code: 400,
          message: 'The input token count (9) exceeds the maximum number of tokens allowed (8).',
        },
      },
    ],
    {
      code: 'invalid',
      error: "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    },
    { error: { message: 'Please reduce the length of the messages or completion.' } },
    { error: 'Trying to keep the first 9 tokens when context the overflows.' },
    {
      object: 'error',
      message: 'Prompt contains 40000 tokens, too large for model with 32768 maximum context length',
    },
  ]
  for (const body of bodies) {
    assert.equal((await refusal(400, body)).code, 'context_length_exceeded', JSON.stringify(body))
  }
})

test('error bodies of every shape give their message', async () => {
  const bodies: [unknown, RegExp, string?][] = [
    [{ error: { message: 'm1' } }, /m1/],
    [{ error: 'm2' }, /m2/],
    [{ code: 'c', error: 'm3' }, /m3/],
    [{ object: 'error', message: 'm4' }, /m4/],
    [[{ error: { message: 'm5' } }], /m5/],
    [{ detail: 'm6' }, /m6/],
    [{ detail: [{ loc: ['body', 'seed'], msg: 'm7' }] }, /body\.seed: m7/, 'seed'],
    [{ object: 'error', message: { detail: [{ loc: ['body', 'n'], msg: 'm8' }] } }, /m8/, 'n'],
    ['m9 plain text', /m9 plain text/],
    ['<html><head><title>413 Too Large</title></head></html>', /an HTML page, “413 Too Large”/],
  ]
  for (const [body, message, param] of bodies) {
    const problem = await refusal(400, body)
    assert.match(problem.message, message)
    assert.equal(problem.param, param)
  }
  assert.equal((await refusal(400, '')).code, 'upstream_rejected')
})

test('a 404 that is no engine’s answer points to the address', async () => {
  assert.match((await refusal(404, '404 page not found')).message, /address configured for engine scripted/)
})

test('a refused key names the engine whose key to check', async () => {
  for (const status of [401, 403]) {
    const problem = await refusal(status, { error: { message: 'Incorrect API key' } })
    assert.equal(problem.code, 'upstream_unauthorized')
    assert.match(problem.message, /Check the API key configured for engine scripted/)
  }
})

test('a rate limit carries its Retry-After in every form, bounded by one hour', async () => {
  const cases: [Record<string, string>, number | undefined][] = [
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    [{ 'retry-after': '999999' }, RETRY_AFTER_MAX_MS],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 0],
    [{}, undefined],
  ]
  for (const [headers, expected] of cases) {
    const problem = await refusal(429, { error: { message: 'slow' } }, headers)
    assert.equal(problem.code, 'upstream_rate_limited')
    assert.equal(problem.retryAfterMs, expected)
  }
  const date = new Date(Date.now() + 60_000).toUTCString()
  const dated = (await refusal(429, {}, { 'retry-after': date })).retryAfterMs ?? 0
  assert.ok(dated > 50_000 && dated <= 60_000, `${dated}`)
  const google = [{ error: { message: 'quota', details: [{ '@type': 'x.RetryInfo', retryDelay: '34.5s' }] } }]
  assert.equal((await refusal(429, google)).retryAfterMs, 34_500)
})

test('an account without credit is not tried again soon', async () => {
  const quota = await refusal(429, {
    error: { code: 'insufficient_quota', message: 'You exceeded your quota' },
  })
  assert.equal(quota.code, 'upstream_rate_limited')
  assert.equal(quota.retryAfterMs, RETRY_AFTER_MAX_MS)
  assert.equal(
    (await refusal(402, { error: { message: 'Insufficient Balance' } })).retryAfterMs,
    RETRY_AFTER_MAX_MS,
  )
})

test('failures, time-outs and redirects of the engine have their own codes', async () => {
  assert.equal((await refusal(500, 'oops')).code, 'upstream_failed')
  const busy = await refusal(503, { error: { message: 'loading model' } }, { 'retry-after': '3' })
  assert.equal(busy.code, 'upstream_failed')
  assert.equal(busy.retryAfterMs, 3_000)
  assert.equal((await refusal(504, '')).code, 'upstream_timeout')
  assert.equal((await refusal(408, '')).code, 'upstream_timeout')
  const moved = await refusal(307, '', { location: 'https://user:pass@elsewhere.example/v1?token=t' })
  assert.equal(moved.code, 'upstream_failed')
  assert.match(moved.message, /elsewhere\.example\/v1/)
  assert.equal(/pass|token/.test(moved.message), false)
})

test('an early hint is not taken for the answer', async () => {
  const events = await run((socket) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n')
    respond(socket, 200, sse(delta('x'), FINISH, '[DONE]'), {})
  })
  assert.equal(textOf(events), 'x')
})

test('an error status stands although its text is cut short or endless', async () => {
  const cut = await run((socket) => {
    socket.write(`${head(500, { 'content-length': 1_000 })}half a tex`)
    setTimeout(() => socket.destroy(), 10)
  })
  assert.match(problemOf(cut).message, /status 500: “half a tex”/)
  const endless = await run((socket) => {
    socket.write(head(503, { 'content-length': 10_000_000 }) + 'x'.repeat(200_000))
  })
  assert.equal(problemOf(endless).code, 'upstream_failed')
})

test('nothing listening, an unknown name and a wrong protocol are told apart', async () => {
  const gone = await startUpstream(() => {})
  await gone.close()
  const refused = problemOf(await collect(engine.generate(targetAt(gone.url), callOf())))
  assert.equal(refused.code, 'upstream_unreachable')
  assert.match(refused.message, /ECONNREFUSED.*nothing listens there/)
  const lookup = Object.assign(new Error('getaddrinfo ENOTFOUND nowhere'), { code: 'ENOTFOUND' })
  const unknown = problemOfNetwork(targetAt('https://user:pass@nowhere.example/v1'), lookup, false)
  assert.equal(unknown.code, 'upstream_unreachable')
  assert.match(
    unknown.message,
    /https:\/\/nowhere\.example cannot be reached \(ENOTFOUND\): its name is not known/,
  )
  const garbled = problemOf(await run((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')))
  assert.equal(garbled.code, 'upstream_garbled')
  assert.match(garbled.message, /not HTTP/)
})

test('a reset before the first byte is unreachable and is not sent again; in mid-stream it is a failure', async () => {
  let requests = 0
  const before = problemOf(
    await run((socket) => {
      requests++
      socket.resetAndDestroy()
    }),
  )
  assert.equal(before.code, 'upstream_unreachable')
  assert.equal(requests, 1)
  const events = await run((socket) => {
    socket.write(STREAM_HEAD + httpChunk(sse(delta('x'))))
    setTimeout(() => socket.resetAndDestroy(), 20)
  })
  assert.equal(problemOf(events).code, 'upstream_failed')
  assert.equal(textOf(events), 'x')
})

test('a body shorter than its length is a failure, unless every choice had finished', async () => {
  const short =
    (text: string): Script =>
    (socket) =>
      socket.end(head(200, { 'content-length': 9_999 }) + text)
  assert.equal(problemOf(await run(short(sse(delta('x'))))).code, 'upstream_failed')
  assert.equal((await run(short(sse(delta('x'), FINISH)))).at(-1)?.type, 'answer-finish')
})

test('a packed answer is refused by name, and a packed error keeps its status', async () => {
  const packed = await refusal(200, 'x', { 'content-encoding': 'gzip' })
  assert.equal(packed.code, 'upstream_garbled')
  assert.match(packed.message, /content-encoding: gzip/)
  assert.equal(
    (await refusal(429, 'x', { 'content-encoding': 'gzip', 'retry-after': '2' })).retryAfterMs,
    2_000,
  )
})

test('a key that no header can carry is named as the cause', async () => {
  const events = await run(() => {}, { apiKey: 'two\nlines' })
  const problem = problemOf(events)
  assert.equal(problem.code, 'upstream_unauthorized')
  assert.match(problem.message, /characters that an HTTP header cannot carry/)
})
