import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { responseIn } from '../src/http/responses/order.fixture.ts'
import { type Made, makeKey } from './process/admin.ts'
import { entriesOf } from './process/log.ts'
import { ask, assertRefused, echo, made, post, requestOf, stored } from './process/responses.ts'
import { chat, errorOf, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import {
  event,
  reply,
  respond,
  startUpstream,
  streamHead,
  toolCall,
  type Upstream,
  USAGE,
} from './process/upstream.ts'

/** Stored responses over one server: gone on with, read again, taken back. */

const held = new AsyncDisposableStack()
let upstream: Upstream
let server: RunningServer

before(async () => {
  upstream = held.use(await startUpstream())
  server = held.use(await startServer({ config: configOf({ one: engineAt([upstream.url]) }) }))
})
after(() => held.disposeAsync())

const weather = { type: 'function', name: 'weather', parameters: { type: 'object' } }

for (const stream of [false, true]) {
  describe(stream ? 'streamed' : 'whole', () => {
    test('a conversation is gone on with by ids alone, three deep and with tools', async () => {
      upstream.answer((response, request, nth) => {
        if (nth === 1) {
          const calls = ['a', 'b'].map((id, at) => toolCall(id, 'weather', { id }, stream ? at : undefined))
          respond(response, request, calls)
        } else respond(response, request, [`answer ${nth}`])
      })
      const first = await made(server, { input: 'one', instructions: 'Only for one.', stream })
      const tools = [weather]
      const second = await made(server, { input: 'two', previous_response_id: first.id, tools, stream })
      const outputs = ['b', 'a'].map((id) => ({
        type: 'function_call_output',
        call_id: id,
        output: `${id}: sunny`,
      }))
      const third = await made(server, { input: outputs, previous_response_id: second.id, tools, stream })
      const last = await made(server, {
        input: 'four',
        previous_response_id: third.id,
        instructions: 'Only for four.',
        stream,
      })
      assert.equal(last.previous_response_id, third.id)
      const call = (id: string) => toolCall(id, 'weather', { id })
      assert.deepEqual(upstream.received[3]?.body['messages'], [
        { role: 'system', content: 'Only for four.' },
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'answer 0' },
        { role: 'user', content: 'two' },
        { role: 'assistant', content: null, tool_calls: [call('a'), call('b')] },
        { role: 'tool', tool_call_id: 'b', content: 'b: sunny' },
        { role: 'tool', tool_call_id: 'a', content: 'a: sunny' },
        { role: 'assistant', content: 'answer 2' },
        { role: 'user', content: 'four' },
      ])
      assert.deepEqual(entriesOf(server.home, 'opened', requestOf(last))[0]?.response, {
        previous: requestOf(third),
      })
    })

    test('what is read again is what was answered', async () => {
      upstream.answer((response) => {
        const message = {
          role: 'assistant',
          reasoning_content: 'Hm.',
          content: 'I look.',
          refusal: 'Not twice.',
          tool_calls: [toolCall('c0', 'weather', { city: 'Oslo' }, 0)],
        }
        if (!stream) {
          reply(response, 200, {
            choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
            usage: USAGE,
          })
        } else {
          streamHead(response)
          response.end(`${event(message)}${event({}, 'tool_calls')}data: [DONE]\n\n`)
        }
      })
      const asked = { input: 'Where?', tools: [weather], metadata: { a: 'b' }, temperature: 0.5, user: 'ada' }
      const answered = await made(server, { ...asked, stream })
      const { upshift: before, completed_at: ended, ...response } = answered
      const { upshift: now, completed_at: endedAgain, ...again } = await stored(server, answered.id)
      assert.deepEqual(again, response)
      assert.ok(Math.abs((ended ?? 0) - (endedAgain ?? 0)) <= 1)
      for (const field of [
        'request_id',
        'tier',
        'model',
        'mode',
        'reason',
        'attempts',
        'cost_micros',
        'verdicts',
      ]) {
        assert.deepEqual(now?.[field], before?.[field], field)
      }
    })
  })
}

