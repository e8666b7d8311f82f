import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'
import type { AnswerEvent, Batch } from '../contract/event.ts'
import type { Problem } from '../contract/problem.ts'
import { pause, systemClock } from '../lib/clock.ts'
import { createConnections } from './connections.ts'
import { QUEUE_BYTES } from './exchange.ts'
import type { Timeouts } from './target.ts'
import {
  callOf,
  collect,
  delta,
  engineOver,
  FINISH,
  head,
  httpChunk,
  respond,
  type Script,
  STREAM_END,
  STREAM_HEAD,
  sse,
  startUpstream,
  targetAt,
  textOf,
  type Upstream,
  USAGE,
  WHOLE,
} from './upstream.fixture.ts'

const connections = createConnections()
const engine = engineOver(connections)
after(() => connections.close())

async function within<T>(script: Script, use: (upstream: Upstream) => Promise<T>): Promise<T> {
  const upstream = await startUpstream(script)
  try {
    return await use(upstream)
  } finally {
    await upstream.close()
  }
}

function problemOf(events: readonly AnswerEvent[]): Problem {
  const last = events.at(-1)
  assert.equal(last?.type, 'answer-error')
  return last.problem
}

const limits = (more: Partial<Timeouts>): { timeouts: Timeouts } => ({
  timeouts: { connectMs: 2_000, firstTokenMs: 2_000, betweenTokensMs: 2_000, ...more },
})

test('silence ends at the time limit of the first token', async () => {
  await within(
    () => {},
    async ({ url }) => {
      const target = targetAt(url, limits({ firstTokenMs: 60 }))
      const problem = problemOf(await collect(engine.generate(target, callOf())))
      assert.equal(problem.code, 'upstream_timeout')
      assert.match(problem.message, /within 60 ms .*first token/)
    },
  )
})

test('comments and a role alone are not a token', async () => {
  const role = { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] }
  const script: Script = (socket) => {
    socket.write(STREAM_HEAD + httpChunk(sse(role)))
    const timer = setInterval(() => socket.write(httpChunk(': keep-alive\n\n')), 15)
    socket.on('close', () => clearInterval(timer))
  }
  await within(script, async ({ url }) => {
    const target = targetAt(url, limits({ firstTokenMs: 80 }))
    assert.match(problemOf(await collect(engine.generate(target, callOf()))).message, /first token/)
  })
})

test('a stream that stalls ends at the limit between tokens, with what came', async () => {
  await within(
    (socket) => socket.write(STREAM_HEAD + httpChunk(sse(delta('x')))),
    async ({ url }) => {
      const target = targetAt(url, limits({ betweenTokensMs: 60 }))
      const events = await collect(engine.generate(target, callOf()))
      assert.equal(textOf(events), 'x')
      const problem = problemOf(events)
      assert.equal(problem.code, 'upstream_timeout')
      assert.match(problem.message, /within 60 ms .*between tokens/)
    },
  )
})

test('an answer whose choices have all finished is whole although the engine leaves it open', async () => {
  await within(
    (socket) => socket.write(STREAM_HEAD + httpChunk(sse(delta('x'), FINISH, USAGE))),
    async ({ url }) => {
      const target = targetAt(url, limits({ betweenTokensMs: 60 }))
      const last = (await collect(engine.generate(target, callOf()))).at(-1)
      assert.deepEqual(last, {
        type: 'answer-finish',
        usage: { promptTokens: 5, completionTokens: 2 },
        verdicts: [],
      })
    },
  )
})

test('no connection within its limit is a time-out of the connect phase', async () => {
  // With a single connection allowed, and taken, the second call waits for one.
  const narrow = createConnections({ connectionsPerOrigin: 1 })
  const own = engineOver(narrow)
  await within(
    (socket) => socket.write(STREAM_HEAD + httpChunk(sse(delta('x')))),
    async ({ url, received }) => {
      const first = own.generate(targetAt(url), callOf())[Symbol.asyncIterator]()
      await first.next()
      const target = targetAt(url, limits({ connectMs: 50 }))
      const problem = problemOf(await collect(own.generate(target, callOf())))
      assert.equal(problem.code, 'upstream_timeout')
      assert.match(problem.message, /no connection within 50 ms/)
      await first.return?.()
      assert.equal(received.length, 1, 'the call that gave up was never sent')
    },
  )
  await narrow.close()
})

