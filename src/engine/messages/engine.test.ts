import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { AnswerEvent, ChunkDelta } from '../../contract/event.ts'
import type { Problem } from '../../contract/problem.ts'
import { systemClock } from '../../lib/clock.ts'
import { createConnections } from '../connections.ts'
import type { Sink } from '../reader.ts'
import {
  callOf,
  collect,
  head,
  httpChunk,
  respond,
  type Script,
  STREAM_END,
  STREAM_HEAD,
  startUpstream,
  targetAt,
  textOf,
} from '../upstream.fixture.ts'
import { createMessagesEngine } from './engine.ts'
import { MessageStreamReader } from './stream-reader.ts'

const connections = createConnections()
const engine = createMessagesEngine({
  clock: systemClock,
  dispatcherFor: (url) => connections.dispatcherFor(url),
})
after(() => connections.close())

type Target = Parameters<typeof targetAt>[1]

async function run(
  script: Script,
  more: Target = {},
  call: Parameters<typeof callOf>[0] = {},
): Promise<AnswerEvent[]> {
  const upstream = await startUpstream(script)
  try {
    return await collect(engine.generate(targetAt(upstream.url, more), callOf(call)))
  } finally {
    await upstream.close()
  }
}

function problemOf(events: readonly AnswerEvent[]): Problem {
  const last = events.at(-1)
  assert.equal(last?.type, 'answer-error')
  return last.problem
}

function event(type: string, fields: object = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}

const START = event('message_start', {
  message: { id: 'msg_1', model: 'm', usage: { input_tokens: 5, output_tokens: 1 } },
})
const begins = (index: number, content_block: object): string =>
  event('content_block_start', { index, content_block })
const grows = (index: number, delta: object): string => event('content_block_delta', { index, delta })
const ends = (index: number): string => event('content_block_stop', { index })
const END = event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } })
const STOP = event('message_stop')
const HELLO = [
  begins(0, { type: 'text', text: '' }),
  grows(0, { type: 'text_delta', text: 'Hel' }),
  grows(0, { type: 'text_delta', text: 'lo.' }),
  ends(0),
]

/** Sends these texts as one stream, then ends it. */
function streams(...texts: readonly string[]): Script {
  return (socket) => {
    socket.write(STREAM_HEAD + texts.map(httpChunk).join('') + STREAM_END)
  }
}

function chunks(events: readonly AnswerEvent[]): readonly ChunkDelta[] {
  return events.filter((one) => one.type === 'chunk-delta')
}

test('a stream says in Chat Completions what it says, and carries every event as it came', async () => {
  const texts = [START, event('ping'), ...HELLO, END, STOP]
  const events = await run(streams(...texts))
  assert.equal(textOf(events), 'Hello.')
  const wires = chunks(events).flatMap(({ wire, dialect }) => (dialect === 'messages' ? [wire] : []))
  assert.deepEqual(wires, texts)
  const silent = chunks(events).flatMap(({ silent, wire }) => (silent ? [wire?.split('\n')[0]] : []))
  assert.deepEqual(
    silent,
    ['ping', 'content_block_start', 'content_block_stop', 'message_stop'].map((name) => `event: ${name}`),
  )
  const finish = chunks(events).find(({ chunk }) => chunk.choices[0]?.finish_reason === 'stop')
  assert.equal(finish?.chunk.choices[0]?.['native_finish_reason'], 'end_turn')
  const counted = chunks(events).find(({ chunk }) => chunk.choices.length === 0)
  assert.deepEqual(counted?.chunk.usage?.prompt_tokens, 5)
  const last = events.at(-1)
  assert.deepEqual(last, {
    type: 'answer-finish',
    usage: { promptTokens: 5, completionTokens: 2 },
    verdicts: [],
  })
})

test('nothing leaves before the first content, so that a failure until then can be tried elsewhere', async () => {
  const failing = event('error', { error: { type: 'overloaded_error', message: 'Overloaded' } })
  const events = await run(streams(START, event('ping'), begins(0, { type: 'text', text: '' }), failing))
  assert.equal(events.length, 1)
  const { code, message } = problemOf(events)
  assert.equal(code, 'upstream_overloaded')
  assert.match(message, /“Overloaded”/)
})

test('calls of tools, one without arguments and one whole at its start, are calls', async () => {
  const texts = [
    START,
    begins(0, { type: 'tool_use', id: 'toolu_1', name: 'look', input: {} }),
    grows(0, { type: 'input_json_delta', partial_json: '{"at"' }),
    grows(0, { type: 'input_json_delta', partial_json: ':1}' }),
    ends(0),
    begins(1, { type: 'tool_use', id: 'toolu_2', name: 'bare', input: {} }),
    grows(1, { type: 'input_json_delta', partial_json: '' }),
    ends(1),
    begins(2, { type: 'tool_use', id: 'toolu_3', name: 'whole', input: { a: 1 } }),
    ends(2),
    event('message_delta', { delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 2 } }),
    STOP,
  ]
  const calls = new Map<number, string>()
  for (const { chunk } of chunks(await run(streams(...texts)))) {
    for (const { index = -1, id, function: called } of chunk.choices[0]?.delta.tool_calls ?? []) {
      const begun = id === undefined ? '' : `${id} ${called?.name} `
      calls.set(index, (calls.get(index) ?? '') + begun + (called?.arguments ?? ''))
    }
  }
  assert.deepEqual([...calls.values()], ['toolu_1 look {"at":1}', 'toolu_2 bare {}', 'toolu_3 whole {"a":1}'])
})

