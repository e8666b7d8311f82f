import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { AnswerBody, boundUnread } from './body.ts'

const PATIENT_MS = 60_000

/** What a client of this version of HTTP gets on the wire where this is written. */
async function wire(
  version: '1.0' | '1.1',
  write: (body: AnswerBody) => void | Promise<void>,
  headers: readonly string[] = [],
): Promise<{ readonly head: string; readonly body: string }> {
  const server = createServer((_request, response) => {
    response.sendDate = false
    void write(new AnswerBody(response.writeHead(200, [...headers])))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  socket.write(`GET / HTTP/${version}\r\nhost: a\r\nconnection: close\r\n\r\n`)
  let text = ''
  for await (const part of socket) text += part
  server.close()
  const [head = '', ...rest] = text.split('\r\n\r\n')
  return { head: head.toLowerCase(), body: rest.join('\r\n\r\n') }
}

test('each text is one chunk, its length in bytes, and the last chunk ends the body', async () => {
  const { head, body } = await wire('1.1', (answer) => {
    answer.write('data: häy\n\n')
    answer.write('')
    answer.write('x'.repeat(26))
    void answer.end('', PATIENT_MS)
  })
  assert.match(head, /transfer-encoding: chunked/)
  assert.equal(body, `c\r\ndata: häy\n\n\r\n1a\r\n${'x'.repeat(26)}\r\n0\r\n\r\n`)
})

test('a text that comes with the end, and a long one, are chunks like any other', async () => {
  const long = 'é'.repeat(20_000)
  const { body } = await wire('1.1', (answer) => {
    answer.write(long)
    void answer.end('end', PATIENT_MS)
  })
  assert.equal(body, `9c40\r\n${long}\r\n3\r\nend\r\n0\r\n\r\n`)
  const last = await wire('1.1', (answer) => answer.end(long, PATIENT_MS))
  assert.equal(last.body, `9c40\r\n${long}\r\n0\r\n\r\n`)
})

test('a body whose length is told is written as it is', async () => {
  const { head, body } = await wire('1.1', (answer) => answer.end('{"a":1}', PATIENT_MS), [
    'content-length',
    '7',
  ])
  assert.doesNotMatch(head, /chunked/)
  assert.equal(body, '{"a":1}')
})

test('a client of HTTP/1.0 gets no chunks', async () => {
  const { head, body } = await wire('1.0', (answer) => {
    answer.write('one\n\n')
    void answer.end('two\n\n', PATIENT_MS)
  })
  assert.doesNotMatch(head, /chunked/)
  assert.equal(body, 'one\n\ntwo\n\n')
})

const REST_MS = 40
const LONG = 'é'.repeat(24 * 1_048_576)

for (const told of [true, false]) {
  const how = told ? 'whose length is told' : 'in chunks'
  test(`a reader that takes nothing of a last text ${how} is cut off, and one that takes it slowly gets all of it`, async () => {
    const stalled = await end(told, 50, (socket) => void socket.pause())
    assert.deepEqual([stalled.cut, stalled.got < Buffer.byteLength(LONG)], [true, true])
    const slow = await end(told, 1_000, takeSlowly)
    assert.deepEqual([slow.cut, slow.got > Buffer.byteLength(LONG), slow.ms > 1_000], [false, true, true])
  })
}

test('what a route has answered and nobody takes is cut off', async () => {
  const over = Promise.withResolvers<boolean>()
  await using listening = await listen((_request, response) => {
    response.once('close', () => over.resolve(response.writableFinished))
    response.end(LONG)
    boundUnread(response, 1, 50)
  })
  const socket = listening.ask()
  socket.pause()
  assert.equal(await over.promise, false)
})

test('what waits behind another answer on its connection is not cut off meanwhile', async () => {
  const first = Promise.withResolvers<ServerResponse>()
  const second = Promise.withResolvers<boolean>()
  let requests = 0
  await using listening = await listen(async (_request, response) => {
    requests += 1
    if (requests === 1) return first.resolve(response)
    await new AnswerBody(response.writeHead(200)).end('second', 20)
    second.resolve(response.destroyed && !response.writableFinished)
  })
  const socket = listening.ask()
  socket.write(REQUEST)
  const response = await first.promise
  // Longer than what a reader has to take the text.
  setTimeout(() => response.end('first'), 200)
  let text = ''
  for await (const part of socket) {
    text += part
    if (text.includes('second')) break
  }
  assert.equal(await second.promise, false)
  assert.match(text, /first[\s\S]*second/)
})

/** What comes of it where this is the client of a long last text. */
async function end(told: boolean, slowReaderMs: number, client: (socket: Socket) => void) {
  const written = Promise.withResolvers<{ readonly cut: boolean; readonly ms: number }>()
  await using listening = await listen(async (_request, response) => {
    const length = told ? ['content-length', String(Buffer.byteLength(LONG))] : []
    const begun = performance.now()
    await new AnswerBody(response.writeHead(200, length)).end(LONG, slowReaderMs)
    const ms = performance.now() - begun
    if (!response.closed) await once(response, 'close')
    written.resolve({ cut: !response.writableFinished, ms })
  })
  const socket = listening.ask()
  client(socket)
  const { cut, ms } = await written.promise
  while (!cut && socket.bytesRead <= Buffer.byteLength(LONG)) await once(socket, 'data')
  return { cut, ms, got: socket.bytesRead }
}

/** A mebibyte, a rest, and again: above what the kernel's buffers, of some megabytes, hide. */
function takeSlowly(socket: Socket): void {
  let taken = 0
  socket.on('data', (part: Buffer) => {
    taken += part.length
    if (taken < 1_048_576) return
    taken = 0
    socket.pause()
    setTimeout(() => socket.resume(), REST_MS)
  })
}

const REQUEST = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

/** A server, and a client whose socket has sent a request. */
async function listen(serve: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets: Socket[] = []
  return {
    ask: (): Socket => {
      const socket = connect(port, '127.0.0.1')
      // It may be cut off, which is what is looked for.
      socket.on('error', () => socket.destroy())
      socket.write(REQUEST)
      sockets.push(socket)
      return socket
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
