import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../../contract/ask.ts'
import type { ChatRequest, WireMessage } from '../../contract/chat.ts'
import type { AnswerEvent, AnswerFinish, ChunkDelta } from '../../contract/event.ts'
import { eventText } from './blocks.ts'
import type { Asked } from './message.ts'
import { MessagesEncoder } from './stream.ts'

const FINISH: AnswerFinish = {
  type: 'answer-finish',
  usage: { promptTokens: 10, completionTokens: 4, cachedTokens: 2, cacheWriteTokens: 3 },
  verdicts: [],
}

function asked(thinking = true): Asked {
  const body = thinking ? { thinking: { type: 'adaptive' } } : {}
  const request: ChatRequest = {
    model: 'auto',
    messages: [],
    native: { dialect: 'messages', body, messages: 0, betas: [], lost: [] },
  }
  const start = { model: 'one/small', tier: 'fast', attempt: 1 }
  const plan = { mode: 'direct', reasons: [], maxOutputTokens: 5 }
  // Only what a summary reads of an answer.
  return { id: 'req_1', request, answer: { start, plan } as unknown as Answer }
}

function chunk(delta: WireMessage, finish_reason: string | null = null): ChunkDelta {
  return { type: 'chunk-delta', chunk: { model: 'm', choices: [{ index: 0, delta, finish_reason }] } }
}

/** An event of an engine's own, with what it says in Chat Completions. */
function own(type: string, fields: object, delta?: WireMessage, finish: string | null = null): ChunkDelta {
  const wire = eventText(type, { ...fields })
  const silent = delta === undefined && finish === null ? { silent: true as const } : {}
  return { ...chunk(delta ?? {}, finish), wire, dialect: 'messages', ...silent }
}

interface Event {
  readonly type: string
  readonly [field: string]: unknown
}

function encode(events: readonly AnswerEvent[], one = asked()): readonly Event[] {
  const encoder = new MessagesEncoder(one)
  // The end comes in one batch with what was kept back for it, everything else one by one.
  const last = events.findIndex(
    (event) => event.type === 'chunk-delta' && event.chunk.choices[0]?.finish_reason,
  )
  const batches = events.slice(0, last).map((event) => [event])
  const text = [...batches, events.slice(last)].map((batch) => encoder.encode(batch)).join('')
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => JSON.parse(event.slice(event.indexOf('\ndata: ') + 7)))
}

function briefly(events: readonly Event[]): readonly string[] {
  return events.map((event) => {
    const delta = Object(event['delta'])
    const said = delta.text ?? delta.thinking ?? delta.signature ?? delta.partial_json ?? delta.stop_reason
    const block = Object(event['content_block']).type
    const index = event['index'] === undefined ? '' : ` ${event['index']}`
    return `${event.type}${index}${block === undefined ? '' : ` ${block}`}${said === undefined ? '' : ` ${said}`}`
  })
}

test('chunks of any engine become blocks in a row', () => {
  const events = encode([
    chunk({ role: 'assistant', content: '' }),
    chunk({ reasoning_content: 'Hm' }),
    chunk({ reasoning_content: '.' }),
    chunk({ content: 'So' }),
    chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: '{"at"' } }] }),
    chunk({ tool_calls: [{ index: 1, id: 'b', function: { name: 'bare', arguments: '' } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: ':1.50}' } }] }),
    chunk({ content: ' then.' }),
    chunk({}, 'tool_calls'),
    FINISH,
  ])
  assert.deepEqual(briefly(events), [
    'message_start',
    'content_block_start 0 thinking',
    'ping',
    'content_block_delta 0 Hm',
    'content_block_delta 0 .',
    'content_block_stop 0',
    'content_block_start 1 text',
    'content_block_delta 1 So',
    'content_block_stop 1',
    'content_block_start 2 tool_use',
    'content_block_delta 2 {"at":1.50}',
    'content_block_stop 2',
    'content_block_start 3 tool_use',
    'content_block_delta 3 {}',
    'content_block_stop 3',
    'content_block_start 4 text',
    'content_block_delta 4  then.',
    'content_block_stop 4',
    'message_delta tool_use',
    'message_stop',
  ])
  assert.deepEqual(events.at(-2)?.['usage'], {
    input_tokens: 5,
    cache_creation_input_tokens: 3,
    cache_read_input_tokens: 2,
    output_tokens: 4,
  })
})

test('thoughts that were not asked for are not shown, signed or not', () => {
  const events = encode(
    [
      chunk({ reasoning_content: 'Hm.' }),
      chunk({ thinking_blocks: [{ type: 'thinking', signature: 'E' }] }),
      chunk({ content: 'So.' }),
      chunk({}, 'stop'),
      FINISH,
    ],
    asked(false),
  )
  assert.doesNotMatch(JSON.stringify(events), /Hm|thinking|"E"/)
})

