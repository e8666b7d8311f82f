import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { entriesOf, readLog } from './process/log.ts'
import { chat, errorOf, eventsOf, type Reply, textOf } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import {
  event,
  reply,
  respond,
  STREAM_END,
  startUpstream,
  streamHead,
  toolCall,
  type Upstream,
  whole,
} from './process/upstream.ts'

/** What an engine may do wrong, and what its caller then sees, through the whole process. */

const ask = (model: string, more: Record<string, unknown> = {}) => ({
  model,
  messages: [{ role: 'user', content: 'Say something.' }],
  ...more,
})
const FINISH = event({}, 'stop')
const SHORT = { firstTokenMs: 500, betweenTokensMs: 500 }

const held = new AsyncDisposableStack()
let first: Upstream
let second: Upstream
let server: RunningServer

before(async () => {
  first = held.use(await startUpstream())
  second = held.use(await startUpstream())
  const config = configOf({
    one: engineAt([first.url]),
    hasty: engineAt([first.url], { timeouts: SHORT }),
    pair: engineAt([first.url, second.url]),
    tardy: engineAt([first.url], { tier: 'mid' }),
  })
  config['route'] = { tiers: { mid: { deadlineMs: 1_000 } } }
  server = held.use(await startServer({ config }))
})

after(() => held.disposeAsync())

/** What the last event of a stream says went wrong; there is no end mark after it. */
function streamError(streamed: Reply): ReturnType<typeof errorOf> {
  const last = eventsOf(streamed).at(-1)
  return errorOf({ ...streamed, text: JSON.stringify(last) })
}

/** Scripts a stream of these bytes, each write as a read of its own, as far as the network allows. */
function bytes(upstream: Upstream, writes: readonly (string | Buffer)[]): void {
  upstream.answer(async (response) => {
    streamHead(response)
    for (const write of writes) {
      response.write(write)
      await new Promise((resolve) => setImmediate(resolve))
    }
    response.end()
  })
}

const stream = (model: string, more: Record<string, unknown> = {}) =>
  chat(server, ask(model, { stream: true, ...more }))

describe('a stream that is odd but right', () => {
  test('characters split at every byte arrive whole', async () => {
    const said = 'żółć – 漢字 – 👩🏽‍🚀 – é'
    const all = Buffer.from(event({ role: 'assistant', content: said }) + FINISH + STREAM_END)
    bytes(
      first,
      Array.from(all, (_, at) => all.subarray(at, at + 1)),
    )
    const answered = await stream('one/small')
    assert.equal(answered.status, 200)
    assert.equal(textOf(answered), said)
    assert.equal(eventsOf(answered).at(-1), '[DONE]')
  })

  test('lines that end with CR LF, comments, and other fields are understood', async () => {
    const events = `: hello\n\nevent: message\nid: 7\nretry: 10\n${event({ content: 'a' })}: ping\n\n`
    bytes(first, [(events + event({ content: 'b' }) + FINISH + STREAM_END).replaceAll('\n', '\r\n')])
    const answered = await stream('one/small')
    assert.equal(textOf(answered), 'ab')
    assert.equal(eventsOf(answered).at(-1), '[DONE]')
  })

  test('an event of 2 MB arrives whole', async () => {
    const said = 'word '.repeat(400_000)
    bytes(first, [event({ content: said }), FINISH + STREAM_END])
    const answered = await stream('one/small')
    assert.equal(textOf(answered).length, said.length)
    assert.equal(textOf(answered), said)
  })

  test('a stream without an end mark is whole once its choice has finished', async () => {
    bytes(first, [event({ content: 'all' }), FINISH])
    const answered = await stream('one/small')
    assert.equal(textOf(answered), 'all')
    assert.equal(eventsOf(answered).at(-1), '[DONE]')
  })
})

