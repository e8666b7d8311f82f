import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyGauge, LlamaGauge } from './gauges.ts'
import { createMetrics } from './metrics.ts'

const KEY: KeyGauge = {
  key: 'key_a',
  spentTodayMicros: 3,
  spentThisMonthMicros: 40,
  heldMicros: 5,
  unknownMicros: 6,
  overshootMicros: 7,
  dayBudgetMicros: 100,
}

const LLAMA: LlamaGauge = {
  model: 'small',
  up: true,
  restarts: 1,
  memoryBytes: 1_000,
  slots: 6,
  running: 2,
  waiting: 3,
  kvTokens: 40,
  kvCapacityTokens: 600,
  warmBytes: 70,
  requests: 8,
  promptTokens: 90,
  cachedTokens: 30,
  completionTokens: 20,
  evictions: 1,
  warmLoads: 2,
  warmSaves: 4,
  waitMs: 1_500,
}

function metricsOver(keys: () => readonly KeyGauge[]) {
  return createMetrics({
    fleet: () => ({ replicas: [{ replica: 'ollama', up: true, inFlight: 2 }], waiting: 1, spend: [] }),
    llama: () => [LLAMA],
    routing: () => ({ prior: 'fault' }),
    record: () => ({ entries: 12, lagEntries: 2, following: true, checkpointSize: 10 }),
    retrieval: () => [{ stage: 'rerank', outcome: 'skipped', why: 'upstream_timeout', count: 3 }],
    keys,
  })
}

test('a scrape tells of replicas, the log and how far it is followed and signed', async () => {
  const text = await metricsOver(() => []).expose(false)
  for (const line of [
    'upshift_replica_up{replica="ollama"} 1',
    'upshift_queue_waiting 1',
    'upshift_log_entries 12',
    'upshift_follower_up 1',
    'upshift_follower_lag_entries 2',
    'upshift_checkpoint_size 10',
    'upshift_retrieval_stages_total{stage="rerank",outcome="skipped",why="upstream_timeout"} 3',
    'upshift_routing_prior_ready 0',
    'upshift_routing_prior_fault 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), line)
  }
})

test('a scrape tells of models in memory: what is so, and what was counted, each time anew', async () => {
  const metrics = metricsOver(() => [])
  await metrics.expose(false)
  const text = await metrics.expose(false)
  for (const line of [
    'upshift_llama_up{model="small"} 1',
    'upshift_llama_kv_tokens{model="small"} 40',
    'upshift_llama_waiting{model="small"} 3',
    'upshift_llama_cached_tokens_total{model="small"} 30',
    'upshift_llama_wait_seconds_total{model="small"} 1.5',
  ]) {
    assert.ok(text.includes(`${line}\n`), line)
  }
  assert.match(text, /# TYPE upshift_llama_evictions_total counter/)
})

test('what single keys have spent is told only to who may see every key', async () => {
  const metrics = metricsOver(() => [KEY])
  assert.doesNotMatch(await metrics.expose(false), /key_a/)
  const all = await metrics.expose(true)
  for (const line of [
    'upshift_key_spent_micro_dollars{key="key_a",period="day"} 3',
    'upshift_key_spent_micro_dollars{key="key_a",period="month"} 40',
    'upshift_key_budget_micro_dollars{key="key_a",period="day"} 100',
    'upshift_key_held_micro_dollars{key="key_a"} 5',
    'upshift_key_unknown_micro_dollars{key="key_a"} 6',
    'upshift_key_overshoot_micro_dollars{key="key_a"} 7',
  ]) {
    assert.ok(all.includes(`${line}\n`), line)
  }
  assert.doesNotMatch(all, /budget.*period="month"/)
  assert.doesNotMatch(await metrics.expose(false), /key_a/)
})

test('a key that is gone is gone from the next scrape', async () => {
  let keys: readonly KeyGauge[] = [KEY]
  const metrics = metricsOver(() => keys)
  assert.match(await metrics.expose(true), /key_a/)
  keys = []
  assert.doesNotMatch(await metrics.expose(true), /key_a/)
})

test('what was embedded is counted by model, and adds nothing to the time of a first token', async () => {
  const metrics = metricsOver(() => [])
  const answer = { tier: 'fast', model: 'box/vectors', mode: 'embed', outcome: 'answered', verdicts: [] }
  metrics.answer({ ...answer, inputs: 3, promptTokens: 12, completionTokens: 0 })
  metrics.answer({ ...answer, inputs: 2 })
  const text = await metrics.expose(false)
  for (const line of [
    'upshift_embeddings_total{tier="fast",model="box/vectors"} 5',
    'upshift_answers_total{tier="fast",model="box/vectors",mode="embed",outcome="answered"} 2',
    'upshift_tokens_total{tier="fast",model="box/vectors",direction="input"} 12',
  ]) {
    assert.ok(text.includes(`${line}\n`), line)
  }
  assert.doesNotMatch(text, /upshift_first_token_seconds_count\{/)
})

test('a time counts in every bucket that it fits into, by route', async () => {
  const metrics = metricsOver(() => [])
  metrics.request('/one', 200, 0.005)
  metrics.request('/one', 429, 0.02)
  metrics.request('/one', 200, 400)
  metrics.request('/two', 200, 0.002)
  const text = await metrics.expose(false)
  for (const line of [
    '# TYPE upshift_request_seconds histogram',
    'upshift_request_seconds_bucket{le="0.001",route="/one"} 0',
    'upshift_request_seconds_bucket{le="0.005",route="/one"} 1',
    'upshift_request_seconds_bucket{le="0.025",route="/one"} 2',
    'upshift_request_seconds_bucket{le="300",route="/one"} 2',
    'upshift_request_seconds_bucket{le="+Inf",route="/one"} 3',
    'upshift_request_seconds_sum{route="/one"} 400.025',
    'upshift_request_seconds_count{route="/one"} 3',
    'upshift_request_seconds_count{route="/two"} 1',
    'upshift_requests_total{route="/one",status="200"} 2',
    'upshift_requests_total{route="/one",status="429"} 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), line)
  }
})

test('answers of one model count together, and what nobody told is not counted as nothing', async () => {
  const metrics = metricsOver(() => [])
  const answer = { tier: 'mid', model: 'box/chat', mode: 'direct', firstTokenSeconds: 0.3 }
  metrics.answer({
    ...answer,
    outcome: 'answered',
    promptTokens: 7,
    completionTokens: 3,
    verdicts: ['a=failed'],
  })
  metrics.answer({ ...answer, outcome: 'declined', promptTokens: 5, verdicts: ['a=failed'] })
  metrics.inFlight.inc()
  metrics.inFlight.inc()
  metrics.inFlight.dec()
  const text = await metrics.expose(false)
  for (const line of [
    'upshift_answers_total{tier="mid",model="box/chat",mode="direct",outcome="declined"} 1',
    'upshift_tokens_total{tier="mid",model="box/chat",direction="input"} 12',
    'upshift_tokens_total{tier="mid",model="box/chat",direction="output"} 3',
    'upshift_first_token_seconds_count{tier="mid"} 2',
    'upshift_verdicts_total{verdict="a=failed"} 2',
    'upshift_requests_in_flight 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), line)
  }
  assert.doesNotMatch(text, /upshift_(cost_micro_dollars|embeddings)_total\{/)
})
