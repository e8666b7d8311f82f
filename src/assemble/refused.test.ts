import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import type { Surroundings } from '../config/surroundings.ts'
import { explained } from './refused.ts'

const around = (more: Partial<Surroundings>): Surroundings => ({
  flags: {},
  env: {},
  cwd: '/',
  homedir: '/',
  ...more,
})

test('where the port is taken the message names port and address, and the command that was used', async () => {
  const first = createServer().listen(0, '127.0.0.1')
  await once(first, 'listening')
  const address = first.address()
  assert.ok(typeof address === 'object' && address !== null)
  const { port } = address
  try {
    const second = createServer().listen(port, '127.0.0.1')
    const [error]: unknown[] = await once(second, 'error')
    const next = port < 65_535 ? port + 1 : port - 1
    const told = (more: Partial<Surroundings>) => String(explained(error, around(more), 'npx upshift'))
    const npm = { npm_lifecycle_event: 'start' }
    assert.ok(told({ env: npm }).includes(`The port ${port} on 127.0.0.1 is taken`))
    assert.ok(told({ env: npm }).includes(`\`PORT=${next} npm start\``))
    for (const more of [{ flags: { port: String(port) } }, { env: { npm_lifecycle_event: 'npx' } }]) {
      assert.ok(told(more).includes(`\`npx upshift serve --port ${next}\``), told(more))
      assert.ok(!told(more).includes('npm start'))
    }
  } finally {
    first.close()
  }
})