const START = own('message_start', { message: { id: 'msg_1' } }, { role: 'assistant', content: '' })
const TEXT = own('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
const SAID = own(
  'content_block_delta',
  { index: 0, delta: { type: 'text_delta', text: 'A' } },
  { content: 'A' },
)
const STOPPED = own('content_block_stop', { index: 0 })
const CALL = own(
  'content_block_start',
  { index: 1, content_block: { type: 'tool_use', id: 'a', name: 'look', input: {} } },
  { tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: '' } }] },
)
const ARGUED = own(
  'content_block_delta',
  { index: 1, delta: { type: 'input_json_delta', partial_json: '{"at"' } },
  { tool_calls: [{ index: 0, function: { arguments: '{"at"' } }] },
)
const END = own(
  'message_delta',
  { delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 4 } },
  undefined,
  'tool_calls',
)
const LAST = own('message_stop', {})

test('an event that a guard has changed ends the relay, and the open block goes on where it was', () => {
  const changed = chunk({ content: 'b' })
  const events = encode([
    START,
    TEXT,
    SAID,
    changed,
    // From here on the engine's own words are not relayed.
    STOPPED,
    CALL,
    ARGUED,
    chunk({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
    own('content_block_stop', { index: 1 }),
    END,
    LAST,
    FINISH,
  ])
  assert.deepEqual(briefly(events), [
    'message_start',
    'content_block_start 0 text',
    'content_block_delta 0 A',
    'content_block_delta 0 b',
    'content_block_stop 0',
    'content_block_start 1 tool_use',
    'content_block_delta 1 {"at":1}',
    'content_block_stop 1',
    'message_delta tool_use',
    'message_stop',
  ])
})

test('a call that had begun in the engine’s own words gets its rest, before anything that follows it', () => {
  const events = encode([
    START,
    TEXT,
    SAID,
    STOPPED,
    CALL,
    ARGUED,
    chunk({ content: 'Late.' }),
    chunk({ tool_calls: [{ index: 1, id: 'b', function: { name: 'bare', arguments: '{}' } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
    END,
    FINISH,
  ])
  assert.deepEqual(briefly(events).slice(4), [
    'content_block_start 1 tool_use',
    'content_block_delta 1 {"at"',
    'content_block_delta 1 :1}',
    'content_block_stop 1',
    'content_block_start 2 text',
    'content_block_delta 2 Late.',
    'content_block_stop 2',
    'content_block_start 3 tool_use',
    'content_block_delta 3 {}',
    'content_block_stop 3',
    'message_delta tool_use',
    'message_stop',
  ])
})

test('what the engine left unsaid at the end is said, once', () => {
  const whole = briefly(encode([START, TEXT, SAID, STOPPED, END, LAST, FINISH]))
  const cut = briefly(encode([START, TEXT, SAID, STOPPED, END, FINISH]))
  assert.deepEqual(cut, whole)
  assert.equal(whole.filter((event) => event === 'message_stop').length, 1)
})

test('arguments that were cut off are an object still', () => {
  const events = encode([
    chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: '{"at":[1,' } }] }),
    chunk({}, 'length'),
    FINISH,
  ])
  const json = events.map((event) => Object(event['delta']).partial_json).find((text) => text !== undefined)
  assert.deepEqual(JSON.parse(json), { arguments: '{"at":[1,' })
  assert.equal(Object(events.at(-2)?.['delta']).stop_reason, 'max_tokens')
})

test('a failure is one error event, and nothing after it', () => {
  const problem = { code: 'upstream_failed', message: 'it broke' } as const
  const encoder = new MessagesEncoder(asked())
  const text = encoder.encode([chunk({ content: 'A' })]) + encoder.encode([{ type: 'answer-error', problem }])
  const last = text.split('\n\n').at(-2) ?? ''
  assert.match(
    last,
    /^event: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"it broke"/,
  )
})

for (const [what, said] of [
  ['calls', (at: number): WireMessage => ({ tool_calls: [{ index: at, function: { name: 'go' } }] })],
  ['blocks behind a call', (at: number) => (at % 2 === 0 ? { content: 'a' } : { reasoning_content: 'b' })],
  ['names', () => ({ tool_calls: [{ index: 0, function: { name: 'x'.repeat(65_536) } }] })],
] as const) {
  test(`an engine that goes on and on with ${what} is told that the answer is too large`, () => {
    const encoder = new MessagesEncoder(asked())
    encoder.encode([chunk({ tool_calls: [{ index: 0, function: { name: 'look', arguments: '{' } }] })])
    let text = ''
    for (let at = 1; at <= 4_100 && !encoder.over; at++) text += encoder.encode([chunk(said(at))])
    assert.ok(encoder.over)
    assert.match(text, /^event: error\ndata: .*grew beyond \d+ characters.*\n\n$/)
    assert.equal(encoder.encode([chunk({ content: 'more' }), FINISH]), '')
  })
}
