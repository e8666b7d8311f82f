import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DEFAULT_PRIOR } from '../src/route/default-prior.ts'
import { get } from './process/admin.ts'
import { chat, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf } from './process/settings.ts'
import { until } from './process/until.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'

/** A prior that cannot be used takes nobody's answer, and is seen where an owner looks. */

const held = new AsyncDisposableStack()
const folder = mkdtempSync(join(tmpdir(), 'upshift-prior-'))
const file = join(folder, 'upshift.yaml')
let engines: Readonly<Record<string, unknown>>

const engine = ({ url }: Upstream, name: string, tier: string) => ({
  kind: 'openai-compatible',
  urls: [url],
  models: [{ name, tier, price: { input: 1, output: 1 } }],
})

const write = (prior: string | undefined): void =>
  writeFileSync(
    file,
    JSON.stringify(configOf(engines, { route: { escalation: prior === undefined ? {} : { prior } } })),
  )

before(async () => {
  const [cheap, strong] = [await startUpstream(['small']), await startUpstream(['large'])]
  for (const one of [cheap, strong]) {
    held.use(one)
    one.answer((response, received) => respond(response, received, ['Here.']))
  }
  engines = { a: engine(cheap, 'small', 'fast'), z: engine(strong, 'large', 'expert') }
})
after(async () => {
  await held.disposeAsync()
  rmSync(folder, { recursive: true })
})

async function toldOf(server: RunningServer) {
  const { text } = await get(server, '/metrics')
  const value = (name: string) =>
    new RegExp(`^upshift_routing_prior_${name} (\\d)$`, 'm').exec(text)?.[1] ?? 'untold'
  const { checks } = JSON.parse((await get(server, '/v1/admin/doctor')).text)
  const check = checks.find(({ name }: { name: string }) => name === 'routing prior')
  return { ready: value('ready'), fault: value('fault'), ...check }
}

test('a prior that is missing or damaged shows in the metrics and to the doctor, until a reload names a sound one', async () => {
  const missing = join(folder, 'none.prior')
  write(missing)
  const server = held.use(await startServer({ env: { UPSHIFT_CONFIG: file } }))
  const asked = { model: 'auto', messages: [{ role: 'user', content: 'Say something.' }] }
  const answered = await chat(server, asked)
  assert.equal(answered.status, 200, answered.text)
  assert.match(String(answered.headers['x-upshift-reason']), /there is no prior/)
  const told = await toldOf(server)
  assert.deepEqual([told.ready, told.fault, told.state], ['0', '1', 'warn'])
  assert.ok(told.detail.includes(missing) && /route\.escalation\.prior/.test(told.fix), told.detail)

  const damaged = join(folder, 'damaged.prior')
  writeFileSync(damaged, 'upshift prior 1\nand nothing else')
  write(damaged)
  const reload = () => send(server, { path: '/v1/admin/reload', headers: { 'content-type': '' } })
  assert.equal((await reload()).status, 200)
  assert.match(
    (await toldOf(server)).detail,
    /checksum is wrong/,
    'nobody has read it yet, and it is looked at',
  )

  write(DEFAULT_PRIOR.pathname)
  assert.equal((await reload()).status, 200)
  assert.equal((await chat(server, asked)).status, 200)
  const mended = await toldOf(server)
  assert.deepEqual([mended.ready, mended.fault, mended.state], ['1', '0', 'ok'])
})

test('where models of two tiers may answer, the prior is read before anybody asks', async () => {
  write(undefined)
  const server = held.use(await startServer({ env: { UPSHIFT_CONFIG: file } }))
  await until('it is read', async () => (await toldOf(server)).ready === '1')
})
