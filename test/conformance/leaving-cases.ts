import assert from 'node:assert/strict'
import { type Answer, type Asked, ask, finishOf, problemOf, user } from './answer.ts'
import type { Case } from './case.ts'
import { CONTEXT_TOKENS, PARALLEL, type Subject } from './subject.ts'

/** Callers that leave, and time that is over: whatever was asked for ends, and its place is free. */
export const LEAVING_CASES: readonly Case[] = [
  {
    name: 'who has left before it began hears that, and nothing else',
    needs: ['answer'],
    async run(subject) {
      const answer = await ask(subject, { signal: AbortSignal.abort(), request: { stream: true } })
      assert.equal(problemOf(answer).code, 'client_closed')
      assert.equal(answer.events.length, 1)
    },
  },
  {
    name: 'who leaves in mid-answer hears no more, and every place is free again',
    needs: ['model'],
    async run(subject) {
      for (let round = 0; round < PARALLEL + 2; round++) {
        const leaving = new AbortController()
        const answer = await ask(subject, {
          ...LONG,
          signal: leaving.signal,
          seen: (event) => {
            if (event.type === 'chunk-delta') leaving.abort()
          },
        })
        assert.equal(problemOf(answer).code, 'client_closed')
        assert.ok(answer.events.some((event) => event.type === 'chunk-delta'))
      }
      finishOf(await ask(subject))
    },
  },
  {
    name: 'who leaves while a long prompt is read does not keep the model from the next one',
    needs: ['model'],
    async run(subject) {
      const messages = [user('y'.repeat(CONTEXT_TOKENS - 200))]
      for (let round = 0; round < PARALLEL; round++) {
        const leaving = new AbortController()
        const asked = ask(subject, {
          ...LONG,
          model: 'slow',
          signal: leaving.signal,
          request: { messages, temperature: 0 },
        })
        await subject.holding(1)
        leaving.abort()
        const answer = await asked
        assert.equal(problemOf(answer).code, 'client_closed')
        assert.equal(answer.events.length, 1)
      }
      finishOf(await ask(subject, { model: 'slow', maxOutputTokens: 2 }))
    },
  },
  {
    name: 'who leaves the line makes nobody wait, and the others are answered',
    needs: ['line'],
    async run(subject) {
      const filled = await fill(subject)
      const leaving = new AbortController()
      const waiting = ask(subject, { model: 'slow', signal: leaving.signal })
      const staying = ask(subject, { model: 'slow', maxOutputTokens: 2 })
      await subject.holding(PARALLEL + 2)
      leaving.abort()
      assert.equal(problemOf(await waiting).code, 'client_closed')
      await filled.leave()
      finishOf(await staying)
    },
  },
  {
    name: 'a deadline ends an answer in the middle, and the next request is answered',
    needs: ['model'],
    async run(subject) {
      // Loaded by now, so that the time goes by in the answer.
      finishOf(await ask(subject, { model: 'slow', maxOutputTokens: 1 }))
      const late = await ask(subject, { ...LONG, model: 'slow', deadlineMs: 400 })
      assert.equal(problemOf(late).code, 'deadline_exceeded')
      assert.ok(late.chunks.length > 0)
      finishOf(await ask(subject, { model: 'slow', maxOutputTokens: 2 }))
    },
  },
  {
    name: 'a deadline that comes while a request waits for its turn says when to come back',
    needs: ['line'],
    async run(subject) {
      const filled = await fill(subject)
      const problem = problemOf(await ask(subject, { model: 'slow', deadlineMs: 300 }))
      assert.equal(problem.code, subject.codes.lateInLine)
      if (problem.code === 'queue_timeout') assert.ok((problem.retryAfterMs ?? 0) > 0)
      await filled.leave()
      finishOf(await ask(subject, { model: 'slow', maxOutputTokens: 2 }))
    },
  },
]

/** As long as the context holds: it ends when its caller leaves. */
const LONG: Asked = { maxOutputTokens: CONTEXT_TOKENS, request: { stream: true, temperature: 0 } }

interface Filled {
  leave(): Promise<void>
}

/** Takes every place of the model until its callers leave. */
async function fill(subject: Subject): Promise<Filled> {
  const leaving = new AbortController()
  const started: Promise<void>[] = []
  const running: Promise<Answer>[] = []
  for (let place = 0; place < PARALLEL; place++) {
    const begun = Promise.withResolvers<void>()
    started.push(begun.promise)
    const { signal } = leaving
    const request = { ...LONG.request, messages: [user(`place ${place}`)] }
    running.push(ask(subject, { ...LONG, model: 'slow', request, signal, seen: () => begun.resolve() }))
  }
  await Promise.all(started)
  return {
    leave: async () => {
      leaving.abort()
      for (const answer of await Promise.all(running)) problemOf(answer)
    },
  }
}
