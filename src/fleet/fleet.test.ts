import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isRefusal } from '../contract/problem.ts'
import { systemClock } from '../lib/clock.ts'
import { section } from './config.ts'
import { engineSpecs } from './engines.ts'
import {
  fleetOver,
  LLAMA_CPP,
  leased,
  need,
  OLLAMA,
  openAiList,
  scripted,
  standingClock,
} from './scripted.fixture.ts'

const two = {
  engines: {
    box: {
      urls: ['http://127.0.0.1:1/v1', 'http://127.0.0.1:2/v1'],
      models: [{ name: 'm' }],
      maxConcurrent: 2,
    },
  },
}

test('a request goes to the replica with the least work in flight', async () => {
  await using over = fleetOver({ config: two })
  const first = await leased(over.fleet, need(['box/m']))
  const second = await leased(over.fleet, need(['box/m']))
  assert.notEqual(first.replica, second.replica)
  first[Symbol.dispose]()
  assert.equal((await leased(over.fleet, need(['box/m']))).replica, first.replica)
})

test('whatever comes and goes, a new lease has a replica with the least work, and no bound is exceeded', async () => {
  const urls = [1, 2, 3, 4].map((port) => `http://127.0.0.1:${port}/v1`)
  const config = { engines: { box: { urls, models: [{ name: 'm' }], maxConcurrent: 3 } } }
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(), { maxLength: 60 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      async (steps, chance) => {
        await using over = fleetOver({ config, parts: { random: () => chance.next().value } })
        const open: Disposable[] = []
        const work = () =>
          over.fleet.snapshot().engines[0]?.replicas.map(({ id, inFlight }) => [id, inFlight] as const) ?? []
        for (const step of steps) {
          if (step % 3 === 0 && open.length > 0) {
            open.splice(step % open.length, 1)[0]?.[Symbol.dispose]()
            continue
          }
          if (open.length === urls.length * 3) continue
          const before = new Map(work())
          const lease = await leased(over.fleet, need(['box/m']))
          assert.equal(before.get(lease.replica), Math.min(...before.values()))
          open.push(lease)
          assert.ok(work().every(([, inFlight]) => inFlight <= 3))
        }
        for (const lease of open) lease[Symbol.dispose]()
        assert.ok(work().every(([, inFlight]) => inFlight === 0))
      },
    ),
    { numRuns: 50 },
  )
})

test('a replica that failed this request is not asked again by it; a model whose replicas all did gives way to the next', async () => {
  const engines = { ...two.engines, other: { url: 'http://127.0.0.1:3/v1', models: [{ name: 'n' }] } }
  await using over = fleetOver({ config: { engines } })
  const ids = over.fleet.engines()[0]?.replicas.map(({ id }) => id) ?? []
  const half = await leased(over.fleet, need(['box/m', 'other/n'], { failed: new Set(ids.slice(0, 1)) }))
  assert.equal(half.replica, ids[1])
  const next = await leased(over.fleet, need(['box/m', 'other/n'], { failed: new Set(ids) }))
  assert.equal(next.model.id, 'other/n')
  const none = await over.fleet.acquire(need(['box/m'], { failed: new Set(ids) }))
  assert.equal(isRefusal(none) && none.problem.code, 'no_model')
  assert.match(isRefusal(none) ? none.problem.message : '', /failed this request already/)
})

test('repeated failures take a replica out, the next candidate serves, and after the cool-down a probe brings it back', async () => {
  const clock = standingClock()
  const engines = {
    near: { url: 'http://127.0.0.1:1/v1', models: [{ name: 'm' }] },
    far: { url: 'http://127.0.0.1:2/v1', models: [{ name: 'm' }] },
  }
  await using over = fleetOver({ config: { engines, breaker: { failures: 2 } }, parts: { clock } })
  const asked = need(['near/m', 'far/m'])
  for (let turn = 0; turn < 2; turn++) {
    await using lease = await leased(over.fleet, asked)
    assert.equal(lease.replica, 'near')
    lease.settle({ outcome: 'upstream_failed', contentSeen: false })
  }
  assert.equal(over.fleet.models()[0]?.available, false)
  assert.equal((await leased(over.fleet, asked)).replica, 'far')
  const refused = await over.fleet.acquire(need(['near/m']))
  assert.match(
    isRefusal(refused) ? refused.problem.message : '',
    /failed repeatedly; next try in 0\.5 s\. Try again in 1 s\. `upshift engines list` and/,
  )
  assert.equal(isRefusal(refused) && refused.problem.retryAfterMs, 500)
  clock.move(500)
  const probe = await leased(over.fleet, asked)
  assert.equal(probe.replica, 'near')
  assert.equal((await leased(over.fleet, asked)).replica, 'far')
  probe.settle({ outcome: 'ok', contentSeen: false })
  probe[Symbol.dispose]()
  assert.equal((await leased(over.fleet, asked)).replica, 'near')
})

