import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { AiSdkClient } from './process/clients/ai.ts'
import type { Client } from './process/clients/client.ts'
import { LangChainClient, LangChainResponsesClient } from './process/clients/langchain.ts'
import { OpenAiClient } from './process/clients/openai.ts'
import { OpenAiResponsesClient } from './process/clients/responses.ts'
import { entriesOf, readLog } from './process/log.ts'
import { chat, eventsOf, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import {
  event,
  reply,
  respond,
  type Script,
  startUpstream,
  streamHead,
  toolCall,
  type Upstream,
  USAGE,
} from './process/upstream.ts'

/** The client libraries that applications use, unchanged, against the running server. */

const held = new AsyncDisposableStack()
let upstream: Upstream
let server: RunningServer
/** A key that may use only models of the engine `other`. */
let narrow: string

const CLIENTS: readonly (new (address: string, key: string) => Client)[] = [
  OpenAiClient,
  OpenAiResponsesClient,
  AiSdkClient,
  LangChainClient,
  LangChainResponsesClient,
]
const MODEL = 'one/small'
const REST_MS = 60

before(async () => {
  upstream = held.use(await startUpstream())
  const config = configOf(
    {
      one: engineAt([upstream.url]),
      hasty: engineAt([upstream.url], { timeouts: { firstTokenMs: 250 } }),
    },
    { route: { whenTierMissing: 'refuse' } },
  )
  server = held.use(await startServer({ config }))
  const body = JSON.stringify({ name: 'narrow', models: ['other/*'] })
  const made = await send(server, { path: '/v1/admin/keys', body })
  narrow = JSON.parse(made.text).secret
})
after(() => held.disposeAsync())

async function all(pieces: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const piece of pieces) found.push(piece)
  return found
}

/** Calls the weather of these cities, then says what it was told of each. */
function weatherScript(cities: readonly string[]): Script {
  return (response, request) => {
    const streams = request.body['stream'] === true
    const asked = request.roles.includes('tool')
    const calls = cities.map((city, at) =>
      toolCall(`call_${at}`, 'weather', { city }, streams ? at : undefined),
    )
    const told = JSON.stringify(request.body['messages'])
    const known = cities.filter((city) => told.includes(`${city}: sunny`))
    respond(response, request, asked ? ['Sunny in ', known.join(' and ')] : calls)
  }
}

/** What fails how: the status, words of our message, and who asks for what of an engine that does what. */
interface Failing {
  readonly what: string
  readonly status: number
  readonly message: RegExp
  readonly model?: string
  readonly key?: () => string
  readonly script?: Script
  readonly streams?: boolean
  /** Requests that the upstream gets; none where absent. */
  readonly requests?: number
}

const busy = { error: { message: 'slow down' } }
const FAILING: readonly Failing[] = [
  { what: 'no key', status: 401, message: /key/i, key: () => ' ' },
  { what: 'a wrong key', status: 401, message: /key/i, key: () => 'upk_wrong' },
  { what: 'a model out of the key’s scope', status: 403, message: /may not use/, key: () => narrow },
  { what: 'an unknown model', status: 404, message: /No engine here has a model/, model: 'one/unknown' },
  { what: 'an invalid request', status: 400, message: /model is not valid/, model: 'm'.repeat(300) },
  { what: 'a tier without a model', status: 503, message: /No model can answer/, model: 'expert' },
  {
    what: 'an engine that limits our rate, after retries',
    status: 429,
    message: /limiting our rate: “slow down”/,
    script: (response) => reply(response, 429, busy, { 'retry-after-ms': '20' }),
    requests: 4,
  },
  {
    what: 'an engine that fails, after retries',
    status: 502,
    message: /failed with status 500: “CUDA error”/,
    script: (response) => reply(response, 500, { error: { message: 'CUDA error' } }),
    requests: 4,
  },
  {
    what: 'an engine that rejects the request',
    status: 422,
    message: /rejected the request with status 422: “bad penalty”/,
    script: (response) => reply(response, 422, { error: { message: 'bad penalty' } }),
    requests: 1,
  },
  {
    what: 'an engine that says nothing in time',
    status: 504,
    message: /250|0\.25/,
    model: 'hasty/small',
    script: () => {},
    streams: true,
    requests: 4,
  },
]

