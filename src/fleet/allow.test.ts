import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import type { PolicyChanged } from '../contract/entry.ts'
import type { LeaseEnd } from '../contract/lease.ts'
import { isRefusal } from '../contract/problem.ts'
import type { Usage } from '../contract/usage.ts'
import { type Flags, type ServerPort, UsageError, type VerbContext } from '../contract/verb.ts'
import { openStore } from '../store/open.ts'
import { migrations, storedAllowances } from './allow.ts'
import { environmentEngines } from './environment.ts'
import type { Fleet } from './fleet.ts'
import { fleetRoutes } from './routes.ts'
import {
  fleetOver,
  keptInMemory,
  leased,
  need,
  openAiList,
  type Scripted,
  scripted,
  standingClock,
} from './scripted.fixture.ts'
import { verbs } from './verbs.ts'

function planted(server: Scripted) {
  return environmentEngines({ OPENAI_API_KEY: 'sk-planted', OPENAI_BASE_URL: server.url }).engines
}

const MODEL = 'openai/gpt-4o-mini'
// gpt-4o-mini: $0.15 in and $0.60 out a million. 1,000 in and 1,000 out cost 750 micro-dollars.
const WORST = 750

test('with a planted key not one connection is opened before the engine is allowed, and it serves after', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini', 'text-embedding-3-small'))
  await using over = fleetOver({ environment: planted(server) })
  over.fleet.start()
  await over.fleet.refresh()
  const refused = await over.fleet.acquire(need([MODEL]))
  assert.equal(isRefusal(refused) && refused.problem.code, 'engine_not_allowed')
  assert.match(isRefusal(refused) ? refused.problem.message : '', /upshift engines allow openai/)
  assert.ok(over.fleet.models().length > 5)
  assert.ok(
    over.fleet.models().every(({ allowed, available, offMachine }) => !allowed && !available && offMachine),
  )
  over.fleet.checks()
  assert.equal(server.connections, 0)

  const allowed = await over.fleet.allow('openai', 2, 'key_owner')
  assert.equal(isRefusal(allowed), false)
  assert.deepEqual(server.asked, ['GET /v1/models'])
  assert.deepEqual(server.keys, ['Bearer sk-planted'])
  assert.deepEqual(
    over.fleet.models().map(({ id, kind }) => [id, kind]),
    [
      [MODEL, 'chat'],
      ['openai/text-embedding-3-small', 'embedding'],
    ],
  )
  const lease = await leased(over.fleet, need([MODEL]))
  assert.equal(lease.heldMicros, WORST)
  assert.equal(lease.target.type === 'http' && lease.target.key(), 'sk-planted')

  const denied = await over.fleet.deny('openai', 'key_owner')
  assert.equal(isRefusal(denied), false)
  const again = await over.fleet.acquire(need([MODEL]))
  assert.equal(isRefusal(again) && again.problem.code, 'engine_not_allowed')
  const asked = server.asked.length
  await over.fleet.refresh()
  assert.equal(server.asked.length, asked)
  assert.deepEqual(
    over.log.map(({ what, to, by }) => [what, to, by]),
    [
      ['engine openai', `allowed at http://127.0.0.1:${server.port} under $2.00 a day`, 'key_owner'],
      ['engine openai', 'denied', 'key_owner'],
    ],
  )
})

