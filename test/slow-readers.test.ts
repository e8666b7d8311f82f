import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { get, makeKey, shownKey } from './process/admin.ts'
import { readLog } from './process/log.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import { event, STREAM_END, startUpstream, streamHead, type Upstream, whole } from './process/upstream.ts'

/** Clients that ask and then take nothing, or little at a time, on sockets of their own. */

const SLOW_READER_MS = 1_000
const MIB = 1_048_576
/** More than the kernel's buffers for a connection hold, and far more than may lie in memory. */
const ENDLESS_BYTES = 256 * MIB
const PIECE = 'x'.repeat(8_192)
const REST_MS = 80
const run = promisify(execFile)
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const held = new AsyncDisposableStack()
let upstream: Upstream
let server: RunningServer

before(async () => {
  upstream = held.use(await startUpstream())
  const config = configOf({ one: engineAt([upstream.url]) }, { server: { slowReaderMs: SLOW_READER_MS } })
  server = held.use(await startServer({ config }))
})

after(() => held.disposeAsync())

test('a reader that takes nothing of a stream is cut off: its record is closed, its budget settled, its engine left', async () => {
  const key = await makeKey(server, 'stalls', { usdPerDay: 1 })
  let sent = 0
  upstream.answer((response) => pour(response, ENDLESS_BYTES, (bytes) => (sent += bytes)))
  const before = await residentBytes()
  const socket = ask({ stream: true }, key.headers)
  socket.pause()
  const { id, outcome, code } = await nextClosed()
  assert.deepEqual([outcome, code], ['aborted', 'client_closed'])
  await until('the engine is left', () => upstream.abandoned === 1)
  assert.ok(sent < ENDLESS_BYTES / 4, `the engine could send ${sent} bytes`)
  assert.ok((await residentBytes()) - before < ENDLESS_BYTES / 2, 'what nobody reads is not kept')
  const { spent } = await shownKey(server, key.id)
  assert.deepEqual([spent.usdReserved, spent.requestsUnderWay, spent.usdToday > 0], [0, 0, true])
  assert.match(await cli('logs', 'show', id), /client_closed/)
  await until('nothing is under way', quiet)
})

test('a reader that takes nothing of a whole answer is cut off too, and its record stays that of an answer', async () => {
  upstream.answer((response) => whole(response, PIECE.repeat(2_048)))
  const socket = ask({}, { authorization: `Bearer ${server.key}` })
  socket.pause()
  const { outcome } = await nextClosed()
  assert.equal(outcome, 'answered')
  await until('nothing is under way', quiet)
  await cutOff(socket)
})

for (const stream of [true, false]) {
  test(`a slow reader of ${stream ? 'a stream' : 'a whole answer'} gets all of it, in more time than one that takes nothing has`, async () => {
    const bytes = 24 * MIB
    upstream.answer((response) =>
      stream ? pour(response, bytes) : whole(response, PIECE.repeat(bytes / PIECE.length)),
    )
    const begun = performance.now()
    const socket = ask({ stream }, { authorization: `Bearer ${server.key}`, connection: 'close' })
    const { got, end } = await takeSlowly(socket)
    assert.ok(got > bytes && performance.now() - begun > SLOW_READER_MS, `${got} bytes`)
    assert.match(end, stream ? /data: \[DONE\]/ : /"upshift":\{/)
    assert.equal((await nextClosed()).outcome, 'answered')
  })
}

test('a client that sends on and on without reading is cut off, and few of its requests are in memory', async () => {
  const { port } = new URL(server.address)
  const one = 'GET /openapi.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'
  const before = await residentBytes()
  const sockets = Array.from({ length: 8 }, () => connect(Number(port), '127.0.0.1'))
  for (const socket of sockets) {
    socket.on('error', () => socket.destroy()).pause()
    socket.write(one.repeat(1_000))
  }
  await Promise.all(sockets.map(cutOff))
  await until('nothing is under way', quiet)
  assert.ok((await residentBytes()) - before < ENDLESS_BYTES, 'what nobody reads is not kept')
})

test('a client that sends a few requests ahead gets all of their answers, in order', async () => {
  const { port } = new URL(server.address)
  const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8')
  const paths = Array.from({ length: 32 }, (_, at) => (at % 2 === 0 ? '/health' : '/ready'))
  const requests = paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n`)
  socket.write(`${requests.join('\r\n')}connection: close\r\n\r\n`)
  let text = ''
  for await (const part of socket) text += part
  const answers = Array.from(text.matchAll(/\{"(status|ready)":/g), ([, field]) => field)
  assert.deepEqual(answers, Array.from({ length: 16 }, () => ['status', 'ready']).flat())
})

/** A request for an answer on a socket of its own. */
function ask(more: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>>): Socket {
  const { port } = new URL(server.address)
  const body = JSON.stringify({
    model: 'one/small',
    messages: [{ role: 'user', content: 'Say a lot.' }],
    ...more,
  })
  const all = {
    host: '127.0.0.1',
    'content-type': 'application/json',
    'content-length': body.length,
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const socket = connect(Number(port), '127.0.0.1')
  // It may be cut off, which is what is looked for.
  socket.on('error', () => socket.destroy())
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
  return socket
}

/** A stream of so many bytes of text, as fast as it is taken. */
async function pour(response: ServerResponse, bytes: number, sent?: (bytes: number) => void): Promise<void> {
  streamHead(response)
  const open = once(response, 'close').then(() => false)
  for (let left = bytes; left > 0 && !response.destroyed; left -= PIECE.length) {
    sent?.(PIECE.length)
    const room = response.write(event({ content: PIECE }))
    if (!room && !(await Promise.race([once(response, 'drain'), open]))) return
  }
  response.end(event({}, 'stop') + STREAM_END)
}

/** A mebibyte, a rest, and again, to the end: above what the kernel's buffers, of some megabytes, hide. */
async function takeSlowly(socket: Socket): Promise<{ readonly got: number; readonly end: string }> {
  let rest = MIB
  let end = ''
  for await (const part of socket) {
    end = (end + part).slice(-2_048)
    rest -= part.length
    if (rest > 0) continue
    rest = MIB
    await pause(REST_MS)
  }
  return { got: socket.bytesRead, end }
}

/** Resolves once the server has ended the connection: what lies in the kernel's buffers is taken, and there is no more. */
async function cutOff(socket: Socket): Promise<void> {
  if (socket.closed) return
  const over = once(socket, 'close')
  socket.resume()
  await over
}

let seen = 0

/** The next request that the record has closed. */
async function nextClosed() {
  const closed = () => readLog(server.home).filter((entry) => entry.type === 'closed')
  await until('its record is closed', () => closed().length > seen)
  const [next] = closed().slice(seen)
  seen += 1
  assert.ok(next !== undefined)
  return next
}

/** Nothing but the request for the figures is under way. */
async function quiet(): Promise<boolean> {
  return (await figure('upshift_requests_in_flight')) === 1
}

function residentBytes(): Promise<number> {
  return figure('process_resident_memory_bytes')
}

async function figure(name: string): Promise<number> {
  const { text } = await get(server, '/metrics')
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

async function cli(...words: readonly string[]): Promise<string> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: server.home, UPSHIFT_HOME: server.home }
  return (await run(process.execPath, [MAIN, ...words], { env })).stdout
}
