import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { OpenAIEmbeddings } from '@langchain/openai'
import { embedMany } from 'ai'
import { upshift } from '../bench/process/command.ts'
import { get, makeKey, shownKey } from './process/admin.ts'
import { type EmbedScript, embedded, listOf, tokensOf, vectorOf } from './process/embedder.ts'
import { answered, embed, MODEL, startEmbedding } from './process/embedding.ts'
import { entriesOf, readLog } from './process/log.ts'
import { until } from './process/until.ts'
import { reply } from './process/upstream.ts'

/** Embeddings over the whole process: OpenAI's own client, unchanged, and a scripted engine behind the server. */

const LIMIT = { timeout: 60_000 }

const all = await startEmbedding()
const { server, embedder, second } = all
after(() => all[Symbol.asyncDispose]())
beforeEach(() => all.reset())

const client = all.client()

describe('the client gets vectors', LIMIT, () => {
  const texts = (count: number): string[] =>
    Array.from({ length: count }, (_, at) => 'x'.repeat(1 + (at % 7)))

  for (const model of [MODEL, 'plain/text-embed']) {
    for (const encoding of [undefined, 'float', 'base64'] as const) {
      test(`of ${model}, asked for as ${encoding ?? 'the client likes'}: every value as the engine made it`, async () => {
        const input = ['one', 'three', 'fifteen letters']
        const format = encoding === undefined ? {} : { encoding_format: encoding }
        const { data, usage, object, ...rest } = await client.embeddings.create({ model, input, ...format })
        assert.deepEqual([object, rest.model], ['list', model])
        assert.deepEqual(
          data.map(({ index }) => index),
          [0, 1, 2],
        )
        for (const [at, { embedding }] of data.entries()) {
          const expected = vectorOf(input[at] ?? '')
          const values =
            encoding === 'base64'
              ? new Float32Array(new Uint8Array(Buffer.from(String(embedding), 'base64')).buffer)
              : embedding
          assert.deepEqual([...values], [...expected])
        }
        assert.deepEqual(usage, { prompt_tokens: tokensOf(input), total_tokens: tokensOf(input) })
        assert.equal(embedder.asked[0]?.encoding_format, model === MODEL ? 'base64' : undefined)
      })
    }
  }

  for (const [count, parts] of [
    [1, [1]],
    [3, [3]],
    [65, [64, 1]],
    [2_048, new Array(32).fill(64)],
  ] as const) {
    test(`of ${count} texts, in their order, from ${parts.length} requests to the engine`, async () => {
      const input = texts(count)
      const { data, usage } = await client.embeddings.create({ model: MODEL, input })
      assert.deepEqual(
        data.map(({ embedding }) => embedding[0]),
        input.map(({ length }) => length),
      )
      assert.equal(usage.prompt_tokens, tokensOf(input))
      assert.deepEqual(
        embedder.asked.map((asked) => asked.input.length),
        parts,
      )
    })
  }

  test('as numbers of a large answer, which is written in pieces', async () => {
    const input = texts(512)
    const answer = await embed(server, { model: MODEL, input, dimensions: 256, encoding_format: 'float' })
    const { data } = answered(answer)
    assert.equal(answer.headers['content-length'], undefined)
    assert.ok(answer.text.length > 200_000)
    assert.deepEqual(data.at(-1), {
      object: 'embedding',
      index: 511,
      embedding: [...vectorOf(input[511] ?? '', 256)],
    })
  })

  test('of one text, of tokens, and of lists of tokens', async () => {
    for (const [input, lengths] of [
      ['hello', [5]],
      [[1, 2, 3], [3]],
      [
        [[1, 2], [3]],
        [2, 1],
      ],
    ] as const) {
      const { data } = await client.embeddings.create({ model: MODEL, input: input as unknown as string })
      assert.deepEqual(
        data.map(({ embedding }) => embedding[0]),
        lengths,
      )
    }
  })

  test('of the length that it asks for, and what is behind `auto` and an absent model', async () => {
    const { data } = await client.embeddings.create({ model: 'auto', input: 'x', dimensions: 5 })
    assert.equal(data[0]?.embedding.length, 5)
    assert.equal(embedder.asked[0]?.dimensions, 5)
    assert.equal(answered(await embed(server, { input: 'x' })).model, MODEL)
  })

  test('and so do LangChain and the AI SDK', async () => {
    const input = ['a', 'bb', 'ccc']
    const expected = input.map((one) => [...vectorOf(one)])
    const address = `${server.address}/v1`
    const configuration = { baseURL: address }
    const langChain = new OpenAIEmbeddings({ apiKey: server.key, model: MODEL, configuration })
    assert.deepEqual(await langChain.embedDocuments(input), expected)
    const ai = createOpenAICompatible({ name: 'upshift', baseURL: address, apiKey: server.key })
    const { embeddings, usage } = await embedMany({ model: ai.embeddingModel(MODEL), values: input })
    assert.deepEqual([embeddings, usage.tokens], [expected, tokensOf(input)])
  })

  test('in order, where the engine sends them in another', async () => {
    embedder.answer((response, asked) => {
      const list = listOf(asked)
      reply(response, 200, { ...list, data: list.data.toReversed() })
    })
    const { data } = await client.embeddings.create({ model: MODEL, input: ['a', 'bb', 'ccc'] })
    assert.deepEqual(
      data.map(({ index, embedding }) => [index, embedding[0]]),
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
    )
  })

  test('from another replica of the model where one fails, each text asked for once more at most', async () => {
    const failing: EmbedScript = (response) => reply(response, 500, { error: { message: 'CUDA error' } })
    embedder.answer((response, asked, nth) =>
      nth === 1 ? failing(response, asked, nth) : embedded(response, asked),
    )
    second.answer((response, asked, nth) =>
      nth === 1 ? failing(response, asked, nth) : embedded(response, asked),
    )
    const input = texts(200)
    const answer = await client.embeddings.create({ model: 'two/text-embed', input }).withResponse()
    assert.deepEqual(
      answer.data.data.map(({ embedding }) => embedding[0]),
      input.map(({ length }) => length),
    )
    assert.equal(answer.data.usage.prompt_tokens, tokensOf(input))
    const id = String(answer.response.headers.get('x-request-id'))
    const attempts = entriesOf(server.home, 'attempt', id)
    assert.deepEqual(
      attempts.map(({ cause }) => cause),
      ['first', 'failover', 'retry'].slice(0, attempts.length),
    )
    assert.ok(attempts.length >= 2)
    assert.equal(entriesOf(server.home, 'closed', id)[0]?.chargedMicros, tokensOf(input))
  })
})

