import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import OpenAI from 'openai'
import { makeKey, shownKey } from './process/admin.ts'
import { type EmbedScript, embedded, listOf } from './process/embedder.ts'
import { answered, embed, MODEL, startEmbedding } from './process/embedding.ts'
import { entriesOf } from './process/log.ts'
import { errorOf, type Reply, send } from './process/send.ts'
import { startServer } from './process/server.ts'
import { reply } from './process/upstream.ts'

/** What a request for embeddings is refused for, over the whole process: its own faults, an engine's, limits, rules. */

const PLANTED = 'sk-planted-0123456789abcdefghijklmnop'
const CARD = '4111 1111 1111 1111'
const LIMIT = { timeout: 60_000 }

const all = await startEmbedding()
const { server, embedder } = all
after(() => all[Symbol.asyncDispose]())
beforeEach(() => all.reset())

describe('a refusal', LIMIT, () => {
  interface Refusal {
    readonly what: string
    readonly request?: object
    readonly script?: EmbedScript
    readonly status: number
    readonly code: string
    readonly param?: string | null
    readonly words: RegExp
    /** Requests that the engine gets; none where absent. */
    readonly asked?: number | 'again'
  }

  const spoilt =
    (spoil: (list: ReturnType<typeof listOf>) => object): EmbedScript =>
    (response, asked) =>
      reply(response, 200, spoil(listOf(asked)))
  const garbled = (what: string, script: EmbedScript, words: RegExp): Refusal => {
    return { what, script, status: 502, code: 'upstream_garbled', words, asked: 'again' }
  }
  const invalid = (what: string, request: object, param: string, words: RegExp): Refusal => {
    return { what, request, status: 400, code: 'invalid_request', param, words }
  }

  const REFUSALS: readonly Refusal[] = [
    invalid('no input', {}, 'input', /expected a text, a list of texts/),
    invalid('an empty text', { input: '' }, 'input', /must not be empty/),
    invalid('an empty list', { input: [] }, 'input', /at least one of them/),
    invalid('an empty text among others', { input: ['x', ''] }, 'input[1]', /must not be empty/),
    invalid('no tokens', { input: [[1], []] }, 'input[1]', /must not be empty/),
    invalid('a token that is none', { input: [1, 0.5] }, 'input[1]', /expected a token/),
    invalid('texts and tokens mixed', { input: ['x', [1]] }, 'input[1]', /expected a text, as the first/),
    invalid('tokens and texts mixed', { input: [[1], 'x'] }, 'input[1]', /or a list of tokens/),
    invalid('a token among lists that is none', { input: [[1], [2, -1]] }, 'input[1][1]', /expected a token/),
    invalid(
      'too many texts',
      { input: new Array(2_049).fill('x') },
      'input',
      /2049 inputs, and at most 2048/,
    ),
    invalid('an unknown format', { input: 'x', encoding_format: 'hex' }, 'encoding_format', /float|base64/),
    invalid('no dimensions', { input: 'x', dimensions: 0 }, 'dimensions', />=1/),
    invalid('too many dimensions', { input: 'x', dimensions: 10_000 }, 'dimensions', /<=8192/),
    invalid('a chat model', { input: 'x', model: 'one/chatty' }, 'model', /is no embedding model/),
    invalid('a tier', { input: 'x', model: 'fast' }, 'model', /is a tier/),
    {
      what: 'an unknown model',
      request: { input: 'x', model: 'one/nope' },
      status: 404,
      code: 'unknown_model',
      param: 'model',
      words: /These embed: .*one\/text-embed/,
    },
    {
      what: 'more tokens than a body may hold values',
      request: { input: new Array(40_000).fill(1) },
      status: 400,
      code: 'too_many_values',
      words: /guard\.bounds\.maxValues/,
    },
    {
      what: 'an engine that rejects the request',
      script: (response) => reply(response, 422, { error: { message: 'bad input' } }),
      status: 422,
      code: 'upstream_rejected',
      words: /bad input/,
      asked: 1,
    },
    {
      what: 'an engine that finds an input too long',
      script: (response) => reply(response, 400, { error: { message: 'maximum context length is 512' } }),
      status: 400,
      code: 'context_length_exceeded',
      param: 'input',
      words: /longer than the context/,
      asked: 1,
    },
    {
      what: 'an engine that fails, after retries',
      script: (response) => reply(response, 500, { error: { message: 'CUDA error' } }),
      status: 502,
      code: 'upstream_failed',
      words: /CUDA error/,
      asked: 'again',
    },
    {
      what: 'an engine that refuses our key',
      script: (response) => reply(response, 401, { error: { message: 'who?' } }),
      status: 502,
      code: 'upstream_unauthorized',
      words: /refused our key/,
      asked: 'again',
    },
    {
      what: 'vectors of another length than asked for',
      request: { input: 'x', dimensions: 5 },
      script: (response, asked) =>
        reply(
          response,
          200,
          listOf(asked, () => [1, 2, 3]),
        ),
      status: 502,
      code: 'dimensions_unmet',
      param: 'dimensions',
      words: /3 dimensions where 5 were asked for/,
      asked: 1,
    },
    garbled(
      'too few vectors',
      spoilt((list) => ({ ...list, data: list.data.slice(1) })),
      /1 vectors for 2 inputs/,
    ),
    garbled(
      'an index twice',
      spoilt((list) => ({ ...list, data: list.data.map((one) => ({ ...one, index: 0 })) })),
      /stands there twice/,
    ),
    garbled(
      'NaN in base64',
      (response, asked) =>
        reply(
          response,
          200,
          listOf(asked, () => [1, Number.NaN]),
        ),
      /not a finite number/,
    ),
    garbled(
      'null among numbers',
      spoilt((list) => ({ ...list, data: list.data.map((one) => ({ ...one, embedding: [1, null] })) })),
      /not a number/,
    ),
    garbled(
      'vectors of two lengths',
      (response, asked) =>
        reply(
          response,
          200,
          listOf(asked, (_one, index) => new Array(index + 2).fill(0)),
        ),
      /one has 3 dimensions and another 2/,
    ),
    garbled('a page', (response) => void response.end('<!doctype html>'), /HTML page/),
  ]

  for (const { what, request, script, status, code, param, words, asked = 0 } of REFUSALS) {
    test(`of ${what} is ${code} (${status})`, async () => {
      if (script !== undefined) embedder.answer(script)
      const answer = await embed(server, { model: MODEL, ...(request ?? { input: ['x', 'y'] }) })
      const error = errorOf(answer)
      assert.deepEqual([answer.status, error.code], [status, code], answer.text)
      if (param !== undefined) assert.equal(error.param, param)
      assert.match(error.message, words)
      const times = embedder.asked.length
      assert.ok(asked === 'again' ? times >= 2 && times <= 4 : times === asked, `asked ${times} times`)
    })
  }

  test('is raised by the client as its own errors', async () => {
    for (const [key, model, raised] of [
      ['upk_wrong', MODEL, OpenAI.AuthenticationError],
      [server.key, 'one/nope', OpenAI.NotFoundError],
      [server.key, 'one/chatty', OpenAI.BadRequestError],
    ] as const) {
      await assert.rejects(all.client(key).embeddings.create({ model, input: 'x' }), raised)
    }
    embedder.answer((response) =>
      reply(response, 429, { error: { message: 'slow down' } }, { 'retry-after-ms': '20' }),
    )
    await assert.rejects(
      all.client().embeddings.create({ model: 'busy/text-embed', input: 'x' }),
      OpenAI.RateLimitError,
    )
  })

  test('of a chat request that names an embedding model is a 400, and no choice of ours ever does', async () => {
    const messages = [{ role: 'user', content: 'Hi.' }] as const
    await assert.rejects(
      all.client().chat.completions.create({ model: MODEL, messages: [...messages] }),
      /POST \/v1\/embeddings/,
    )
    assert.equal(embedder.asked.length, 0)
  })

  test('of a key without this model is a 403, and stands in the record with its code', async () => {
    const body = JSON.stringify({ name: 'narrow', models: ['other/*'] })
    const { secret, key } = JSON.parse((await send(server, { path: '/v1/admin/keys', body })).text)
    const answer = await embed(server, { model: MODEL, input: 'x' }, { authorization: `Bearer ${secret}` })
    assert.deepEqual([answer.status, errorOf(answer).code], [403, 'out_of_scope'])
    const [refused] = entriesOf(server.home, 'refused', errorOf(answer).request_id)
    assert.deepEqual([refused?.key, refused?.code], [key.id, 'out_of_scope'])
  })

  test('of another method says which one it is', async () => {
    const answer = await send(server, { method: 'GET', path: '/v1/embeddings' })
    assert.deepEqual([answer.status, errorOf(answer).code], [405, 'method_not_allowed'])
  })
})

