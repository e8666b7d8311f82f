import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Work } from '../../contract/ask.ts'
import type { ChatRequest } from '../../contract/chat.ts'
import type { Escalation } from '../../contract/escalation.ts'
import type { AnswerEvent, Batch } from '../../contract/event.ts'
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

const QUESTION = { role: 'user' as const, content: 'Find the port.' }

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

function work(escalation = ESCALATION, messages: ChatRequest['messages'] = [QUESTION]): Work {
  const caller = { key: 'key_a', name: 'a', owner: false, scope: { engines: 'any' } } as const
  return {
    ask: {
      id: 'req_1',
      origin: { type: 'wire', credential: undefined },
      request: { model: 'auto', messages },
      bytes: 10,
      receivedAt: 0,
      signal: new AbortController().signal,
    },
    caller,
    plan: { ...plan, escalation },
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
        yield ANSWER.slice(0, 1)
        return ANSWER.slice(1)
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

test('an evaluator compares answers to a question, and no steps of an agent', async () => {
  const terms = { models: 'a > z', priceMicros: 1, cheapMaxMicros: 1, strongMaxMicros: 1 }
  const drawn = { arm: 'both', drawn: 0.1, propensity: 1, terms } as const
  const escalation = { ...ESCALATION, second: [], evaluator: ['j/judge'], drawn }
  const judge = { ...unjudged, judge: () => ({ action: 'accept', gain: 0, reason: '' }) as const }
  const tool_calls = [{ index: 0, id: 'c', type: 'function', function: { name: 'read', arguments: '{}' } }]
  const call = chunk('', { delta: { tool_calls } })
  const read = [{ id: 'c', type: 'function' as const, function: { name: 'read', arguments: '{}' } }]
  const step: ChatRequest['messages'] = [
    QUESTION,
    { role: 'assistant', tool_calls: read },
    { role: 'tool', tool_call_id: 'c', content: 'port 8443' },
  ]
  const asked = async (strong: AnswerEvent, messages?: ChatRequest['messages']): Promise<boolean> => {
    const causes: unknown[] = []
    const [start] = ANSWER
    assert.ok(start !== undefined)
    const way = createCascade(
      async function* (_, cause) {
        causes.push(cause)
        yield [start]
        return cause === 'escalate' ? [strong, stop, finish] : ANSWER.slice(1)
      },
      { ...judge, equal: () => false },
      Math.random,
    )
    const answer = await way(work(escalation, messages)).next()
    assert.ok(answer.done === true && causes.includes('escalate'))
    return causes.includes('evaluate')
  }
  assert.equal(await asked(chunk('43')), true)
  assert.equal(await asked(call), false, 'an answer that calls a tool')
  assert.equal(await asked(chunk('43'), step), false, 'an answer to what a tool has said')
})
