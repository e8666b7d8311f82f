import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Work } from '../../contract/ask.ts'
import type { Escalation } from '../../contract/escalation.ts'
import type { Batch } from '../../contract/event.ts'
import { RequestBill } from '../bill.ts'
import { chunk, finish, plan, stop, unjudged } from '../scripted.fixture.ts'
import { createCascade } from './way.ts'

const ESCALATION: Escalation = {
  strong: ['z/large'],
  tier: 'expert',
  maxOutputTokens: 100,
  deadlineMs: 5_000,
  second: ['two/small'],
  gain: 0.2,
  extraMicros: 1_000,
  worthMicros: 10_000,
  segment: 'fast>expert prose',
  order: 'after',
}

const ANSWER: Batch = [
  {
    type: 'answer-start',
    model: 'one/small',
    engine: 'one',
    tier: 'fast',
    replica: 'one',
    offMachine: false,
    attempt: 1,
  },
  chunk('42'),
  stop,
  finish,
]

function work(): Work {
  const caller = { key: 'key_a', name: 'a', owner: false, scope: { engines: 'any' } } as const
  return {
    ask: {
      id: 'req_1',
      origin: { type: 'wire', credential: undefined },
      request: { model: 'auto', messages: [{ role: 'user', content: 'Hi.' }] },
      bytes: 10,
      receivedAt: 0,
      signal: new AbortController().signal,
    },
    caller,
    plan: { ...plan, escalation: ESCALATION },
    purse: { reserve: () => assert.fail('nothing is reserved here') },
    bill: new RequestBill(),
    opened: Promise.resolve(),
    complete: () => assert.fail('nobody is asked for help'),
  }
}

test('a second model whose turn cannot be recorded ends the request and not the server', async () => {
  const unheard: unknown[] = []
  const seen = (reason: unknown): void => void unheard.push(reason)
  process.on('unhandledRejection', seen)
  try {
    const answering = Promise.withResolvers<void>()
    const way = createCascade(
      async function* (_, cause) {
        if (cause === 'evidence') throw new Error('the disk is full')
        await answering.promise
        yield ANSWER
      },
      unjudged,
      Math.random,
    )
    const first = way(work())[Symbol.asyncIterator]().next()
    // What nobody waits for by the end of a turn counts as unhandled, and ends a process.
    await turn()
    await turn()
    answering.resolve()
    await assert.rejects(first, /the disk is full/)
    assert.deepEqual(unheard, [])
  } finally {
    process.off('unhandledRejection', seen)
  }
})