test("an allowance survives a restart in the home's database, and does not follow an address that was changed", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'upshift-fleet-'))
  try {
    await using server = await scripted(openAiList('gpt-4o-mini'))
    await using elsewhere = await scripted(openAiList('gpt-4o-mini'))
    const path = join(folder, 'state.db')
    {
      using store = openStore(path, migrations)
      await using over = fleetOver({
        environment: planted(server),
        parts: { allowances: storedAllowances(store) },
      })
      await over.fleet.allow('openai', 1.5, 'key_owner')
    }
    using store = openStore(path, migrations)
    const allowances = storedAllowances(store)
    await using same = fleetOver({ environment: planted(server), parts: { allowances } })
    assert.equal(same.fleet.engines()[0]?.allowed, true)
    assert.equal(same.fleet.engines()[0]?.spend?.capMicros, 1_500_000)
    await using moved = fleetOver({ environment: planted(elsewhere), parts: { allowances } })
    assert.equal(moved.fleet.engines()[0]?.allowed, false)
    assert.match(moved.fleet.engines()[0]?.state ?? '', /address is not the one/)
    await moved.fleet.refresh()
    assert.equal(elsewhere.connections, 0)
    await same.fleet.deny('openai', 'key_owner')
    assert.deepEqual(allowances.load(), [])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('where the log cannot take the change, the engine stays off', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  const changed = async (_entry: PolicyChanged): Promise<void> => {
    throw new Error('the disk is full')
  }
  await using over = fleetOver({ environment: planted(server), parts: { changed } })
  await assert.rejects(over.fleet.allow('openai', 1, 'key_owner'), /disk is full/)
  assert.equal(over.fleet.engines()[0]?.allowed, false)
  assert.equal(server.connections, 0)
})

async function allowedFleet(server: Scripted, capMicros: number, config: unknown = {}) {
  const origins = [new URL(server.url).origin]
  const allowances = keptInMemory([{ engine: 'openai', origins, capMicros }])
  const clock = standingClock(Date.UTC(2026, 10, 21, 23, 0))
  const over = fleetOver({ config, environment: planted(server), parts: { allowances, clock } })
  await over.fleet.refresh()
  return { over, clock }
}

test('a thousand requests at once never hold more than the cap', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  const config = { engines: { openai: { maxConcurrent: 10_000 } } }
  const { over } = await allowedFleet(server, 100 * WORST, config)
  await using closing = over
  const results = await Promise.all(Array.from({ length: 1_000 }, () => closing.fleet.acquire(need([MODEL]))))
  const leases = results.filter((result) => !isRefusal(result))
  assert.equal(leases.length, 100)
  assert.ok(results.every((result) => !isRefusal(result) || result.problem.code === 'spending_cap'))
  const spend = closing.fleet.engines()[0]?.spend
  assert.deepEqual([spend?.heldMicros, spend?.spentMicros], [100 * WORST, 0])
})

test('the refusal at the cap names the sum, the command that raises it, and midnight UTC', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  const { over, clock } = await allowedFleet(server, 1_000)
  await using closing = over
  closing.fleet.restoreSpend('openai', 600)
  const refused = await closing.fleet.acquire(need([MODEL]))
  const problem = isRefusal(refused) ? refused.problem : undefined
  assert.equal(problem?.code, 'spending_cap')
  assert.match(problem?.message ?? '', /\$0\.00060 spent.*`upshift engines allow openai --cap 1`;/)
  assert.equal(problem?.retryAfterMs, 3_600_000)
  clock.move(3_600_000)
  assert.equal((await leased(closing.fleet, need([MODEL]))).heldMicros, WORST)
  const never = await closing.fleet.acquire(need([MODEL], { choices: 16 }))
  assert.equal(isRefusal(never) && never.problem.retryAfterMs, undefined)
})

