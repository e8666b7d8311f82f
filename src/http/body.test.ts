import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { AnswerBody } from './body.ts'

/** What a client of this version of HTTP gets on the wire where this is written. */
async function wire(
  version: '1.0' | '1.1',
  write: (body: AnswerBody) => void,
  headers: readonly string[] = [],
): Promise<{ readonly head: string; readonly body: string }> {
  const server = createServer((_request, response) => {
    response.sendDate = false
    write(new AnswerBody(response.writeHead(200, [...headers])))
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
    answer.end()
  })
  assert.match(head, /transfer-encoding: chunked/)
  assert.equal(body, `c\r\ndata: häy\n\n\r\n1a\r\n${'x'.repeat(26)}\r\n0\r\n\r\n`)
})

test('a text that comes with the end, and a long one, are chunks like any other', async () => {
  const long = 'é'.repeat(20_000)
  const { body } = await wire('1.1', (answer) => {
    answer.write(long)
    answer.end('end')
  })
  assert.equal(body, `9c40\r\n${long}\r\n3\r\nend\r\n0\r\n\r\n`)
  const last = await wire('1.1', (answer) => answer.end(long))
  assert.equal(last.body, `9c40\r\n${long}\r\n0\r\n\r\n`)
})

test('a body whose length is told is written as it is', async () => {
  const { head, body } = await wire('1.1', (answer) => answer.end('{"a":1}'), ['content-length', '7'])
  assert.doesNotMatch(head, /chunked/)
  assert.equal(body, '{"a":1}')
})

test('a client of HTTP/1.0 gets no chunks', async () => {
  const { head, body } = await wire('1.0', (answer) => {
    answer.write('one\n\n')
    answer.end('two\n\n')
  })
  assert.doesNotMatch(head, /chunked/)
  assert.equal(body, 'one\n\ntwo\n\n')
})

test('a reader that takes nothing of the last text is cut off, and one that takes it all is waited for', async () => {
  for (const reads of [false, true]) {
    const written = Promise.withResolvers<{ readonly flushed: boolean; readonly cut: boolean }>()
    const server = createServer(async (_request, response) => {
      const body = new AnswerBody(response.writeHead(200))
      body.end('x'.repeat(32 * 1_048_576))
      const { flushed } = body
      // What nobody reads is given up soon; what is read has all the time that it needs.
      await body.drained(reads ? 60_000 : 50)
      written.resolve({ flushed, cut: response.destroyed && !response.writableFinished })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    if (reads) socket.resume()
    else socket.pause()
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    assert.deepEqual(await written.promise, { flushed: false, cut: !reads })
    socket.destroy()
    server.close()
  }
})