describe('a limit', LIMIT, () => {
  test('of dollars holds: the bound on the prompt is reserved before the engine is asked, and the true cost is spent', async () => {
    const { id, headers } = await makeKey(server, 'a budget', { usdPerDay: 0.0001 })
    const input = 'x'.repeat(60)
    const first = await embed(server, { model: MODEL, input }, headers)
    assert.equal(first.status, 200, first.text)
    assert.equal(Math.round((await shownKey(server, id)).spent.usdToday * 1e6), 61)
    embedder.answer(embedded)
    const over = await embed(server, { model: MODEL, input }, headers)
    assert.deepEqual([over.status, errorOf(over).code], [429, 'budget_exceeded'])
    assert.equal(embedder.asked.length, 0, 'nothing was sent')
    assert.equal(
      (await embed(server, { model: MODEL, input: 'x'.repeat(20) }, headers)).status,
      200,
      'what fits still goes',
    )
  })

  test('of tokens and of requests a minute holds', async () => {
    const few = await makeKey(server, 'few tokens', { tokensPerMinute: 50 })
    const long = await embed(server, { model: MODEL, input: 'x'.repeat(60) }, few.headers)
    assert.deepEqual([long.status, errorOf(long).code], [429, 'rate_limited'])
    const once = await makeKey(server, 'one a minute', { requestsPerMinute: 1 })
    assert.equal((await embed(server, { model: MODEL, input: 'x' }, once.headers)).status, 200)
    const again = await embed(server, { model: MODEL, input: 'x' }, once.headers)
    assert.deepEqual([again.status, errorOf(again).code], [429, 'rate_limited'])
    assert.ok(Number(again.headers['retry-after']) >= 1)
  })
})