test('the deadline of the request ends it in any phase, also before it is sent', async () => {
  await within(
    () => {},
    async ({ url, received }) => {
      const call = callOf({}, { deadline: systemClock.elapsed() + 50 })
      assert.equal(problemOf(await collect(engine.generate(targetAt(url), call))).code, 'deadline_exceeded')
      assert.equal(received.length, 1)
      const late = callOf({}, { deadline: systemClock.elapsed() - 1 })
      assert.equal(problemOf(await collect(engine.generate(targetAt(url), late))).code, 'deadline_exceeded')
      assert.equal(received.length, 1)
    },
  )
})

test('a whole answer has no first token to wait for: it may take until the deadline', async () => {
  await within(
    (socket) => setTimeout(() => respond(socket, 200, JSON.stringify(WHOLE)), 120),
    async ({ url }) => {
      const target = targetAt(url, limits({ firstTokenMs: 40, betweenTokensMs: 60 }))
      const events = await collect(engine.generate(target, callOf({ stream: false })))
      assert.equal(events.at(-1)?.type, 'answer-finish')
    },
  )
  await within(
    (socket) => socket.write(`${head(200, { 'content-length': 100 })}{"choices":`),
    async ({ url }) => {
      const target = targetAt(url, limits({ betweenTokensMs: 60 }))
      const problem = problemOf(await collect(engine.generate(target, callOf({ stream: false }))))
      assert.match(problem.message, /between tokens/)
    },
  )
})

test('an abort destroys the upstream connection at once and ends as client_closed', async () => {
  await within(
    (socket) => socket.write(STREAM_HEAD + httpChunk(sse(delta('x')))),
    async ({ url, sockets }) => {
      const controller = new AbortController()
      const batches = engine.generate(targetAt(url), callOf({}, { signal: controller.signal }))
      const iterator = batches[Symbol.asyncIterator]()
      await iterator.next()
      const closed = once(sockets[0] ?? assert.fail(), 'close')
      const pending = iterator.next()
      controller.abort()
      const ended = await pending
      assert.equal(ended.done, false)
      assert.equal(problemOf(ended.value as Batch).code, 'client_closed')
      await closed
      assert.equal((await iterator.next()).done, true)
    },
  )
})

test('an abort before the call, while it waits for a connection, or by time-out is answered without a byte sent', async () => {
  await within(
    () => {},
    async ({ url, received }) => {
      const aborted = callOf({}, { signal: AbortSignal.abort() })
      assert.equal(problemOf(await collect(engine.generate(targetAt(url), aborted))).code, 'client_closed')
      const timed = callOf({}, { signal: AbortSignal.abort(new DOMException('late', 'TimeoutError')) })
      assert.equal(problemOf(await collect(engine.generate(targetAt(url), timed))).code, 'deadline_exceeded')
      const controller = new AbortController()
      const pending = collect(engine.generate(targetAt(url), callOf({}, { signal: controller.signal })))
      controller.abort()
      assert.equal(problemOf(await pending).code, 'client_closed')
      await pause(30)
      assert.equal(received.length, 0)
    },
  )
})

test('an error tells whether anything had been sent, by a usage of zero where nothing had', async () => {
  await within(
    (socket) => respond(socket, 500, ''),
    async ({ url }) => {
      const usageOf = async (to: string, call = callOf()): Promise<unknown> => {
        const last = (await collect(engine.generate(targetAt(to), call))).at(-1)
        assert.equal(last?.type, 'answer-error')
        return last.usage
      }
      const nothing = { promptTokens: 0, completionTokens: 0 }
      assert.equal(await usageOf(url), undefined)
      assert.deepEqual(await usageOf(url, callOf({}, { signal: AbortSignal.abort() })), nothing)
      assert.deepEqual(await usageOf(url, callOf({}, { deadline: 0 })), nothing)
      assert.deepEqual(await usageOf('http://127.0.0.1:1/v1'), nothing)
    },
  )
})

test('a consumer that stops iterating releases the connection', async () => {
  await within(
    (socket) => socket.write(STREAM_HEAD + httpChunk(sse(delta('x')))),
    async ({ url, sockets }) => {
      for await (const batch of engine.generate(targetAt(url), callOf())) {
        assert.equal(batch.length, 1)
        break
      }
      const socket = sockets[0] ?? assert.fail()
      if (!socket.destroyed) await once(socket, 'close')
    },
  )
})

