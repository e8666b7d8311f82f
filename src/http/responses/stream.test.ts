import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { WireMessage } from '../../contract/chat.ts'
import type { AnswerEvent, ChunkDelta } from '../../contract/event.ts'
import { eventsIn, responseIn } from './order.fixture.ts'
import { ResponseStream } from './stream.ts'

const REQUEST = 'req_01k3abcdefghjkmnpqrstvwxyz'
const USAGE = { promptTokens: 7, completionTokens: 3, cachedTokens: 2 }

function stream(): ResponseStream {
  return new ResponseStream({
    begun: { requestId: REQUEST, request: { model: 'auto', input: 'Hi.' }, stored: true, model: 'one/small' },
    now: () => 1_800_000_000_000,
    summary: () => ({ request_id: REQUEST }),
  })
}

function chunk(delta: WireMessage, finish: string | null = null): ChunkDelta {
  return { type: 'chunk-delta', chunk: { choices: [{ index: 0, delta, finish_reason: finish }] } }
}

const FINISH: AnswerEvent = { type: 'answer-finish', verdicts: [], usage: USAGE }
const FAILURE: AnswerEvent = {
  type: 'answer-error',
  problem: { code: 'upstream_failed', message: 'The engine broke off.' },
}

/** What a stream of these events says, one batch for each. */
function written(events: readonly AnswerEvent[]): string {
  const writer = stream()
  return events.map((event) => writer.batch([event])).join('')
}

function call(index: number, text: string, id?: string): WireMessage {
  const first = id === undefined ? {} : { id, type: 'function' }
  const name = id === undefined ? {} : { name: 'look' }
  return { tool_calls: [{ index, ...first, function: { ...name, arguments: text } }] }
}

test('reasoning, text and calls become items in their order, and the last response holds them whole', () => {
  const text = written([
    chunk({ role: 'assistant', content: '' }),
    chunk({ reasoning_content: 'Hm, ' }),
    chunk({ reasoning_content: 'well.' }),
    chunk({ content: 'I ' }),
    chunk({ content: 'look.' }),
    chunk(call(0, '{"a":', 'c0')),
    chunk(call(1, '{"b":', 'c1')),
    chunk(call(0, '1}')),
    chunk(call(1, '2}')),
    chunk({}, 'tool_calls'),
    FINISH,
  ])
  const { output, usage, status, upshift } = responseIn(text)
  assert.equal(status, 'completed')
  assert.deepEqual(upshift, { request_id: REQUEST })
  assert.deepEqual(
    output.map((item) => {
      if (item.type === 'message') return item.content
      return item.type === 'reasoning' ? item.summary : [item.call_id, item.name, item.arguments]
    }),
    [
      [{ type: 'summary_text', text: 'Hm, well.' }],
      [{ type: 'output_text', text: 'I look.', annotations: [], logprobs: [] }],
      ['c0', 'look', '{"a":1}'],
      ['c1', 'look', '{"b":2}'],
    ],
  )
  assert.deepEqual(usage, {
    input_tokens: 7,
    input_tokens_details: { cached_tokens: 2, cache_write_tokens: 0 },
    output_tokens: 3,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 10,
  })
})

test('a call whose engine gave no id gets one, and a refusal is a part of its own', () => {
  const { output } = responseIn(
    written([
      chunk({ content: 'No: ' }),
      chunk({ refusal: 'I will ' }),
      chunk({ refusal: 'not.' }),
      chunk({ tool_calls: [{ function: { name: 'look', arguments: '{}' } }] }),
      FINISH,
    ]),
  )
  const [message, called] = output
  assert.ok(message?.type === 'message' && called?.type === 'function_call')
  assert.deepEqual(message.content[1], { type: 'refusal', refusal: 'I will not.' })
  assert.match(called.call_id, /^call_01k3/)
})

for (const [finish, reason] of [
  ['length', 'max_output_tokens'],
  ['content_filter', 'content_filter'],
] as const) {
  test(`an answer that ends by ${finish} is incomplete, and so is its last item`, () => {
    const thought = chunk({ reasoning: 'Hm.' })
    const { status, output, incomplete_details } = responseIn(
      written([thought, chunk({ content: 'Once' }), chunk({}, finish), FINISH]),
    )
    assert.deepEqual([status, incomplete_details], ['incomplete', { reason }])
    assert.deepEqual(
      output.map((item) => item.status),
      ['completed', 'incomplete'],
    )
  })
}

test('a failure in the middle closes what is open, says what happened, and ends with the failed response', () => {
  const text = written([chunk({ content: 'Once' }), FAILURE])
  const response = responseIn(text)
  assert.equal(response.status, 'failed')
  assert.deepEqual(response.error, {
    code: 'server_error',
    message: 'The engine broke off.',
    type: 'upstream_failed',
    param: null,
  })
  assert.equal(response.output[0]?.status, 'incomplete')
  const told = eventsIn(text).find((event) => event.type === 'error')
  assert.equal(told?.code, 'upstream_failed')
})

