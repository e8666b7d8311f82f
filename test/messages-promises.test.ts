import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import type { MessageParam, Tool } from '@anthropic-ai/sdk/resources/messages'
import OpenAI from 'openai'
import { get, makeKey, shownKey } from './process/admin.ts'
import {
  type AnthropicUpstream,
  messageError,
  messageEvents,
  type ScriptedBlock,
  say,
  startAnthropic,
} from './process/anthropic.ts'
import { entriesOf, readLog } from './process/log.ts'
import { errorShape, messageShape, readStream } from './process/message-shapes.ts'
import { type Reply, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { anthropicAt, configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'

/** What Upshift promises holds for Messages as for Chat Completions. */

const held = new AsyncDisposableStack()
let chat: Upstream
let claude: AnthropicUpstream
let server: RunningServer
let client: Anthropic

before(async () => {
  chat = held.use(await startUpstream())
  claude = held.use(await startAnthropic(['small']))
  const everywhere = (action: string) => ({ action, applies: 'everywhere' })
  const pii = { email: everywhere('redact'), iban: everywhere('refuse') }
  const engines = { one: engineAt([chat.url]), claude: anthropicAt([claude.url]) }
  const claudeKey = { ...engines.claude, key: { env: 'CLAUDE_KEY' } }
  const config = configOf({ ...engines, claude: claudeKey }, { guard: { input: { pii } } })
  server = held.use(await startServer({ config, env: { CLAUDE_KEY: 'sk-ant-planted' } }))
  client = new Anthropic({ baseURL: server.address, apiKey: server.key, maxRetries: 0 })
})
after(() => held.disposeAsync())

const SIGNATURE = `EqQB${'a+/B'.repeat(80)}==`
const TEXT: ScriptedBlock = { type: 'text', pieces: ['Fine', '.'] }
const LOOK: Tool = { name: 'look', input_schema: { type: 'object' } }

function messages(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  return send(server, { path: '/v1/messages', body: JSON.stringify(body), headers })
}

function plain(model: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { model, max_tokens: 100, messages: [{ role: 'user', content: 'Hi.' }], ...more }
}

for (const streams of [false, true]) {
  const form = streams ? 'streamed' : 'whole'
  test(`thoughts go round with a tool call, to the last byte of their signatures, ${form}`, async () => {
    const blocks: readonly ScriptedBlock[] = [
      { type: 'thinking', pieces: ['Let me ', '“look” 😀.'], signature: SIGNATURE },
      { type: 'redacted_thinking', data: `Emw${'K7c9'.repeat(90)}` },
      { type: 'text', pieces: ['I look.'] },
      { type: 'tool_use', id: 'toolu_1', name: 'look', pieces: ['{"at"', ':[1.5,"é"]}'] },
    ]
    claude.answer((response, request, nth) => say(response, nth === 0 ? blocks : [TEXT], {}, request))
    const conversation: MessageParam[] = [{ role: 'user', content: 'Look.' }]
    const thinking = { type: 'enabled', budget_tokens: 1_024 } as const
    const next = () => {
      const body = {
        model: 'claude/small',
        max_tokens: 2_048,
        tools: [LOOK],
        thinking,
        messages: conversation,
      }
      return streams ? client.messages.stream(body).finalMessage() : client.messages.create(body)
    }
    const { content } = await next()
    conversation.push({ role: 'assistant', content })
    conversation.push({
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'A cat.' }],
    })
    await next()
    const second = claude.received[1]
    assert.ok(second?.text.includes(JSON.stringify(content)))
    const [thought, hidden] = content
    assert.equal(thought?.type === 'thinking' && thought.signature, SIGNATURE)
    assert.equal(hidden?.type === 'redacted_thinking' && hidden.data.length, 363)
    assert.equal(second?.headers['x-api-key'], 'sk-ant-planted')
    assert.equal(second?.headers.authorization, undefined)
  })
}