describe('what a request leaves behind', LIMIT, () => {
  const words = 'the zanzibar memorandum'

  test('the head, the field of ours, the record, and the input in the vault; the vectors nowhere', async () => {
    const input = [words, 'and another']
    const answer = await embed(server, { model: MODEL, input, user: 'ada' })
    const { upshift: field, usage } = answered(answer)
    const id = String(answer.headers['x-request-id'])
    const tokens = tokensOf(input)
    assert.equal(answer.headers['x-upshift-mode'], 'embed')
    assert.equal(answer.headers['x-upshift-tier'], 'fast')
    assert.equal(answer.headers['x-upshift-model'], MODEL)
    assert.match(String(answer.headers['x-upshift-reason']), /the exact model one\/text-embed was asked for/)
    assert.deepEqual(
      [field.request_id, field.mode, field.attempts, field.cost_micros, usage.prompt_tokens],
      [id, 'embed', 1, tokens, tokens],
    )

    const [opened] = entriesOf(server.home, 'opened', id)
    assert.deepEqual([opened?.plan.mode, opened?.plan.candidates], ['embed', [MODEL]])
    assert.match(opened?.subject ?? '', /^sub_/)
    const [attempt] = entriesOf(server.home, 'attempt', id)
    const bound = Buffer.byteLength(input.join('')) + 2 * 16
    assert.deepEqual([attempt?.heldTokens, attempt?.heldMicros, attempt?.offMachine], [bound, bound, false])
    const [closed] = entriesOf(server.home, 'closed', id)
    assert.deepEqual(closed?.usage, { promptTokens: tokens, completionTokens: 0 })
    assert.deepEqual(
      [closed?.outcome, closed?.costMicros, closed?.chargedMicros, closed?.answer],
      ['answered', tokens, tokens, undefined],
    )

    const shown = JSON.parse((await get(server, `/v1/requests/${id}?text=true`)).text)
    assert.deepEqual(JSON.parse(shown.prompt.text).input, input)
    assert.deepEqual([shown.mode, shown.promptTokens, shown.answer.state], ['embed', tokens, 'none'])
  })

  test('the commands and the metrics tell of it', async () => {
    await embed(server, { model: MODEL, input: [words, 'once more'] })
    const run = async (...line: string[]): Promise<string> => (await upshift(server.home, line)).out
    assert.match(await run('logs', 'tail', '-n', '1'), /embed +one\/text-embed +fast +answered/)
    assert.match(await run('logs', 'search', 'zanzibar', 'memorandum'), /zanzibar/)
    assert.match(await run('usage', '--by', 'model'), /one\/text-embed/)
    assert.match(await run('engines', 'list', '--models'), /one\/text-embed +embedding +fast/)
    const { text } = await get(server, '/metrics')
    assert.match(text, /upshift_embeddings_total\{tier="fast",model="one\/text-embed"\} [1-9]/)
    assert.match(text, /upshift_answers_total\{.*mode="embed",outcome="answered"\} [1-9]/)
    assert.match(text, /upshift_requests_total\{route="\/v1\/embeddings",status="200"\} [1-9]/)
  })

  test('tokens that the engine does not state are estimated for the caller, and the whole reservation stays spent', async () => {
    embedder.answer((response, asked) => reply(response, 200, { ...listOf(asked), usage: undefined }))
    const answer = await embed(server, { model: MODEL, input: words })
    const { usage, upshift: field } = answered(answer)
    const bound = Buffer.byteLength(words) + 16
    assert.equal(usage.prompt_tokens, Math.ceil(bound / 2))
    assert.deepEqual([field.cost_micros, field.verdicts[0].check], [null, 'usage'])
    const [closed] = entriesOf(server.home, 'closed', field.request_id)
    const [settled] = closed?.settled ?? []
    assert.deepEqual(
      [settled?.estimated, settled?.costMicros, closed?.costMicros],
      [true, undefined, undefined],
    )
  })
})