test('client errors and callers who leave never take a replica out', async () => {
  await using over = fleetOver({ config: two })
  for (let turn = 0; turn < 50; turn++) {
    await using lease = await leased(over.fleet, need(['box/m']))
    lease.settle({ outcome: turn % 2 === 0 ? 'upstream_rejected' : 'client_closed', contentSeen: false })
  }
  assert.equal(over.fleet.models()[0]?.available, true)
})

test('Retry-After keeps a replica off for that long, and for no longer than the bound', async () => {
  const clock = standingClock()
  await using over = fleetOver({ config: { ...two, breaker: { retryAfterMaxMs: 5_000 } }, parts: { clock } })
  const [first] = over.fleet.engines()[0]?.replicas ?? []
  await using lease = await leased(over.fleet, need(['box/m']))
  assert.equal(lease.replica, first?.id)
  lease.settle({ outcome: 'upstream_rate_limited', retryAfterMs: 3_600_000, contentSeen: false })
  assert.equal(over.fleet.engines()[0]?.replicas[0]?.backInMs, 5_000)
  assert.notEqual((await leased(over.fleet, need(['box/m']))).replica, first?.id)
  clock.move(5_000)
  assert.equal(over.fleet.engines()[0]?.replicas[0]?.backInMs, 0)
})

const narrow = {
  engines: { box: { url: 'http://127.0.0.1:1/v1', models: [{ name: 'm' }], maxConcurrent: 1 } },
  queue: { limit: 2, maxWaitMs: 10_000 },
}

test('busy replicas make a line: first come, first served, and one more than the limit is refused with Retry-After', async () => {
  await using over = fleetOver({ config: narrow, parts: { clock: systemClock } })
  const first = await leased(over.fleet, need(['box/m']))
  const order: string[] = []
  const waiting = ['a', 'b'].map(async (id) => {
    const lease = await leased(over.fleet, need(['box/m'], { id }))
    order.push(id)
    lease[Symbol.dispose]()
  })
  const full = await over.fleet.acquire(need(['box/m']))
  assert.equal(isRefusal(full) && full.problem.code, 'queue_full')
  assert.ok(isRefusal(full) && (full.problem.retryAfterMs ?? 0) >= 1_000)
  assert.deepEqual(over.fleet.snapshot().queue, { waiting: 2, limit: 2 })
  first[Symbol.dispose]()
  await Promise.all(waiting)
  assert.deepEqual(order, ['a', 'b'])
  assert.equal(over.fleet.snapshot().queue.waiting, 0)
})

test('a wait ends at its deadline, and at once when the caller leaves', async () => {
  await using over = fleetOver({ config: narrow, parts: { clock: systemClock } })
  await using held = await leased(over.fleet, need(['box/m']))
  assert.equal(held.replica, 'box')
  const late = await over.fleet.acquire(need(['box/m'], { deadline: systemClock.elapsed() + 10 }))
  assert.equal(isRefusal(late) && late.problem.code, 'queue_timeout')
  const leaving = new AbortController()
  const left = over.fleet.acquire(need(['box/m'], { signal: leaving.signal }))
  leaving.abort()
  const gone = await left
  assert.equal(isRefusal(gone) && gone.problem.code, 'client_closed')
  assert.equal(over.fleet.snapshot().queue.waiting, 0)
})

test('a limit of time that a signal brings is told as such, and not as a caller that left', async () => {
  await using over = fleetOver({ config: narrow, parts: { clock: systemClock } })
  await using held = await leased(over.fleet, need(['box/m']))
  assert.equal(held.replica, 'box')
  const limit = new AbortController()
  const waiting = over.fleet.acquire(need(['box/m'], { signal: limit.signal }))
  limit.abort(new DOMException('over', 'TimeoutError'))
  const late = await waiting
  assert.equal(isRefusal(late) && late.problem.code, 'queue_timeout')
  const later = await over.fleet.acquire(need(['box/m'], { signal: limit.signal }))
  assert.equal(isRefusal(later) && later.problem.code, 'deadline_exceeded')
})