describe('a stream that is wrong', () => {
  const garbage: Readonly<Record<string, readonly (string | Buffer)[]>> = {
    'no JSON': ['data: {"choices": [\n\n'],
    'a web page': ['<html><title>Bad gateway</title></html>'],
    'random bytes': [Buffer.from([0, 255, 254, 1, 128, 10, 10, 195, 40, 10, 10])],
    'nothing at all': [],
    'an end mark without an answer': ['data: [DONE]\n\n'],
    'a JSON value that is no chunk': ['data: 42\n\n', 'data: [1]\n\n'],
  }
  for (const [what, writes] of Object.entries(garbage)) {
    test(`${what} instead of events is a 502 that names the engine`, async () => {
      bytes(first, writes)
      const answered = await stream('one/small')
      assert.equal(answered.status, 502, answered.text)
      assert.match(errorOf(answered).code, /^upstream_(garbled|failed)$/)
      assert.match(errorOf(answered).message, /one/)
      assert.ok(first.received.length > 1, 'it was tried again')
    })
  }

  test('garbage in mid-stream ends the answer with an error event and no end mark', async () => {
    bytes(first, [event({ content: 'so far' }), 'data: {"choi\n\n', event({ content: ' no more' })])
    const answered = await stream('one/small')
    assert.equal(answered.status, 200)
    assert.equal(textOf(answered), 'so far')
    assert.equal(streamError(answered).code, 'upstream_garbled')
    assert.equal(first.received.length, 1)
  })

  test('an error event after the 200, before any content, is a status of its own', async () => {
    bytes(first, [`data: ${JSON.stringify({ error: { message: 'out of memory', code: 500 } })}\n\n`])
    const answered = await stream('one/small')
    assert.equal(answered.status, 502)
    assert.match(errorOf(answered).message, /out of memory/)
  })

  test('an error event after content is the last event that the caller sees', async () => {
    const error = `data: ${JSON.stringify({ error: { message: 'out of memory' } })}\n\n`
    bytes(first, [event({ content: 'so far' }), error])
    const answered = await stream('one/small')
    assert.equal(textOf(answered), 'so far')
    assert.equal(streamError(answered).code, 'upstream_failed')
    assert.match(streamError(answered).message, /out of memory/)
    assert.ok(!eventsOf(answered).includes('[DONE]'))
  })

  test('a reset in mid-stream ends the answer with an error, and the record says failed', async () => {
    first.answer((response) => {
      streamHead(response)
      response.write(event({ content: 'so far' }), () => setTimeout(() => reset(response), 50))
    })
    const answered = await stream('one/small')
    assert.equal(textOf(answered), 'so far')
    const { code, request_id } = streamError(answered)
    assert.match(code, /^upstream_/)
    const [closed] = entriesOf(server.home, 'closed', request_id)
    assert.equal(closed?.outcome, 'failed')
    assert.equal(closed?.code, code)
  })

  test('a stream that just ends in the middle of its answer is not taken for a whole one', async () => {
    bytes(first, [event({ content: 'so far' })])
    const answered = await stream('one/small')
    assert.equal(textOf(answered), 'so far')
    assert.match(streamError(answered).code, /^upstream_/)
  })
})

/** Ends the connection with a TCP reset. */
function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy()
}