test(
  'an engine off this machine gets nothing before it is allowed, and then only what the rules let out',
  LIMIT,
  async () => {
    const env = { OPENAI_API_KEY: PLANTED, OPENAI_BASE_URL: embedder.url }
    await using away = await startServer({ env })
    const model = 'openai/text-embedding-3-small'
    const ask = (input: unknown): Promise<Reply> => embed(away, { model, input })
    const before = embedder.connections
    const off = await ask('hello')
    assert.deepEqual([off.status, errorOf(off).code], [403, 'engine_not_allowed'])
    assert.equal(embedder.connections, before)
    await send(away, { path: '/v1/admin/engines/openai/allow', body: '{}' })
    embedder.answer(embedded)

    const secret = await ask(['fine', `my key is ghp_${'a1B2c3D4e5'.repeat(3)}f6G7h8`])
    assert.equal(secret.status, 400)
    assert.deepEqual(
      [errorOf(secret).code, errorOf(secret).rule],
      ['guard_refused', 'input.secret.github_token'],
    )
    assert.equal(embedder.asked.length, 0)

    const { upshift: field } = answered(await ask(['fine', `card ${CARD}`]))
    assert.deepEqual(embedder.asked[0]?.input, ['fine', 'card [card]'])
    assert.deepEqual(
      field.verdicts.map(({ check, outcome }: { check: string; outcome: string }) => [check, outcome]),
      [['input.pii.card', 'redacted']],
    )
    // 17 tokens at $0.02 a million: less than a micro-dollar is one.
    assert.equal(field.cost_micros, 1)
    const tokens = answered(await ask([1, 2, 3])).upshift
    assert.deepEqual(
      tokens.verdicts.map(({ check, outcome }: { check: string; outcome: string }) => [check, outcome]),
      [['input', 'skipped']],
    )
    const [attempt] = entriesOf(away.home, 'attempt', field.request_id)
    assert.equal(attempt?.offMachine, true)
  },
)

test('after all of this the server is the same process and has met no bug', () => {
  assert.ok(server.alive())
  assert.doesNotMatch(server.output(), /a bug:/)
})
