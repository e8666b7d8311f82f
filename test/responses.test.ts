import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import OpenAI from 'openai'
import { eventsIn } from '../src/http/responses/order.fixture.ts'
import { makeKey } from './process/admin.ts'
import { entriesOf, readLog } from './process/log.ts'
import { post, responseOf } from './process/responses.ts'
import { errorOf, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import {
  event,
  reply,
  respond,
  STREAM_END,
  startUpstream,
  streamHead,
  toolCall,
  type Upstream,
  USAGE,
  whole,
} from './process/upstream.ts'

/** POST /v1/responses over the whole server: what goes in, what comes out, and that no promise of the path is lost. */

const held = new AsyncDisposableStack()
let upstream: Upstream
let server: RunningServer
const MODEL = 'one/small'

before(async () => {
  upstream = held.use(await startUpstream())
  const config = configOf(
    { one: engineAt([upstream.url]) },
    { guard: { input: { pii: { card: { action: 'refuse', applies: 'everywhere' } } } } },
  )
  server = held.use(await startServer({ config }))
})
after(() => held.disposeAsync())

function openai(): OpenAI {
  return new OpenAI({ baseURL: `${server.address}/v1`, apiKey: server.key, maxRetries: 0 })
}

const weather = {
  type: 'function',
  name: 'weather',
  description: 'Tells the weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  strict: null,
} as const

for (const stream of [false, true]) {
  describe(stream ? 'streamed' : 'whole', () => {
    test('an answer has the documented shape, echoes what was asked, and carries our field and headers', async () => {
      upstream.answer((response, request) => respond(response, request, ['Hello, ', 'Ada.']))
      const asked = {
        input: [{ role: 'user', content: [{ type: 'input_text', text: 'Hi.' }] }],
        instructions: 'Be brief.',
        temperature: 0.5,
        metadata: { team: 'a' },
        max_output_tokens: 9,
        reasoning: { effort: 'low' },
        text: { format: { type: 'text' }, verbosity: 'low' },
        tools: [weather],
        user: 'ada',
      }
      const answered = await post(server, { ...asked, stream })
      const response = responseOf(answered)
      assert.equal(response.status, 'completed')
      assert.deepEqual(
        response.output.map((item) => item.type === 'message' && item.content),
        [[{ type: 'output_text', text: 'Hello, Ada.', annotations: [], logprobs: [] }]],
      )
      const { input: _input, ...echoed } = asked
      const echo = { ...echoed, reasoning: { effort: 'low', summary: null } }
      for (const [field, value] of Object.entries(echo)) {
        assert.deepEqual(Reflect.get(response, field), value, field)
      }
      assert.deepEqual([response.model, response.store, response.truncation], [MODEL, true, 'disabled'])
      const { input_tokens, output_tokens, total_tokens } = response.usage ?? {}
      assert.deepEqual([input_tokens, output_tokens, total_tokens], [7, 3, 10])
      const { upshift } = response
      assert.equal(upshift?.request_id, answered.headers['x-request-id'])
      assert.equal(response.id, `resp_${upshift?.request_id.slice('req_'.length)}`)
      assert.deepEqual([upshift?.['tier'], upshift?.['cost_micros']], ['fast', 13])
      for (const name of ['x-upshift-tier', 'x-upshift-model', 'x-upshift-reason']) {
        assert.ok(answered.headers[name], name)
      }
      const [closed] = entriesOf(server.home, 'closed', upshift?.request_id ?? '')
      assert.deepEqual([closed?.outcome, closed?.costMicros], ['answered', 13])
      const sent = upstream.received[0]?.body
      assert.deepEqual(sent?.['messages'], [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi.' },
      ])
      assert.deepEqual([sent?.['reasoning_effort'], sent?.['max_tokens'], sent?.['user']], ['low', 9, 'ada'])
    })

    test('tool calls come as function_call items, and their outputs go back with the items themselves', async () => {
      upstream.answer((response, request) => {
        const calls = ['Oslo', 'Rome'].map((city, at) =>
          toolCall(`call_${at}`, 'weather', { city }, stream ? at : undefined),
        )
        respond(response, request, request.roles.includes('tool') ? ['Sunny.'] : calls)
      })
      const input = [{ role: 'user', content: 'Where?' }]
      const first = responseOf(await post(server, { input, tools: [weather], stream }))
      assert.deepEqual(
        first.output.map((item) => item.type === 'function_call' && [item.call_id, item.arguments]),
        [
          ['call_0', '{"city":"Oslo"}'],
          ['call_1', '{"city":"Rome"}'],
        ],
      )
      const outputs = first.output.map((item) => ({
        type: 'function_call_output',
        call_id: item.type === 'function_call' ? item.call_id : '',
        output: 'sunny',
      }))
      const again = await post(server, {
        input: [...input, ...first.output, ...outputs],
        tools: [weather],
        stream,
      })
      const [said] = responseOf(again).output
      assert.ok(said?.type === 'message')
      assert.deepEqual(upstream.received[1]?.roles, ['user', 'assistant', 'tool', 'tool'])
    })

    test('reasoning comes as an item with a summary, before what is said', async () => {
      upstream.answer((response) => {
        const message = { role: 'assistant', reasoning_content: 'Hm, well.', content: 'Yes.' }
        if (!stream) {
          const choices = [{ index: 0, message, finish_reason: 'stop' }]
          return reply(response, 200, { choices, usage: USAGE })
        }
        streamHead(response)
        response.write(event({ role: 'assistant', reasoning_content: 'Hm, ' }))
        response.write(event({ reasoning_content: 'well.' }))
        response.end(event({ content: 'Yes.' }) + event({}, 'stop') + STREAM_END)
      })
      const { output } = responseOf(await post(server, { input: 'Hi.', stream }))
      assert.deepEqual(
        output.map(({ type }) => type),
        ['reasoning', 'message'],
      )
      assert.ok(output[0]?.type === 'reasoning')
      assert.deepEqual(output[0].summary, [{ type: 'summary_text', text: 'Hm, well.' }])
    })

    test('an answer that is cut off at its limit is incomplete', async () => {
      upstream.answer((response) => {
        if (!stream) {
          const choices = [
            { index: 0, message: { role: 'assistant', content: 'Once' }, finish_reason: 'length' },
          ]
          return reply(response, 200, { choices, usage: USAGE })
        }
        streamHead(response)
        response.end(event({ content: 'Once' }) + event({}, 'length') + STREAM_END)
      })
      const { status, incomplete_details } = responseOf(
        await post(server, { input: 'Hi.', max_output_tokens: 1, stream }),
      )
      assert.deepEqual([status, incomplete_details], ['incomplete', { reason: 'max_output_tokens' }])
    })

    test('a schema that the engine does not enforce is checked, and one repair is made', async () => {
      const texts = ['{"city":5}', '{"city":"Oslo"}']
      upstream.answer((response, request, nth) => respond(response, request, [texts[nth] ?? '']))
      const format = { type: 'json_schema', name: 'place', schema: weather.parameters, strict: true }
      const { output, upshift } = responseOf(
        await post(server, { input: 'Where?', text: { format }, stream }),
      )
      assert.ok(output[0]?.type === 'message' && output[0].content[0]?.type === 'output_text')
      assert.equal(output[0].content[0].text, '{"city":"Oslo"}')
      assert.match(JSON.stringify(upshift?.['verdicts']), /repaired/)
    })

    test('what could not be done stands in the verdicts of the answer and of the record', async () => {
      upstream.answer((response, request) => respond(response, request, ['Fine.']))
      const { upshift } = responseOf(await post(server, { input: 'Hi.', truncation: 'auto', stream }))
      assert.match(JSON.stringify(upshift?.['verdicts']), /truncation was left out/)
      const [closed] = entriesOf(server.home, 'closed', upshift?.request_id ?? '')
      assert.match(JSON.stringify(closed?.verdicts), /truncation was left out/)
    })
  })
}

test('images reach the engine as they came, and log probabilities come back', async () => {
  const url = `data:image/png;base64,${'iVBORw0K'.repeat(600)}`
  const top = { token: 'B', logprob: -3, bytes: [66] }
  const logprobs = { content: [{ token: 'A', logprob: -0.1, bytes: [65], top_logprobs: [top] }] }
  upstream.answer((response) => {
    const choices = [
      { index: 0, message: { role: 'assistant', content: 'A' }, logprobs, finish_reason: 'stop' },
    ]
    reply(response, 200, { choices, usage: USAGE })
  })
  const content = [
    { type: 'input_text', text: 'What is it?' },
    { type: 'input_image', image_url: url, detail: 'low' },
  ]
  const { output } = responseOf(await post(server, { input: [{ role: 'user', content }], top_logprobs: 1 }))
  assert.deepEqual(upstream.received[0]?.body['messages'], [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is it?' },
        { type: 'image_url', image_url: { url, detail: 'low' } },
      ],
    },
  ])
  assert.ok(output[0]?.type === 'message' && output[0].content[0]?.type === 'output_text')
  assert.deepEqual(output[0].content[0].logprobs, logprobs.content)
})