describe('silence', () => {
  test('no first token within its bound is a 504 that names the setting', async () => {
    first.answer((response) => streamHead(response))
    const answered = await stream('hasty/small')
    assert.equal(answered.status, 504)
    assert.equal(errorOf(answered).code, 'upstream_timeout')
    assert.match(errorOf(answered).message, /500|0\.5/)
    await until('every silent connection was closed', () => first.abandoned === 4)
  })

  test('not even a response head within the bound is a 504', async () => {
    first.answer(() => {})
    assert.equal((await stream('hasty/small')).status, 504)
  })

  test('a whole answer that does not come within its tier’s deadline is a 504, asked for once', async () => {
    first.answer(() => {})
    const answered = await chat(server, ask('tardy/small'))
    assert.equal(answered.status, 504, answered.text)
    assert.equal(errorOf(answered).code, 'deadline_exceeded')
    assert.equal(answered.headers['x-should-retry'], 'false')
    assert.equal(first.received.length, 1)
    await until('the connection was closed', () => first.abandoned === 1)
  })

  test('silence between two tokens ends the answer with an error event', async () => {
    first.answer((response) => {
      streamHead(response)
      response.write(event({ content: 'so far' }))
    })
    const answered = await stream('hasty/small')
    assert.equal(textOf(answered), 'so far')
    assert.equal(streamError(answered).code, 'upstream_timeout')
  })

  test('comments do not count as tokens: an engine that only keeps the line alive is silent', async () => {
    let beats = 0
    first.answer((response) => {
      streamHead(response)
      const beat = setInterval(() => {
        beats += 1
        response.write(': keep-alive\n\n')
      }, 50)
      response.once('close', () => clearInterval(beat))
    })
    const answered = await stream('hasty/small')
    assert.equal(answered.status, 504)
    assert.ok(beats > 0)
  })
})

describe('another try', () => {
  test('a replica that answers 500 is failed over from, and each turn stands in the record', async () => {
    // Which replica is asked first is chance, so both fail their first request together.
    let failed = 0
    for (const upstream of [first, second]) {
      upstream.answer((response, request) => {
        failed += 1
        if (failed === 1) reply(response, 500, { error: { message: 'CUDA error' } })
        else respond(response, request, ['from the ', 'other'])
      })
    }
    const answered = await chat(server, ask('pair/small'))
    assert.equal(answered.status, 200, answered.text)
    const body = JSON.parse(answered.text)
    assert.equal(body.choices[0].message.content, 'from the other')
    assert.equal(body.upshift.attempts, 2)
    assert.equal(first.received.length, 1)
    assert.equal(second.received.length, 1)
    const attempts = entriesOf(server.home, 'attempt', body.upshift.request_id)
    assert.deepEqual(
      attempts.map(({ turn, cause }) => [turn, cause]),
      [
        [1, 'first'],
        [2, 'failover'],
      ],
    )
    assert.notEqual(attempts[0]?.replica, attempts[1]?.replica)
    const id = body.upshift.request_id
    const turns = [...entriesOf(server.home, 'attempt', id), ...entriesOf(server.home, 'closed', id)]
    const settled = turns.flatMap((entry) => entry.settled ?? [])
    assert.deepEqual(
      settled.map(({ outcome }) => outcome),
      ['upstream_failed', 'ok'],
    )
  })

  test('a connection that is refused is failed over from as well', async () => {
    const gone = await startUpstream()
    const config = configOf({ pair: engineAt([gone.url, second.url]) })
    await using other = await startServer({ config })
    await gone[Symbol.asyncDispose]()
    second.answer((response, request) => respond(response, request, ['still here']))
    for (let times = 0; times < 6; times++) {
      const answered = await chat(other, ask('pair/small'))
      assert.equal(answered.status, 200, answered.text)
    }
    assert.equal(await other.stop(), 0)
  })

  test('Retry-After of a second is waited for, and then it is asked again', async () => {
    const at: number[] = []
    first.answer((response, request, nth) => {
      at.push(performance.now())
      const busy = { error: { message: 'slow down' } }
      if (nth === 0) reply(response, 429, busy, { 'retry-after': '1' })
      else respond(response, request, ['now'])
    })
    const answered = await chat(server, ask('one/small'))
    assert.equal(answered.status, 200, answered.text)
    assert.equal(at.length, 2)
    assert.ok((at[1] ?? 0) - (at[0] ?? 0) >= 950, 'the second try came too soon')
  })

  test('a Retry-After that is too long to wait for is handed on to the caller', async () => {
    await using own = await startUpstream()
    await using other = await startServer({ config: configOf({ one: engineAt([own.url]) }) })
    own.answer((response) => reply(response, 429, { error: { message: 'no' } }, { 'retry-after': '25' }))
    const answered = await chat(other, ask('one/small'))
    assert.equal(answered.status, 429)
    assert.equal(answered.headers['retry-after'], '25')
    assert.equal(errorOf(answered).code, 'upstream_rate_limited')
    assert.equal(own.received.length, 1)
    // Until then nobody else troubles the engine either, and nobody is told that waiting is of no use.
    const next = await chat(other, ask('one/small'))
    assert.notEqual(next.status, 200)
    assert.match(String(next.headers['retry-after']), /^2[0-5]$/)
    assert.equal(next.headers['x-should-retry'], undefined)
    assert.equal(own.received.length, 1)
  })
})