test('who waits for a replica that then fails gets the reason at once, not at the deadline', async () => {
  await using over = fleetOver({
    config: { ...narrow, breaker: { failures: 1 } },
    parts: { clock: systemClock },
  })
  await using lease = await leased(over.fleet, need(['box/m']))
  const waiting = over.fleet.acquire(need(['box/m']))
  lease.settle({ outcome: 'upstream_failed', contentSeen: false })
  const refused = await waiting
  assert.equal(isRefusal(refused) && refused.problem.code, 'no_model')
})

test('closing sends away who waits, refuses who comes, and leaves leases that are out alone', async () => {
  await using over = fleetOver({ config: narrow, parts: { clock: systemClock } })
  const lease = await leased(over.fleet, need(['box/m']))
  const waiting = over.fleet.acquire(need(['box/m']))
  await over.fleet.close()
  for (const result of [await waiting, await over.fleet.acquire(need(['box/m']))]) {
    assert.equal(isRefusal(result) && result.problem.code, 'draining')
  }
  const usage = { promptTokens: 1, completionTokens: 1 }
  assert.deepEqual(lease.settle({ outcome: 'ok', usage, contentSeen: true }), { usage })
  lease[Symbol.dispose]()
  lease[Symbol.dispose]()
  assert.equal(over.fleet.snapshot().engines[0]?.replicas[0]?.inFlight, 0)
})

test('a refusal names each candidate and why', async () => {
  await using over = fleetOver({
    config: { engines: { lan: { url: 'http://10.0.0.1/v1', models: [{ name: 'm' }] } } },
  })
  const unknown = await over.fleet.acquire(need(['box/gone']))
  assert.equal(isRefusal(unknown) && unknown.problem.code, 'unknown_model')
  const mixed = await over.fleet.acquire(need(['lan/m', 'box/gone']))
  assert.equal(isRefusal(mixed) && mixed.problem.code, 'no_model')
  assert.match(
    isRefusal(mixed) ? mixed.problem.message : '',
    /lan\/m: .*engines allow lan.*box\/gone: No engine/,
  )
})

test('a refresh brings the models, a server that vanishes takes them away, and one that returns brings them back', async () => {
  const server = await scripted(LLAMA_CPP)
  await using over = fleetOver({ config: { engines: { 'llama.cpp': { url: server.url } } } })
  assert.deepEqual(over.fleet.models(), [])
  await over.fleet.refresh()
  const [model] = over.fleet.models()
  assert.equal(model?.id, 'llama.cpp/Meta-Llama-3.1-8B-Instruct-Q4_K_M')
  assert.equal(model?.contextTokens, 8_192)
  assert.equal(over.fleet.engines()[0]?.replicas[0]?.maxConcurrent, 2)
  assert.equal(over.fleet.models(), over.fleet.models())
  await server[Symbol.asyncDispose]()
  await over.fleet.refresh()
  assert.equal(over.fleet.models()[0]?.available, false)
  await using back = await scripted(LLAMA_CPP, server.port)
  await over.fleet.refresh()
  assert.equal(over.fleet.models()[0]?.available, true)
  assert.ok(back.asked.length > 0)
})

test('an engine whose key cannot be read is down from the first moment on, by name of the key, and up once it can', async () => {
  await using server = await scripted(openAiList('m'))
  let key: string | undefined
  const [spec] = engineSpecs({
    config: section.schema.parse({
      engines: { box: { url: server.url, key: { env: 'NOSUCHVAR' }, models: [{ name: 'm' }] } },
    }),
    found: [],
    environment: [],
    resolveSecret: () => {
      if (key === undefined) throw new Error('The variable NOSUCHVAR is not set')
      return key
    },
  })
  assert.ok(spec !== undefined)
  await using over = fleetOver({ parts: { engines: [spec] } })
  const { state, available } = over.fleet.engines()[0] ?? {}
  assert.deepEqual(
    [state, available],
    ['down: its key cannot be read: The variable NOSUCHVAR is not set', false],
  )
  assert.equal(over.fleet.models()[0]?.available, false)
  key = 'sk-there'
  await over.fleet.refresh()
  assert.equal(over.fleet.engines()[0]?.state, 'up: 1 model')
  key = undefined
  over.fleet.reconfigure(section.schema.parse({}), [spec])
  assert.match(over.fleet.engines()[0]?.state ?? '', /^down: its key cannot be read/)
  assert.deepEqual(server.keys, ['Bearer sk-there'])
})