describe('the record', () => {
  test('holds the request as it came, for whom it is about, and what was answered', async () => {
    claude.answer((response, request) => say(response, [TEXT], {}, request))
    const body = plain('claude/small', { stream: true, metadata: { user_id: 'ada@example.org' } })
    const answered = await messages(body)
    const { end } = readStream(answered.text)
    const id = String(end?.upshift.request_id)
    const shown = JSON.parse((await get(server, `/v1/requests/${id}?text=true`)).text)
    assert.match(JSON.stringify(shown), /\\"user_id\\":\\"ada@example\.org\\"/)
    assert.match(JSON.stringify(shown), /Fine\./)
    const [opened] = entriesOf(server.home, 'opened', id)
    const [closed] = entriesOf(server.home, 'closed', id)
    assert.match(opened?.subject ?? '', /^sub_/)
    assert.deepEqual([closed?.outcome, closed?.costMicros], ['answered', 13])
  })

  test('tells what was read from a cache and written to it, and what that cost', async () => {
    const usage = {
      cache_read_input_tokens: 1_000,
      cache_creation_input_tokens: 100,
      cache_creation: { ephemeral_5m_input_tokens: 60, ephemeral_1h_input_tokens: 40 },
    }
    for (const stream of [false, true]) {
      claude.answer((response, request) => say(response, [TEXT], { usage }, request))
      const answered = await messages(plain('claude/small', { stream }))
      const { upshift } = stream
        ? (readStream(answered.text).end ?? assert.fail('it has no end'))
        : messageShape.parse(JSON.parse(answered.text))
      // $1 a million: 7 fresh, 1,000 read at the same price, 60 at 1.25 and 40 at 2; 3 out at $2.
      assert.equal(upshift.cost_micros, 7 + 1_000 + 75 + 80 + 6)
      const [closed] = entriesOf(server.home, 'closed', upshift.request_id)
      assert.deepEqual(closed?.usage, {
        promptTokens: 1_107,
        completionTokens: 3,
        cachedTokens: 1_000,
        cacheWriteTokens: 100,
        cacheWriteHourTokens: 40,
      })
    }
  })

  test('the routes stand apart in the metrics', async () => {
    const { text } = await get(server, '/metrics')
    assert.match(text, /route="\/v1\/messages",status="200"/)
  })
})

describe('a budget', () => {
  test('holds back what could cost more than is left, marks of the prompt cache included', async () => {
    claude.answer((response, request) => say(response, [TEXT], {}, request))
    const key = await makeKey(server, 'small', { usdPerDay: 0.001 })
    const text = 'x'.repeat(500)
    const body = (cache_control?: object) =>
      plain('claude/small', {
        max_tokens: 10,
        messages: [
          { role: 'user', content: [{ type: 'text', text, ...(cache_control && { cache_control }) }] },
        ],
      })
    assert.equal((await messages(body(), key.headers)).status, 200)
    // Some 650 tokens of prompt at $1 a million fit in a tenth of a cent; at twice that they do not.
    const refused = await messages(body({ type: 'ephemeral', ttl: '1h' }), key.headers)
    assert.equal(refused.status, 429, refused.text)
    const { error } = errorShape.parse(JSON.parse(refused.text))
    assert.deepEqual([error.type, error.code], ['rate_limit_error', 'budget_exceeded'])
    assert.equal(claude.received.length, 1)
    assert.equal((await shownKey(server, key.id)).spent.usdToday, 0.000013)
  })
})

test('a call that breaks its tool’s schema is repaired once, over the caller’s own messages', async () => {
  const call = (at: string): ScriptedBlock => {
    return { type: 'tool_use', id: 'toolu_1', name: 'look', pieces: [`{"at":${at}}`] }
  }
  claude.answer((response, request, nth) => say(response, [call(nth === 0 ? '"x"' : '1')], {}, request))
  const properties = { at: { type: 'number' } }
  const content = [{ type: 'text', text: 'Look.', cache_control: { type: 'ephemeral' } }]
  const body = plain('claude/small', {
    stream: true,
    messages: [{ role: 'user', content }],
    tools: [{ name: 'look', input_schema: { type: 'object', properties } }],
    tool_choice: { type: 'any' },
  })
  const { text } = await messages(body)
  const { blocks, end } = readStream(text)
  assert.deepEqual(blocks, [{ type: 'tool_use', id: 'toolu_1', name: 'look', input: { at: 1 } }])
  assert.equal(
    text.replace(/,"upshift":\{.*\}(?=\}\n\nevent: message_stop)/, ''),
    messageEvents([call('1')]).join(''),
  )
  assert.ok(end?.upshift.verdicts.some(({ outcome }) => outcome === 'repaired'))
  const sent = Object(claude.received[1]?.body['messages'])
  assert.deepEqual(sent[0], { role: 'user', content })
  assert.match(sent[1].content, /"at":"x"/)
  assert.match(sent[2].content, /at.* number/)
})

