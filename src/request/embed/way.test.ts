import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EmbedEnd, Vector } from '../../contract/embed.ts'
import type { Verdict } from '../../contract/event.ts'
import { inputTokensBound } from '../worst-case.ts'
import { failure, type Made, made, type Script, type Scripting, tokens, World } from './world.fixture.ts'

const FIVE = ['a', 'bb', 'ccc', 'dddd', 'eeeee']

async function vectorsOf(world: World, request: Parameters<World['ask']>[0]): Promise<Made> {
  const answer = await world.ask(request)
  assert.ok('vectors' in answer, JSON.stringify(answer))
  return answer
}

async function problemOf(script: Script, request = {}, more: Scripting = {}) {
  const world = new World(script, more)
  const answer = await world.ask(request)
  assert.ok('code' in answer, 'a problem')
  return { problem: answer, world }
}

test('a request is opened before its dispatch, sent in parts in order, and closed before its vectors are handed out', async () => {
  const world = new World((_replica, nth, call) => {
    if (nth === 1) assert.deepEqual(world.entries, ['opened', 'attempt:first'])
    return made(call)
  })
  const { vectors, finish, model } = await vectorsOf(world, { input: FIVE })
  assert.deepEqual(
    world.calls.map(({ call }) => call.inputs),
    [['a', 'bb'], ['ccc', 'dddd'], ['eeeee']],
  )
  assert.deepEqual(
    vectors.map((vector) => [...vector]),
    FIVE.map((text) => [text.length, text.charCodeAt(0), 0.5]),
  )
  assert.equal(model, 'box/vectors')
  assert.deepEqual(world.entries, ['opened', 'attempt:first', 'closed:answered'])
  assert.deepEqual([finish.usage, finish.costMicros, world.charged], [tokens(50), 50, [50]])
  assert.deepEqual([world.settlements.length, world.released, world.left], [1, ['one'], ['left']])
})

test('one place of a replica is taken, and one part is under way at a time', async () => {
  let underWay = 0
  const world = new World(async (_replica, _nth, call) => {
    underWay += 1
    assert.equal(underWay, 1)
    await new Promise((resolve) => setImmediate(resolve))
    underWay -= 1
    return made(call)
  })
  await vectorsOf(world, { input: FIVE })
  assert.deepEqual([world.needs.length, world.released], [1, ['one']])
})

test('a part is bounded by bytes too, and an input that is larger alone goes alone', async () => {
  const world = new World((_replica, _nth, call) => made(call), { bounds: { inputs: 10, bytes: 8 } })
  await vectorsOf(world, { input: ['1234', '12', 'ééé', 'x'.repeat(50), 'y'] })
  assert.deepEqual(
    world.calls.map(({ call }) => call.inputs.map((input) => input.length)),
    [[4, 2], [3], [50], [1]],
  )
})

test('tokens are one input as a list of numbers, and several as a list of lists', async () => {
  for (const [input, inputs] of [
    [[7, 8, 9], [[7, 8, 9]]],
    [
      [[7], [8, 9]],
      [[7], [8, 9]],
    ],
  ]) {
    const world = new World((_replica, _nth, call) => made(call))
    await vectorsOf(world, { input: input as number[] })
    assert.deepEqual(
      world.calls.map(({ call }) => call.inputs),
      [inputs],
    )
  }
})

test('what is reserved is a token a byte of what is still to be sent', async () => {
  const world = new World((replica, nth, call) =>
    replica === 'one' && nth === 2 ? failure('upstream_failed') : made(call),
  )
  await vectorsOf(world, { input: FIVE })
  assert.deepEqual(
    world.needs.map(({ promptTokensBound, maxOutputTokens, choices }) => [
      promptTokensBound,
      maxOutputTokens,
      choices,
    ]),
    [
      [inputTokensBound(FIVE), 0, 1],
      [inputTokensBound(FIVE.slice(2)), 0, 1],
    ],
  )
  assert.equal(inputTokensBound(['é', [1, 2, 3]]), 2 + 16 + 3 + 16)
})

