import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnswerEvent } from '../contract/event.ts'
import { isRefusal } from '../contract/problem.ts'
import type { AnswerCheck, RecordPort } from './ports.ts'
import {
  answered,
  askWith,
  chunk,
  failure,
  finish,
  passing,
  plan,
  stop,
  text,
  world,
} from './scripted.fixture.ts'

test('an answer is opened before its dispatch and closed before its finish chunk leaves', async () => {
  const one = world(async function* () {
    assert.deepEqual(one.entries, ['opened', 'attempt:first'])
    yield [chunk('Hel')]
    yield [chunk('lo'), stop]
    yield [finish]
  })
  const answer = await one.handle(askWith())
  assert.ok(!isRefusal(answer))
  assert.equal(answer.start.model, 'one/small')
  for await (const batch of answer.events) {
    const ends = batch.some(
      (event) => event.type === 'chunk-delta' && event.chunk.choices[0]?.finish_reason === 'stop',
    )
    if (ends) assert.deepEqual(one.entries, ['opened', 'attempt:first', 'settled:ok', 'closed:answered'])
  }
  assert.deepEqual([one.released, one.left], [['one'], ['left']])
})

test('a chunk that ends one choice and carries text of another does not fall behind that text', async () => {
  const both: AnswerEvent = {
    type: 'chunk-delta',
    chunk: {
      choices: [
        { index: 0, delta: {}, finish_reason: 'stop' },
        { index: 1, delta: { content: 'b' } },
      ],
    },
  }
  const second = (content: string): AnswerEvent => chunk(content, { index: 1 })
  const one = world(async function* () {
    yield [second('a')]
    yield [both]
    yield [second('c')]
    yield [chunk('', { index: 1, finish_reason: 'stop' }), finish]
  })
  let said = ''
  for (const event of await answered(one, askWith({}, { n: 2 }))) {
    if (event.type !== 'chunk-delta') continue
    for (const choice of event.chunk.choices) if (choice.index === 1) said += choice.delta.content ?? ''
  }
  assert.equal(said, 'abc')
})

test('a caller who is not known gets no record and no dispatch', async () => {
  const one = world(async function* () {
    yield [finish]
  })
  const answer = await one.handle(askWith({ origin: { type: 'wire', credential: 'bad' } }))
  assert.ok(isRefusal(answer))
  assert.equal(answer.problem.code, 'invalid_key')
  assert.deepEqual([one.entries, one.dispatched], [[], []])
})

test('a failure before the first content goes to another replica, and both attempts stand in the record', async () => {
  const one = world(async function* (replica) {
    if (replica === 'one') yield failure('upstream_unreachable')
    else yield [chunk('fine'), stop, finish]
  })
  const events = await answered(one)
  assert.equal(text(events), 'fine')
  assert.deepEqual(one.entries, [
    'opened',
    'attempt:first',
    'settled:upstream_unreachable',
    'attempt:failover',
    'settled:ok',
    'closed:answered',
  ])
  assert.deepEqual(one.released, ['one', 'two'])
})

test('where every replica fails the caller is refused with the last reason, and nothing stays leased', async () => {
  const one = world(async function* () {
    yield failure('upstream_failed')
  })
  const answer = await one.handle(askWith())
  assert.ok(isRefusal(answer))
  assert.equal(answer.problem.code, 'upstream_failed')
  assert.equal(one.dispatched.length, 4)
  assert.equal(one.released.length, 4)
  assert.equal(one.entries.at(-1), 'closed:failed')
})

test('what the engine says about the request itself is not retried', async () => {
  const one = world(async function* () {
    yield failure('upstream_rejected', { status: 422 })
  })
  const answer = await one.handle(askWith())
  assert.ok(isRefusal(answer))
  assert.equal(answer.problem.status, 422)
  assert.equal(one.dispatched.length, 1)
})

test('a failure after the first content is one terminal error, never a second attempt', async () => {
  const one = world(async function* () {
    yield [chunk('half')]
    yield failure('upstream_failed')
  })
  const events = await answered(one)
  assert.deepEqual(
    events.map((event) => event.type),
    ['chunk-delta', 'answer-error'],
  )
  assert.equal(one.dispatched.length, 1)
  assert.equal(one.entries.at(-1), 'closed:failed')
})