describe('the guard', () => {
  const EMAIL = 'ada.lovelace@example-mail.org'
  const IBAN = 'DE89370400440532013000'
  const places = (word: string): Readonly<Record<string, Readonly<Record<string, unknown>>>> => {
    const called = {
      role: 'assistant',
      content: [{ type: 'tool_use', id: 'toolu_1', name: 'look', input: {} }],
    }
    const result = (content: unknown) => [
      { role: 'user', content: 'Look.' },
      called,
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content }] },
    ]
    return {
      'messages[0].content': { messages: [{ role: 'user', content: `I am ${word}.` }] },
      'messages[0].content[1].text': {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Hi.' },
              { type: 'text', text: `I am ${word}.` },
            ],
          },
        ],
      },
      system: { system: `I am ${word}.` },
      'system[0].text': { system: [{ type: 'text', text: `I am ${word}.` }] },
      'messages[2].content[0].content': { messages: result(`I am ${word}.`) },
      'messages[2].content[0].content[0].text': {
        messages: result([{ type: 'text', text: `I am ${word}.` }]),
      },
    }
  }
  for (const model of ['one/small', 'claude/small']) {
    for (const [param, more] of Object.entries(places(EMAIL))) {
      test(`redacts in ${param} before it reaches ${model}, and says so once`, async () => {
        chat.answer((response, request) => respond(response, request, ['Fine.']))
        claude.answer((response, request) => say(response, [TEXT], {}, request))
        const answered = await messages(plain(model, more))
        assert.equal(answered.status, 200, answered.text)
        const [received] = model === 'one/small' ? chat.received : claude.received
        assert.match(JSON.stringify(received?.body), /I am \[email\]\./)
        assert.doesNotMatch(JSON.stringify(received?.body), /lovelace/)
        const { verdicts } = messageShape.parse(JSON.parse(answered.text)).upshift
        const told = verdicts.filter(({ check }) => check === 'input.pii.email')
        assert.deepEqual(told, [{ check: 'input.pii.email', outcome: 'redacted', detail: 'once' }])
      })
    }
  }

  for (const [param, more] of Object.entries(places(IBAN))) {
    test(`refuses what stands in ${param}, and names the caller's own field`, async () => {
      chat.answer(() => assert.fail('nothing is sent'))
      const refused = await messages(plain('one/small', more))
      const { error } = errorShape.parse(JSON.parse(refused.text))
      assert.deepEqual([refused.status, error.rule, error.param], [400, 'input.pii.iban', param])
    })
  }
})

describe('count_tokens', () => {
  const body = {
    model: 'claude/small',
    system: 'Be brief.',
    messages: [{ role: 'user' as const, content: 'How many?' }],
    tools: [LOOK],
    thinking: { type: 'enabled' as const, budget_tokens: 1_024 },
  }

  test('is the engine’s own count where it counts, and stands in the record at no cost', async () => {
    claude.count((response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"input_tokens": 1234}')
    })
    const before = readLog(server.home).length
    const reply = await client.messages.countTokens(body).withResponse()
    assert.equal(reply.data.input_tokens, 1_234)
    assert.deepEqual(claude.counted[0]?.body, { ...body, model: 'small' })
    const id = reply.request_id ?? ''
    const told = { request_id: id, model: 'claude/small', estimated: false, how: 'counted by the engine' }
    assert.deepEqual(Reflect.get(reply.data, 'upshift'), told)
    assert.deepEqual(
      readLog(server.home)
        .slice(before)
        .map((entry) => entry.type),
      ['opened', 'attempt', 'closed'],
    )
    const [closed] = entriesOf(server.home, 'closed', id)
    assert.deepEqual([closed?.outcome, closed?.costMicros], ['answered', 0])
  })

  test('is an upper bound elsewhere, says that it is, and nothing is sent', async () => {
    chat.answer(() => assert.fail('nothing is sent'))
    const before = readLog(server.home).length
    const counted = await client.messages.countTokens({ ...body, model: 'one/small' })
    assert.ok(counted.input_tokens >= JSON.stringify(body).length)
    const upshift = Object(Reflect.get(counted, 'upshift'))
    assert.deepEqual([upshift.estimated, upshift.model], [true, 'one/small'])
    assert.match(upshift.how, /upper bound/)
    assert.equal(readLog(server.home).length, before)
  })

  test('is refused as an answer would be, and fails with the engine’s words', async () => {
    await assert.rejects(
      client.messages.countTokens({ ...body, model: 'claude/none' }),
      Anthropic.NotFoundError,
    )
    const iban = { ...body, system: 'I am DE89370400440532013000.' }
    await assert.rejects(client.messages.countTokens(iban), /input\.pii\.iban/)
    assert.equal(claude.counted.length, 1)
    claude.count((response) => messageError(response, 400, 'invalid_request_error', 'tools: bad'))
    await assert.rejects(client.messages.countTokens(body), /“tools: bad”/)
    const last = readLog(server.home).at(-1)
    assert.ok(last?.type === 'closed' && last.code === 'upstream_rejected')
  })
})

