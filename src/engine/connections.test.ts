import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { CERTIFICATE, CERTIFICATE_KEY } from './connections.fixture.ts'
import { type ConnectionOptions, createConnections } from './connections.ts'
import {
  callOf,
  collect,
  engineOver,
  respond,
  type Script,
  startUpstream,
  targetAt,
  WHOLE,
} from './upstream.fixture.ts'

const whole: Script = (socket) => respond(socket, 200, JSON.stringify(WHOLE))

async function ask(url: string, options: ConnectionOptions): Promise<string> {
  const connections = createConnections(options)
  try {
    const last = (
      await collect(engineOver(connections).generate(targetAt(url), callOf({ stream: false })))
    ).at(-1)
    return last?.type === 'answer-error'
      ? `${last.problem.code}: ${last.problem.message}`
      : (last?.type ?? 'nothing')
  } finally {
    await connections.close()
  }
}

test('an origin has one dispatcher, another origin another', async () => {
  const connections = createConnections()
  const one = connections.dispatcherFor(new URL('http://127.0.0.1:1/v1'))
  assert.equal(connections.dispatcherFor(new URL('http://127.0.0.1:1/other?x')), one)
  assert.notEqual(connections.dispatcherFor(new URL('http://127.0.0.1:2/v1')), one)
  await connections.close()
})

test('a connection that the engine closed while it was idle is replaced before a byte is sent', async () => {
  const upstream = await startUpstream((socket) => {
    respond(socket, 200, JSON.stringify(WHOLE))
    socket.end()
  })
  const connections = createConnections()
  const engine = engineOver(connections)
  for (let turn = 0; turn < 5; turn++) {
    const events = await collect(engine.generate(targetAt(upstream.url), callOf({ stream: false })))
    assert.equal(events.at(-1)?.type, 'answer-finish')
    const socket = upstream.sockets.at(-1)
    if (turn % 2 === 0 && socket !== undefined && !socket.destroyed) await once(socket, 'close')
  }
  assert.equal(upstream.received.length, 5, 'no request was sent twice')
  await connections.close()
  await upstream.close()
})

test('a request that was written on a kept connection and then reset is not sent again', async () => {
  const upstream = await startUpstream((socket, _request, nth) => {
    if (nth === 0) respond(socket, 200, JSON.stringify(WHOLE))
    else socket.resetAndDestroy()
  })
  const connections = createConnections()
  const engine = engineOver(connections)
  await collect(engine.generate(targetAt(upstream.url), callOf({ stream: false })))
  await new Promise((resolve) => setTimeout(resolve, 20))
  const last = (await collect(engine.generate(targetAt(upstream.url), callOf({ stream: false })))).at(-1)
  assert.equal(last?.type === 'answer-error' && last.problem.code, 'upstream_unreachable')
  assert.equal(upstream.received.length, 2)
  assert.equal(upstream.sockets.length, 1)
  await connections.close()
  await upstream.close()
})

test('an untrusted certificate names NODE_EXTRA_CA_CERTS, and a given authority is trusted', async () => {
  const upstream = await startUpstream(whole, { key: CERTIFICATE_KEY, cert: CERTIFICATE })
  assert.match(await ask(upstream.url, {}), /^upstream_unreachable: .*NODE_EXTRA_CA_CERTS/)
  assert.equal(await ask(upstream.url, { ca: CERTIFICATE }), 'answer-finish')
  await upstream.close()
})

test('https spoken to a plain server is told apart from an untrusted certificate', async () => {
  const server = createServer((socket) =>
    socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  assert.match(await ask(`https://127.0.0.1:${port}/v1`, {}), /^upstream_unreachable: .*TLS handshake failed/)
  server.close()
})

/** A proxy that notes whom it was asked for, and connects everybody to one upstream. */
async function startProxy(port: number): Promise<{ url: string; asked: string[]; close(): Promise<void> }> {
  const asked: string[] = []
  const open: Socket[] = []
  const server = createServer((socket) => {
    open.push(socket)
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => {
      const line = bytes.toString('latin1').split('\r\n', 1)[0] ?? ''
      asked.push(line)
      const through = connect(port, '127.0.0.1')
      open.push(through)
      through.on('error', () => socket.destroy())
      if (line.startsWith('CONNECT')) socket.write('HTTP/1.1 200 Connected\r\n\r\n')
      else through.write(bytes)
      socket.pipe(through).pipe(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const own = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${own}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

test('plain http goes through its proxy, and loopback and excepted hosts never do', async () => {
  const upstream = await startUpstream(whole)
  const proxy = await startProxy(upstream.port)
  const options = { httpProxy: proxy.url, noProxy: 'excepted.invalid' }
  assert.equal(await ask('http://engine.invalid/v1', options), 'answer-finish')
  assert.deepEqual(proxy.asked, ['POST http://engine.invalid/v1/chat/completions HTTP/1.1'])
  assert.equal(await ask(upstream.url, options), 'answer-finish')
  // Every spelling of this machine is direct: its prompts need no allowance, so they must not leave by a proxy.
  assert.equal(await ask(`http://0.0.0.0:${upstream.port}/v1`, options), 'answer-finish')
  assert.match(await ask('http://excepted.invalid/v1', options), /^upstream_/)
  assert.equal(proxy.asked.length, 1)
  await proxy.close()
  await upstream.close()
})

test('https goes through a tunnel of its own proxy, with private authorities trusted at its end', async () => {
  const upstream = await startUpstream(whole, { key: CERTIFICATE_KEY, cert: CERTIFICATE })
  const proxy = await startProxy(upstream.port)
  const url = `https://engine.invalid:${upstream.port}/v1`
  const wrongName = await ask(url, { httpsProxy: proxy.url, ca: CERTIFICATE })
  assert.match(wrongName, /^upstream_unreachable: .*another name/)
  assert.equal(proxy.asked[0], `CONNECT engine.invalid:${upstream.port} HTTP/1.1`)
  assert.match(await ask(url, { httpProxy: proxy.url }), /^upstream_/)
  assert.equal(proxy.asked.length, 1, 'the proxy for http is none for https')
  await proxy.close()
  await upstream.close()
})

test('closing ends connections in use as well', async () => {
  const upstream = await startUpstream(() => {})
  const connections = createConnections()
  const pending = collect(engineOver(connections).generate(targetAt(upstream.url), callOf()))
  while (upstream.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await connections.close()
  const last = (await pending).at(-1)
  assert.equal(last?.type, 'answer-error')
  await upstream.close()
})
