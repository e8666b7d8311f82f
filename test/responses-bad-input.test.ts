import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import * as fc from 'fast-check'
import { post, responseOf } from './process/responses.ts'
import { errorOf, type Reply, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'
import { withValue } from './process/wrong.ts'
import { VALID_RESPONSE, WRONG_RESPONSE } from './process/wrong-response.ts'

/** Whatever a caller sends for a response: a clear error in OpenAI's shape, and a server that lives on. */

const held = new AsyncDisposableStack()
let upstream: Upstream
let server: RunningServer

before(async () => {
  upstream = held.use(await startUpstream())
  upstream.answer((response, request) => respond(response, request, ['{}']))
  server = held.use(await startServer({ config: configOf({ one: engineAt([upstream.url]) }) }))
})
after(() => held.disposeAsync())

afterEach(async () => {
  assert.equal(responseOf(await post(server, { input: 'Hi.' })).status, 'completed')
  assert.doesNotMatch(server.output(), /a bug:/)
})

function sendBody(body: string): Promise<Reply> {
  return send(server, { path: '/v1/responses', body })
}

test('a request that is right in every field is answered', async () => {
  const { status, upshift } = responseOf(await post(server, VALID_RESPONSE))
  assert.equal(status, 'completed')
  assert.match(JSON.stringify(upshift?.['verdicts']), /reasoning of an earlier turn was left out/)
})

test('a wrong value in any field is refused by that field’s name, and none reaches the engine', async () => {
  const seen = upstream.received.length
  let sent = 0
  for (const [path, wrong] of Object.entries(WRONG_RESPONSE)) {
    const property = fc.asyncProperty(wrong, async (value) => {
      sent += 1
      const answered = await sendBody(JSON.stringify(withValue(path, value, VALID_RESPONSE)))
      assert.equal(answered.status, 400, `${path} = ${JSON.stringify(value)}: ${answered.text}`)
      const { param, type } = errorOf(answered)
      assert.equal(type, 'invalid_request_error')
      const named = param !== null && (param.startsWith(path) || path.startsWith(param))
      assert.ok(named, `${path} = ${JSON.stringify(value)}: ${answered.text}`)
    })
    await fc.assert(property, { numRuns: 10, endOnFailure: true })
  }
  assert.ok(sent >= Object.keys(WRONG_RESPONSE).length * 5, `only ${sent} requests`)
  assert.equal(upstream.received.length, seen)
})

test('any JSON value at all is answered with a 400', async () => {
  const property = fc.asyncProperty(fc.json({ maxDepth: 4 }), async (body) => {
    const answered = await sendBody(body)
    assert.equal(answered.status, 400, answered.text)
    errorOf(answered)
  })
  await fc.assert(property, { numRuns: 100 })
})

test('any items at all are answered, or refused with a clear error, never a 500', async () => {
  const words = fc.constantFrom('', 'a', 'b', 'resp_x', '__proto__', 'constructor')
  const part = fc.oneof(
    fc.record({ type: fc.constantFrom('input_text', 'output_text'), text: words }),
    fc.record({ type: fc.constant('input_image'), image_url: fc.option(words) }),
    fc.record({ type: fc.constant('refusal'), refusal: words }),
    fc.record({ type: fc.constant('input_file'), file_data: fc.option(words), file_id: fc.option(words) }),
  )
  const item = fc.oneof(
    fc.record({
      role: fc.constantFrom('user', 'assistant', 'system', 'developer'),
      content: fc.oneof(words, fc.array(part, { minLength: 1, maxLength: 3 })),
    }),
    fc.record({ type: fc.constant('function_call'), call_id: words, name: words, arguments: words }),
    fc.record({
      type: fc.constant('function_call_output'),
      call_id: words,
      output: fc.oneof(words, fc.array(part, { minLength: 1, maxLength: 2 })),
    }),
    fc.record({ type: fc.constant('reasoning'), summary: fc.array(fc.record({ text: words })) }),
    fc.record({ type: fc.constant('item_reference'), id: words }),
    fc.record({ type: words }),
  )
  const property = fc.asyncProperty(fc.array(item, { maxLength: 6 }), fc.boolean(), async (input, stream) => {
    const answered = await post(server, { input, stream })
    if (answered.status === 200) responseOf(answered)
    else {
      assert.ok(answered.status === 400 || answered.status === 404, answered.text)
      errorOf(answered)
    }
  })
  await fc.assert(property, { numRuns: 300 })
})

test('a body that is right but for one place is never a bug', async () => {
  const paths = Object.keys(WRONG_RESPONSE)
  const property = fc.asyncProperty(
    fc.constantFrom(...paths),
    fc.jsonValue({ maxDepth: 3 }),
    async (path, value) => {
      const answered = await sendBody(JSON.stringify(withValue(path, value, VALID_RESPONSE)))
      assert.ok(answered.status < 500 || answered.status === 502, answered.text)
    },
  )
  await fc.assert(property, { numRuns: 200 })
})

test('ids, queries and paths of any form are answered with an error in the same shape', async () => {
  for (const id of [
    'x',
    'resp_',
    'resp_..%2f..%2fetc',
    '__proto__',
    'req_01k3abcdefghjkmnpqrstvwxyz',
    '%00',
    'a'.repeat(99),
  ]) {
    for (const path of [`/v1/responses/${id}`, `/v1/responses/${id}/input_items`]) {
      const answered = await send(server, { method: 'GET', path })
      assert.equal(answered.status, 404, answered.text)
      errorOf(answered)
    }
    const on = await post(server, { input: 'x', previous_response_id: decodeURIComponent(id).slice(0, 256) })
    assert.equal(on.status, 404, on.text)
    assert.equal(errorOf(on).param, 'previous_response_id')
  }
  const { id } = responseOf(await post(server, { input: 'Hi.' }))
  for (const query of [
    'limit=0',
    'limit=101',
    'limit=x',
    'order=up',
    'after=',
    'other=1',
    'limit=1&limit=2',
  ]) {
    const answered = await send(server, { method: 'GET', path: `/v1/responses/${id}/input_items?${query}` })
    assert.equal(answered.status, 400, `${query}: ${answered.text}`)
    errorOf(answered)
  }
  const put = await send(server, { method: 'PUT', path: `/v1/responses/${id}`, body: '{}' })
  assert.equal(put.status, 404)
  assert.equal((await send(server, { path: `/v1/responses/${id}/cancel`, body: '{}' })).status, 404)
})

test('keys named __proto__, constructor and prototype change nothing', async () => {
  const evil = '"__proto__":{"stream":true,"store":false},"constructor":{"prototype":{"n":16}}'
  const item = `{"role":"user","content":"Hi.",${evil}}`
  const { store } = responseOf(await sendBody(`{${evil},"model":"one/small","input":[${item}]}`))
  assert.equal(store, true)
  const got = upstream.received.at(-1)?.body
  assert.deepEqual([got?.['stream'], got?.['n']], [false, undefined])
  assert.deepEqual(got?.['messages'], [{ role: 'user', content: 'Hi.' }])
})

test('a conversation with more pieces than one may have is refused', async () => {
  const input = Array.from({ length: 2_001 }, () => ({ role: 'user', content: 'x' }))
  const answered = await post(server, { input })
  assert.equal(answered.status, 400)
  assert.deepEqual([errorOf(answered).code, errorOf(answered).param], ['too_many_messages', 'input'])
})