test('thoughts and their signatures are told apart; what is of no known type is silent', async () => {
  const texts = [
    START,
    begins(0, { type: 'thinking', thinking: '', signature: '' }),
    grows(0, { type: 'thinking_delta', thinking: 'Hm.' }),
    grows(0, { type: 'signature_delta', signature: 'EqQB' }),
    ends(0),
    begins(1, { type: 'redacted_thinking', data: 'Emw=' }),
    ends(1),
    begins(2, { type: 'novel_block', secret: true }),
    grows(2, { type: 'novel_delta', of: 'it' }),
    ends(2),
    event('novel_event'),
    END,
    STOP,
  ]
  const events = await run(streams(...texts))
  const said = chunks(events)
    .filter(({ silent }) => silent !== true)
    .map(({ chunk }) => chunk.choices[0]?.delta)
  assert.deepEqual(said.slice(1, 4), [
    { reasoning_content: 'Hm.' },
    { thinking_blocks: [{ type: 'thinking', signature: 'EqQB' }] },
    { thinking_blocks: [{ type: 'redacted_thinking', data: 'Emw=' }] },
  ])
  assert.equal(chunks(events).filter(({ wire }) => wire?.includes('novel')).length, 3)
})

test('a stream that is cut off, out of order or no stream at all is garbled', async () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    'without message_stop': [START, ...HELLO],
    'in the middle of an event': [START, ...HELLO, 'event: message_delta\ndata: {"type":"message'],
    'does not begin with message_start': HELLO,
    'belongs to no block': [START, grows(0, { type: 'text_delta', text: 'a' })],
    'not in order': [START, begins(0, { type: 'text' }), begins(0, { type: 'text' })],
    'has no type': [START, 'data: {"a":1}\n\n'],
    'not JSON': [START, 'data: {"a":\n\n'],
    'begins a second message': [START, START],
    'no reason why': [START, ...HELLO, STOP],
    'no event at all': [': hm\n\n'],
    'a JSON document where a stream': ['{"id":"msg_1","type":"message","content":[]}'],
  }
  for (const [words, texts] of Object.entries(cases)) {
    const { code, message } = problemOf(await run(streams(...texts)))
    assert.equal(code, 'upstream_garbled', words)
    assert.ok(message.includes(words), `${message} does not say “${words}”`)
  }
})

test('an answer whose end came is whole, whatever became of the connection', async () => {
  const events = await run((socket) => {
    socket.write(STREAM_HEAD + [START, ...HELLO, END].map(httpChunk).join(''))
    socket.destroySoon()
  })
  assert.equal(events.at(-1)?.type, 'answer-finish')
})

test('a ping is a sign of life while a thought is being thought in silence, and at no other time', () => {
  const pings = (...before: readonly string[]): readonly boolean[] => {
    const tokens: boolean[] = []
    const sink = {
      event: ({ wire }: { readonly wire?: string }, _bytes: number, token: boolean) => {
        if (wire?.startsWith('event: ping')) tokens.push(token)
      },
      finished: () => {},
      end: () => {},
    }
    const reading = {
      target: targetAt('http://127.0.0.1:1/v1'),
      sink: sink as Sink,
      verdicts: [],
      created: 0,
    }
    const reader = new MessageStreamReader(reading)
    for (const text of [START, ...before, event('ping')]) reader.read(Buffer.from(text))
    return tokens
  }
  const thought = begins(0, { type: 'thinking', thinking: '', signature: '' })
  const text = [begins(0, { type: 'text', text: '' }), grows(0, { type: 'text_delta', text: 'a' })]
  assert.deepEqual(pings(thought), [true])
  assert.deepEqual(pings(...text), [false])
  assert.deepEqual(pings(thought, grows(0, { type: 'signature_delta', signature: 'E' }), ends(0)), [false])
})

test('a whole message is read, or refused with what is wrong with it', async () => {
  const whole = (body: unknown): Promise<AnswerEvent[]> => {
    return run((socket) => respond(socket, 200, JSON.stringify(body)), {}, { stream: false })
  }
  const usage = { input_tokens: 5, output_tokens: 2, output_tokens_details: { thinking_tokens: 1 } }
  const events = await whole({
    id: 'msg_1',
    model: 'm',
    content: [{ type: 'text', text: 'Hel' }, { type: 'novel_block' }, { type: 'text', text: 'lo.' }],
    stop_reason: 'stop_sequence',
    stop_sequence: 'END',
    usage,
  })
  const [answer, finish] = events
  const choice = answer?.type === 'answer-whole' && answer.completion.choices[0]
  assert.ok(choice)
  assert.equal(choice.message.content, 'Hello.')
  assert.deepEqual([choice.finish_reason, choice['stop_reason']], ['stop', 'END'])
  assert.deepEqual(finish?.type === 'answer-finish' && finish.usage, {
    promptTokens: 5,
    completionTokens: 2,
    reasoningTokens: 1,
  })
  for (const wrong of [
    [],
    {},
    { content: [] },
    { content: 'a', stop_reason: 'end_turn' },
    { content: [1] },
  ]) {
    assert.equal(problemOf(await whole(wrong)).code, 'upstream_garbled')
  }
  const failed = { type: 'error', error: { type: 'authentication_error', message: 'no' } }
  assert.equal(problemOf(await whole(failed)).code, 'upstream_unauthorized')
})