test('where a part fails another replica goes on from there, and every input is paid once', async () => {
  const world = new World((replica, nth, call) =>
    replica === 'one' && nth === 2 ? failure('upstream_unreachable', { usage: tokens(0) }) : made(call),
  )
  const { vectors, finish } = await vectorsOf(world, { input: FIVE })
  assert.deepEqual(
    vectors.map(([length]) => length),
    [1, 2, 3, 4, 5],
  )
  assert.deepEqual(
    world.calls.map(({ replica, call }) => [replica, call.inputs.length]),
    [
      ['one', 2],
      ['one', 2],
      ['two', 2],
      ['two', 1],
    ],
  )
  assert.deepEqual(world.entries, ['opened', 'attempt:first', 'attempt:failover', 'closed:answered'])
  assert.deepEqual([finish.usage, world.charged], [tokens(50), [50]])
  const [first, second] = world.ends
  assert.deepEqual(first?.parts, { promptTokens: 20, estimated: false, openTokensBound: 3 + 4 + 32 })
  assert.deepEqual([first?.usage, first?.contentSeen], [tokens(0), true])
  assert.deepEqual(second?.parts, { promptTokens: 30, estimated: false, openTokensBound: 0 })
})

test('a model is never replaced: where all of its replicas fail, the reason is told', async () => {
  const { problem, world } = await problemOf(() => failure('upstream_failed'))
  assert.equal(problem.code, 'upstream_failed')
  assert.ok(world.needs.every(({ candidates }) => candidates.join() === 'box/vectors'))
  assert.deepEqual([world.calls.length, world.released.length], [4, 4])
  assert.equal(world.entries.at(-1), 'closed:failed')
})

test('what the engine says about the request itself is not tried again', async () => {
  const { problem, world } = await problemOf(() => failure('upstream_rejected'))
  assert.equal(problem.code, 'upstream_rejected')
  assert.equal(world.calls.length, 1)
})

test('tokens that the engine does not state are estimated, and said to be', async () => {
  const world = new World((_replica, nth, call) => {
    const { usage: _usage, ...end } = made(call) as Extract<EmbedEnd, { type: 'embedded' }>
    return nth === 1 ? end : { ...end, usage: tokens(9) }
  })
  const { finish } = await vectorsOf(world, { input: FIVE })
  const half = Math.ceil(inputTokensBound(['a', 'bb']) / 2)
  assert.deepEqual(finish.usage, tokens(half + 9 + 9))
  assert.deepEqual(
    finish.verdicts.map(({ check, outcome }) => [check, outcome]),
    [['usage', 'skipped']],
  )
  assert.equal(world.ends[0]?.parts?.estimated, true)
})

test('what each part was checked for stands in the answer once', async () => {
  const cut: Verdict = { check: 'context', outcome: 'skipped', detail: 'may have been cut' }
  const world = new World((_replica, _nth, call) => {
    return { ...(made(call) as Extract<EmbedEnd, { type: 'embedded' }>), verdicts: [cut] }
  })
  assert.deepEqual((await vectorsOf(world, { input: FIVE })).finish.verdicts, [cut])
})

test('what leaves the machine is screened first, and sent as it was screened', async () => {
  const redacted: Verdict = { check: 'input.pii.card', outcome: 'redacted' }
  const more: Scripting = {
    offMachine: true,
    outbound: (request) => ({
      type: 'admitted',
      request: { ...request, input: ['[card]', 'fine'] },
      verdicts: [redacted],
    }),
  }
  const world = new World((_replica, _nth, call) => made(call), more)
  const { finish } = await vectorsOf(world, { input: ['4111', 'fine'] })
  assert.deepEqual(world.calls[0]?.call.inputs, ['[card]', 'fine'])
  assert.deepEqual(finish.verdicts, [redacted])
})

const vectors = (...made: readonly (readonly number[])[]): EmbedEnd => ({
  type: 'embedded',
  vectors: made.map((values): Vector => Float64Array.from(values)),
  usage: tokens(5),
  verdicts: [],
})

