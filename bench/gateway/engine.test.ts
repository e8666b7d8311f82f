import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { chatHead } from '../process/chat.ts'
import { Connection } from '../process/connection.ts'
import { bodyText, type Case, casesOf, isAnswer } from './cases.ts'
import { forkGatewayEngine } from './targets.ts'

const engine = await forkGatewayEngine()
const port = Number(new URL(engine.url).port)
after(() => engine[Symbol.asyncDispose]())

function request(one: Case): string {
  const text = bodyText(one, 'small')
  return `${chatHead('any', Buffer.byteLength(text))}${text}`
}

test('every case is answered whole, one after the other on one connection', async () => {
  const connection = await Connection.open(port)
  for (const one of casesOf(false)) {
    const { status, body } = await connection.send(request(one))
    assert.equal(status, 200)
    assert.ok(isAnswer(one, Buffer.from(body, 'latin1').toString('utf8')), `${one.body.name} ${one.kind}`)
  }
  connection.destroy()
})

test('a request that comes in two pieces is one request', async () => {
  const [one] = casesOf(true)
  assert.ok(one !== undefined)
  const text = request(one)
  const connection = await Connection.open(port)
  connection.write(text.slice(0, 100))
  const { status } = await connection.send(text.slice(100))
  assert.equal(status, 200)
  connection.destroy()
})

test('a body without a length is refused in words', async () => {
  const connection = await Connection.open(port)
  const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n'
  assert.equal((await connection.send(head)).status, 411)
  connection.destroy()
})