test('replicas may serve different models, and a request goes where its model is', async () => {
  await using left = await scripted(openAiList('a', 'both'))
  await using right = await scripted(openAiList('both'))
  await using over = fleetOver({ config: { engines: { box: { urls: [left.url, right.url] } } } })
  await over.fleet.refresh()
  const at = async (model: string) => {
    const lease = await leased(over.fleet, need([model]))
    return lease.target.type === 'http' ? lease.target.baseUrl : ''
  }
  assert.equal(await at('box/a'), left.url)
  assert.equal(await at('box/both'), right.url)
})

test('the lookout adds engines that were started later', async () => {
  await using server = await scripted(OLLAMA)
  const lookout = async () => ({ found: [{ kind: 'ollama' as const, baseUrl: server.url }], seen: [] })
  await using over = fleetOver({ parts: { lookout } })
  await over.fleet.refresh('near')
  await over.fleet.refresh('near')
  assert.deepEqual(
    over.fleet.engines().map(({ name }) => name),
    ['ollama'],
  )
  assert.ok(over.fleet.models().some(({ id }) => id === 'ollama/qwen3:32b'))
})

test('the first answer of an Ollama model whose context was assumed makes the fleet ask again', async () => {
  await using server = await scripted(OLLAMA)
  await using over = fleetOver({ config: { engines: { ollama: { url: server.url } } } })
  await over.fleet.refresh()
  const view = () => over.fleet.models().find(({ name }) => name === 'llama3.1:8b')
  assert.equal(view()?.contextTokens, 4_096)
  server.script = { ...OLLAMA, 'GET /api/ps': { models: [{ name: 'llama3.1:8b', context_length: 32_768 }] } }
  const lease = await leased(over.fleet, need(['ollama/llama3.1:8b']))
  lease.settle({ outcome: 'ok', contentSeen: false })
  lease[Symbol.dispose]()
  await over.fleet.refresh()
  assert.equal(view()?.contextTokens, 32_768)
})

test('doctor is told of a context that Ollama would cut in silence, of engines that are down, and of the fix', async () => {
  await using server = await scripted(OLLAMA)
  const engines = {
    ollama: { url: server.url },
    gone: { url: 'http://127.0.0.1:1/v1', models: [{ name: 'm' }] },
  }
  await using over = fleetOver({ config: { engines } })
  await over.fleet.refresh()
  const checks = over.fleet.checks()
  const context = checks.find(({ name }) => name === 'context of ollama/llama3.1:8b')
  assert.equal(context?.state, 'warn')
  assert.match(context?.detail ?? '', /4096 of the 131072/)
  assert.match(context?.fix ?? '', /OLLAMA_CONTEXT_LENGTH=32768/)
  const down = checks.find(({ name }) => name === 'engine gone')
  assert.equal(down?.state, 'fail')
  assert.match(down?.detail ?? '', /ECONNREFUSED/)
  assert.ok(checks.every(({ state, fix }) => state === 'ok' || fix))
})

test('a local engine is priced by the hour where the configuration says so: the busy share of one replica', async () => {
  const clock = standingClock()
  const engines = {
    box: { url: 'http://127.0.0.1:1/v1', models: [{ name: 'm' }], hourlyUsd: 3.6, maxConcurrent: 4 },
  }
  await using over = fleetOver({ config: { engines }, parts: { clock } })
  await using lease = await leased(over.fleet, need(['box/m']))
  clock.move(10_000)
  assert.equal(lease.settle({ outcome: 'ok', contentSeen: false }).costMicros, 2_500)
  assert.equal(lease.heldMicros, undefined)
})

test('a model that is built in is leased like any other', async () => {
  const view = {
    id: 'extractive/handbook',
    engine: 'extractive',
    name: 'handbook',
    tier: 'fast',
    kind: 'extractive',
    offMachine: false,
    allowed: true,
    available: true,
    contextTokens: undefined,
    price: undefined,
    enforcesSchema: false,
  } as const
  await using over = fleetOver({ parts: { builtIn: [view] } })
  await using lease = await leased(over.fleet, need(['extractive/handbook']))
  assert.deepEqual(lease.target, { type: 'built-in', upstream: 'handbook' })
  assert.deepEqual(over.fleet.models(), [view])
})
