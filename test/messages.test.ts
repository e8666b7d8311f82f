import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import type { MessageParam, Tool } from '@anthropic-ai/sdk/resources/messages'
import { startAnthropic } from './process/anthropic.ts'
import { type Behind, BehindAnthropic, BehindChat } from './process/behind.ts'
import { readLog } from './process/log.ts'
import { messageShape } from './process/message-shapes.ts'
import { send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { anthropicAt, configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import { event, startUpstream, streamHead, type Upstream } from './process/upstream.ts'

/** Anthropic's own client, unchanged, against the running server and both kinds of engine behind it. */

const held = new AsyncDisposableStack()
let server: RunningServer
let client: Anthropic
let chat: Upstream
const behinds: Behind[] = []
const KINDS = ['an OpenAI-compatible engine', 'an engine of Anthropic'] as const

before(async () => {
  chat = held.use(await startUpstream())
  const claude = held.use(await startAnthropic(['small']))
  const config = configOf({ one: engineAt([chat.url]), claude: anthropicAt([claude.url]) })
  server = held.use(await startServer({ config }))
  client = new Anthropic({ baseURL: server.address, apiKey: server.key, maxRetries: 0 })
  behinds.push(new BehindChat('one/small', chat), new BehindAnthropic('claude/small', claude))
})
after(() => held.disposeAsync())

const WEATHER: Tool = {
  name: 'weather',
  description: 'Says the weather.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
/** Each counts as 64 KiB, and 256 MiB may wait. */
const TOO_MANY_BLOCKS = 4_200

function ask(model: string, content: MessageParam['content'] = 'Hi.') {
  return { model, max_tokens: 100, messages: [{ role: 'user' as const, content }] }
}

for (const [place, kind] of KINDS.entries()) {
  const behind = (): Behind => {
    const found = behinds[place]
    assert.ok(found)
    return found
  }

  describe(`@anthropic-ai/sdk over ${kind}`, () => {
    test('gets a whole message', async () => {
      behind().says('Hello, ', 'Ada.')
      const message = await client.messages.create(ask(behind().model))
      assert.deepEqual(message.content, [{ type: 'text', text: 'Hello, Ada.' }])
      assert.equal(message.stop_reason, 'end_turn')
      assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [7, 3])
      assert.match(message._request_id ?? '', /^req_/)
      const { upshift } = messageShape.parse(message)
      assert.equal(upshift.model, behind().model)
      // 7 tokens in at $1 a million and 3 out at $2.
      assert.equal(upshift.cost_micros, 13)
    })

    test('gets a stream, piece by piece, and the message that it adds up to', async () => {
      behind().says('Hel', 'lo, ', 'Ada.')
      const pieces: string[] = []
      const stream = client.messages.stream(ask(behind().model)).on('text', (piece) => pieces.push(piece))
      const message = await stream.finalMessage()
      assert.deepEqual(pieces, ['Hel', 'lo, ', 'Ada.'])
      assert.equal(await stream.finalText(), 'Hello, Ada.')
      assert.equal(message.stop_reason, 'end_turn')
      assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [7, 3])
    })

    for (const streams of [false, true]) {
      for (const cities of [['Oslo'], ['Oslo', 'Rome', 'Lima']]) {
        const form = streams ? 'streamed' : 'whole'
        test(`goes round with ${cities.length} tool calls at once, ${form}`, async () => {
          const calls = cities.map((city, at) => ({ id: `call_${at}`, name: 'weather', args: { city } }))
          behind().calls(calls, (results) => [
            'Sunny in ',
            cities.filter((city) => results.includes(`${city}: sunny`)).join(' and '),
          ])
          const messages: MessageParam[] = [{ role: 'user', content: 'Where is it sunny?' }]
          const body = { model: behind().model, max_tokens: 100, tools: [WEATHER] }
          const next = () =>
            streams
              ? client.messages.stream({ ...body, messages }).finalMessage()
              : client.messages.create({ ...body, messages })
          const called = await next()
          assert.equal(called.stop_reason, 'tool_use')
          const uses = called.content.filter((block) => block.type === 'tool_use')
          assert.deepEqual(
            uses.map(({ id, input }) => [id, input]),
            calls.map(({ id, args }) => [id, args]),
          )
          messages.push({ role: 'assistant', content: called.content })
          messages.push({
            role: 'user',
            content: uses.map(({ id, input }) => ({
              type: 'tool_result',
              tool_use_id: id,
              content: `${Object(input).city}: sunny`,
            })),
          })
          const said = await next()
          const text = said.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
          assert.equal(text, `Sunny in ${cities.join(' and ')}`)
          assert.equal(behind().bodies().length, 2)
        })
      }
    }

    test('sends images by value and by address, in words and in results of tools', async () => {
      behind().says('A pixel.')
      const image = {
        type: 'image' as const,
        source: { type: 'base64' as const, media_type: 'image/png' as const, data: PIXEL },
      }
      const far = {
        type: 'image' as const,
        source: { type: 'url' as const, url: 'https://example.com/a.png' },
      }
      await client.messages.create({
        model: behind().model,
        max_tokens: 100,
        tools: [WEATHER],
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'What is it?' }, image, far] },
          {
            role: 'assistant',
            content: [{ type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Oslo' } }],
          },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: [image] }] },
        ],
      })
      const [body = ''] = behind().bodies()
      assert.equal(body.split(PIXEL).length, 3)
      assert.equal(body.split('https://example.com/a.png').length, 2)
    })

    test('sends its limit and its stop sequences, in the engine’s own words', async () => {
      behind().says('One.')
      const message = await client.messages.create({ ...ask(behind().model), stop_sequences: ['END'] })
      assert.equal(message.stop_sequence, null)
      const [body = ''] = behind().bodies()
      assert.match(body, place === 0 ? /"stop":\["END"\]/ : /"stop_sequences":\["END"\]/)
      assert.match(body, /"max_tokens":100/)
    })

    test('may leave in the middle: the engine’s connection closes, the record says aborted', async () => {
      behind().stalls('Once upon')
      const aborted = abortions()
      const stream = client.messages.stream(ask(behind().model, 'A story.'))
      await assert.rejects(async () => {
        for await (const event of stream) {
          if (event.type === 'content_block_delta') stream.abort()
        }
      }, Anthropic.APIUserAbortError)
      await until('the engine saw its connection close', () => behind().abandoned() === 1)
      await until('the record holds an aborted request', () => abortions() === aborted + 1)
      behind().says('Still here.')
      const message = await client.messages.create(ask(behind().model))
      assert.deepEqual(message.content, [{ type: 'text', text: 'Still here.' }])
    })

    test('may leave before the first token: the same, and nothing is tried again', async () => {
      behind().stalls('')
      const aborted = abortions()
      const leaving = new AbortController()
      const waiting = client.messages.create(ask(behind().model), { signal: leaving.signal })
      const rejected = assert.rejects(waiting, Anthropic.APIUserAbortError)
      await until('the engine has the request', () => behind().bodies().length === 1)
      leaving.abort()
      await rejected
      await until('the engine saw its connection close', () => behind().abandoned() === 1)
      await until('the record holds an aborted request', () => abortions() === aborted + 1)
      assert.equal(behind().bodies().length, 1)
    })
  })
}

