import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  type AnthropicUpstream,
  messageEvents,
  type Said,
  type ScriptedBlock,
  say,
  startAnthropic,
  wholeMessage,
} from './process/anthropic.ts'
import { messageShape, readStream } from './process/message-shapes.ts'
import { type Reply, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { anthropicAt, configOf, engineAt } from './process/settings.ts'
import { event, respond, STREAM_END, startUpstream, streamHead, type Upstream } from './process/upstream.ts'

/** What goes over the wire in Messages, byte by byte and shape by shape. */

const held = new AsyncDisposableStack()
let chat: Upstream
let claude: AnthropicUpstream
let server: RunningServer

before(async () => {
  chat = held.use(await startUpstream())
  claude = held.use(await startAnthropic(['small']))
  const engines = { one: engineAt([chat.url]), claude: anthropicAt([claude.url]) }
  server = held.use(await startServer({ config: configOf(engines) }))
})
after(() => held.disposeAsync())

function messages(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return send(server, { path: '/v1/messages', body: text, headers })
}

function plain(model: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { model, max_tokens: 100, messages: [{ role: 'user', content: 'Hi.' }], ...more }
}

const SIGNATURE = `EqQB${'a+/B'.repeat(80)}==`
const THOUGHT: ScriptedBlock = { type: 'thinking', pieces: ['Let me ', 'see. ', '€😀'], signature: SIGNATURE }
const REDACTED: ScriptedBlock = { type: 'redacted_thinking', data: `Emw${'K7c9'.repeat(90)}` }
const TEXT: ScriptedBlock = { type: 'text', pieces: ['Hello', ', “wörld” ', '\\n\n\t😀', '.'] }
const CALL: ScriptedBlock = {
  type: 'tool_use',
  id: 'toolu_01',
  name: 'look',
  pieces: ['', '{"at":', ' 1.50, ', '"deep": {"a":[]}}'],
}
const BARE: ScriptedBlock = { type: 'tool_use', id: 'toolu_02', name: 'bare', pieces: [''] }
const TOOLS = [
  { name: 'look', input_schema: { type: 'object', properties: { at: { type: 'number' } } } },
  { name: 'bare', input_schema: { type: 'object' } },
]
const SPENT = {
  cache_creation_input_tokens: 400,
  cache_read_input_tokens: 2_000,
  cache_creation: { ephemeral_5m_input_tokens: 300, ephemeral_1h_input_tokens: 100 },
}

/** The stream without our one field. */
function withoutUpshift(text: string): string {
  return text.replace(/,"upshift":\{.*\}(?=\}\n\nevent: message_stop)/, '')
}

