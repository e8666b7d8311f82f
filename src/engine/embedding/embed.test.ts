import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { EmbedCall, EmbedEnd } from '../../contract/embed.ts'
import { systemClock } from '../../lib/clock.ts'
import { toBase64 } from '../../lib/float32.ts'
import { createConnections } from '../connections.ts'
import {
  engineOver,
  head,
  httpChunk,
  respond,
  type Script,
  startUpstream,
  targetAt,
} from '../upstream.fixture.ts'

const connections = createConnections()
const engine = engineOver(connections)
after(() => connections.close())

function callOf(more: Partial<EmbedCall> = {}): EmbedCall {
  const inputs = more.inputs ?? ['one', 'two']
  return {
    id: 'req_test',
    inputs,
    dimensions: undefined,
    request: { model: 'auto', input: 'not this' },
    deadline: systemClock.elapsed() + 10_000,
    signal: new AbortController().signal,
    ...more,
  }
}

interface Run {
  readonly end: EmbedEnd
  readonly head: string
  readonly body: Record<string, unknown>
}

async function run(script: Script, call = callOf(), more: Parameters<typeof targetAt>[1] = {}): Promise<Run> {
  const upstream = await startUpstream(script)
  try {
    const end = await engine.embed(targetAt(upstream.url, more), call)
    const [request] = upstream.received
    return { end, head: request?.head ?? '', body: JSON.parse(request?.body ?? '{}') }
  } finally {
    await upstream.close()
  }
}

const answers =
  (body: unknown, status = 200): Script =>
  (socket) =>
    respond(socket, status, typeof body === 'string' ? body : JSON.stringify(body))

const item = (index: number | undefined, embedding: unknown) => ({ object: 'embedding', index, embedding })
const list = (...data: readonly unknown[]) => ({
  object: 'list',
  data,
  usage: { prompt_tokens: 6, total_tokens: 6 },
})
const TWO = list(item(0, [1, 0.1]), item(1, [2, 0.2]))

function vectorsOf(end: EmbedEnd): number[][] {
  assert.equal(end.type, 'embedded', JSON.stringify(end))
  return end.type === 'embedded' ? end.vectors.map((vector) => [...vector]) : []
}

function problemOf(end: EmbedEnd) {
  assert.equal(end.type, 'failed')
  assert.ok(end.type === 'failed')
  return end.problem
}

test('numbers come back as they were sent, every digit of them, with the tokens', async () => {
  const { end, head: sent, body } = await run(answers(TWO))
  assert.deepEqual(vectorsOf(end), [
    [1, 0.1],
    [2, 0.2],
  ])
  assert.deepEqual(end.usage, { promptTokens: 6, completionTokens: 0 })
  assert.match(sent, /^POST \/v1\/embeddings HTTP/)
  assert.match(sent, /x-request-id: req_test/)
  assert.deepEqual(body, { model: 'upstream-model', input: ['one', 'two'] })
})

test('base64 is asked for where it is known to be understood, and either answer is', async () => {
  const floats = [Float32Array.of(1, 0.1), Float32Array.of(2, 0.2)]
  const encoded = list(...floats.map((vector, index) => item(index, toBase64(vector))))
  for (const [kind, asked] of [
    ['openai', 'base64'],
    ['vllm', 'base64'],
    ['ollama', 'base64'],
    ['lmstudio', 'base64'],
    ['gemini', undefined],
    ['mistral', undefined],
    ['generic', undefined],
  ] as const) {
    const whole = await run(answers(encoded), callOf(), { kind })
    assert.equal(whole.body['encoding_format'], asked, kind)
    assert.deepEqual(
      vectorsOf(whole.end),
      floats.map((vector) => [...vector]),
    )
    assert.deepEqual(vectorsOf((await run(answers(TWO), callOf(), { kind })).end)[1], [2, 0.2])
  }
})

test('vectors stand where their index says, or in their order where there is none', async () => {
  const expected = [[1], [2]]
  for (const data of [
    [item(1, [2]), item(0, [1])],
    [item(undefined, [1]), item(undefined, [2])],
  ]) {
    assert.deepEqual(vectorsOf((await run(answers(list(...data)))).end), expected)
  }
})