test('a known usage is charged as it is, an unknown one as the worst case, a refused request as nothing', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  const { over } = await allowedFleet(server, 1_000_000)
  await using closing = over
  const spent = () => closing.fleet.engines()[0]?.spend
  const settle = async (outcome: LeaseEnd['outcome'], usage?: Usage) => {
    await using lease = await leased(closing.fleet, need([MODEL]))
    return lease.settle({ outcome, usage, contentSeen: false }).costMicros
  }
  assert.equal(await settle('ok', { promptTokens: 100, completionTokens: 10 }), 21)
  assert.equal(await settle('upstream_rejected'), 0)
  assert.equal(await settle('upstream_unreachable', { promptTokens: 0, completionTokens: 0 }), 0)
  assert.equal(spent()?.spentMicros, 21)
  assert.equal(await settle('upstream_failed'), undefined)
  assert.deepEqual(
    [spent()?.spentMicros, spent()?.unknownMicros, spent()?.heldMicros],
    [21 + WORST, WORST, 0],
  )
  const unsettled = await leased(closing.fleet, need([MODEL]))
  unsettled[Symbol.dispose]()
  assert.equal(spent()?.unknownMicros, 2 * WORST)
  await settle('ok', { promptTokens: 1_000, completionTokens: 2_000 })
  assert.equal(spent()?.excessMicros, 600)
})

test('a model without a known price is not used off the machine, and the refusal holds the lines to add', async () => {
  await using server = await scripted(openAiList('gpt-99'))
  const { over } = await allowedFleet(server, 1_000_000)
  await using closing = over
  const refused = await closing.fleet.acquire(need(['openai/gpt-99']))
  assert.equal(isRefusal(refused) && refused.problem.code, 'spending_cap')
  assert.match(
    isRefusal(refused) ? refused.problem.message : '',
    /name: "gpt-99"\n\s+price: \{ input: 1\.25, output: 10 \}/,
  )
  const config = { engines: { openai: { models: [{ name: 'gpt-99', price: { input: 1, output: 2 } }] } } }
  const priced = (await allowedFleet(server, 1_000_000, config)).over
  await using closingToo = priced
  assert.equal((await leased(closingToo.fleet, need(['openai/gpt-99']))).heldMicros, 3_000)
})

test('a prompt that may fall under a long-prompt price that nobody knows is refused, and one that is known is held', async () => {
  await using server = await scripted(openAiList('gpt-5.5'))
  const { over } = await allowedFleet(server, 1e9)
  await using closing = over
  const long = need(['openai/gpt-5.5'], { promptTokensBound: 272_001 })
  const refused = await closing.fleet.acquire(long)
  assert.equal(isRefusal(refused) && refused.problem.code, 'spending_cap')
  const short = await leased(closing.fleet, need(['openai/gpt-5.5'], { promptTokensBound: 272_000 }))
  assert.equal(short.heldMicros, 272_000 * 5 + 30_000)
})

/** The verbs over the routes, with JSON in between as over the wire. */
function serverOver(fleet: Fleet): ServerPort {
  const routes = fleetRoutes(fleet)
  const caller = { key: 'key_owner', name: 'owner', owner: true, scope: { engines: 'any' } } as const
  return {
    running: true,
    call: async (method, path, body) => {
      for (const candidate of routes) {
        const pattern = new RegExp(`^${candidate.path.replace(':name', '([^/]+)')}$`)
        const found = pattern.exec(path)
        if (!found || candidate.method !== method) continue
        const parsed = candidate.body ? candidate.body.parse(body) : undefined
        const params = { name: decodeURIComponent(found[1] ?? '') }
        const signal = new AbortController().signal
        const result = await candidate.handle({ params, body: parsed, query: {}, caller, signal })
        if (!isRefusal(result)) candidate.answers.parse(result)
        const value = isRefusal(result) ? { error: result.problem } : result
        return {
          status: isRefusal(result) ? 409 : 200,
          headers: {},
          body: Readable.from([JSON.stringify(value)]),
        }
      }
      throw new Error(`no route ${method} ${path}`)
    },
  }
}

async function runVerb(fleet: Fleet, name: string, args: readonly string[], flags: Flags = {}, json = false) {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const context: VerbContext = {
    args,
    flags,
    out,
    err,
    stdin: Readable.from([]),
    json,
    colour: false,
    signal: new AbortController().signal,
    home: async () => '/nowhere',
    server: async () => serverOver(fleet),
  }
  const verb = verbs.find((candidate) => candidate.name === name)
  const code = await verb?.run(context)
  out.end()
  err.end()
  return { code, out: (await out.toArray()).join(''), err: (await err.toArray()).join('') }
}

