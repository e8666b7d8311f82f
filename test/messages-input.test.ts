import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import * as fc from 'fast-check'
import { makeKey } from './process/admin.ts'
import { type AnthropicUpstream, say, startAnthropic } from './process/anthropic.ts'
import { errorShape } from './process/message-shapes.ts'
import { type Reply, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { anthropicAt, configOf } from './process/settings.ts'
import { withValue } from './process/wrong.ts'
import { MESSAGES_VALID, MESSAGES_WRONG } from './process/wrong-messages.ts'

/** Whatever a caller of Messages sends: the key where it stands, and a clear error in Anthropic's shape. */

const held = new AsyncDisposableStack()
let claude: AnthropicUpstream
let server: RunningServer

before(async () => {
  claude = held.use(await startAnthropic(['small']))
  server = held.use(await startServer({ config: configOf({ claude: anthropicAt([claude.url]) }) }))
})
after(() => held.disposeAsync())
afterEach(() => assert.doesNotMatch(server.output(), /a bug:/))

function hi() {
  return { model: 'claude/small', max_tokens: 10, messages: [{ role: 'user' as const, content: 'Hi.' }] }
}

function messages(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return send(server, { path: '/v1/messages', body: text, headers })
}

describe('the key', () => {
  test('comes as x-api-key or as a bearer, or as both where they are the same', async () => {
    claude.answer((response) => say(response, [{ type: 'text', pieces: ['Hm.'] }]))
    const bearer = `Bearer ${server.key}`
    const ways = [
      { authorization: '', 'x-api-key': server.key },
      { authorization: bearer },
      { authorization: bearer, 'x-api-key': server.key },
    ]
    for (const headers of ways) assert.equal((await messages(hi(), headers)).status, 200)
    const token = new Anthropic({
      baseURL: server.address,
      apiKey: null,
      authToken: server.key,
      maxRetries: 0,
    })
    assert.equal((await token.messages.create(hi())).role, 'assistant')
  })

  test('is refused where two different ones come, whichever is valid, and where none does', async () => {
    const other = (await makeKey(server, 'other')).headers['authorization'] ?? ''
    const pairs = [
      { authorization: other, 'x-api-key': server.key },
      { authorization: 'Bearer upk_wrong', 'x-api-key': server.key },
      { authorization: `Bearer ${server.key}`, 'x-api-key': 'upk_wrong' },
      { authorization: '' },
    ]
    for (const headers of pairs) {
      const refused = await messages(hi(), headers)
      assert.equal(refused.status, 401, JSON.stringify(headers))
      assert.equal(errorShape.parse(JSON.parse(refused.text)).error.type, 'authentication_error')
    }
  })

  test('an x-api-key means nothing to the routes of other dialects', async () => {
    const body = JSON.stringify(hi())
    const headers = { authorization: '', 'x-api-key': server.key }
    assert.equal((await send(server, { body, headers })).status, 401)
  })
})

describe('a bad request', () => {
  const broken: Readonly<Record<string, readonly [string, Readonly<Record<string, string>>, number]>> = {
    'no JSON': ['{"model":', {}, 400],
    'an empty body': ['', {}, 400],
    'a list': ['[]', {}, 400],
    'another content type': ['a=b', { 'content-type': 'text/plain' }, 415],
    'betas that are none': [JSON.stringify(hi()), { 'anthropic-beta': 'a b; c' }, 400],
    'a foreign host': [JSON.stringify(hi()), { host: 'evil.io' }, 403],
  }
  for (const [what, [body, headers, status]] of Object.entries(broken)) {
    test(`${what} is refused in Anthropic's shape (${status})`, async () => {
      const refused = await messages(body, headers)
      assert.equal(refused.status, status, refused.text)
      const { request_id } = errorShape.parse(JSON.parse(refused.text))
      assert.deepEqual(
        [refused.headers['request-id'], refused.headers['x-request-id']],
        [request_id, request_id],
      )
    })
  }

  test('blocks and tools that the provider would run or that are not served are refused by name', async () => {
    const tool = (type: string) => ({ ...hi(), tools: [{ type, name: 'x' }] })
    const block = (one: object, role = 'user') => ({ ...hi(), messages: [{ role, content: [one] }] })
    const cases: readonly (readonly [object, string, RegExp])[] = [
      [tool('web_search_20250305'), 'tools[0].type', /only custom tools/],
      [tool('bash_20250124'), 'tools[0].type', /only custom tools/],
      [
        block({ type: 'container_upload', file_id: 'f' }),
        'messages[0].content[0].type',
        /text, image, document, tool_result/,
      ],
      [
        block({ type: 'image', source: { type: 'file', file_id: 'f' } }),
        'messages[0].content[0].source.type',
        /base64, url/,
      ],
      [
        block({ type: 'server_tool_use', id: 'a', name: 'b', input: {} }, 'assistant'),
        'messages[0].content[0].type',
        /thinking, redacted_thinking/,
      ],
    ]
    for (const [body, param, message] of cases) {
      const refused = await messages(body)
      const { error } = errorShape.parse(JSON.parse(refused.text))
      assert.deepEqual([refused.status, error.param], [400, param])
      assert.match(error.message, message)
    }
  })

  test('a valid request with one wrong value is refused with the field, whatever the value', async () => {
    claude.answer((response) => say(response, [{ type: 'text', pieces: ['{}'] }]))
    const whole = await messages(MESSAGES_VALID)
    assert.equal(whole.status, 200, whole.text)
    for (const [path, wrong] of Object.entries(MESSAGES_WRONG)) {
      await fc.assert(
        fc.asyncProperty(wrong, async (value) => {
          const refused = await messages(withValue(path, value, MESSAGES_VALID))
          assert.equal(refused.status, 400, `${path} = ${JSON.stringify(value)}: ${refused.text}`)
          const { error } = errorShape.parse(JSON.parse(refused.text))
          assert.ok(
            error.param?.startsWith(path) || path.startsWith(error.param ?? '-'),
            `${path} = ${JSON.stringify(value)} blames ${error.param}`,
          )
        }),
        { numRuns: 4 },
      )
    }
  })

  test('JSON of any shape is answered, or refused with a 4xx, and never with a 500', async () => {
    claude.answer((response) => say(response, [{ type: 'text', pieces: ['Hm.'] }]))
    const anything = fc.jsonValue({ maxDepth: 4 })
    const fields = fc.dictionary(fc.constantFrom(...Object.keys(MESSAGES_VALID)), anything)
    const body = fc.oneof(
      anything,
      fields,
      fields.map((some) => ({ ...MESSAGES_VALID, ...some })),
    )
    await fc.assert(
      fc.asyncProperty(
        body,
        fc.constantFrom('/v1/messages', '/v1/messages/count_tokens'),
        async (value, path) => {
          const reply = await send(server, { path, body: JSON.stringify(value) })
          assert.ok(reply.status < 500, `${JSON.stringify(value)}: ${reply.text}`)
          if (reply.status !== 200) errorShape.parse(JSON.parse(reply.text))
        },
      ),
      { numRuns: 300 },
    )
  })
})