test('a stream that says more behind a call than may wait is ended there, and its engine is left', async () => {
  const aborted = abortions()
  chat.answer((response) => {
    streamHead(response)
    response.write(event({ tool_calls: [{ index: 0, id: 'a', function: { name: 'go', arguments: '{' } }] }))
    for (let block = 0; block < TOO_MANY_BLOCKS; block++)
      response.write(event(block % 2 === 0 ? { content: 'a' } : { reasoning_content: 'b' }))
  })
  const thinking = { type: 'enabled', budget_tokens: 1_024 } as const
  const body = JSON.stringify({ ...ask('one/small', 'Call.'), max_tokens: 2_048, thinking, stream: true })
  // Not the SDK, which leaves at the error: this caller reads on for as long as there is something.
  const { text } = await send(server, { path: '/v1/messages', body })
  assert.match(text, /event: error\ndata: .*grew beyond.*\n\n$/)
  await until('the engine saw its connection close', () => chat.abandoned === 1)
  await until('the record holds an aborted request', () => abortions() === aborted + 1)
  const metrics = await send(server, { method: 'GET', path: '/metrics' })
  assert.match(metrics.text, /upshift_answers_total\{[^}]*outcome="answer_too_large"\} 1\n/)
})

function abortions(): number {
  return readLog(server.home).filter((entry) => entry.type === 'closed' && entry.outcome === 'aborted').length
}

test('after all of this the server is the same process and has met no bug', () => {
  assert.ok(server.alive())
  assert.doesNotMatch(server.output(), /a bug:/)
})