test('the library’s own stream helper and its parser accept what is sent', async () => {
  upstream.answer((response, request) => respond(response, request, ['{"city":', '"Oslo"}']))
  const format = {
    type: 'json_schema',
    name: 'place',
    schema: { ...weather.parameters },
    strict: true,
  } as const
  const events: string[] = []
  const stream = openai().responses.stream({ model: MODEL, input: 'Where?', text: { format } })
  for await (const one of stream) events.push(one.type)
  const final = await stream.finalResponse()
  assert.equal(final.output_text, '{"city":"Oslo"}')
  assert.deepEqual([events[0], events.at(-1)], ['response.created', 'response.completed'])
  const parsed = await openai().responses.parse({ model: MODEL, input: 'Where?', text: { format } })
  assert.deepEqual(parsed.output_parsed, { city: 'Oslo' })
})

describe('a stream that fails in the middle', () => {
  const breaking = (): void => {
    upstream.answer((response) => {
      streamHead(response)
      response.write(event({ role: 'assistant', content: 'Once upon' }))
      setTimeout(() => response.destroy(), 50)
    })
  }

  test('ends with an error and the failed response, and every item that was added is done', async () => {
    breaking()
    const answered = await post(server, { input: 'A story.', stream: true })
    const response = responseOf(answered)
    assert.equal(response.status, 'failed')
    assert.equal(response.error?.code, 'server_error')
    assert.equal(response.output[0]?.status, 'incomplete')
    assert.ok(eventsIn(answered.text).some(({ type }) => type === 'error'))
    assert.doesNotMatch(answered.text, /\[DONE\]/)
  })

  test('raises the library’s own error', async () => {
    breaking()
    const events = await openai().responses.create({ model: MODEL, input: 'A story.', stream: true })
    await assert.rejects(async () => {
      for await (const one of events) assert.notEqual(one.type, 'response.completed')
    }, OpenAI.APIError)
  })
})

