import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readLog } from './process/log.ts'
import { chat, errorOf, eventsOf, send, textOf } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import { event, respond, STREAM_END, startUpstream, streamHead, type Upstream } from './process/upstream.ts'

/** The configuration of a running server is changed, and nothing that runs is cut off. */

const held = new AsyncDisposableStack()
const folder = mkdtempSync(join(tmpdir(), 'upshift-reload-'))
const file = join(folder, 'upshift.yaml')
let first: Upstream
let second: Upstream
let server: RunningServer

const write = (config: unknown): void => writeFileSync(file, JSON.stringify(config))
const reload = () => send(server, { path: '/v1/admin/reload', headers: { 'content-type': '' } })
const ask = (model: string, more: Record<string, unknown> = {}) =>
  chat(server, { model, messages: [{ role: 'user', content: 'Say something.' }], ...more })

before(async () => {
  first = held.use(await startUpstream())
  second = held.use(await startUpstream())
  write(configOf({ one: engineAt([first.url]) }))
  server = held.use(await startServer({ env: { UPSHIFT_CONFIG: file } }))
  second.answer((response, received) => respond(response, received, ['from the second']))
})

after(async () => {
  await held.disposeAsync()
  rmSync(folder, { recursive: true })
})

test('a stream goes on to its end on a replica that a reload takes out, and what comes goes elsewhere', async () => {
  const open = Promise.withResolvers<ServerResponse>()
  first.answer(async (response) => {
    streamHead(response)
    response.write(event({ role: 'assistant', content: 'half' }))
    open.resolve(response)
  })
  const streaming = ask('one/small', { stream: true })
  const response = await open.promise
  write(configOf({ one: engineAt([second.url]) }))
  process.kill(server.pid, 'SIGHUP')
  await until('the reload is told', () =>
    /SIGHUP: configuration read again, in force now: .*one\.urls/.test(server.output()),
  )
  const whole = await ask('one/small')
  assert.match(whole.text, /from the second/)
  assert.equal(first.received.length, 1)
  response.write(event({ content: ' and half' }))
  response.end(event({}, 'stop') + STREAM_END)
  const streamed = await streaming
  assert.equal(textOf(streamed), 'half and half')
  assert.equal(eventsOf(streamed).at(-1), '[DONE]')
})

test('a replica that is added takes its share, a new engine and a new alias are there at once', async () => {
  first.answer((answer, received) => respond(answer, received, ['from the first']))
  const engines = { one: engineAt([first.url, second.url]), two: engineAt([first.url]) }
  write(configOf(engines, { route: { aliases: { house: 'two/small' } } }))
  const told = JSON.parse((await reload()).text)
  assert.deepEqual(told.restart, [])
  assert.ok(told.changed.includes('route.aliases.house'), told.changed)
  assert.match((await ask('house')).text, /from the first/)
  const said = await Promise.all(Array.from({ length: 12 }, () => ask('one/small')))
  for (const from of ['first', 'second'])
    assert.ok(said.some(({ text }) => text.includes(`from the ${from}`)))
  const listed = await send(server, { method: 'GET', path: '/v1/models' })
  assert.match(listed.text, /"two\/small".*/)
  assert.match(listed.text, /"house"/)
})

test('an alias that leads nowhere is a warning at the reload, by request and by signal, and in doctor', async () => {
  write(
    configOf({ one: engineAt([first.url]) }, { route: { aliases: { house: 'one/small', x: 'nowhere' } } }),
  )
  const told = JSON.parse((await reload()).text)
  const warned = 'The alias "x" (route.aliases) leads nowhere'
  assert.deepEqual([told.warnings.length, told.warnings[0].startsWith(warned)], [1, true])
  process.kill(server.pid, 'SIGHUP')
  await until('the signal tells it too', () => server.output().includes(`SIGHUP: ${warned}`))
  const { checks } = JSON.parse((await send(server, { method: 'GET', path: '/v1/admin/doctor' })).text)
  const [check, ...more] = checks.filter(({ name }: { name: string }) => name.startsWith('alias '))
  assert.deepEqual([check.name, check.state, more], ['alias x', 'warn', []])
  assert.match(errorOf(await ask('x')).message, /^The alias "x" leads nowhere/)
  assert.equal((await ask('house')).status, 200)
})