describe('a stored response', () => {
  test('lists its own input, in pages', async () => {
    echo(upstream)
    const before = await made(server, { input: 'before' })
    const input = [
      { role: 'user', content: 'a' },
      { type: 'reasoning', id: 'rs_1', summary: [] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'b' }] },
      { role: 'user', content: 'c' },
    ]
    const { id } = await made(server, { input, previous_response_id: before.id })
    const list = async (query: string) => {
      const answered = await send(server, { method: 'GET', path: `/v1/responses/${id}/input_items${query}` })
      assert.equal(answered.status, 200, answered.text)
      return JSON.parse(answered.text)
    }
    const first = await list('?limit=3')
    assert.deepEqual(
      first.data.map((item: { type: string }) => item.type),
      ['message', 'message', 'reasoning'],
    )
    assert.deepEqual(first.data[0].content, [{ type: 'input_text', text: 'c' }])
    assert.deepEqual([first.has_more, first.last_id], [true, 'rs_1'])
    const rest = await list(`?limit=3&after=${first.last_id}`)
    assert.deepEqual([rest.data[0].content[0].text, rest.has_more], ['a', false])
    const forth = await list('?order=asc&include[]=message.input_image.image_url')
    assert.equal(forth.data[0].content[0].text, 'a')
    const wrong = { method: 'GET', path: `/v1/responses/${id}/input_items?after=msg_x` }
    assertRefused(await send(server, wrong), 400, /names no item/, 'after')
    const streamed = { method: 'GET', path: `/v1/responses/${id}?stream=true` }
    assertRefused(await send(server, streamed), 400, /not streamed again/, 'stream')
  })

  test('is taken back: then it is not there, nor is what goes on from it', async () => {
    echo(upstream)
    const first = await made(server, { input: 'one' })
    const second = await made(server, { input: 'two', previous_response_id: first.id })
    const deleted = await ask(server, 'DELETE', first.id)
    assert.deepEqual(JSON.parse(deleted.text), { id: first.id, object: 'response', deleted: true })
    assertRefused(await ask(server, 'GET', first.id), 404, /is not there/)
    assertRefused(await ask(server, 'DELETE', first.id), 404, /is not there/)
    assertRefused(
      await post(server, { input: 'three', previous_response_id: second.id }),
      404,
      new RegExp(`goes on from ${first.id}, and that one is not there`),
      'previous_response_id',
    )
    assert.equal((await stored(server, second.id)).id, second.id)
    assert.equal(entriesOf(server.home, 'response-deleted', requestOf(first)).length, 1)
    assert.match(upstream.received.at(-1)?.roles.join() ?? '', /assistant,user$/)
  })

  test('is not stored where that was not wanted, and a chat is none', async () => {
    echo(upstream)
    const { id, store } = await made(server, { input: 'Forget it.', store: false })
    assert.equal(store, false)
    assertRefused(await ask(server, 'GET', id), 404, /is not there/)
    assertRefused(
      await post(server, { input: 'x', previous_response_id: id }),
      404,
      /is not there/,
      'previous_response_id',
    )
    const { headers } = await chat(server, {
      model: 'one/small',
      messages: [{ role: 'user', content: 'Hi.' }],
    })
    const chatId = String(headers['x-request-id']).replace('req_', 'resp_')
    assertRefused(await ask(server, 'GET', chatId), 404, /is not there/)
  })

  test('is for its own key alone: to another it is as if it had never been', async () => {
    echo(upstream)
    const own = await makeKey(server, 'own')
    const other = await makeKey(server, 'other')
    const { id } = await made(server, { input: 'A secret.' }, own.headers)
    const never = 'resp_01k3abcdefghjkmnpqrstvwxyz'
    const answers = async (asked: string, headers: Made['headers']) => {
      const replies = [
        await ask(server, 'GET', asked, headers),
        await ask(server, 'DELETE', asked, headers),
        await send(server, { method: 'GET', path: `/v1/responses/${asked}/input_items`, headers }),
        await post(server, { input: 'x', previous_response_id: asked }, headers),
        await post(
          server,
          { input: [{ type: 'item_reference', id: asked.replace('resp', 'msg') }] },
          headers,
        ),
      ]
      return replies.map((one) => {
        const { request_id: _id, ...error } = errorOf(one)
        return JSON.stringify([one.status, error]).replaceAll(asked, 'ID')
      })
    }
    assert.deepEqual(await answers(id, other.headers), await answers(never, other.headers))
    // The owner's key is a key like any other here.
    assert.deepEqual(await answers(id, {}), await answers(never, {}))
    for (const one of await answers(id, other.headers)) assert.match(one, /^\[404,/)
    assert.equal((await ask(server, 'GET', id, own.headers)).status, 200)
  })

  test('is named by its items: a reference stands for the item itself', async () => {
    echo(upstream)
    const first = await made(server, { input: 'one' })
    const reference = { type: 'item_reference', id: first.output[0]?.id }
    const input = [{ role: 'user', content: 'one' }, reference, { role: 'user', content: 'two' }]
    await made(server, { input, store: false })
    assert.deepEqual(upstream.received.at(-1)?.body['messages'], [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'You said: one' },
      { role: 'user', content: 'two' },
    ])
    const unknown = [{ type: 'item_reference', id: 'msg_elsewhere' }]
    assertRefused(await post(server, { input: unknown }), 404, /no item of that id/, 'input[0].id')
  })

  test('that failed, or that its caller left, is told as it ended, and nothing goes on from it', async () => {
    upstream.answer((response) => reply(response, 400, { error: { message: 'no' } }))
    const failed = await post(server, { input: 'x' })
    assert.equal(failed.status, 400)
    const id = String(failed.headers['x-request-id']).replace('req_', 'resp_')
    const shown = await stored(server, id)
    assert.deepEqual([shown.status, shown.output], ['failed', []])
    assert.match(shown.error?.message ?? '', /upstream_rejected/)
    echo(upstream)
    const on = await post(server, { input: 'y', previous_response_id: id })
    assertRefused(on, 409, /ended as failed/, 'previous_response_id')
    assert.equal(upstream.received.length, 0)
  })

  test('that is still being answered is not there yet', async () => {
    let end = (): void => {}
    upstream.answer((response) => {
      streamHead(response)
      response.write(event({ content: 'Once' }))
      end = () => response.end(`${event({}, 'stop')}data: [DONE]\n\n`)
    })
    const answering = post(server, { input: 'A story.', stream: true })
    await until('the engine is asked', () => upstream.received.length === 1)
    const id = String(upstream.received[0]?.headers['x-request-id']).replace('req_', 'resp_')
    assertRefused(await ask(server, 'GET', id), 404, /is not there/)
    end()
    assert.equal(responseIn((await answering).text).id, id)
    assert.equal((await stored(server, id)).status, 'completed')
  })
})

test('after all of this the server is the same process and has met no bug', () => {
  assert.ok(server.alive())
  assert.doesNotMatch(server.output(), /a bug:/)
})
