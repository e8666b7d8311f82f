import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import type { Problem } from '../contract/problem.ts'
import { readBody } from './reading.ts'

const MAX_BYTES = 100_000

/** What is read where a client sends this; it hangs up after it. */
async function read(sent: readonly string[]): Promise<Buffer | Problem> {
  const { promise, resolve } = Promise.withResolvers<Buffer | Problem>()
  let times = 0
  const server = createServer((request) => {
    readBody(request, MAX_BYTES, (body) => {
      times += 1
      resolve(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  for (const part of sent) await new Promise((written) => socket.write(part, written))
  socket.end()
  const body = await promise
  socket.destroy()
  server.close()
  await once(server, 'close')
  assert.equal(times, 1)
  return body
}

function head(length: number): string {
  return `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`
}

const CHUNKED = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'

test('a body in one piece, in many, and none', async () => {
  assert.equal(String(await read([`${head(5)}häy!`])), 'häy!')
  const long = '0123456789'.repeat(9_000)
  assert.equal(String(await read([head(long.length), long.slice(0, 50), long.slice(50)])), long)
  assert.equal(String(await read([`${CHUNKED}3\r\nabc\r\n`, '2\r\nde\r\n0\r\n\r\n'])), 'abcde')
  assert.equal(String(await read([head(0)])), '')
})

test('a body beyond the bound is refused as soon as that is known', async () => {
  const announced = await read([head(MAX_BYTES + 1)])
  assert.ok('code' in announced)
  assert.equal(announced.code, 'body_too_large')
  assert.match(announced.message, /larger than 100000 bytes.*guard\.bounds\.maxBodyBytes/)
  const size = MAX_BYTES.toString(16)
  const chunked = await read([CHUNKED, `${size}\r\n${'x'.repeat(MAX_BYTES)}\r\n1\r\nx\r\n`])
  assert.ok('code' in chunked)
  assert.equal(chunked.code, 'body_too_large')
})

test('a client that leaves in the middle of a body is a request that could not be read', async () => {
  const body = await read([`${head(10)}12345`])
  assert.ok('code' in body)
  assert.equal(body.code, 'invalid_request')
})