test('an answer that grows beyond its bound is ended as failed, and what still comes is not written', () => {
  const writer = stream()
  const part = 'x'.repeat(1_048_576)
  let text = ''
  for (let turn = 0; turn < 12 && !writer.over; turn++) text += writer.batch([chunk({ content: part })])
  assert.ok(writer.over)
  assert.equal(responseIn(text).error?.type, 'answer_too_large')
  assert.equal(writer.batch([chunk({ content: 'more' }), FINISH]), '')
})

test('log probabilities stand beside the text that they are of', () => {
  const token = (text: string) => ({ token: text, logprob: -0.5, bytes: [65] })
  const told = (text: string) => ({ content: [{ ...token(text), top_logprobs: [token('B')] }] })
  const events = ['A', 'B'].map((content): AnswerEvent => {
    return {
      type: 'chunk-delta',
      chunk: { choices: [{ index: 0, delta: { content }, logprobs: told(content) }] },
    }
  })
  const text = written([...events, FINISH])
  const [message] = responseIn(text).output
  assert.ok(message?.type === 'message' && message.content[0]?.type === 'output_text')
  assert.deepEqual(
    message.content[0].logprobs?.map((one) => one.token),
    ['A', 'B'],
  )
  const deltas = eventsIn(text).filter((event) => event.type === 'response.output_text.delta')
  assert.deepEqual(
    deltas.map(({ logprobs }) => logprobs.length),
    [1, 1],
  )
})

const piece = fc.string({ minLength: 1, maxLength: 8, unit: 'binary' })
const delta: fc.Arbitrary<WireMessage> = fc.oneof(
  piece.map((content) => ({ content })),
  piece.map((reasoning_content) => ({ reasoning_content })),
  piece.map((refusal) => ({ refusal })),
  fc.tuple(fc.nat({ max: 3 }), piece).map(([index, text]) => call(index, text, `c${index}`)),
  fc.constant({ role: 'assistant', content: '' }),
  fc.constant({ content: null }),
)

describe('whatever an engine streams', () => {
  test('the events are legal, and join to what it said, however it came in batches', () => {
    const ending = fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter', 'odd', null)
    const property = fc.property(
      fc.array(fc.array(delta, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
      ending,
      fc.boolean(),
      (batches, finish, fails) => {
        const writer = stream()
        let text = ''
        for (const batch of batches) text += writer.batch(batch.map((one) => chunk(one)))
        text += writer.batch([chunk({}, finish), fails ? FAILURE : FINISH])
        const { output } = responseIn(text)
        const all = batches.flat()
        const joined = (field: 'content' | 'refusal' | 'reasoning_content') =>
          all.map((one) => one[field] ?? '').join('')
        const words = { output_text: '', refusal: '', summary_text: '' }
        for (const item of output) {
          if (item.type === 'function_call') continue
          for (const part of item.type === 'message' ? item.content : item.summary)
            words[part.type] += part.type === 'refusal' ? part.refusal : part.text
        }
        assert.deepEqual(words, {
          output_text: joined('content'),
          refusal: joined('refusal'),
          summary_text: joined('reasoning_content'),
        })
        const called = output.filter((item) => item.type === 'function_call')
        for (const { call_id: id, arguments: found } of called) {
          const pieces = all.flatMap((one) => one.tool_calls ?? []).filter((one) => one.id === id)
          assert.equal(found, pieces.map((one) => one.function?.arguments).join(''))
        }
      },
    )
    fc.assert(property, { numRuns: 300 })
  })

  test('the checker of the order sees an event that is missing, doubled, moved or changed', () => {
    const whole = written([
      chunk({ reasoning_content: 'Hm.' }),
      chunk({ content: 'Yes' }),
      chunk({ content: ', sir.' }),
      chunk(call(0, '{"a":1}', 'c0')),
      chunk({}, 'tool_calls'),
      FINISH,
    ])
    responseIn(whole)
    const blocks = whole.split('\n\n').slice(0, -1)
    const renumbered = (list: readonly string[]): string =>
      list
        .map((block, at) => `${block.replace(/"sequence_number":\d+/, `"sequence_number":${at}`)}\n\n`)
        .join('')
    for (const [at, block] of blocks.entries()) {
      const without = [...blocks.slice(0, at), ...blocks.slice(at + 1)]
      assert.throws(() => responseIn(renumbered(without)), `without event ${at}`)
      assert.throws(() => responseIn(renumbered(blocks.toSpliced(at, 0, block))), `event ${at} twice`)
      assert.throws(() => responseIn(renumbered([...without, block].toReversed())), `event ${at} moved`)
      assert.throws(() => responseIn(`${without.join('\n\n')}\n\n`), `a number is missing at ${at}`)
    }
    assert.throws(() => responseIn(whole.replace('"delta":"Yes"', '"delta":"No"')))
    assert.throws(() => responseIn(whole.replaceAll('"output_index":1', '"output_index":2')))
    assert.throws(() => responseIn(whole.replace('"text":"Yes, sir."', '"text":"Yes."')))
  })
})