const PERSON = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
  additionalProperties: false,
}
const FORMAT = { type: 'json_schema', json_schema: { name: 'person', schema: PERSON, strict: true } }
const TOOLS = [{ type: 'function', function: { name: 'save', parameters: PERSON } }]
const GOOD = '{"name":"Ada","age":36}'

for (const streams of [false, true]) {
  const form = streams ? 'a streamed' : 'a whole'
  describe(`the one repair of ${form} answer`, () => {
    test('JSON that breaks its schema is repaired, and the caller sees only the good one', async () => {
      first.answer((response, request, nth) => {
        respond(response, request, [nth === 0 ? '{"name":"Ada","age":"old"}' : GOOD])
      })
      const answered = await chat(server, ask('one/small', { response_format: FORMAT, stream: streams }))
      assert.equal(answered.status, 200, answered.text)
      assert.ok(!answered.text.includes('old'))
      const said = streams ? textOf(answered) : JSON.parse(answered.text).choices[0].message.content
      assert.deepEqual(JSON.parse(said), { name: 'Ada', age: 36 })
      assert.equal(first.received.length, 2)
      assert.deepEqual(first.received[1]?.roles.slice(0, 2), ['user', 'assistant'])
      assert.match(JSON.stringify(first.received[1]?.body['messages']), /age/)
      const causes = readLog(server.home).flatMap((entry) => (entry.type === 'attempt' ? [entry.cause] : []))
      assert.deepEqual(causes.slice(-2), ['first', 'repair'])
    })

    test('arguments of a tool call that break its parameters are repaired', async () => {
      first.answer((response, request, nth) => {
        const args = nth === 0 ? '{"name":"Ada"' : GOOD
        respond(response, request, [toolCall('call_1', 'save', args, streams ? 0 : undefined)])
      })
      const answered = await chat(server, ask('one/small', { tools: TOOLS, stream: streams }))
      assert.equal(answered.status, 200, answered.text)
      assert.equal(first.received.length, 2)
      const message = streams
        ? { tool_calls: [streamedCall(answered)] }
        : JSON.parse(answered.text).choices[0].message
      assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { name: 'Ada', age: 36 })
    })

    test('a second failure is a 502 that says what is wrong, after two requests', async () => {
      first.answer((response, request) => respond(response, request, ['Sure! Here it is.']))
      const answered = await chat(server, ask('one/small', { response_format: FORMAT, stream: streams }))
      assert.equal(answered.status, 502)
      assert.equal(errorOf(answered).code, 'schema_unmet')
      assert.equal(answered.headers['x-should-retry'], 'false')
      assert.equal(first.received.length, 2)
    })
  })
}

function streamedCall(answered: Reply): { readonly function: { readonly arguments: string } } {
  let text = ''
  for (const one of eventsOf(answered)) {
    if (typeof one !== 'object' || one === null || !('choices' in one)) continue
    const { choices } = one as {
      choices: { delta: { tool_calls?: { function?: { arguments?: string } }[] } }[]
    }
    text += choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? ''
  }
  return { function: { arguments: text } }
}

test('after all of this the server is the same process and answers', async () => {
  first.answer((response) => whole(response, 'Fine.'))
  const answered = await chat(server, ask('one/small'))
  assert.equal(answered.status, 200)
  assert.ok(server.alive())
  assert.doesNotMatch(server.output(), /a bug:/)
})