for (const [what, body, words] of [
  ['no list', { object: 'list' }, /it has no `data`/],
  ['too few', list(item(0, [1])), /1 vectors for 2 inputs/],
  ['too many', list(item(0, [1]), item(1, [1]), item(2, [1])), /3 vectors for 2 inputs/],
  ['an index twice', list(item(0, [1]), item(0, [2])), /index 0 stands there twice/],
  ['an index of no input', list(item(0, [1]), item(2, [2])), /none of the inputs/],
  ['a broken index', list(item(0, [1]), item(0.5, [2])), /none of the inputs/],
  ['null for a number', list(item(0, [1]), item(1, [null])), /input 1 holds something that is not a number/],
  ['a vector a token', list(item(0, [[1]]), item(1, [[1]])), /not a number/],
  ['no vector', list(item(0, [1]), { index: 1 }), /input 1 is not there/],
  ['a text that is no base64', list(item(0, [1]), item(1, 'hello!')), /neither a list of numbers nor/],
  ['half a value', list(item(0, [1]), item(1, 'AAA=')), /neither a list of numbers nor/],
  ['NaN as Python prints it', '{"data":[{"index":0,"embedding":[NaN]}]}', /not JSON/],
  ['a page', '<!doctype html><title>Hi</title>', /an HTML page/],
  ['nothing', '', /empty body/],
] as const) {
  test(`an answer with ${what} is not believed`, async () => {
    const problem = problemOf((await run(answers(body))).end)
    assert.equal(problem.code, 'upstream_garbled')
    assert.match(problem.message, words)
  })
}

test('what an engine states for vectors that cannot be read is told, and no usage where it states none', async () => {
  assert.deepEqual((await run(answers(list(item(0, [1]))))).end.usage?.promptTokens, 6)
  const { usage: _usage, ...silent } = TWO
  assert.equal((await run(answers(silent))).end.usage, undefined)
  const total = { ...TWO, usage: { total_tokens: 9 } }
  assert.equal((await run(answers(total))).end.usage?.promptTokens, 9)
})

for (const [status, body, code, words] of [
  [401, { error: { message: 'bad key' } }, 'upstream_unauthorized', /refused our key/],
  [404, '', 'upstream_rejected', /does not serve this kind of request/],
  [413, { error: 'inputs must have less than 512 tokens. Given: 600' }, 'context_length_exceeded', /600/],
  [429, { error: { message: 'slow' } }, 'upstream_rate_limited', /limiting our rate/],
  [500, { error: { message: 'input is too large to process' } }, 'context_length_exceeded', /too large/],
  [500, { error: { message: 'CUDA error' } }, 'upstream_failed', /CUDA error/],
  [200, { error: { message: 'not loaded', code: 503 } }, 'upstream_failed', /not loaded/],
  [
    200,
    { object: 'error', message: 'bad input', type: 'invalid_request_error' },
    'upstream_rejected',
    /bad input/,
  ],
  [302, '', 'upstream_failed', /redirects/],
] as const) {
  test(`status ${status} with ${JSON.stringify(body).slice(0, 40)} is ${code}`, async () => {
    const { end } = await run(answers(body, status))
    const problem = problemOf(end)
    assert.equal(problem.code, code)
    assert.match(problem.message, words)
    if (code === 'context_length_exceeded') assert.equal(problem.param, 'input')
  })
}

test('an answer may be as large as its vectors can be, and no larger', async () => {
  const endless: Script = (socket) => {
    socket.write(head(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }))
    const more = (): void => {
      while (!socket.destroyed && socket.write(httpChunk('[0.123456789],'.repeat(4_096))));
      if (!socket.destroyed) socket.once('drain', more)
    }
    more()
  }
  const { end } = await run(endless, callOf({ inputs: ['one'] }))
  assert.match(problemOf(end).message, /larger than 295424 bytes/)
})