test('a stream that grows beyond what may be told again at its end is ended there, and its engine freed', async () => {
  const part = 'word '.repeat(209_715)
  upstream.answer((response) => {
    streamHead(response)
    for (let parts = 0; parts < 9; parts++) response.write(event({ content: part }))
  })
  const { status, error, id } = responseOf(await post(server, { input: 'Say much.', stream: true }))
  assert.deepEqual([status, error?.type], ['failed', 'answer_too_large'])
  await until('the engine saw its connection close', () => upstream.abandoned === 1)
  const [closed] = entriesOf(server.home, 'closed', id.replace('resp_', 'req_'))
  assert.equal(closed?.outcome, 'aborted')
})

test('a stream that grows too large in what its engine ends with is counted as one that was ended here', async () => {
  const before = await tooLarge()
  upstream.answer((response) => {
    streamHead(response)
    for (let parts = 0; parts < 8; parts++) response.write(event({ content: 'word '.repeat(209_715) }))
    response.end(event({ content: 'and more than that' }) + event({}, 'stop') + STREAM_END)
  })
  const { error } = responseOf(await post(server, { input: 'Say much.', stream: true }))
  assert.equal(error?.type, 'answer_too_large')
  assert.equal(await tooLarge(), before + 1)
})

/** How many answers the metrics count as too large. */
async function tooLarge(): Promise<number> {
  const { text } = await send(server, { method: 'GET', path: '/metrics' })
  return Number(/upshift_answers_total\{[^}]*outcome="answer_too_large"\} (\d+)/.exec(text)?.[1] ?? 0)
}

