import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ask } from '../../contract/ask.ts'
import type { Caller } from '../../contract/caller.ts'
import type { ChatRequest } from '../../contract/chat.ts'
import type { ModelView } from '../../contract/model.ts'
import { Notes } from '../choice.ts'
import { section } from '../config.ts'
import { type EscalationPorts, leavingNoTrace, planShift, type Shift } from './plan.ts'
import { DEFAULT_WEIGHTS } from './posterior.ts'
import { Sessions, sessionOf } from './sessions.ts'

const CALLER: Caller = { key: 'key_a', name: 'a', owner: false, scope: { engines: 'any' } }

function model(id: string, tier: 'fast' | 'expert', usd: number | undefined): ModelView {
  const [engine = '', name = ''] = id.split('/')
  const micros = (usd ?? 0) * 1_000_000
  return {
    id,
    engine,
    name,
    tier,
    kind: 'chat',
    offMachine: false,
    allowed: true,
    available: true,
    contextTokens: undefined,
    price:
      usd === undefined
        ? undefined
        : { inputPerMillion: micros, outputPerMillion: micros, cachedInputPerMillion: micros / 10 },
    enforcesSchema: false,
  }
}

const CHEAP = [
  model('a/qwen-small', 'fast', 0.1),
  model('b/llama-small', 'fast', 0.1),
  model('c/qwen-tiny', 'fast', 0.1),
]
const STRONG = [model('z/large', 'expert', 10)]

interface Given {
  readonly gain?: number
  readonly escalation?: Readonly<Record<string, unknown>>
  readonly more?: Partial<EscalationPorts>
  readonly messages?: ChatRequest['messages']
  readonly request?: Partial<ChatRequest>
  readonly strong?: readonly ModelView[]
  readonly ask?: Partial<Ask>
  readonly evaluator?: ModelView
}

function portsOf(given: Given): EscalationPorts {
  return {
    config: section.schema.parse({ escalation: given.escalation ?? {} }),
    sessions: new Sessions(),
    expect: () => ({ gain: given.gain ?? 0.2, reasons: ['its words +0.20'] }),
    hasPrior: () => true,
    weights: () => DEFAULT_WEIGHTS,
    like: { drawn: () => undefined, near: () => undefined },
    standing: () => ({ state: 'unknown', reason: '' }),
    thrift: () => 1,
    draw: () => undefined,
    ...given.more,
  }
}

function planned(given: Given): Shift & { readonly reasons: readonly string[] } {
  const notes = new Notes()
  const ports = portsOf(given)
  const messages = given.messages ?? [{ role: 'user' as const, content: 'Name a river.' }]
  const ask: Ask = {
    id: 'req_1',
    origin: { type: 'wire', credential: undefined },
    request: { model: 'auto', messages, ...given.request },
    bytes: 100,
    receivedAt: 0,
    signal: new AbortController().signal,
    ...given.ask,
  }
  const choices = { cheap: CHEAP, strong: given.strong ?? STRONG, evaluator: given.evaluator }
  const shift = planShift(ports, ask, CALLER, choices, notes)
  return { models: [], ...shift, reasons: notes.reasons }
}

const first = ({ models }: Shift): string | undefined => models[0]?.id

test('in between, the cheap model answers first, with a second one of another maker beside it', () => {
  const { escalation, reasons, ...shift } = planned({})
  assert.equal(first(shift), 'a/qwen-small')
  assert.deepEqual([escalation?.strong, escalation?.second], [['z/large'], ['b/llama-small']])
  assert.equal(escalation?.segment, 'fast>expert prose')
  assert.match(
    reasons.join(),
    /expected to gain 0\.20 \(its words \+0\.20\), worth \$0\.002000 for \$0\.00\d{4} more/,
  )
})

test('where the gain is far from its price the cheap answer leaves unjudged; far above it the strong one does', () => {
  const low = planned({ gain: 0.01 })
  assert.deepEqual([first(low), low.escalation], ['a/qwen-small', undefined])
  const high = planned({ gain: 0.9, escalation: { worthUsd: 1 } })
  assert.deepEqual([first(high), high.escalation], ['z/large', undefined])
  const none = planned({ gain: -0.2, escalation: { worthUsd: 1, sure: 1_000 } })
  assert.deepEqual([first(none), none.escalation], ['a/qwen-small', undefined])
})