test('the owner lists, allows and denies from the command line', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini', 'gpt-99'))
  await using over = fleetOver({ environment: planted(server) })
  const before = await runVerb(over.fleet, 'engines list', [])
  assert.match(before.out, /openai\s+off this machine\s+\$0\.00 of \$5\.00\s+off: to allow it/)
  const allowed = await runVerb(over.fleet, 'engines allow', ['openai'], { cap: '20' })
  assert.equal(allowed.code, 0)
  assert.match(allowed.out, /allowed under \$20\.00 a day \(UTC\)\. up: 1 model/)
  assert.match(allowed.err, /1 of its 2 models have no known price/)
  const models = await runVerb(over.fleet, 'engines list', [], { models: true })
  assert.match(models.out, /openai\/gpt-4o-mini\s+chat\s+fast\s+128000\s+0\.15\/0\.6\s+yes/)
  const json: unknown = JSON.parse((await runVerb(over.fleet, 'engines list', [], {}, true)).out)
  assert.ok(json && typeof json === 'object' && 'engines' in json)
  assert.match((await runVerb(over.fleet, 'engines deny', ['openai'])).out, /openai is off/)
})

test('the command line says what is wrong with an unknown engine, a bad cap, and a missing name', async () => {
  await using over = fleetOver({})
  await assert.rejects(runVerb(over.fleet, 'engines allow', ['nope']), /There is no engine "nope"/)
  for (const cap of ['lots', '', '-1', '0x10', 'Infinity', '1000001']) {
    await assert.rejects(runVerb(over.fleet, 'engines allow', ['x'], { cap }), (error: unknown) => {
      assert.ok(error instanceof UsageError)
      assert.match(error.message, /^--cap (takes dollars a day, such as|is at most 1000000 dollars a day)/)
      return true
    })
  }
  await assert.rejects(runVerb(over.fleet, 'engines deny', []), /name one engine of `upshift engines list`/)
})

test('an engine on this machine needs no allowance, and has none to take back', async () => {
  await using over = fleetOver({ config: { engines: { box: { url: 'http://127.0.0.1:1/v1' } } } })
  for (const result of [await over.fleet.allow('box', 1, 'o'), await over.fleet.deny('box', 'o')]) {
    assert.equal(isRefusal(result) && result.problem.code, 'conflict')
  }
})

test('the list says what an engine on this machine has cost today, and that one without any price is unpriced', async () => {
  const price = { input: 1, output: 2 }
  const engines = {
    priced: { url: 'http://127.0.0.1:1/v1', models: [{ name: 'm', price }] },
    hourly: { url: 'http://127.0.0.1:1/v1', hourlyUsd: 0.1, models: [{ name: 'm' }] },
    free: { url: 'http://127.0.0.1:1/v1', models: [{ name: 'm' }] },
  }
  await using over = fleetOver({ config: { engines } })
  const rows = async () => (await runVerb(over.fleet, 'engines list', [])).out
  assert.match(await rows(), /priced +this machine +\$0\.00 +up/)
  for (const engine of Object.keys(engines)) {
    const lease = await leased(over.fleet, need([`${engine}/m`]))
    const usage = { promptTokens: 10_000, completionTokens: 1_000 }
    lease.settle({ outcome: 'ok', usage, contentSeen: true })
    lease[Symbol.dispose]()
  }
  over.fleet.restoreSpend('hourly', 30_000)
  const after = await rows()
  assert.match(after, /priced +this machine +\$0\.01 +up/)
  assert.match(after, /hourly +this machine +\$0\.03 at \$0\.100\/h +up/)
  assert.match(after, /free +this machine +unpriced +up/)
  assert.equal(over.fleet.engines()[0]?.spentMicros, 12_000)
})