describe('a caller who leaves', LIMIT, () => {
  test('has the engine stopped, is settled by what was answered and half of what was under way, and gets its place back', async () => {
    const { id, headers } = await makeKey(server, 'leaves', { concurrentRequests: 1, usdPerDay: 1 })
    const leaving = new AbortController()
    embedder.answer((response, asked, nth) => {
      if (nth === 0) embedded(response, asked)
    })
    const input = Array.from({ length: 100 }, () => 'four')
    const secret = headers['authorization']?.replace('Bearer ', '') ?? ''
    const waiting = assert.rejects(
      all.client(secret).embeddings.create({ model: MODEL, input }, { signal: leaving.signal }),
    )
    await until('the engine has the second part', () => embedder.asked.length === 2)
    leaving.abort()
    await waiting
    await until('the engine saw its connection close', () => embedder.abandoned === 1)
    const aborted = () =>
      readLog(server.home).find((entry) => entry.type === 'closed' && entry.outcome === 'aborted')
    await until('the record holds the aborted request', () => aborted() !== undefined)
    const closed = aborted()
    assert.ok(closed?.type === 'closed')
    // 64 texts answered at 5 tokens each, and half of 36 texts of 4 bytes and 16 more.
    const cost = 64 * 5 + (36 * 20) / 2
    assert.deepEqual(
      [
        closed.code,
        closed.settled?.[0]?.usage?.promptTokens,
        closed.settled?.[0]?.estimated,
        closed.costMicros,
      ],
      ['client_closed', cost, true, cost],
    )
    assert.equal(embedder.asked.length, 2, 'nothing is tried again')
    const { spent } = await shownKey(server, id)
    assert.deepEqual([spent.requestsUnderWay, Math.round(spent.usdToday * 1e6)], [0, cost])
    embedder.answer(embedded)
    assert.equal((await embed(server, { model: MODEL, input: 'x' }, headers)).status, 200)
  })
})

test('after all of this the server is the same process and has met no bug', () => {
  assert.ok(server.alive())
  assert.doesNotMatch(server.output(), /a bug:/)
})