test('what another Upshift said of its answer is taken out of the text, so that no name stands twice', async () => {
  const upshift = { request_id: 'req_theirs' }
  const message = {
    id: 'msg_1',
    model: 'm',
    content: [{ type: 'text', text: 'Hi' }],
    stop_reason: 'end_turn',
  }
  const script: Script = (socket) => respond(socket, 200, JSON.stringify({ upshift, ...message }))
  const [answer] = await run(script, {}, { stream: false })
  assert.equal(answer?.type === 'answer-whole' && answer.wire, JSON.stringify(message))
  const end = { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }
  const events = await run(streams(START, ...HELLO, event('message_delta', { ...end, upshift }), STOP))
  const wires = chunks(events).map(({ wire }) => wire)
  assert.ok(wires.includes(event('message_delta', end)), wires.join(''))
})

test('a usage that is no whole number is unknown, never guessed', async () => {
  const end = event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1.5 } })
  const last = (await run(streams(START, ...HELLO, end, STOP))).at(-1)
  assert.deepEqual(last, { type: 'answer-finish', verdicts: [] })
})

test('a stream that is left is destroyed at once', async () => {
  const leaving = new AbortController()
  const upstream = await startUpstream((socket) => {
    socket.write(STREAM_HEAD + [START, ...HELLO].map(httpChunk).join(''))
  })
  const call = callOf({}, { signal: leaving.signal })
  const batches = engine.generate(targetAt(upstream.url), call)[Symbol.asyncIterator]()
  assert.ok((await batches.next()).value?.length)
  const closed = new Promise((resolve) => upstream.sockets[0]?.once('close', resolve))
  leaving.abort()
  assert.equal(problemOf((await batches.next()).value ?? []).code, 'client_closed')
  await closed
  await upstream.close()
})

test('the request goes to /messages with the key and the version of the API', async () => {
  const upstream = await startUpstream((socket) => respond(socket, 400, '{}'))
  const target = targetAt(`${upstream.url}/?tenant=a`, { apiKey: 'sk-ant-planted' })
  await collect(engine.generate(target, callOf()))
  const [received] = upstream.received
  assert.match(received?.head ?? '', /^POST \/v1\/messages\?tenant=a HTTP/)
  assert.match(received?.head ?? '', /\r\nx-api-key: sk-ant-planted\r\n?/)
  assert.match(received?.head ?? '', /\r\nanthropic-version: 2023-06-01\r\n/)
  assert.doesNotMatch(received?.head ?? '', /authorization|anthropic-beta/)
  await upstream.close()
})

test('a count is the engine’s number, or why there is none', async () => {
  const counted = async (status: number, body: string) => {
    const upstream = await startUpstream((socket) => respond(socket, status, body))
    const result = await engine.count(targetAt(upstream.url), callOf())
    assert.match(upstream.received[0]?.head ?? '', /^POST \/v1\/messages\/count_tokens /)
    const fields = Object.keys(JSON.parse(upstream.received[0]?.body ?? '{}'))
    assert.deepEqual(fields, ['model', 'messages'])
    await upstream.close()
    return typeof result === 'number' ? result : result.problem.code
  }
  assert.equal(await counted(200, '{"input_tokens":12}'), 12)
  assert.equal(await counted(200, '{"input_tokens":"12"}'), 'upstream_garbled')
  assert.equal(await counted(200, '{}'), 'upstream_garbled')
  assert.equal(await counted(429, '{"error":{"message":"slow"}}'), 'upstream_rate_limited')
  assert.equal(await counted(200, `{"a":"${'x'.repeat(70_000)}"}`), 'upstream_garbled')
})

test('what comes packed, redirects or is far too large is refused', async () => {
  const packed = head(200, { 'content-encoding': 'gzip', 'content-length': 1 })
  assert.equal(problemOf(await run((socket) => socket.write(`${packed}a`))).code, 'upstream_garbled')
  const moved = head(307, { location: 'https://elsewhere.example/v1/messages?key=1', 'content-length': 0 })
  assert.match(
    problemOf(await run((socket) => socket.write(moved))).message,
    /elsewhere\.example\/v1\/messages\. Red/,
  )
  const large = `data: {"type":"ping","a":"${'x'.repeat(5 * 1024 * 1024)}`
  assert.match(problemOf(await run(streams(large))).message, /larger than 4 MiB/)
})