test('an abort listener does not outlive its call', async () => {
  await within(
    (socket) => socket.write(STREAM_HEAD + httpChunk(sse(delta('x'), FINISH, '[DONE]')) + STREAM_END),
    async ({ url }) => {
      let listeners = 0
      const { signal } = new AbortController()
      const add = signal.addEventListener.bind(signal)
      const remove = signal.removeEventListener.bind(signal)
      signal.addEventListener = (...args: Parameters<typeof add>) => {
        listeners++
        add(...args)
      }
      signal.removeEventListener = (...args: Parameters<typeof remove>) => {
        listeners--
        remove(...args)
      }
      await collect(engine.generate(targetAt(url), callOf({}, { signal })))
      assert.equal(listeners, 0)
    },
  )
})

test('a slow consumer holds the engine back, memory stays bounded, and nothing is lost', async () => {
  const block = httpChunk(
    sse(...Array.from({ length: 50 }, (_, index) => delta(`word ${index} `.padEnd(100, '.')))),
  )
  const blocks = 1_500 // about 20 MB
  let written = 0
  const script: Script = (socket) => {
    socket.write(STREAM_HEAD)
    const more = (): void => {
      while (written < blocks) {
        written++
        if (!socket.write(block)) return void socket.once('drain', more)
      }
      socket.write(httpChunk(sse(FINISH, '[DONE]')) + STREAM_END)
    }
    more()
  }
  await within(script, async ({ url }) => {
    // Held back by us, the engine's silence must not count as its own.
    const target = targetAt(url, limits({ betweenTokensMs: 100 }))
    let largest = 0
    let chunks = 0
    let finished = false
    for await (const batch of engine.generate(target, callOf())) {
      if (chunks === 0) {
        await pause(250)
        assert.ok(written < blocks, 'the engine must be held back while nobody reads')
      }
      let bytes = 0
      for (const event of batch) {
        if (event.type === 'chunk-delta') {
          chunks++
          bytes += event.wire?.length ?? 0
        } else finished = event.type === 'answer-finish'
      }
      largest = Math.max(largest, bytes)
    }
    assert.ok(finished)
    assert.equal(chunks, blocks * 50 + 1)
    assert.ok(largest <= QUEUE_BYTES + 2 * 64 * 1024, `${largest} bytes in one batch`)
  })
})

test('after [DONE] an engine that goes on sending, or never ends, is cut off without harm', async () => {
  await within(
    (socket) => {
      socket.write(STREAM_HEAD + httpChunk(sse(delta('x'), FINISH, '[DONE]')))
      const timer = setInterval(() => socket.write(httpChunk('x'.repeat(60_000))), 1)
      socket.on('close', () => clearInterval(timer))
    },
    async ({ url, sockets }) => {
      const events = await collect(engine.generate(targetAt(url), callOf()))
      assert.equal(events.at(-1)?.type, 'answer-finish')
      const socket = sockets[0] ?? assert.fail()
      if (!socket.destroyed) await once(socket, 'close')
    },
  )
})

test('after [DONE] an engine that falls silent without an end is cut off too', async () => {
  await within(
    (socket) => {
      socket.write(STREAM_HEAD + httpChunk(sse(delta('x'), FINISH, '[DONE]')))
    },
    async ({ url, sockets }) => {
      const events = await collect(engine.generate(targetAt(url), callOf()))
      assert.equal(events.at(-1)?.type, 'answer-finish')
      const socket = sockets[0] ?? assert.fail()
      if (!socket.destroyed) await once(socket, 'close')
    },
  )
})

test('an answer that is given up while somebody waits for it ends for both', async () => {
  await within(
    (socket) => {
      socket.write(STREAM_HEAD + httpChunk(sse(delta('x'))))
    },
    async ({ url, sockets }) => {
      const events = engine.generate(targetAt(url), callOf())[Symbol.asyncIterator]()
      assert.equal((await events.next()).done, false)
      const waiting = events.next()
      await events.return?.()
      assert.deepEqual(await waiting, { done: true, value: undefined })
      assert.deepEqual(await events.next(), { done: true, value: undefined })
      const socket = sockets[0] ?? assert.fail()
      if (!socket.destroyed) await once(socket, 'close')
    },
  )
})