describe('between a caller and an engine that both speak Messages', () => {
  const cases: Readonly<Record<string, readonly ScriptedBlock[]>> = {
    'one text': [TEXT],
    'a thought, a hidden one, a text': [THOUGHT, REDACTED, TEXT],
    'two texts and two calls': [TEXT, TEXT, CALL, BARE],
    nothing: [],
  }
  for (const [what, blocks] of Object.entries(cases)) {
    test(`a stream comes back as the very text that the engine sent: ${what}`, async () => {
      const sent = messageEvents(blocks, { usage: SPENT })
      claude.answer((response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end(sent.join(''))
      })
      const answered = await messages(plain('claude/small', { stream: true, tools: TOOLS }))
      assert.equal(answered.status, 200, answered.text)
      assert.equal(withoutUpshift(answered.text), sent.join(''))
      const { end } = readStream(answered.text)
      assert.equal(end?.upshift.model, 'claude/small')
      assert.equal(answered.headers['request-id'], end?.upshift.request_id)
    })

    test(`a whole message comes back as the very text that the engine sent: ${what}`, async () => {
      const text = JSON.stringify(wholeMessage(blocks, { usage: SPENT }), null, 1)
      claude.answer((response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(text)
      })
      const answered = await messages(plain('claude/small', { tools: TOOLS }))
      assert.equal(answered.text.replace(/,"upshift":\{.*\}(?=\}$)/, ''), text)
      messageShape.parse(JSON.parse(answered.text))
    })
  }

  test('a stream in pieces of any size, in the middle of characters, comes back the same', async () => {
    const sent = Buffer.from(messageEvents([THOUGHT, TEXT, CALL]).join(''))
    claude.answer(async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let at = 0; at < sent.length; at += 7) {
        response.write(sent.subarray(at, at + 7))
        if (at % 700 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      response.end()
    })
    const answered = await messages(plain('claude/small', { stream: true, tools: TOOLS }))
    assert.equal(withoutUpshift(answered.text), sent.toString())
  })

  test('a request goes out as the caller’s own text, but for the model', async () => {
    claude.answer((response) => say(response, [TEXT]))
    const cache_control = { type: 'ephemeral', ttl: '1h' }
    const body = JSON.stringify({
      system: [{ type: 'text', text: 'Be brief.', cache_control }],
      temperature: 0.25,
      messages: [
        { role: 'user', content: [{ cache_control: { type: 'ephemeral' }, text: 'Hi.', type: 'text' }] },
        {
          role: 'assistant',
          content: [
            { signature: SIGNATURE, type: 'thinking', thinking: 'Hm — “so”.' },
            { type: 'redacted_thinking', data: 'Emw=' },
            { type: 'text', text: 'I look.' },
            {
              type: 'tool_use',
              id: 'toolu_1',
              name: 'look',
              input: { z: 1, a: { at: [1.5, null] } },
              cache_control,
            },
          ],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'toolu_1',
              is_error: true,
              content: [{ type: 'text', text: 'No.' }],
            },
            {
              type: 'document',
              title: 'D',
              source: { type: 'text', media_type: 'text/plain', data: 'A page.' },
            },
          ],
        },
      ],
      model: 'claude/small',
      tools: [{ ...TOOLS[0], cache_control, input_examples: [{ at: 1 }] }],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      thinking: { type: 'enabled', budget_tokens: 2048, display: 'summarized' },
      top_k: 40,
      max_tokens: 4096,
      stop_sequences: ['END'],
      metadata: { user_id: 'user-7' },
      upshift: { mode: 'direct' },
      service_tier: 'auto',
      cache_control: { type: 'ephemeral' },
    })
    const answered = await messages(body, { 'anthropic-beta': 'interleaved-thinking-2025-05-14, other-1' })
    assert.equal(answered.status, 200, answered.text)
    const [received] = claude.received
    const expected = body.replace('"claude/small"', '"small"').replace('"upshift":{"mode":"direct"},', '')
    assert.equal(received?.text, expected)
    assert.equal(received?.headers['anthropic-version'], '2023-06-01')
    assert.equal(received?.headers['anthropic-beta'], 'interleaved-thinking-2025-05-14,other-1')
    assert.deepEqual(messageShape.parse(JSON.parse(answered.text)).upshift.verdicts, [])
  })

  test('what another engine thought, unsigned, and its ids stay behind what Anthropic would refuse', async () => {
    claude.answer((response) => say(response, [TEXT]))
    const answered = await messages(
      plain('claude/small', {
        messages: [
          { role: 'user', content: 'Hi.' },
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 'Mine.', signature: '' },
              { type: 'tool_use', id: 'functions.look:0', name: 'look', input: {} },
            ],
          },
          {
            role: 'user',
            content: [{ type: 'tool_result', tool_use_id: 'functions.look:0', content: 'A.' }],
          },
        ],
      }),
    )
    assert.deepEqual(Object(claude.received[0]?.body['messages']).slice(1), [
      {
        role: 'assistant',
        content: [{ type: 'tool_use', id: 'functions_look_0', name: 'look', input: {} }],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'functions_look_0', content: 'A.' }] },
    ])
    const { verdicts } = messageShape.parse(JSON.parse(answered.text)).upshift
    assert.match(verdicts[0]?.detail ?? '', /a thought without a signature was left out/)
  })

  for (const [where, blocks] of Object.entries({
    'in a text': [THOUGHT, { type: 'text', pieces: ['See ![a](ht', 'tps://evil.io/p.png', '?d=1) there.'] }],
    'in a thought': [{ ...THOUGHT, pieces: ['Hm ![a](ht', 'tps://evil.io/p.png?d=1) so.'] }, TEXT, CALL],
  } satisfies Record<string, readonly ScriptedBlock[]>)) {
    test(`where a guard must act ${where}, the rest is written anew and in order, signatures as they were`, async () => {
      claude.answer((response, request) => say(response, blocks, { usage: SPENT }, request))
      const body = plain('claude/small', { stream: true, tools: TOOLS, thinking: { type: 'adaptive' } })
      const answered = await messages(body)
      const { blocks: read, end } = readStream(answered.text)
      assert.doesNotMatch(answered.text, /evil\.io/)
      assert.deepEqual(
        read.map(({ type }) => type),
        blocks.map(({ type }) => type),
      )
      // A signature over what was changed would be refused, and goes; any other stays.
      assert.equal(read[0]?.type === 'thinking' && read[0].signature, where === 'in a text' ? SIGNATURE : '')
      assert.equal(end?.delta.stop_reason, blocks.length === 3 ? 'tool_use' : 'end_turn')
      const { input_tokens, cache_read_input_tokens, output_tokens } = end?.usage ?? {}
      assert.deepEqual([input_tokens, cache_read_input_tokens, output_tokens], [7, 2_000, 3])
      assert.ok(end?.upshift.verdicts.some(({ check }) => check === 'output.image.remote'))
    })
  }
})