describe('a caller of Chat Completions over an engine of Anthropic', () => {
  const openai = () => new OpenAI({ baseURL: `${server.address}/v1`, apiKey: server.key, maxRetries: 0 })

  test('gets text, calls and usage, whole and streamed', async () => {
    const blocks: readonly ScriptedBlock[] = [
      { type: 'thinking', pieces: ['Hm.'], signature: SIGNATURE },
      { type: 'text', pieces: ['I ', 'look.'] },
      { type: 'tool_use', id: 'toolu_1', name: 'look', pieces: ['{"at"', ':1}'] },
    ]
    claude.answer((response, request) => say(response, blocks, {}, request))
    const request = {
      model: 'claude/small',
      messages: [{ role: 'user' as const, content: 'Look.' }],
      tools: [{ type: 'function' as const, function: { name: 'look', parameters: { type: 'object' } } }],
    }
    const whole = await openai().chat.completions.create(request)
    const stream = openai().chat.completions.stream({ ...request, stream_options: { include_usage: true } })
    for (const answer of [whole, await stream.finalChatCompletion()]) {
      const [choice] = answer.choices
      assert.equal(choice?.message.content, 'I look.')
      assert.equal(choice.finish_reason, 'tool_calls')
      const [call] = choice.message.tool_calls ?? []
      assert.equal(call?.type === 'function' && call.function.arguments, '{"at":1}')
      assert.deepEqual([answer.usage?.prompt_tokens, answer.usage?.completion_tokens], [7, 3])
    }
    const message = Object(whole.choices[0]?.message)
    const thought = { type: 'thinking', thinking: 'Hm.', signature: SIGNATURE }
    assert.deepEqual([message.reasoning_content, message.thinking_blocks], ['Hm.', [thought]])
    const { max_tokens, tools } = Object(claude.received[0]?.body)
    assert.deepEqual([max_tokens, tools], [1_024, [{ name: 'look', input_schema: { type: 'object' } }]])
  })
})

test('a stream that is under way at SIGTERM is answered whole', async () => {
  await using other = await startServer({ config: configOf({ claude: anthropicAt([claude.url]) }) })
  const events = messageEvents([{ type: 'text', pieces: ['Once ', 'upon ', 'a time.'] }])
  let go = (): void => {}
  const draining = new Promise<void>((resolve) => {
    go = resolve
  })
  claude.answer(async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(events.slice(0, 5).join(''))
    await draining
    response.end(events.slice(5).join(''))
  })
  const body = JSON.stringify(plain('claude/small', { stream: true }))
  const answered = send(other, { path: '/v1/messages', body })
  await until('the engine has the request', () => claude.received.length === 1)
  const stopped = other.stop()
  await until('the server drains', () => other.output().includes('draining'))
  go()
  const { blocks } = readStream((await answered).text)
  assert.deepEqual(blocks, [{ type: 'text', text: 'Once upon a time.' }])
  assert.equal(await stopped, 0)
})

test('after all of this the server is the same process and has met no bug', () => {
  assert.ok(server.alive())
  assert.doesNotMatch(server.output(), /a bug:/)
})
