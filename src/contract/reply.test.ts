import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import * as z from 'zod'
import { UpshiftError } from './problem.ts'
import { expectJson, readJson } from './reply.ts'
import type { ServerReply } from './verb.ts'

const reply = (status: number, ...pieces: (string | Buffer)[]): ServerReply => ({
  status,
  headers: {},
  body: Readable.from(pieces.map((piece) => Buffer.from(piece))),
})
const shape = z.object({ city: z.string() })

test('a good reply is parsed by its schema, even where a character is split over two reads', async () => {
  const bytes = Buffer.from('{"city":"Zürich"}')
  assert.deepEqual(await expectJson(reply(200, bytes.subarray(0, 11), bytes.subarray(11)), shape), {
    city: 'Zürich',
  })
})

test('a refusal throws the server’s own message, code and param', async () => {
  const body = '{"error":{"message":"No such key.","type":"x","code":"not_found","param":"id"}}'
  await assert.rejects(expectJson(reply(404, body), shape), (error: unknown) => {
    assert.ok(error instanceof UpshiftError)
    assert.equal(error.message, 'No such key.')
    assert.deepEqual(error.problem, { code: 'not_found', message: 'No such key.', status: 404, param: 'id' })
    return true
  })
})

test('an unknown code is kept apart from ours', async () => {
  await assert.rejects(expectJson(reply(500, '{"error":{"message":"m","code":"__proto__"}}'), shape), {
    problem: { code: 'internal', message: 'm', status: 500 },
  })
})

test('what is not JSON, not the shape, or an error without a message says so and names the next step', async () => {
  for (const [status, body, says] of [
    [200, '<html>', /not JSON/],
    [200, '', /not JSON/],
    [200, '{"city":1}', /at city/],
    [502, '{"oops":true}', /without a message/],
    [502, 'null', /without a message/],
  ] as const) {
    await assert.rejects(expectJson(reply(status, body), shape), (error: unknown) => {
      assert.ok(error instanceof UpshiftError)
      assert.match(error.message, says)
      assert.match(error.message, /upshift --version/)
      return true
    })
  }
})

test('an endless body is cut off at its bound', async () => {
  const piece = Buffer.alloc(1024 * 1024, 32)
  const endless = new Readable({
    read() {
      this.push(piece)
    },
  })
  await assert.rejects(readJson({ status: 200, headers: {}, body: endless }), /longer than/)
  assert.ok(endless.destroyed)
})