test('a strong model without a price is still asked for no less than the least gain', () => {
  const free = [model('z/large', 'expert', undefined)]
  assert.equal(planned({ strong: free, gain: 0.01 }).escalation, undefined)
  assert.equal(planned({ strong: free, gain: 0.2 }).escalation?.extraMicros, 1_000)
  assert.equal(first(planned({ strong: free, gain: 0.5 })), 'z/large')
})

test('what was shown not to pay is not looked at, and the reason is the figures', () => {
  const standing = () => ({ state: 'does-not-pay', reason: 'loses $0.004 a request' }) as const
  const shift = planned({ more: { standing } })
  assert.deepEqual([first(shift), shift.escalation], ['a/qwen-small', undefined])
  assert.match(shift.reasons.join(), /loses \$0\.004/)
})

test('a key that spends too fast finds less worth its price', () => {
  assert.notEqual(planned({}).escalation, undefined)
  assert.equal(planned({ more: { thrift: () => 0.05 } }).escalation, undefined)
})

test('deliberate reasoning that was asked for goes to the strong model; without a prior nothing is said', () => {
  assert.equal(first(planned({ request: { reasoning_effort: 'high' } })), 'z/large')
  const blind = planned({ more: { expect: () => undefined } })
  assert.deepEqual([first(blind), blind.escalation], [undefined, undefined])
  assert.match(blind.reasons.join(), /there is no prior/)
})

test('a conversation pays for the prompt cache that it would leave', () => {
  const sessions = new Sessions()
  const long = { role: 'user' as const, content: 'word '.repeat(4_000) }
  const turn = (more: ChatRequest['messages']) =>
    planned({
      messages: [long, ...more],
      more: { sessions },
      escalation: { sure: 1_000, worthUsd: 1, leastGain: 0 },
    })
  const fresh = turn([]).escalation
  const again = turn([
    { role: 'assistant', content: 'Yes.' },
    { role: 'user', content: 'And?' },
  ]).escalation
  assert.ok(fresh !== undefined && again !== undefined)
  assert.ok(again.extraMicros > fresh.extraMicros, 'it is with the cheap model: going up loses its cache')
  sessions.moved(again)
  const up = turn([
    { role: 'assistant', content: 'Yes.' },
    { role: 'user', content: 'And now?' },
  ]).escalation
  assert.ok(
    up !== undefined && up.extraMicros < fresh.extraMicros,
    'it is with the strong model: staying is cheaper',
  )
})

test('what a lot has given to one model is answered by it alone, as it comes', () => {
  const terms = { models: 'a > z', priceMicros: 1, cheapMaxMicros: 1, strongMaxMicros: 1 }
  const drawn = (arm: 'cheap' | 'strong' | 'both') =>
    planned({ more: { draw: () => ({ arm, drawn: 0.1, propensity: 0.5, terms }) } })
  assert.deepEqual([first(drawn('cheap')), drawn('cheap').escalation?.order], ['a/qwen-small', 'shadow'])
  assert.deepEqual([first(drawn('strong')), drawn('strong').escalation?.order], ['z/large', 'shadow'])
  assert.deepEqual([first(drawn('both')), drawn('both').escalation?.order], ['a/qwen-small', 'after'])
})

test('a shadow notes no model for a conversation: another one may have answered', () => {
  const after = (mode: string) => {
    const sessions = new Sessions()
    const messages = [{ role: 'user' as const, content: 'Name a river.' }]
    planned({ messages, more: { sessions }, escalation: { mode } })
    return sessions.modelOf(sessionOf({ model: 'auto', messages }, CALLER))
  }
  assert.deepEqual([after('on'), after('shadow')], ['a/qwen-small', undefined])
})

const TASK = { role: 'user' as const, content: 'Find the port.' }
const TOOLS = [{ type: 'function' as const, function: { name: 'read' } }]
const stepAfter = (result: string): ChatRequest['messages'] => [
  TASK,
  {
    role: 'assistant',
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'read', arguments: '{}' } }],
  },
  { role: 'tool', tool_call_id: 'c', content: result },
]

