import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import Anthropic from '@anthropic-ai/sdk'
import {
  type AnthropicUpstream,
  type MessageScript,
  messageError,
  messageEvents,
  say,
  startAnthropic,
} from './process/anthropic.ts'
import { errorShape, readStream } from './process/message-shapes.ts'
import { type Reply, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { anthropicAt, configOf } from './process/settings.ts'

/** Whatever goes wrong: the error that Anthropic's client has for it, and never a 500 of our own. */

const held = new AsyncDisposableStack()
let claude: AnthropicUpstream
let server: RunningServer
let narrow: string
const REST_MS = 60

before(async () => {
  claude = held.use(await startAnthropic(['small']))
  const engines = {
    claude: anthropicAt([claude.url]),
    poor: anthropicAt([claude.url]),
    hasty: anthropicAt([claude.url], { timeouts: { firstTokenMs: 250 } }),
  }
  const bounds = { maxBodyBytes: 1_048_576 }
  const config = configOf(engines, { guard: { bounds }, route: { whenTierMissing: 'refuse' } })
  server = held.use(await startServer({ config }))
  const made = await send(server, {
    path: '/v1/admin/keys',
    body: JSON.stringify({ name: 'narrow', models: ['other/*'] }),
  })
  narrow = JSON.parse(made.text).secret
})
after(() => held.disposeAsync())
afterEach(() => assert.doesNotMatch(server.output(), /a bug:/))

const hi = (model = 'claude/small') => {
  return { model, max_tokens: 10, messages: [{ role: 'user' as const, content: 'Hi.' }] }
}

function client(more: Partial<ConstructorParameters<typeof Anthropic>[0]> = {}): Anthropic {
  return new Anthropic({ baseURL: server.address, apiKey: server.key, maxRetries: 0, ...more })
}

type ErrorClass = abstract new (...args: never) => InstanceType<typeof Anthropic.APIError>

interface Failing {
  readonly what: string
  readonly of: ErrorClass
  readonly status: number
  readonly type: string
  readonly message: RegExp
  readonly model?: string
  readonly key?: () => string
  readonly script?: MessageScript
  readonly streams?: boolean
  readonly content?: string
}

const says = (status: number, type: string, message: string): MessageScript => {
  // Without a word of its own a busy engine would rest for a second.
  const rest = status === 429 || status === 529 ? { 'retry-after-ms': '20' } : {}
  return (response) => messageError(response, status, type, message, rest)
}
const { APIError } = Anthropic
const INVALID = 'invalid_request_error'
const FAILING: readonly Failing[] = [
  {
    what: 'a wrong key',
    of: Anthropic.AuthenticationError,
    status: 401,
    type: 'authentication_error',
    message: /key/i,
    key: () => 'upk_wrong',
  },
  {
    what: 'a model out of the key’s scope',
    of: Anthropic.PermissionDeniedError,
    status: 403,
    type: 'permission_error',
    message: /may not use/,
    key: () => narrow,
  },
  {
    what: 'an unknown model',
    of: Anthropic.NotFoundError,
    status: 404,
    type: 'not_found_error',
    message: /No engine here/,
    model: 'claude/unknown',
  },
  {
    what: 'an invalid request',
    of: Anthropic.BadRequestError,
    status: 400,
    type: INVALID,
    message: /model is not valid/,
    model: 'm'.repeat(300),
  },
  {
    what: 'a body that is too large',
    of: APIError,
    status: 413,
    type: 'request_too_large',
    message: /larger than/,
    content: 'x'.repeat(1_100_000),
  },
  {
    what: 'a tier without a model',
    of: Anthropic.InternalServerError,
    status: 503,
    type: 'api_error',
    message: /No model can answer/,
    model: 'expert',
  },
  {
    what: 'an engine that rejects the request',
    of: Anthropic.BadRequestError,
    status: 400,
    type: INVALID,
    message: /“messages: bad”/,
    script: says(400, INVALID, 'messages: bad'),
  },
  {
    what: 'an engine that meets a conflict',
    of: Anthropic.ConflictError,
    status: 409,
    type: INVALID,
    message: /status 409/,
    script: says(409, INVALID, 'conflict'),
  },
  {
    what: 'an engine that cannot process it',
    of: Anthropic.UnprocessableEntityError,
    status: 422,
    type: INVALID,
    message: /status 422/,
    script: says(422, INVALID, 'no'),
  },
  {
    what: 'a prompt that is too long',
    of: Anthropic.BadRequestError,
    status: 400,
    type: INVALID,
    message: /longer than the context/,
    script: says(400, INVALID, 'prompt is too long: 210000 tokens > 200000 maximum'),
  },
  {
    what: 'an engine that refuses our key',
    of: Anthropic.InternalServerError,
    status: 502,
    type: 'api_error',
    message: /refused our key/,
    script: says(401, 'authentication_error', 'invalid x-api-key'),
  },
  {
    what: 'an engine that limits our rate',
    of: Anthropic.RateLimitError,
    status: 429,
    type: 'rate_limit_error',
    message: /limiting our rate/,
    script: says(429, 'rate_limit_error', 'slow down'),
  },
  {
    what: 'an empty account',
    of: Anthropic.RateLimitError,
    status: 429,
    type: 'rate_limit_error',
    message: /no credit/,
    // It rests for ten minutes then, and so is asked once.
    model: 'poor/small',
    streams: true,
    script: says(400, INVALID, 'Your credit balance is too low to access the API.'),
  },
  {
    what: 'an engine that is overloaded',
    of: Anthropic.InternalServerError,
    status: 529,
    type: 'overloaded_error',
    message: /more work than it can take/,
    script: says(529, 'overloaded_error', 'Overloaded'),
  },
  {
    what: 'an engine that fails',
    of: Anthropic.InternalServerError,
    status: 502,
    type: 'api_error',
    message: /failed with status 500/,
    script: says(500, 'api_error', 'Internal server error'),
  },
  {
    what: 'an engine that says nothing in time',
    of: Anthropic.InternalServerError,
    status: 504,
    type: 'timeout_error',
    message: /250/,
    model: 'hasty/small',
    script: () => {},
    streams: true,
  },
]

describe('@anthropic-ai/sdk raises its own error', () => {
  for (const failing of FAILING) {
    test(`for ${failing.what} (${failing.status})`, async () => {
      claude.answer(failing.script ?? ((response) => say(response, [])))
      const asking = client(failing.key === undefined ? {} : { apiKey: failing.key() })
      const body = hi(failing.model)
      const [message] = body.messages
      if (failing.content !== undefined && message !== undefined) message.content = failing.content
      for (const streams of failing.streams ? [true] : [false, true]) {
        const error = await (streams
          ? asking.messages.stream(body).finalMessage()
          : asking.messages.create(body)
        ).then(
          () => assert.fail('it was answered'),
          (raised: unknown) => raised,
        )
        assert.ok(error instanceof failing.of, `${String(error)} is of another class`)
        assert.deepEqual([error.status, error.type], [failing.status, failing.type], error.message)
        assert.match(error.message, failing.message)
        assert.equal(errorShape.parse(error.error).request_id, error.requestID)
        // The engine asked for 20 ms of rest, and gets them before the next test.
        if (failing.status === 429 || failing.status === 529) await pause(REST_MS)
      }
    })
  }

  test('for a server that is not there, one that is too slow, and a caller who leaves', async () => {
    claude.answer(() => {})
    const away = client({ baseURL: 'http://127.0.0.1:9' })
    await assert.rejects(away.messages.create(hi()), Anthropic.APIConnectionError)
    const hasty = client({ timeout: 50 })
    await assert.rejects(hasty.messages.create(hi()), Anthropic.APIConnectionTimeoutError)
    const signal = AbortSignal.abort()
    await assert.rejects(client().messages.create(hi(), { signal }), Anthropic.APIUserAbortError)
  })

  test('for an engine that fails in mid-stream, with what is wrong', async () => {
    const breaks: MessageScript = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(
        messageEvents([{ type: 'text', pieces: ['Once'] }])
          .slice(0, 4)
          .join(''),
      )
      const error = { type: 'overloaded_error', message: 'Overloaded' }
      response.end(`event: error\ndata: ${JSON.stringify({ type: 'error', error })}\n\n`)
    }
    claude.answer(breaks)
    const answered = await messages({ ...hi(), stream: true })
    assert.equal(answered.status, 200)
    const { error } = readStream(answered.text)
    assert.deepEqual([error?.error.type, error?.error.code], ['overloaded_error', 'upstream_overloaded'])
    await rested()
    claude.answer(breaks)
    const raised = await client()
      .messages.stream(hi())
      .finalMessage()
      .then(
        () => assert.fail('it was answered'),
        (thrown: unknown) => thrown,
      )
    assert.ok(raised instanceof APIError)
    assert.equal(raised.type, 'overloaded_error')
    await rested()
  })

  test('for one that breaks off, and fails over nothing once a word has left', async () => {
    claude.answer((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(
        messageEvents([{ type: 'text', pieces: ['Once'] }])
          .slice(0, 4)
          .join(''),
      )
    })
    const { error, events } = readStream((await messages({ ...hi(), stream: true })).text)
    assert.equal(error?.error.code, 'upstream_garbled')
    assert.equal(events.at(-2)?.type, 'content_block_delta')
    assert.equal(claude.received.length, 1)
  })

  test('a stream that fails before its first word is tried again, and nobody sees it', async () => {
    claude.answer((response, request, nth) => {
      if (nth > 0) return say(response, [{ type: 'text', pieces: ['Here.'] }], {}, request)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(
        messageEvents([{ type: 'text', pieces: ['Once'] }])
          .slice(0, 3)
          .join(''),
      )
      const error = { type: 'api_error', message: 'Oops' }
      response.end(`event: error\ndata: ${JSON.stringify({ type: 'error', error })}\n\n`)
    })
    const message = await client().messages.stream(hi()).finalMessage()
    assert.deepEqual(message.content, [{ type: 'text', text: 'Here.' }])
    assert.equal(claude.received.length, 2)
  })
})

/** Waits until the engine may be asked again after it was busy. */
async function rested(): Promise<void> {
  claude.answer((response) => say(response, [{ type: 'text', pieces: ['Hm.'] }]))
  for (let tries = 0; tries < 200; tries++) {
    if ((await messages(hi())).status === 200) return
    await pause(REST_MS)
  }
  assert.fail('the engine never came back')
}

function messages(body: unknown): Promise<Reply> {
  return send(server, { path: '/v1/messages', body: JSON.stringify(body) })
}