test('an answer that misses its shape is repaired once, with the advice shown to the model', async () => {
  let wholes = 0
  const check = (): AnswerCheck => ({
    ...passing,
    hold: true,
    whole: async () => {
      wholes += 1
      if (wholes > 1) return { type: 'passed' }
      return { type: 'unmet', problem: { code: 'schema_unmet', message: 'bad' }, advice: 'use a number' }
    },
  })
  const one = world(
    async function* (_replica, turn) {
      yield [chunk(turn === 1 ? '{"a":"x"}' : '{"a":1}'), stop, finish]
    },
    { check },
  )
  const events = await answered(one, askWith({}, { response_format: { type: 'json_object' } }))
  assert.equal(text(events), '{"a":1}')
  const sent = one.dispatched[1]?.call.request.messages.map((message) => message.content)
  assert.deepEqual(sent, ['hello', '{"a":"x"}', 'use a number'])
  const end = events.at(-1)
  assert.ok(end?.type === 'answer-finish')
  assert.equal(end.costMicros, 40, 'both attempts are charged')
  assert.deepEqual(end.verdicts, [{ check: 'answer-shape', outcome: 'repaired' }])
  assert.ok(one.entries.includes('attempt:repair'))
  const [first = 0, repair = 0] = one.promptBounds
  assert.ok(repair >= first + '{"a":"x"}use a number'.length, 'what the repair adds is reserved too')
})

test('a repair that fails over to another replica is still the one repair', async () => {
  const check = (): AnswerCheck => ({
    ...passing,
    hold: true,
    whole: async () => ({
      type: 'unmet',
      problem: { code: 'schema_unmet', message: 'bad' },
      advice: 'again',
    }),
  })
  const one = world(
    async function* (_replica, turn) {
      if (turn === 2) yield failure('upstream_unreachable')
      else yield [chunk('x'), stop, finish]
    },
    { check },
  )
  const answer = await one.handle(askWith({}, { response_format: { type: 'json_object' } }))
  assert.ok(isRefusal(answer))
  assert.equal(answer.problem.code, 'schema_unmet')
  const causes = one.entries.filter((entry) => entry.startsWith('attempt:'))
  assert.deepEqual(causes, ['attempt:first', 'attempt:repair', 'attempt:failover'])
})

test('an answer that misses its shape twice is refused', async () => {
  const check = (): AnswerCheck => ({
    ...passing,
    hold: true,
    whole: async () => ({
      type: 'unmet',
      problem: { code: 'schema_unmet', message: 'bad' },
      advice: 'again',
    }),
  })
  const one = world(
    async function* () {
      yield [chunk('x'), stop, finish]
    },
    { check },
  )
  const answer = await one.handle(askWith({}, { response_format: { type: 'json_object' } }))
  assert.ok(isRefusal(answer))
  assert.equal(answer.problem.code, 'schema_unmet')
  assert.equal(one.dispatched.length, 2)
})

test('an abort ends as aborted in the record and releases the lease', async () => {
  const gone = new AbortController()
  const one = world(async function* (_replica, _turn, call) {
    yield [chunk('a')]
    assert.ok(call.signal.aborted)
    yield failure('client_closed')
  })
  const answer = await one.handle(askWith({ signal: gone.signal }))
  assert.ok(!isRefusal(answer))
  for await (const _batch of answer.events) gone.abort()
  assert.equal(one.entries.at(-1), 'closed:aborted')
  assert.deepEqual(one.settled, ['one:client_closed'])
  assert.deepEqual(one.released, ['one'])
})

test('an answer that is disposed unread after an abort is still closed in the record', async () => {
  const gone = new AbortController()
  const one = world(async function* (_replica, _turn, call) {
    yield [chunk('a')]
    while (!call.signal.aborted) yield [chunk('b')]
    yield failure('client_closed')
  })
  const answer = await one.handle(askWith({ signal: gone.signal }))
  assert.ok(!isRefusal(answer))
  gone.abort()
  await answer[Symbol.asyncDispose]()
  assert.equal(one.entries.at(-1), 'closed:aborted')
  assert.deepEqual(one.released, ['one'])
})