describe('the path’s promises', () => {
  test('a guard’s refusal has OpenAI’s shape, names the field as this API does, and nothing leaves', async () => {
    upstream.answer((response) => whole(response, 'No.'))
    const answered = await post(server, { input: 'Pay with 4111 1111 1111 1111, please.' })
    assert.equal(answered.status, 400)
    const { code, param, rule } = errorOf(answered)
    assert.deepEqual([code, param, rule], ['guard_refused', 'input', 'input.pii.card'])
    assert.equal(upstream.received.length, 0)
  })

  test('a key’s budget and its rate hold', async () => {
    upstream.answer((response, request) => respond(response, request, ['Fine.']))
    const poor = await makeKey(server, 'poor', { usdPerDay: 0.000001 })
    const broke = await post(server, { input: 'Hi.' }, poor.headers)
    assert.equal(broke.status, 429)
    assert.equal(errorOf(broke).code, 'budget_exceeded')
    const slow = await makeKey(server, 'slow', { requestsPerMinute: 1 })
    assert.equal((await post(server, { input: 'Hi.' }, slow.headers)).status, 200)
    const limited = await post(server, { input: 'Hi.' }, slow.headers)
    assert.equal(limited.status, 429)
    assert.equal(errorOf(limited).code, 'rate_limited')
  })

  test('the prompt is kept as it arrived, for whom it is about, and reads as a conversation', async () => {
    upstream.answer((response, request) => respond(response, request, ['Fine.']))
    const { upshift } = responseOf(
      await post(server, { input: 'My word is xylophone.', safety_identifier: 'bertha' }),
    )
    const [opened] = entriesOf(server.home, 'opened', upshift?.request_id ?? '')
    assert.match(opened?.subject ?? '', /^sub_/)
    const path = `/v1/requests/${upshift?.request_id}?text=true`
    const record = JSON.parse((await send(server, { method: 'GET', path })).text)
    assert.equal(JSON.parse(record.prompt.text).input, 'My word is xylophone.')
    const found = JSON.parse((await send(server, { method: 'GET', path: '/v1/requests?q=xylophone' })).text)
    assert.match(found.data[0].snippet, /My word is xylophone/)
    assert.equal(found.data[0].request.id, upshift?.request_id)
  })

  test('whoever leaves while a tool call is held back frees the engine, and the record says aborted', async () => {
    upstream.answer((response) => {
      streamHead(response)
      response.write(event({ tool_calls: [toolCall('c0', 'weather', '{"ci', 0)] }))
    })
    const aborted = () =>
      readLog(server.home).filter((one) => one.type === 'closed' && one.outcome === 'aborted').length
    const before = aborted()
    const leaving = new AbortController()
    const tools = [{ type: 'function' as const, name: 'weather', parameters: null, strict: null }]
    const body = { model: MODEL, input: 'Where?', tools, stream: true } as const
    const asking = openai().responses.create(body, { signal: leaving.signal })
    const waiting = assert.rejects(asking)
    await until('the engine has the request', () => upstream.received.length === 1)
    leaving.abort()
    await waiting
    await until('the engine saw its connection close', () => upstream.abandoned === 1)
    await until('the record holds an aborted request', () => aborted() === before + 1)
  })

  test('the metrics count it under its own route', async () => {
    const { text } = await send(server, { method: 'GET', path: '/metrics' })
    assert.match(text, /route="\/v1\/responses"[^\n]*status="200"|status="200"[^\n]*route="\/v1\/responses"/)
  })

  test('after all of this the server is the same process and has met no bug', () => {
    assert.ok(server.alive())
    assert.doesNotMatch(server.output(), /a bug:/)
  })
})
