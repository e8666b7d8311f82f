import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { chat } from './process/send.ts'
import { startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import { startUpstream, whole } from './process/upstream.ts'

test('where the port is taken the process says so and ends, with nothing left listening', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  assert.ok(typeof address === 'object' && address !== null)
  try {
    const started = startServer({ env: { PORT: String(address.port), UPSHIFT_DISCOVER: 'false' } })
    await assert.rejects(started, /ended before it was up[\s\S]*The port \d+ on 127\.0\.0\.1 is taken/)
  } finally {
    other.close()
  }
})

test('a replica takes as many requests at once as its engine is configured for', async () => {
  const many = 300
  await using upstream = await startUpstream()
  let arrived = 0
  let open: () => void = () => undefined
  const all = new Promise<void>((resolve) => {
    open = resolve
  })
  upstream.answer(async (response) => {
    arrived += 1
    if (arrived === many) open()
    await all
    whole(response, 'Here.')
  })
  const engine = { ...engineAt([upstream.url]), maxConcurrent: many }
  await using server = await startServer({ config: configOf({ one: engine }) })
  const ask = { model: 'one/small', messages: [{ role: 'user', content: 'Hello.' }] }
  const replies = await Promise.all(Array.from({ length: many }, () => chat(server, ask)))
  assert.deepEqual(new Set(replies.map((reply) => reply.status)), new Set([200]))
})

test('what the server and its follower have compiled is kept while they run, not only at an orderly end', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'upshift-compiled-'))
  // Each thread has a folder of its own.
  const modules = (): readonly number[] =>
    readdirSync(cache).map((folder) => readdirSync(join(cache, folder)).length)
  try {
    await using server = await startServer({ env: { NODE_COMPILE_CACHE: cache } })
    assert.ok(Math.max(...modules()) > 300, `${modules()} modules once it says where it is`)
    await until('the follower keeps its modules', () => modules().filter((kept) => kept > 50).length === 2)
    await server.kill()
  } finally {
    rmSync(cache, { recursive: true })
  }
})