test('an abort destroys the connection at once, and a call that is too late is not sent', async () => {
  const gone = new AbortController()
  const upstream = await startUpstream(() => gone.abort())
  const target = targetAt(upstream.url)
  try {
    const aborted = await engine.embed(target, callOf({ signal: gone.signal }))
    assert.equal(problemOf(aborted).code, 'client_closed')
    assert.equal(aborted.usage, undefined, 'what the engine did is not known')
    await new Promise<void>((resolve) => {
      const [socket] = upstream.sockets
      if (socket === undefined || socket.destroyed) resolve()
      else socket.once('close', () => resolve())
    })
    for (const [call, code] of [
      [callOf({ signal: AbortSignal.abort() }), 'client_closed'],
      [callOf({ deadline: systemClock.elapsed() - 1 }), 'deadline_exceeded'],
    ] as const) {
      const late = await engine.embed(target, call)
      assert.equal(problemOf(late).code, code)
      assert.deepEqual(late.usage, { promptTokens: 0, completionTokens: 0 })
    }
    assert.equal(upstream.received.length, 1)
  } finally {
    await upstream.close()
  }
})

test('an engine that says nothing is given up at the deadline', async () => {
  const { end } = await run(() => {}, callOf({ deadline: systemClock.elapsed() + 60 }))
  assert.equal(problemOf(end).code, 'deadline_exceeded')
})

test('nothing that listens there is unreachable, and nothing was sent', async () => {
  const end = await engine.embed(targetAt('http://127.0.0.1:1/v1'), callOf())
  assert.deepEqual([problemOf(end).code, end.usage?.promptTokens], ['upstream_unreachable', 0])
})

test('the length of the vectors goes under the engine’s own name for it', async () => {
  const call = callOf({ dimensions: 256 })
  assert.equal((await run(answers(TWO), call, { kind: 'openai' })).body['dimensions'], 256)
  const mistral = (await run(answers(TWO), call, { kind: 'mistral' })).body
  assert.deepEqual([mistral['dimensions'], mistral['output_dimension']], [undefined, 256])
})

test('fields that are not named go on, but for what undoes the plan or brings text that nobody counted', async () => {
  const request: EmbedCall['request'] = {
    model: 'auto',
    input: 'x',
    user: 'ada',
    upshift: {},
    encoding_format: 'float',
    input_type: 'query',
    models: ['other'],
    INPUT: 'a second text',
    messages: [{ role: 'user', content: 'a third' }],
    instruction: 'Find it.',
  }
  const details = (end: EmbedEnd) =>
    end.type === 'embedded' ? end.verdicts.map(({ detail }) => detail?.split(' was left out')[0]) : []
  const near = await run(answers(TWO), callOf({ request }), { kind: 'vllm' })
  assert.deepEqual(near.body, {
    model: 'upstream-model',
    input: ['one', 'two'],
    encoding_format: 'base64',
    user: 'ada',
    input_type: 'query',
    messages: request['messages'],
    instruction: 'Find it.',
  })
  assert.deepEqual(details(near.end), ['models', 'another spelling of input'])
  const far = await run(answers(TWO), callOf({ request }), { kind: 'openai', offMachine: true })
  assert.deepEqual(Object.keys(far.body).toSorted(), [
    'encoding_format',
    'input',
    'input_type',
    'model',
    'user',
  ])
  assert.deepEqual(details(far.end), ['models', 'another spelling of input', 'messages', 'instruction'])
})

test('an engine that cuts in silence gets no input that cannot fit, and says so of one that may not', async () => {
  const target = { kind: 'ollama', contextTokens: 10 } as const
  const long = `${'word '.repeat(20)}`
  for (const inputs of [['short', long], [new Array(11).fill(7)]]) {
    const { end, body } = await run(answers(TWO), callOf({ inputs }), target)
    assert.deepEqual([problemOf(end).code, problemOf(end).param], ['context_length_exceeded', 'input'])
    assert.deepEqual(body, {}, 'nothing was sent')
  }
  const { end } = await run(
    answers(TWO),
    callOf({ inputs: ['short', 'about thirty bytes, more or less'] }),
    target,
  )
  assert.deepEqual(end.type === 'embedded' && end.verdicts.map(({ check }) => check), ['context'])
  // Two inputs that would not fit together do, because each is read alone.
  const both = await run(
    answers(TWO),
    callOf({ inputs: ['twenty bytes of text', 'twenty bytes of text'] }),
    target,
  )
  assert.deepEqual(both.end.type === 'embedded' && both.end.verdicts, [])
})
