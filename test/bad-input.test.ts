import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { after, afterEach, before, describe, test } from 'node:test'
import * as fc from 'fast-check'
import { chat, errorOf, type Reply, type Sent, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'
import { VALID, WRONG, withValue } from './process/wrong.ts'

/** Whatever a caller sends: a clear error in OpenAI's shape, and a server that lives on. */

const held = new AsyncDisposableStack()
let upstream: Upstream
let server: RunningServer
const PLAIN = { model: 'one/small', messages: [{ role: 'user', content: 'Hi.' }] }
const MEGABYTE = 1024 * 1024

before(async () => {
  upstream = held.use(await startUpstream())
  upstream.answer((response, request) => respond(response, request, ['{}']))
  server = held.use(await startServer({ config: configOf({ one: engineAt([upstream.url]) }) }))
})
after(() => held.disposeAsync())

afterEach(async () => {
  const answered = await chat(server, PLAIN)
  assert.equal(answered.status, 200, `afterwards: ${answered.text}`)
  assert.doesNotMatch(server.output(), /a bug:/)
})

/** Sends it and expects this status and code. */
async function refused(sent: Sent, status: number, code: string): Promise<ReturnType<typeof errorOf>> {
  return expectError(await send(server, sent), status, code)
}

function expectError(answered: Reply, status: number, code: string): ReturnType<typeof errorOf> {
  assert.equal(answered.status, status, answered.text)
  assert.match(answered.headers['content-type'] ?? '', /^application\/json/)
  const error = errorOf(answered)
  assert.equal(error.code, code, error.message)
  assert.equal(answered.headers['x-request-id'], error.request_id)
  return error
}

/** How much memory the server holds, in bytes. */
function residentBytes(): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))
  return Number(found?.[1]) * 1024
}

describe('a body that is no JSON', () => {
  const broken: Readonly<Record<string, string>> = {
    'a trailing comma': '{"model":"auto",}',
    'single quotes': "{'model':'auto'}",
    'two values': '{} {}',
    'a bare word': 'hello',
    'a byte order mark in the middle': '{"a":\ufeff1}',
    NaN: '{"temperature":NaN}',
    'a control character in a string': '{"model":"a\u0001b"}',
  }
  for (const [what, body] of Object.entries(broken)) {
    test(`${what} is refused with the place`, async () => {
      const error = await refused({ body }, 400, 'invalid_json')
      assert.match(error.message, /position \d+/)
    })
  }

  test('millions of small values are refused before anything walks them, and the server stays small', async () => {
    const beforeBytes = residentBytes()
    const body = `{"model":"auto","messages":[${'{},'.repeat(5_000_000)}{}]}`
    const error = await refused({ body }, 400, 'too_many_values')
    assert.match(error.message, /guard\.bounds\.maxValues/)
    assert.ok(residentBytes() - beforeBytes < 150 * MEGABYTE)
  })

  test('JSON that is cut at any byte is refused', async () => {
    const whole = JSON.stringify(PLAIN)
    for (let end = 1; end < whole.length; end += 7) {
      await refused({ body: whole.slice(0, end) }, 400, 'invalid_json')
    }
  })

  test('an empty body is refused', async () => {
    const error = await refused({ body: '' }, 400, 'invalid_json')
    assert.match(error.message, /empty/)
  })

  test('a body that is not UTF-8 is refused', async () => {
    const body = Buffer.from(JSON.stringify(PLAIN))
    for (const wrong of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]]) {
      const bytes = Buffer.concat([body.subarray(0, -6), Buffer.from(wrong), body.subarray(-6)])
      await refused({ body: bytes }, 400, 'invalid_encoding')
    }
    await refused({ body: Buffer.from(JSON.stringify(PLAIN), 'utf16le') }, 400, 'invalid_json')
  })

  test('JSON that nests 100,000 deep is refused, closed or not', async () => {
    const deep = 100_000
    await refused({ body: '['.repeat(deep) }, 400, 'too_deep')
    await refused({ body: '['.repeat(deep) + ']'.repeat(deep) }, 400, 'too_deep')
    const nested = `${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`
    const body = `{"model":"one/small","messages":[],"x":${nested}}`
    await refused({ body }, 400, 'too_deep')
  })
})