test('a server that starts with an alias that leads nowhere says so, and starts', async () => {
  const route = { aliases: { x: 'nowhere' } }
  await using started = await startServer({ config: configOf({ one: engineAt([first.url]) }, { route }) })
  await until('it is warned of', () =>
    /The alias \\?"x\\?" \(route\.aliases\) leads nowhere/.test(started.output()),
  )
})

test('a configuration with a fault changes nothing, by signal and by request', async () => {
  write({ fleet: { engines: { one: { urls: ['ftp://nowhere'] } } } })
  const refused = await reload()
  assert.equal(refused.status, 400)
  assert.match(errorOf(refused).message, /fleet\.engines\.one\.urls/)
  process.kill(server.pid, 'SIGHUP')
  await until('the reload is told', () =>
    /SIGHUP: the configuration stays as it is: .*fleet\.engines/s.test(server.output()),
  )
  assert.equal((await ask('house')).status, 200)
})

for (const [how, empty] of [
  ['is empty', () => writeFileSync(file, '')],
  ['holds nothing but remarks', () => writeFileSync(file, '# engines:\n')],
] as const) {
  test(`a file that ${how} all at once, as while it is written, takes nothing away`, async () => {
    empty()
    const refused = await reload()
    assert.equal(refused.status, 400)
    assert.match(errorOf(refused).message, /upshift\.yaml set something before.*still being written/)
    assert.equal((await ask('house')).status, 200)
  })
}

test('what needs a restart is told at each reload, and is not in force', async () => {
  const bounds = { maxBodyBytes: 2_048, maxMessages: 3 }
  write(configOf({ one: engineAt([first.url]) }, { server: { drainMs: 1_234 }, guard: { bounds } }))
  for (let time = 0; time < 2; time++) {
    const { restart } = JSON.parse((await reload()).text)
    assert.deepEqual([...restart].sort(), ['guard.bounds.maxBodyBytes', 'server.drainMs'])
  }
  const long = [{ role: 'user', content: 'x'.repeat(4_000) }]
  assert.equal((await chat(server, { model: 'one/small', messages: long })).status, 200)
  const many = Array.from({ length: 4 }, () => ({ role: 'user', content: 'x' }))
  const refused = await chat(server, { model: 'one/small', messages: many })
  assert.equal(errorOf(refused).code, 'too_many_messages')
  const gone = await ask('house')
  assert.equal(errorOf(gone).code, 'unknown_model')
})

test('each reload that changed something stands in the record, with who asked for it', async () => {
  const changes = readLog(server.home).filter((entry) => entry.type === 'policy-changed')
  assert.deepEqual(
    changes.map(({ what, by }) => [what, by]),
    [
      ['configuration', 'key_owner'],
      ['configuration', 'key_owner'],
      ['configuration', 'key_owner'],
      ['configuration', 'key_owner'],
    ],
  )
  assert.match(changes[0]?.to ?? '', /reloaded: fleet\.engines\.one\.urls/)
})

test('the first engine of a server that had none is in force, and nothing waits for a restart', async () => {
  const own = mkdtempSync(join(tmpdir(), 'upshift-reload-first-'))
  const path = join(own, 'upshift.yaml')
  try {
    writeFileSync(path, JSON.stringify({ fleet: { discover: false } }))
    await using fresh = await startServer({ env: { UPSHIFT_CONFIG: path } })
    second.answer((response, received) => respond(response, received, ['from the second']))
    writeFileSync(path, JSON.stringify(configOf({ one: engineAt([second.url]) })))
    const told = JSON.parse(
      (await send(fresh, { path: '/v1/admin/reload', headers: { 'content-type': '' } })).text,
    )
    assert.ok(told.changed.includes('fleet.engines.one.urls'), told.changed)
    assert.ok(!told.changed.includes('fleet.engines'), told.changed)
    assert.ok(!told.restart.some((each: string) => each.startsWith('fleet.engines')), told.restart)
    const answered = await chat(fresh, {
      model: 'one/small',
      messages: [{ role: 'user', content: 'Say something.' }],
    })
    assert.match(answered.text, /from the second/)
  } finally {
    rmSync(own, { recursive: true })
  }
})
