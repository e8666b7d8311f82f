import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalogueRow, classify, purposeOf } from './catalogue.ts'
import { ROWS } from './rows.ts'
import { sizeInName, tierOfSize } from './size.ts'

test('every row names its source and month, and no two rows speak of one model', () => {
  const seen = new Set<string>()
  for (const row of ROWS) {
    assert.match(row.source, /^https:\/\//, row.name)
    assert.match(row.asOf, /^202[5-6]-(0[1-9]|1[0-2])$/, row.name)
    assert.equal(seen.has(`${row.kind} ${row.name}`), false, row.name)
    seen.add(`${row.kind} ${row.name}`)
    if (row.price && purposeOf(row.name) === 'chat')
      assert.ok(row.price.outputPerMillion >= row.price.inputPerMillion, row.name)
    if (row.long?.price)
      assert.ok(row.long.price.inputPerMillion > (row.price?.inputPerMillion ?? 0), row.name)
  }
})

test('a dated snapshot has the price of its family, unless it has a row of its own', () => {
  assert.equal(catalogueRow('openai', 'gpt-4o-2024-08-06')?.price?.inputPerMillion, 2_500_000)
  assert.equal(catalogueRow('openai', 'gpt-4o-2024-05-13')?.price?.inputPerMillion, 5_000_000)
  assert.equal(catalogueRow('anthropic', 'claude-haiku-4-5-20251001')?.price?.outputPerMillion, 5_000_000)
  assert.equal(catalogueRow('gemini', 'models/gemini-2.5-flash')?.price?.outputPerMillion, 2_500_000)
})

test('what Anthropic reads from its cache costs a tenth', () => {
  for (const row of ROWS.filter(({ kind }) => kind === 'anthropic')) {
    assert.equal(row.price?.cachedInputPerMillion, (row.price?.inputPerMillion ?? 0) / 10, row.name)
  }
})

test('a price holds for its vendor only', () => {
  assert.equal(catalogueRow('openai-compatible', 'gpt-4o'), undefined)
  assert.equal(catalogueRow('openrouter', 'openai/gpt-4o')?.price, undefined)
})

test('an unknown model gets a tier from the size in its name, with the reason', () => {
  for (const [name, tier] of [
    ['llama3.1:8b', 'fast'],
    ['Qwen2.5-14B-Instruct', 'fast'],
    ['gemma3:270m', 'fast'],
    ['qwen3-30b-a3b', 'fast'],
    ['mistral-small-24b', 'mid'],
    ['qwen2.5:32b', 'mid'],
    ['mixtral-8x7b-instruct', 'mid'],
    ['mixtral:8x22b', 'expert'],
    ['llama3.3:70b', 'expert'],
    ['Qwen/Qwen3-235B-A22B', 'expert'],
    ['kimi-1t-a32b', 'expert'],
  ] as const) {
    const found = classify('ollama', name, undefined)
    assert.equal(found.tier, tier, name)
    assert.match(found.reason, /parameters/, name)
  }
})

test('a mixture of experts counts as the geometric mean of its total and active parameters', () => {
  assert.deepEqual(sizeInName('qwen3-30b-a3b'), { total: 30, active: 3 })
  assert.match(tierOfSize({ total: 30, active: 3 }).reason, /like 9\.49B dense/)
})

test('open weights whose name hides their size have a row wherever they run', () => {
  assert.equal(classify('ollama', 'gpt-oss:120b', undefined).tier, 'mid')
  assert.equal(classify('vllm', 'openai/gpt-oss-20b', undefined).tier, 'fast')
  assert.equal(classify('ollama', 'deepseek-r1:8b', undefined).tier, 'fast')
})

test('where nothing is known, the guess says that it is one', () => {
  assert.match(classify('ollama', 'my-tune:latest', undefined).reason, /guess/)
  assert.equal(classify('ollama', 'my-tune:latest', { total: 70 }).tier, 'expert')
  assert.equal(classify('xai', 'grok-9-mini', undefined).tier, 'fast')
})

test('a list of models also holds what does not chat, and what embeds is told from the rest', () => {
  for (const name of [
    'whisper-1',
    'dall-e-3',
    'omni-moderation-latest',
    'tts-1',
    'sora-2',
    'bge-reranker-v2-m3',
  ]) {
    assert.equal(purposeOf(name), 'other', name)
  }
  for (const name of [
    'text-embedding-3-small',
    'nomic-embed-text:latest',
    'bge-m3:latest',
    'BAAI/bge-large-en-v1.5',
    'intfloat/multilingual-e5-large',
    'Alibaba-NLP/gte-Qwen2-7B-instruct',
    'all-minilm:latest',
    'mistral-embed',
    'Qwen/Qwen3-Embedding-8B',
    'models/gemini-embedding-001',
  ]) {
    assert.equal(purposeOf(name), 'embedding', name)
  }
  for (const name of [
    'gpt-5.5',
    'olive-live-7b',
    'llama3.1:8b',
    'grok-4.6',
    'o3',
    'gemma3e5:4b',
    'tagged-7b',
  ]) {
    assert.equal(purposeOf(name), 'chat', name)
  }
})