test('a step after one that failed is lifted alone: the conversation stays with its model', () => {
  const sessions = new Sessions()
  const given = { request: { tools: TOOLS }, more: { sessions }, escalation: { worthUsd: 1, sure: 2 } }
  const session = sessionOf({ model: 'auto', messages: [TASK] }, CALLER)
  assert.equal(first(planned({ ...given, messages: [TASK], gain: 0.05 })), 'a/qwen-small')
  const failed = planned({ ...given, messages: stepAfter('Error: no such file'), gain: 0.05 })
  assert.equal(first(failed), 'z/large')
  assert.match(
    failed.reasons.join(),
    /step 2: the expert tier is expected to gain 0\.\d\d \(.*the last step failed: a tool said that it failed\)/,
  )
  assert.equal(sessions.modelOf(session), 'a/qwen-small')
  const fine = planned({ ...given, messages: stepAfter('port 8443'), gain: 0.05 })
  assert.equal(first(fine), 'a/qwen-small')
  assert.match(fine.reasons.join(), /step 2: the expert tier/)
})

test('an evaluator is planned for neither a step of an agent nor an image: their draws wait for feedback', () => {
  const evaluators = (messages: ChatRequest['messages']) => {
    let drawing: string | undefined
    const draw: EscalationPorts['draw'] = ({ evaluator }) => {
      drawing = evaluator?.id
      return undefined
    }
    const { escalation } = planned({ messages, more: { draw }, evaluator: model('j/judge', 'fast', 1) })
    return [drawing, escalation?.evaluator]
  }
  assert.deepEqual(evaluators([TASK]), ['j/judge', ['j/judge']])
  assert.deepEqual(evaluators(stepAfter('port 8443')), [undefined, undefined])
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } } as const
  const seen = { role: 'user', content: [{ type: 'text', text: 'What is this?' }, image] } as const
  assert.deepEqual(evaluators([{ ...seen, content: [...seen.content] }]), [undefined, undefined])
})

test('the prior reads what a step’s tools have said beside the question, and traffic is counted by kind', () => {
  const read: string[] = []
  const expect = (text: string) => {
    read.push(text)
    return { gain: 0.2, reasons: [] }
  }
  const kindOf = (given: Given) => planned({ ...given, more: { expect } }).escalation?.segment
  assert.equal(kindOf({ messages: stepAfter('port 8443'), request: { tools: TOOLS } }), 'fast>expert steps')
  assert.equal(kindOf({ messages: [TASK], request: { tools: TOOLS } }), 'fast>expert tools')
  assert.equal(kindOf({ messages: [TASK] }), 'fast>expert prose')
  assert.deepEqual(read, ['Find the port.\n\nport 8443', 'Find the port.', 'Find the port.'])
})

test('labelled requests of like meaning move what is expected, and say so', () => {
  const near = () => ({ gain: 0.8, weight: 0.9 })
  const asked = { meaning: { model: 'e/vectors', vector: new Int8Array(64) } }
  const like = { drawn: () => undefined, near }
  const settings = { worthUsd: 1, sure: 2 }
  const without = planned({ gain: 0.02, escalation: settings })
  const shift = planned({ gain: 0.02, escalation: settings, more: { like }, ask: asked })
  assert.deepEqual([first(without), first(shift)], ['a/qwen-small', 'z/large'])
  assert.match(shift.reasons.join(), /like requests gained 0\.80 \(0\.90 of the word\)/)
  const missing = planned({ ask: { meaning: { model: 'e/vectors', missing: 'it slept' } } })
  assert.match(missing.reasons.join(), /decided without requests of like meaning: it slept/)
  assert.equal(missing.escalation?.foreseen, undefined)
})

test('of a plan that nobody carries out nothing is drawn or remembered, and it says the same', () => {
  const sessions = new Sessions()
  const touched: string[] = []
  const more: Partial<EscalationPorts> = {
    sessions,
    like: { drawn: () => void touched.push('like'), near: () => undefined },
    draw: () => {
      touched.push('draw')
      return undefined
    },
  }
  const straight = { gain: 0.9, escalation: { sure: 1 } }
  const quiet = leavingNoTrace({ ...portsOf(straight), ...more })
  const [blind, real] = [quiet, more].map((ports) => planned({ ...straight, more: ports }))
  assert.deepEqual(blind?.models, real?.models)
  assert.deepEqual(touched, ['draw'], 'of the real one alone')
  const session = sessionOf({ model: 'auto', messages: [{ role: 'user', content: 'Name a river.' }] }, CALLER)
  const before = new Sessions()
  planned({ ...straight, more: leavingNoTrace({ ...portsOf(straight), sessions: before }) })
  assert.deepEqual([sessions.modelOf(session), before.modelOf(session)], ['z/large', undefined])
})