for (const Library of CLIENTS) {
  const client = (key = server.key) => new Library(server.address, key)

  describe(new Library('http://127.0.0.1:1', 'none').name, () => {
    test('gets a whole answer', async () => {
      upstream.answer((response, request) => respond(response, request, ['Hello, ', 'Ada.']))
      assert.equal(await client().say(MODEL, 'Hi.'), 'Hello, Ada.')
    })

    test('gets a stream, piece by piece', async () => {
      upstream.answer((response, request) => respond(response, request, ['Hel', 'lo, ', 'Ada.']))
      assert.deepEqual(await all(client().stream(MODEL, 'Hi.')), ['Hel', 'lo, ', 'Ada.'])
    })

    for (const streams of [false, true]) {
      const form = streams ? 'streamed' : 'whole'
      for (const cities of [['Oslo'], ['Oslo', 'Rome', 'Lima']]) {
        test(`goes round with ${cities.length} tool calls at once, ${form}`, async () => {
          upstream.answer(weatherScript(cities))
          const looked: string[] = []
          const look = (city: string): string => {
            looked.push(city)
            return `${city}: sunny`
          }
          const said = await client().useTools(MODEL, 'Where is it sunny?', streams, look)
          assert.equal(said, `Sunny in ${cities.join(' and ')}`)
          assert.deepEqual(looked, cities)
          assert.equal(upstream.received.length, 2)
        })
      }
    }

    test('gets JSON that meets its schema', async () => {
      upstream.answer((response, request) => respond(response, request, ['{"name":"Ada",', '"age":36}']))
      assert.deepEqual(await client().person(MODEL, 'Who?'), { name: 'Ada', age: 36 })
      assert.match(JSON.stringify(upstream.received[0]?.body['response_format']), /json_schema.*person/)
    })

    test('may leave in the middle: the engine’s connection closes, the record says aborted', async () => {
      upstream.answer((response) => {
        streamHead(response)
        response.write(event({ role: 'assistant', content: 'Once upon' }))
      })
      const aborted = abortions()
      const leaving = new AbortController()
      await assert.rejects(async () => {
        for await (const piece of client().stream(MODEL, 'A story.', leaving.signal)) {
          assert.equal(piece, 'Once upon')
          leaving.abort()
        }
      })
      await until('the engine saw its connection close', () => upstream.abandoned === 1)
      await until('the record holds an aborted request', () => abortions() === aborted + 1)
      upstream.answer((response, request) => respond(response, request, ['Still ', 'here.']))
      assert.equal(await client().say(MODEL, 'Hi.'), 'Still here.')
    })

    test('may leave before the first token: the same, and nothing is tried again', async () => {
      upstream.answer(() => {})
      const aborted = abortions()
      const leaving = new AbortController()
      const waiting = assert.rejects(all(client().stream(MODEL, 'A story.', leaving.signal)))
      await until('the engine has the request', () => upstream.received.length === 1)
      leaving.abort()
      await waiting
      await until('the engine saw its connection close', () => upstream.abandoned === 1)
      await until('the record holds an aborted request', () => abortions() === aborted + 1)
      assert.equal(upstream.received.length, 1)
    })

    for (const failing of FAILING) {
      test(`raises its own error for ${failing.what} (${failing.status})`, async () => {
        upstream.answer(failing.script ?? ((response) => reply(response, 500, {})))
        const caller = client(failing.key?.())
        const model = failing.model ?? MODEL
        for (const streams of failing.streams ? [true] : [false, true]) {
          const error = await (streams ? all(caller.stream(model, 'Hi.')) : caller.say(model, 'Hi.')).then(
            (answer) => assert.fail(`it was answered: ${String(answer)}`),
            (raised: unknown) => raised,
          )
          assert.match(caller.failure(error, failing.status), failing.message)
          // The engine asked for 20 ms of rest, and gets them before the next test.
          if (failing.status === 429) await pause(REST_MS)
        }
        const times = failing.streams ? 1 : 2
        assert.equal(upstream.received.length, (failing.requests ?? 0) * times)
      })
    }
  })
}

function abortions(): number {
  return readLog(server.home).filter((entry) => entry.type === 'closed' && entry.outcome === 'aborted').length
}