describe('what an answer of any engine is in Messages', () => {
  test('quotations from the handbook are a message too, with their citations', async () => {
    for (const stream of [false, true]) {
      const upshift = { mode: 'retrieve' }
      const content = 'How do I revoke a key in Upshift?'
      const body = plain('auto', { upshift, stream, messages: [{ role: 'user', content }] })
      const { text } = await messages(body)
      const told = stream ? readStream(text).end?.upshift : messageShape.parse(JSON.parse(text)).upshift
      const blocks = stream ? readStream(text).blocks : messageShape.parse(JSON.parse(text)).content
      assert.match(JSON.stringify(blocks), /revoked? the key/)
      assert.equal(told?.['mode'], 'retrieve')
      assert.notEqual(Object(told?.['citations']).length, 0)
    }
  })

  const ends: readonly (readonly [string, Said])[] = [
    ['end_turn', {}],
    ['max_tokens', { stop: 'max_tokens' }],
    ['stop_sequence', { stop: 'stop_sequence', sequence: 'END' }],
    ['pause_turn', { stop: 'pause_turn' }],
    ['refusal', { stop: 'refusal' }],
  ]
  for (const [reason, said] of ends) {
    test(`an engine of Anthropic that stopped for ${reason} is taken at its word, changed or not`, async () => {
      for (const pieces of [['Hello.'], ['See ![a](https://evil.io/p.png?d=1).']]) {
        claude.answer((response, request) => say(response, [{ type: 'text', pieces }], said, request))
        const streamed = readStream((await messages(plain('claude/small', { stream: true }))).text)
        const whole = messageShape.parse(JSON.parse((await messages(plain('claude/small'))).text))
        for (const end of [streamed.end?.delta, whole]) {
          assert.deepEqual([end?.stop_reason, end?.stop_sequence], [reason, said.sequence ?? null])
        }
      }
    })
  }

  const finishes = [
    ['stop', {}, 'end_turn'],
    ['length', {}, 'max_tokens'],
    ['content_filter', {}, 'refusal'],
    ['stop', { stop_reason: 'END' }, 'stop_sequence'],
    ['stop', { stop_reason: 151_645 }, 'end_turn'],
  ] as const
  for (const [finish_reason, more, expected] of finishes) {
    test(`finish_reason ${finish_reason} ${JSON.stringify(more)} is ${expected}`, async () => {
      chat.answer((response, { body }) => {
        const choice = { index: 0, finish_reason, ...more }
        if (body['stream'] !== true) {
          const choices = [{ ...choice, message: { role: 'assistant', content: 'A' } }]
          response.writeHead(200, { 'content-type': 'application/json' })
          response.end(JSON.stringify({ id: 'c', object: 'chat.completion', choices }))
          return
        }
        streamHead(response)
        response.write(event({ content: 'A' }))
        response.end(`data: ${JSON.stringify({ choices: [{ ...choice, delta: {} }] })}\n\n${STREAM_END}`)
      })
      const stop_sequences = ['END']
      const streamed = readStream((await messages(plain('one/small', { stream: true, stop_sequences }))).text)
      const whole = messageShape.parse(
        JSON.parse((await messages(plain('one/small', { stop_sequences }))).text),
      )
      assert.deepEqual([streamed.end?.delta.stop_reason, whole.stop_reason], [expected, expected])
      assert.equal(whole.stop_sequence, expected === 'stop_sequence' ? 'END' : null)
    })
  }

  test('thoughts of any engine are blocks of thought where they are asked for, and are not shown elsewhere', async () => {
    chat.answer((response, { body }) => {
      if (body['stream'] !== true) {
        const message = { role: 'assistant', content: 'Yes.', reasoning_content: 'Is it?' }
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }] }))
        return
      }
      streamHead(response)
      for (const delta of [{ reasoning_content: 'Is ' }, { reasoning_content: 'it?' }, { content: 'Yes.' }]) {
        response.write(event(delta))
      }
      response.end(event({}, 'stop') + STREAM_END)
    })
    const text = { type: 'text', text: 'Yes.' }
    const thought = { type: 'thinking', thinking: 'Is it?', signature: '' }
    for (const [thinking, expected] of [
      [{ type: 'adaptive' }, [thought, text]],
      [{ type: 'enabled', budget_tokens: 1024 }, [thought, text]],
      [{ type: 'disabled' }, [text]],
      [undefined, [text]],
    ] as const) {
      const body = plain('one/small', thinking === undefined ? {} : { thinking })
      const streamed = readStream((await messages({ ...body, stream: true })).text)
      assert.deepEqual(streamed.blocks, expected)
      assert.deepEqual(JSON.parse((await messages(body)).text).content, expected)
    }
  })

  test('calls whose pieces come in turns are blocks one after the other', async () => {
    chat.answer((response) => {
      streamHead(response)
      const pieces = [
        { index: 0, id: 'call_a', type: 'function', function: { name: 'look', arguments: '{"at"' } },
        { index: 1, id: 'call_b', type: 'function', function: { name: 'bare', arguments: '' } },
        { index: 0, function: { arguments: ':1}' } },
      ]
      response.write(event({ content: 'I look.' }))
      for (const piece of pieces) response.write(event({ tool_calls: [piece] }))
      response.end(event({}, 'tool_calls') + STREAM_END)
    })
    const answered = await messages(plain('one/small', { stream: true, tools: TOOLS }))
    assert.deepEqual(readStream(answered.text).blocks, [
      { type: 'text', text: 'I look.' },
      { type: 'tool_use', id: 'call_a', name: 'look', input: { at: 1 } },
      { type: 'tool_use', id: 'call_b', name: 'bare', input: {} },
    ])
  })

  test('what Chat Completions has no words for is left out for other engines, and said', async () => {
    chat.answer((response, request) => respond(response, request, ['Fine.']))
    const answered = await messages(
      plain('one/small', {
        system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
        messages: [
          { role: 'user', content: 'Hi.' },
          { role: 'assistant', content: [{ type: 'thinking', thinking: 'Secretly.', signature: SIGNATURE }] },
          { role: 'user', content: 'So?' },
        ],
        thinking: { type: 'enabled', budget_tokens: 32_000 },
        top_k: 5,
      }),
      { 'anthropic-beta': 'some-beta-1' },
    )
    const { verdicts } = messageShape.parse(JSON.parse(answered.text)).upshift
    assert.deepEqual(verdicts.map(({ detail }) => detail?.replace(/ was left out: .*$/, '')).sort(), [
      'anthropic-beta',
      'cache_control',
      'thinking',
      'thinking blocks',
    ])
    const [received] = chat.received
    assert.deepEqual(received?.body, {
      model: 'small',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi.' },
        { role: 'assistant', content: '' },
        { role: 'user', content: 'So?' },
      ],
      // An engine on this machine takes it or ignores it.
      top_k: 5,
      stream: false,
      max_tokens: 100,
    })
  })
})