test('an end that cannot be recorded is not told as a good end', async () => {
  const record: RecordPort = {
    append: async (entry) => {
      if (entry.type === 'closed') throw new Error('disk full')
    },
  }
  const one = world(
    async function* () {
      yield [chunk('a'), stop, finish]
    },
    { record },
  )
  const events = await answered(one)
  const end = events.at(-1)
  assert.ok(end?.type === 'answer-error')
  assert.equal(end.problem.code, 'record_unavailable')
  assert.ok(
    !events.some((event) => event.type === 'chunk-delta' && event.chunk.choices[0]?.finish_reason === 'stop'),
  )
})

test('an engine that throws is a bug: it is closed as failed and nothing stays leased', async () => {
  const one = world(async function* () {
    if (one.dispatched.length > 0) throw new Error('a bug')
    yield [finish]
  })
  await assert.rejects(one.handle(askWith()), /a bug/)
  assert.equal(one.entries.at(-1), 'closed:failed')
  assert.deepEqual(one.released, ['one'])
})

test('an engine that throws in the middle of its answer is closed as failed, not as left by its caller', async () => {
  const one = world(async function* () {
    yield [chunk('half')]
    throw new Error('a bug')
  })
  await assert.rejects(answered(one), /a bug/)
  assert.deepEqual(one.entries.slice(-2), ['settled:internal', 'closed:failed'])
  assert.deepEqual(one.released, ['one'])
})

test('an attempt that cannot be recorded is not sent, and what was held for it is not spent', async () => {
  const record: RecordPort = {
    append: async (entry) => {
      if (entry.type === 'attempt') throw new Error('disk full')
    },
  }
  const one = world(
    async function* () {
      yield [finish]
    },
    { record },
  )
  await assert.rejects(one.handle(askWith()), /disk full/)
  assert.deepEqual([one.dispatched, one.settled], [[], ['one:record_unavailable']])
})

test('a request that cannot be opened in the record is not sent, and what was reserved for it is free again', async () => {
  const record: RecordPort = { append: () => Promise.reject(new Error('disk full')) }
  const one = world(
    async function* () {
      yield [finish]
    },
    { record },
  )
  await assert.rejects(one.handle(askWith()), /disk full/)
  assert.deepEqual(
    [one.dispatched, one.settled, one.released, one.left],
    [[], ['one:record_unavailable'], ['one'], ['left']],
  )
})

test('a held answer beyond its bound is refused by name', async () => {
  const one = world(
    async function* () {
      for (let at = 0; at < 100; at++) yield [chunk('x'.repeat(1_000))]
      yield [stop, finish]
    },
    { check: () => ({ ...passing, hold: true }) },
  )
  const answer = await one.handle(askWith())
  assert.ok(isRefusal(answer))
  assert.equal(answer.problem.code, 'answer_too_large')
})

test('from its first delta a tool call is held until it has been checked', async () => {
  const call = { index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
  const one = world(
    async function* () {
      yield [{ type: 'chunk-delta', chunk: { choices: [{ index: 0, delta: { tool_calls: [call] } }] } }]
      yield [chunk('', { finish_reason: 'tool_calls' }), finish]
    },
    {
      check: () => ({
        ...passing,
        whole: async () => ({
          type: 'unmet',
          problem: { code: 'tool_arguments_invalid', message: 'a is missing' },
          advice: 'add a',
        }),
      }),
    },
  )
  const answer = await one.handle(askWith({}, { tools: [{ type: 'function', function: { name: 'f' } }] }))
  assert.ok(isRefusal(answer))
  assert.equal(answer.problem.code, 'tool_arguments_invalid')
  assert.equal(one.dispatched.length, 2, 'one repair')
})

test('a retrieval answers through a child with a record of its own, and is not charged twice', async () => {
  const one = world(
    async function* (_replica, _turn, call) {
      assert.equal(call.id, 'req_child')
      yield [chunk('quoted'), stop, finish]
    },
    { plan: { ...plan, mode: 'retrieve' } },
  )
  const events = await answered(one)
  assert.equal(text(events), 'quoted')
  const end = events.at(-1)
  assert.ok(end?.type === 'answer-finish')
  assert.deepEqual([end.costMicros, end.chargedTo], [20, 'req_child'])
  assert.deepEqual(one.costs, [20], 'the record holds the cost once')
  assert.equal(one.entries.filter((entry) => entry === 'opened').length, 2)
  assert.equal(one.entries.filter((entry) => entry === 'closed:answered').length, 2)
})
