import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LeaseCost, LeaseEnd, SentParts } from '../contract/lease.ts'
import { fleetOver, leased, need } from './scripted.fixture.ts'

/** $1 a million: a micro-dollar a token. */
const MODEL = { name: 'vectors', kind: 'embedding', price: { input: 1, output: 0 } }
const PRICED = { engines: { box: { url: 'http://127.0.0.1:1/v1', models: [MODEL] } } }
const HOLD = 1_000

/** What an attempt of embeddings comes to, and what of its hold stays spent in the purse. */
async function settled(
  end: Partial<LeaseEnd> & Pick<LeaseEnd, 'outcome'>,
  parts: Partial<SentParts>,
  config: unknown = PRICED,
): Promise<LeaseCost & { readonly purse: unknown }> {
  await using over = fleetOver({ config })
  let purse: unknown
  const lease = await leased(
    over.fleet,
    need(['box/vectors'], {
      promptTokensBound: HOLD,
      maxOutputTokens: 0,
      purse: {
        reserve: (worst) => ({
          settle: (how) => {
            purse = { held: worst.micros, ...how }
          },
        }),
      },
    }),
  )
  const all = { promptTokens: 0, estimated: false, openTokensBound: 0, ...parts }
  const cost = lease.settle({ contentSeen: all.promptTokens > 0, ...end, parts: all })
  lease[Symbol.dispose]()
  return { ...cost, purse }
}

const tokens = (promptTokens: number) => ({ promptTokens, completionTokens: 0 })

test('vectors cost what the engine states of all parts together, and the hold was the bound on the prompt alone', async () => {
  const { purse, ...cost } = await settled({ outcome: 'ok' }, { promptTokens: 240 })
  assert.deepEqual(cost, { usage: tokens(240), costMicros: 240, chargedMicros: 240 })
  assert.deepEqual(purse, { held: HOLD, costMicros: 240, tokens: 240 })
})

test('tokens that nobody stated are an estimate to be read, and no bill: the whole hold stays spent', async () => {
  const { purse, ...cost } = await settled({ outcome: 'ok' }, { promptTokens: 500, estimated: true })
  assert.deepEqual(cost, { usage: tokens(500), estimated: true })
  assert.deepEqual(purse, { held: HOLD, costMicros: undefined, tokens: 500 })
})

test('broken off, a request costs the parts that were answered and half of the bound on the one under way', async () => {
  for (const outcome of ['client_closed', 'deadline_exceeded'] as const) {
    const { purse, ...cost } = await settled({ outcome }, { promptTokens: 100, openTokensBound: 61 })
    assert.deepEqual(cost, { usage: tokens(131), estimated: true, costMicros: 131, chargedMicros: 131 })
    assert.deepEqual(purse, { held: HOLD, costMicros: 131, tokens: 131 })
  }
})

test('a part that the engine refused, or that was never sent, costs nothing beside those that it answered', async () => {
  for (const end of [
    { outcome: 'upstream_rate_limited' },
    { outcome: 'upstream_rejected' },
    { outcome: 'upstream_unreachable', usage: tokens(0) },
  ] as const) {
    const cost = await settled(end, { promptTokens: 100, openTokensBound: 60 })
    assert.deepEqual([cost.usage, cost.costMicros], [tokens(100), 100], end.outcome)
    const first = await settled(end, { openTokensBound: 60 })
    assert.deepEqual([first.costMicros, first.purse], [0, { held: HOLD, costMicros: 0, tokens: 0 }])
  }
})

test('a part of which nobody knows what became keeps the whole hold; one whose tokens are stated does not', async () => {
  for (const outcome of ['upstream_failed', 'upstream_garbled', 'internal'] as const) {
    const { purse, ...cost } = await settled({ outcome }, { promptTokens: 100, openTokensBound: 60 })
    assert.deepEqual(cost, {}, outcome)
    assert.deepEqual(purse, { held: HOLD, costMicros: undefined, tokens: undefined })
  }
  const stated = await settled(
    { outcome: 'upstream_garbled', usage: tokens(7) },
    { promptTokens: 100, openTokensBound: 60 },
  )
  assert.deepEqual([stated.usage, stated.costMicros], [tokens(107), 107])
})

test('a model without a price tells its tokens and costs nothing that anybody knows, or its share of an hour', async () => {
  const { price: _price, ...free } = MODEL
  const engine = { url: 'http://127.0.0.1:1/v1', models: [free] }
  const unpriced = await settled({ outcome: 'ok' }, { promptTokens: 5 }, { engines: { box: engine } })
  assert.deepEqual([unpriced.usage, unpriced.costMicros], [tokens(5), undefined])
  const hourly = { engines: { box: { ...engine, hourlyUsd: 3.6 } } }
  assert.equal((await settled({ outcome: 'ok' }, { promptTokens: 5 }, hourly)).costMicros, 0)
})