describe('a body that is too large', () => {
  test('100 MB in chunks without a length are cut off at the bound, and memory stays bounded', async () => {
    const before = residentBytes()
    let peak = before
    const look = setInterval(() => {
      peak = Math.max(peak, residentBytes())
    }, 5)
    const { status, sent } = await pour(100)
    clearInterval(look)
    assert.ok(status === 413 || status === 'cut', `it was answered ${status}`)
    assert.ok(sent <= 100)
    const grown = (Math.max(peak, residentBytes()) - before) / MEGABYTE
    assert.ok(grown < 150, `the server grew by ${grown.toFixed(0)} MB`)
  })

  test('a length beyond the bound is refused before the body is read', async () => {
    const answered = await rawExchange(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${server.key}\r\n` +
        `content-type: application/json\r\ncontent-length: ${100 * MEGABYTE}\r\n\r\n{"model":`,
    )
    assert.match(answered, /^HTTP\/1\.1 413 /)
    assert.match(answered, /"code":"body_too_large"/)
  })

  test('a body for a route that is not there is not read', async () => {
    const answered = await rawExchange(
      `POST /nope HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${MEGABYTE}\r\n\r\n[`,
    )
    assert.match(answered, /^HTTP\/1\.1 404 /)
    assert.match(answered, /connection: close/)
    assert.match(answered, /"code":"unknown_route"/)
  })

  test('bodies beyond what may be under way together are told to come back', async () => {
    const config = {
      ...configOf({ one: engineAt([upstream.url]) }),
      server: { maxBodyBytesInFlight: MEGABYTE },
    }
    await using small = await startServer({ config })
    const head = (bytes: number) =>
      `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${small.key}\r\n` +
      `content-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`
    const waiting = connect(Number(new URL(small.address).port), '127.0.0.1')
    await new Promise((resolve) => waiting.write(`${head(MEGABYTE)}{`, resolve))
    expectError(await replyWith(small, 429), 429, 'queue_full')
    waiting.destroy()
    await replyWith(small, 200)
  })

  test('more messages than the bound are refused', async () => {
    const messages = Array.from({ length: 2_001 }, () => ({ role: 'user', content: 'x' }))
    const error = expectError(await chat(server, { ...PLAIN, messages }), 400, 'too_many_messages')
    assert.equal(error.param, 'messages')
  })
})

const TRIES_MAX = 500

/** Asks until the server answers with this status: what another connection did may take it a moment to see. */
async function replyWith(asked: RunningServer, status: number): Promise<Reply> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const reply = await chat(asked, PLAIN)
    if (reply.status === status) return reply
  }
  throw new Error(`no answer with status ${status} in ${TRIES_MAX} tries`)
}

/** Sends a JSON text of this many megabytes in chunks, as fast as it is taken. */
function pour(megabytes: number): Promise<{ readonly status: number | 'cut'; readonly sent: number }> {
  const headers = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' }
  const piece = Buffer.alloc(MEGABYTE, 'x')
  return new Promise((resolve) => {
    let sent = 0
    const out = httpRequest(server.address, { method: 'POST', path: '/v1/chat/completions', headers })
    out.once('response', (response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0, sent })
      out.destroy()
    })
    out.on('error', () => resolve({ status: 'cut', sent }))
    out.write('{"model":"')
    const more = (): void => {
      while (sent < megabytes && !out.destroyed) {
        sent += 1
        if (!out.write(piece)) return void out.once('drain', more)
      }
      out.end('"}')
    }
    more()
  })
}

/** Writes these bytes on a connection and returns what comes back before it is closed, or within 5 s. */
function rawExchange(bytes: string): Promise<string> {
  const { hostname, port } = new URL(server.address)
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    const done = (): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(5_000, done)
    socket.on('data', (data) => {
      answer += data.toString('utf8')
      if (/\r\n\r\n[\s\S]*\}\s*$/.test(answer)) done()
    })
    socket.on('error', done)
    socket.on('close', done)
  })
}

describe('wrong values', () => {
  test('the request that the others are made from is right', async () => {
    const answered = await chat(server, VALID)
    assert.notEqual(answered.status, 500)
    assert.notEqual(answered.status === 200 ? '' : errorOf(answered).code, 'invalid_request', answered.text)
  })

  const paths = Object.entries(WRONG)
  test('any wrong value in any field is a 400 that names the field', async () => {
    let sent = 0
    const seen = upstream.received.length
    for (const [path, wrong] of paths) {
      const property = fc.asyncProperty(wrong, async (value) => {
        sent += 1
        const answered = await chat(server, withValue(path, value))
        const error = expectError(answered, 400, 'invalid_request')
        assert.ok(error.param?.startsWith(path), `${path} was wrong and param says ${error.param}`)
      })
      await fc.assert(property, { numRuns: 12, endOnFailure: true })
    }
    assert.ok(sent >= paths.length * 5, `only ${sent} requests`)
    assert.equal(upstream.received.length, seen, 'none of them reached the engine')
  })

  test('a body that is no object is refused', async () => {
    for (const body of ['null', '[]', '7', '"text"', 'true', '{}']) {
      await refused({ body }, 400, 'invalid_request')
    }
  })

  test('any JSON value at all is answered with an error, never a 500', async () => {
    const property = fc.asyncProperty(fc.json({ maxDepth: 4 }), async (body) => {
      const answered = await send(server, { body })
      assert.equal(answered.status, 400, answered.text)
      errorOf(answered)
    })
    await fc.assert(property, { numRuns: 100 })
  })

  test('keys named __proto__, constructor and prototype change nothing', async () => {
    const evil = '"__proto__":{"stream":true,"owner":true},"constructor":{"prototype":{"n":16}}'
    const body = `{${evil},"model":"one/small","messages":[{"role":"user","content":"Hi.",${evil}}]}`
    const answered = await send(server, { body })
    assert.equal(answered.status, 200, answered.text)
    assert.equal(JSON.parse(answered.text).object, 'chat.completion')
    const got = upstream.received.at(-1)?.body
    assert.equal(got?.['stream'], false)
    assert.equal(got?.['n'], undefined)
    await refused({ body: '{"__proto__":{"model":"one/small","messages":[]}}' }, 400, 'invalid_request')
    for (const path of ['/v1/admin/keys', '/v1/admin/engines/one/allow']) {
      const wrong = await send(server, { path, body: `{"__proto__":{"name":"x"}}` })
      assert.ok(wrong.status >= 400 && wrong.status < 500, `${path}: ${wrong.status}`)
    }
    for (const model of ['__proto__', 'constructor', 'toString']) {
      expectError(await chat(server, { ...PLAIN, model }), 404, 'unknown_model')
    }
  })
})

describe('a request that is wrong around its body', () => {
  const body = JSON.stringify(PLAIN)

  test('another content type, or none, is a 415', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/xml',
      'multipart/form-data; boundary=x',
      '',
    ]) {
      await refused({ body, headers: { 'content-type': type } }, 415, 'unsupported_media_type')
    }
    const right = { 'content-type': 'application/json; charset=utf-8' }
    assert.equal((await send(server, { body, headers: right })).status, 200)
  })

  test('a host that this server does not answer to is refused, whatever is asked', async () => {
    for (const host of [
      'evil.example',
      'evil.example:4000',
      'localhost.evil.example',
      '127.0.0.1.nip.io',
      'a b',
    ]) {
      await refused({ body, headers: { host } }, 403, 'host_not_allowed')
      await refused({ method: 'GET', path: '/health', headers: { host } }, 403, 'host_not_allowed')
    }
    assert.equal((await send(server, { body, headers: { host: 'localhost:1' } })).status, 200)
  })

  test('a page from elsewhere is refused, one of its own is not', async () => {
    for (const origin of ['https://evil.example', 'null', 'http://localhost:1', 'file://']) {
      await refused({ body, headers: { origin } }, 403, 'origin_not_allowed')
    }
    assert.equal((await send(server, { body, headers: { origin: server.address } })).status, 200)
  })

  test('a wrong method and an unknown route say what there is', async () => {
    const error = await refused({ method: 'GET' }, 405, 'method_not_allowed')
    assert.match(error.message, /POST/)
    await refused({ path: '/v1/models', body: '{}' }, 405, 'method_not_allowed')
    await refused({ method: 'PUT', body }, 405, 'method_not_allowed')
    await refused({ path: '/v1/completions', body }, 404, 'unknown_route')
    await refused({ method: 'GET', path: '/../../etc/passwd' }, 404, 'unknown_route')
    for (const path of ['/%', '/v1/%ff', '/v1/admin/engines/%00/allow']) {
      const answered = await send(server, { method: 'GET', path })
      assert.ok(answered.status >= 400 && answered.status < 500, `${path}: ${answered.status}`)
      errorOf(answered)
    }
  })

  test('headers that are huge, or no HTTP at all, are refused in the same shape', async () => {
    const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n`
    const large = await rawExchange(`${head}x-large: ${'x'.repeat(20_000)}\r\n\r\n`)
    assert.match(large, /^HTTP\/1\.1 431 /)
    const error = errorOf({ status: 431, headers: {}, text: large.slice(large.indexOf('\r\n\r\n') + 4) })
    assert.equal(error.type, 'invalid_request_error')
    const nonsense = await rawExchange('hello there\r\n\r\n')
    assert.match(nonsense, /^HTTP\/1\.1 400 /)
    errorOf({ status: 400, headers: {}, text: nonsense.slice(nonsense.indexOf('\r\n\r\n') + 4) })
  })

  test('a wrong key is told before a wrong body, and a body before nothing', async () => {
    await refused({ body: '{', headers: { authorization: '' } }, 401, 'missing_key')
    for (const authorization of ['Bearer', 'Bearer x', 'Basic abc', `Bearer ${'x'.repeat(5_000)}`]) {
      const answered = await send(server, { body: '{', headers: { authorization } })
      assert.equal(answered.status, 401, authorization.slice(0, 20))
      assert.match(answered.headers['www-authenticate'] ?? '', /Bearer/)
      errorOf(answered)
    }
  })
})