for (const [what, end, words] of [
  ['too few vectors', vectors([1, 2]), /1 for 2 inputs/],
  ['too many vectors', vectors([1], [2], [3]), /3 for 2 inputs/],
  ['no values', vectors([], []), /they are empty/],
  ['two lengths', vectors([1, 2], [1, 2, 3]), /one has 3 dimensions and another 2/],
  ['not a number', vectors([1, Number.NaN], [1, 2]), /not a finite number/],
  ['infinity', vectors([1, 2], [Number.NEGATIVE_INFINITY, 2]), /not a finite number/],
  ['more than float32 holds', vectors([1e39, 2], [1, 2]), /not a finite number/],
  ['more dimensions than any model has', vectors(new Array(8_193).fill(0), [1]), /8193 dimensions/],
] as const) {
  test(`an engine that sends ${what} is not believed, is paid for what it states, and another one is asked`, async () => {
    const { problem, world } = await problemOf(() => end, { input: ['a', 'b'] })
    assert.equal(problem.code, 'upstream_garbled')
    assert.match(problem.message, words)
    assert.equal(world.calls.length, 4)
    assert.deepEqual([world.ends[0]?.outcome, world.ends[0]?.usage], ['upstream_garbled', tokens(5)])
    assert.equal(world.entries.at(-1), 'closed:failed')
  })
}

test('replicas that disagree about the length of a vector never share an answer', async () => {
  const { problem } = await problemOf((_replica, nth, call) => made(call, nth === 1 ? 3 : 4), { input: FIVE })
  assert.equal(problem.code, 'upstream_garbled')
  assert.match(problem.message, /one has 4 dimensions and another 3/)
})

test('vectors of another length than asked for are refused by name, and not asked for again', async () => {
  const { problem, world } = await problemOf((_replica, _nth, call) => made(call, 4), { dimensions: 3 })
  assert.deepEqual([problem.code, problem.param, world.calls.length], ['dimensions_unmet', 'dimensions', 1])
  assert.match(problem.message, /4 dimensions where 3 were asked for/)
  const fits = new World((_replica, _nth, call) => made(call, 3))
  await vectorsOf(fits, { dimensions: 3 })
  assert.equal(fits.calls[0]?.call.dimensions, 3)
})

test('an answer that would hold more values than its bound is refused by name', async () => {
  const input = Array.from({ length: 2_048 }, () => 'x')
  const more: Scripting = { bounds: { inputs: 1_024, bytes: 10_000 } }
  const { problem } = await problemOf((_replica, _nth, call) => made(call, 8_192), { input }, more)
  assert.equal(problem.code, 'answer_too_large')
  assert.match(problem.message, /at most 1024 inputs/)
})

test('an abort between two parts ends as aborted in the record, tells what was under way, and releases the lease', async () => {
  const gone = new AbortController()
  const world = new World((_replica, nth, call) => {
    if (nth === 1) return made(call)
    gone.abort()
    return failure('client_closed')
  })
  const answer = await world.ask({ input: FIVE }, gone.signal)
  assert.ok('code' in answer && answer.code === 'client_closed')
  assert.deepEqual(world.entries, ['opened', 'attempt:first', 'closed:aborted'])
  const [end] = world.ends
  assert.equal(end?.outcome, 'client_closed')
  assert.deepEqual(end?.parts, { promptTokens: 20, estimated: false, openTokensBound: 3 + 4 + 32 })
  assert.deepEqual([world.released, world.left[0], world.charged], [['one'], 'left', [undefined]])
})

test('an engine that throws is a bug: it is closed as failed and nothing stays leased', async () => {
  const world = new World(() => {
    throw new Error('a bug')
  })
  await assert.rejects(world.ask({}), /a bug/)
  assert.deepEqual(
    [world.entries.at(-1), world.ends[0]?.outcome, world.released],
    ['closed:failed', 'internal', ['one']],
  )
})

test('an attempt that cannot be recorded is not sent', async () => {
  const record: Scripting['record'] = {
    append: async (entry) => {
      if (entry.type === 'attempt') throw new Error('disk full')
    },
  }
  const world = new World((_replica, _nth, call) => made(call), { record })
  await assert.rejects(world.ask({}), /disk full/)
  assert.deepEqual([world.calls.length, world.ends[0]?.outcome], [0, 'record_unavailable'])
})

test('vectors whose record cannot be closed are not handed out', async () => {
  const record: Scripting['record'] = {
    append: async (entry) => {
      if (entry.type === 'closed') throw new Error('disk full')
    },
  }
  const world = new World((_replica, _nth, call) => made(call), { record })
  const answer = await world.ask({})
  assert.equal('code' in answer && answer.code, 'record_unavailable')
})