describe('what passes through', () => {
  const messages = [
    { role: 'developer', content: 'Be brief.', cache_control: { type: 'ephemeral' } },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is it?' },
        {
          type: 'image_url',
          image_url: { url: `data:image/png;base64,${'iVBORw0K'.repeat(600)}`, detail: 'low' },
        },
      ],
    },
  ]
  const fields = {
    temperature: 0.25,
    top_p: 0.5,
    n: 2,
    stop: ['END', '\n\n'],
    seed: 42,
    logprobs: true,
    top_logprobs: 2,
    logit_bias: { '50256': -100 },
    presence_penalty: 0.5,
    frequency_penalty: -0.5,
    reasoning_effort: 'low',
    user: 'user-7',
    metadata: { team: 'a' },
    min_p: 0.05,
    chat_template_kwargs: { enable_thinking: false, nested: [1, { deep: null }] },
  }
  const choice = (index: number, content: string) => ({
    index,
    message: { role: 'assistant', content, reasoning_content: 'Hm.' },
    logprobs: { content: [{ token: content, logprob: -0.1, bytes: [65], top_logprobs: [] }], refusal: null },
    finish_reason: 'stop',
  })

  test('every field of a request reaches the engine as it came, unknown ones too', async () => {
    upstream.answer((response, request) => respond(response, request, ['Fine.']))
    const upshift = { mode: 'direct' }
    await chat(server, { model: MODEL, messages, max_tokens: 9, upshift, ...fields })
    const expected = { model: 'small', messages, stream: false, max_tokens: 9, ...fields }
    assert.deepEqual(upstream.received[0]?.body, expected)
  })

  test('every field of a whole answer reaches the caller, with one of ours and four headers', async () => {
    const answer = {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 5,
      model: 'small-v2',
      choices: [choice(0, 'A'), choice(1, 'B')],
      usage: USAGE,
      system_fingerprint: 'fp_1',
      timings: { predicted_ms: 1.5 },
    }
    upstream.answer((response) => reply(response, 200, answer))
    const answered = await chat(server, { model: MODEL, messages, n: 2, logprobs: true })
    const { upshift, ...rest } = JSON.parse(answered.text)
    assert.deepEqual(rest, answer)
    assert.equal(upshift.model, MODEL)
    assert.equal(upshift.tier, 'fast')
    assert.equal(upshift.attempts, 1)
    // 7 tokens in at $1 a million and 3 out at $2.
    assert.equal(upshift.cost_micros, 13)
    assert.equal(upshift.request_id, answered.headers['x-request-id'])
    assert.equal(answered.headers['x-upshift-tier'], 'fast')
    assert.equal(answered.headers['x-upshift-model'], MODEL)
    assert.match(String(answered.headers['x-upshift-reason']), /the exact model one\/small was asked for/)
    const [closed] = entriesOf(server.home, 'closed', upshift.request_id)
    assert.equal(closed?.outcome, 'answered')
    assert.equal(closed?.costMicros, 13)
  })

  test('a limit on output is imposed where the caller gives none, and kept where there is one', async () => {
    upstream.answer((response, request) => respond(response, request, ['Fine.']))
    for (const limit of [{}, { max_tokens: 5 }, { max_completion_tokens: 6 }, { max_tokens: null }]) {
      await chat(server, { model: MODEL, messages, ...limit })
    }
    const sent = upstream.received.map(({ body }) => [body['max_tokens'], body['max_completion_tokens']])
    assert.deepEqual(sent, [
      [1024, undefined],
      [5, undefined],
      [6, undefined],
      [1024, undefined],
    ])
  })

  for (const include_usage of [false, true]) {
    test(`a stream ${include_usage ? 'with' : 'without'} usage: our field is in its last event`, async () => {
      upstream.answer((response, request) => respond(response, request, ['A', 'B']))
      const stream_options = include_usage ? { stream_options: { include_usage } } : {}
      const answered = await chat(server, { model: MODEL, messages, stream: true, ...stream_options })
      assert.match(answered.headers['content-type'] ?? '', /^text\/event-stream/)
      for (const name of ['x-request-id', 'x-upshift-tier', 'x-upshift-model', 'x-upshift-reason']) {
        assert.ok(answered.headers[name], name)
      }
      assert.deepEqual(upstream.received[0]?.body['stream_options'], { include_usage: true })
      const events = eventsOf(answered)
      assert.equal(events.at(-1), '[DONE]')
      const chunks = events
        .slice(0, -1)
        .map((one) => ({ upshift: undefined, usage: undefined, ...Object(one) }))
      const last = chunks.at(-1)
      assert.equal(last?.upshift.model, MODEL)
      assert.equal(last?.upshift.cost_micros, 13)
      assert.ok(chunks.slice(0, -1).every(({ upshift }) => upshift === undefined))
      assert.deepEqual(
        chunks.flatMap(({ usage }) => usage ?? []),
        include_usage ? [USAGE] : [],
      )
    })
  }

  test('events of a stream pass unchanged: two choices, log-probabilities, fields unknown to us', async () => {
    const logprobs = { content: [{ token: 'A', logprob: -0.5, bytes: null, top_logprobs: [] }] }
    const sent = [0, 1].map((index) => ({
      id: 'c',
      object: 'chat.completion.chunk',
      choices: [{ index, delta: { content: 'A', reasoning_content: 'Hm.' }, logprobs, finish_reason: null }],
      system_fingerprint: 'fp',
    }))
    upstream.answer((response) => {
      streamHead(response)
      for (const chunk of sent) response.write(`data: ${JSON.stringify(chunk)}\n\n`)
      const ends = [0, 1].map((index) => ({ index, delta: {}, finish_reason: 'stop' }))
      response.end(`data: ${JSON.stringify({ ...sent[0], choices: ends })}\n\ndata: [DONE]\n\n`)
    })
    const answered = await chat(server, { model: MODEL, messages, n: 2, logprobs: true, stream: true })
    assert.deepEqual(eventsOf(answered).slice(0, 2), sent)
  })
})

test('after all of this the server is the same process and has met no bug', () => {
  assert.ok(server.alive())
  assert.doesNotMatch(server.output(), /a bug:/)
})
