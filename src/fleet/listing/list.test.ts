import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Agent } from 'undici'
import type { Kind } from '../profiles.ts'
import {
  LLAMA_CPP,
  LM_STUDIO,
  OLLAMA,
  openAiList,
  type Scripted,
  scripted,
  VLLM,
} from '../scripted.fixture.ts'
import type { Listing, ListingMemory } from './ask.ts'
import { listModels } from './list.ts'

const agent = new Agent()
after(() => agent.destroy())

function list(
  kind: Kind,
  baseUrl: string,
  more: { key?: string; memory?: ListingMemory; timeoutMs?: number } = {},
): Promise<Listing> {
  return listModels({
    kind,
    baseUrl,
    key: more.key,
    dispatcherFor: () => agent,
    timeoutMs: more.timeoutMs ?? 2_000,
    signal: new AbortController().signal,
    memory: more.memory ?? new Map(),
  })
}

function modelsOf(listing: Listing) {
  assert.equal(listing.type, 'listed')
  return listing.type === 'listed' ? listing.models : []
}

test('Ollama: a loaded model tells its context, another is assumed to have the smallest default', async () => {
  await using server = await scripted(OLLAMA)
  const models = modelsOf(await list('ollama', server.url))
  const loaded = models.find(({ name }) => name === 'qwen3:32b')
  assert.deepEqual([loaded?.contextTokens, loaded?.contextFrom], [16_384, 'server'])
  const other = models.find(({ name }) => name === 'llama3.1:8b')
  assert.deepEqual(
    [other?.contextTokens, other?.contextFrom, other?.trainedTokens],
    [4_096, 'assumed', 131_072],
  )
  assert.deepEqual(other?.size, { total: 8 })
})

test('Ollama: num_ctx in the model file is believed, and each model is asked about once', async () => {
  const show = {
    ...(OLLAMA['POST /api/show'] as object),
    parameters: 'stop "<|end|>"\nnum_ctx                        8192',
  }
  await using server = await scripted({ ...OLLAMA, 'POST /api/show': show })
  const memory: ListingMemory = new Map()
  const first = modelsOf(await list('ollama', server.url, { memory }))
  assert.equal(first.find(({ name }) => name === 'llama3.1:8b')?.contextTokens, 8_192)
  const shows = (at: Scripted) => at.asked.filter((line) => line === 'POST /api/show').length
  const before = shows(server)
  await list('ollama', server.url, { memory })
  assert.equal(shows(server), before)
})

test("Ollama: what embeds is said to, and models that run on the vendor's machines are left out and named", async () => {
  const purposes = (listing: Listing) =>
    modelsOf(listing).map(({ name, purpose }) => [name, purpose ?? 'chat'])
  await using server = await scripted(OLLAMA)
  const listing = await list('ollama', server.url)
  // The script calls all of them models that complete: two have names that know better.
  assert.deepEqual(purposes(listing), [
    ['llama3.1:8b', 'chat'],
    ['qwen3:32b', 'chat'],
    ['nomic-embed-text:latest', 'embedding'],
    ['bge-like:latest', 'embedding'],
  ])
  assert.match(listing.type === 'listed' ? listing.notes.join() : '', /gpt-oss:120b-cloud/)
  for (const [capability, purpose] of [
    ['embedding', 'embedding'],
    ['image', 'other'],
  ]) {
    server.script = { ...OLLAMA, 'POST /api/show': { capabilities: [capability], model_info: {} } }
    assert.deepEqual(purposes(await list('ollama', server.url))[0], ['llama3.1:8b', purpose])
  }
})

