import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { beginLoopDelay, cpuSeconds, endLoopDelay, peakRssBytes, probeFlags } from './measured.ts'

const LINUX = { skip: process.platform === 'linux' ? false : 'it reads /proc' }
const BLOCKED_MS = 300
const folder = mkdtempSync(join(tmpdir(), 'upshift-measured-'))
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

test('a process that blocks its loop is seen to, with its CPU time and its memory', LINUX, async () => {
  const socket = join(folder, 'probe.sock')
  const program = `
    const server = require('node:net').createServer((socket) => socket.on('data', () => {
      const end = performance.now() + ${BLOCKED_MS}
      while (performance.now() < end);
      socket.end('done')
    })).listen(0, () => process.stdout.write(String(server.address().address) + ' ' + server.address().port))`
  const child = spawn(process.execPath, [...probeFlags(socket, true), '--eval', program])
  children.push(child)
  const [said] = await once(child.stdout, 'data')
  const [address, port] = String(said).split(' ')
  assert.equal(address, '127.0.0.1', 'the probe keeps what it is loaded into on loopback')
  const { pid } = child
  assert.ok(pid !== undefined)
  const before = cpuSeconds(pid)
  await beginLoopDelay(socket)
  const { connect } = await import('node:net')
  const client = connect(Number(port), address)
  client.write('block')
  await once(client, 'data')
  const { maxMs } = await endLoopDelay(socket)
  assert.ok(maxMs > BLOCKED_MS / 2, `${maxMs}`)
  assert.ok(cpuSeconds(pid) > before)
  assert.ok(peakRssBytes(pid) > 10_000_000)
})
