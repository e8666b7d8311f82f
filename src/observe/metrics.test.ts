import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyGauge } from './gauges.ts'
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

function metricsOver(keys: () => readonly KeyGauge[]) {
  return createMetrics({
    fleet: () => ({ replicas: [{ replica: 'ollama', up: true, inFlight: 2 }], waiting: 1, spend: [] }),
    record: () => ({ entries: 12, lagEntries: 2, following: true, checkpointSize: 10 }),
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
  ]) {
    assert.ok(text.includes(`${line}\n`), line)
  }
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