test('what a server says of a model’s purpose is believed: Together’s `type`, SGLang’s `is_generation`', async () => {
  await using server = await scripted({
    'GET /v1/models': [
      { id: 'm2-vectors', type: 'embedding' },
      { id: 'llama', type: 'chat' },
    ],
    'GET /get_model_info': { is_generation: false },
  })
  const purposes = async (kind: Kind) =>
    modelsOf(await list(kind, server.url)).map(({ name, purpose }) => [name, purpose])
  assert.deepEqual(await purposes('together'), [
    ['m2-vectors', 'embedding'],
    ['llama', undefined],
  ])
  server.script = { ...openAiList('a-tune'), 'GET /get_model_info': { is_generation: false } }
  assert.deepEqual(await purposes('sglang'), [['a-tune', 'embedding']])
  server.script = { ...openAiList('a-tune'), 'GET /get_model_info': { is_generation: true } }
  assert.deepEqual(await purposes('sglang'), [['a-tune', undefined]])
})

test("llama.cpp: the context of one slot and the number of slots; the file's name is the model's", async () => {
  await using server = await scripted(LLAMA_CPP)
  const listing = await list('llama.cpp', server.url)
  assert.deepEqual(modelsOf(listing), [
    {
      name: 'Meta-Llama-3.1-8B-Instruct-Q4_K_M',
      upstream: '../models/Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf',
      contextTokens: 8_192,
      contextFrom: 'server',
      trainedTokens: 131_072,
      size: { total: 8.030261312 },
    },
  ])
  assert.equal(listing.type === 'listed' && listing.maxConcurrent, 2)
})

test('vLLM: max_model_len is the context; LM Studio: the loaded length, and what embeds', async () => {
  await using vllm = await scripted(VLLM)
  assert.equal(modelsOf(await list('vllm', vllm.url))[0]?.contextTokens, 40_960)
  await using studio = await scripted(LM_STUDIO)
  const models = modelsOf(await list('lmstudio', studio.url))
  assert.deepEqual(
    models.map(({ name, contextTokens, purpose }) => [name, contextTokens, purpose]),
    [
      ['gemma-3-27b-it', 4_096, undefined],
      ['text-embedding-nomic', undefined, 'embedding'],
    ],
  )
})

test("a newer LM Studio without the old list is asked in OpenAI's way", async () => {
  await using server = await scripted(openAiList('gemma-3-27b-it'))
  assert.deepEqual(
    modelsOf(await list('lmstudio', server.url)).map(({ name }) => name),
    ['gemma-3-27b-it'],
  )
})

test('a bare array, a path before each name, and names that cannot be are understood or left out', async () => {
  await using server = await scripted({
    'GET /v1/models': [{ id: 'models/gemini-2.5-flash' }, { id: 'a\u0007b' }, { id: 7 }, 3],
  })
  assert.deepEqual(modelsOf(await list('gemini', server.url)), [
    { name: 'gemini-2.5-flash', upstream: 'models/gemini-2.5-flash' },
  ])
})

test('every way of not being well has its reason, and a missing list is not one of them', async () => {
  await using server = await scripted({})
  assert.deepEqual(await list('vllm', server.url), { type: 'unlisted' })
  for (const [answer, why] of [
    [401, /refused the key/],
    [503, /loading/],
    [500, /status 500/],
    ['<html>', /not JSON/],
    [{ models: [] }, /no `data`/],
    [`"${'x'.repeat(5_000_000)}"`, /more than/],
  ] as const) {
    server.script = { 'GET /v1/models': answer }
    const listing = await list('vllm', server.url)
    assert.match(listing.type === 'down' ? listing.why : listing.type, why)
  }
  const gone = server.url
  await server[Symbol.asyncDispose]()
  const listing = await list('vllm', gone)
  assert.match(listing.type === 'down' ? listing.why : '', /ECONNREFUSED/)
})

test('the key goes along as the vendor wants it', async () => {
  await using server = await scripted(openAiList('m'))
  await list('openai', server.url, { key: 'k1' })
  await list('vllm', server.url)
  assert.deepEqual(server.keys, ['Bearer k1', undefined])
})

test('a server that accepts and says nothing is given up on', async () => {
  const { createServer } = await import('node:net')
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : 0
  const listing = await list('vllm', `http://127.0.0.1:${port}/v1`, { timeoutMs: 30 })
  assert.match(listing.type === 'down' ? listing.why : '', /did not answer within 30 ms/)
  silent.close()
})
