import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ask } from '../contract/ask.ts'
import type { Caller } from '../contract/caller.ts'
import type { ChatRequest } from '../contract/chat.ts'
import type { ModelView } from '../contract/model.ts'
import type { Plan } from '../contract/plan.ts'
import { isRefusal, type Problem } from '../contract/problem.ts'
import { type RouteConfig, section } from './config.ts'
import type { EscalationPorts } from './escalate/plan.ts'
import { DEFAULT_WEIGHTS } from './escalate/posterior.ts'
import { Sessions } from './escalate/sessions.ts'
import { createPlan, meaningWanted, type PlanPorts } from './plan.ts'

const caller: Caller = { key: 'key_test', name: 'test', owner: false, scope: { engines: 'any' } }

function model(id: string, more: Partial<ModelView> = {}): ModelView {
  const [engine = '', name = ''] = id.split('/')
  const base = {
    id,
    engine,
    name,
    tier: 'fast',
    kind: 'chat',
    offMachine: false,
    allowed: true,
    available: true,
  } as const
  return { ...base, contextTokens: 8_000, price: undefined, enforcesSchema: false, ...more }
}

const handbook = model('extractive/handbook', { kind: 'extractive' })
const local = [
  handbook,
  model('ollama/small'),
  model('ollama/middle', { tier: 'mid' }),
  model('ollama/large', { tier: 'expert' }),
]

interface Setting {
  readonly models?: readonly ModelView[]
  readonly config?: Record<string, unknown>
  readonly caller?: Caller
  readonly support?: number
  readonly ask?: Partial<Ask>
  readonly escalation?: EscalationPorts
  readonly outputMode?: PlanPorts['outputMode']
}

function planned(request: Partial<ChatRequest>, setting: Setting = {}): Plan | Problem {
  const config: RouteConfig = section.schema.parse(setting.config ?? {})
  const plan = createPlan({
    config,
    models: () => setting.models ?? local,
    support: () => setting.support ?? 0,
    outputMode: setting.outputMode ?? (() => 'scan'),
    ...(setting.escalation === undefined ? {} : { escalation: setting.escalation }),
  })
  const ask: Ask = {
    id: 'req_1',
    origin: { type: 'wire', credential: undefined },
    request: { model: 'auto', messages: [{ role: 'user', content: 'Hello there' }], ...request },
    bytes: 100,
    receivedAt: 0,
    signal: new AbortController().signal,
    ...setting.ask,
  }
  const made = plan(ask, setting.caller ?? caller)
  return isRefusal(made) ? made.problem : made
}

function plan(request: Partial<ChatRequest>, setting: Setting = {}): Plan {
  const made = planned(request, setting)
  assert.ok('mode' in made, `a plan, not ${JSON.stringify(made)}`)
  return made
}

function problem(request: Partial<ChatRequest>, setting: Setting = {}): Problem {
  const made = planned(request, setting)
  assert.ok('code' in made, `a refusal, not ${JSON.stringify(made)}`)
  return made
}

function user(content: string): Pick<ChatRequest, 'messages'> {
  return { messages: [{ role: 'user', content }] }
}

test('auto sends an easy request to the fast tier and says why', () => {
  const made = plan({})
  assert.deepEqual([made.mode, made.tier, made.candidates], ['direct', 'fast', ['ollama/small']])
  assert.match(made.reasons[0] ?? '', /0 points of difficulty, so the fast tier/)
  assert.ok(made.rejected.some((one) => one.option === 'expert' && /needs 7 points/.test(one.why)))
})

test('auto adds up stated features: more of them reach the mid and the expert tier', () => {
  assert.equal(plan(user('Prove that this equation has no solution')).tier, 'mid')
  const hard = plan({
    ...user('Prove step by step that this equation has no solution'),
    reasoning_effort: 'high',
  })
  assert.equal(hard.tier, 'expert')
  assert.equal(hard.effort, 'deliberate')
})

test('a tier, an exact model and an alias each mean what they say', () => {
  assert.deepEqual(plan({ model: 'expert' }).candidates, ['ollama/large'])
  assert.deepEqual(plan({ model: 'ollama/middle' }).candidates, ['ollama/middle'])
  assert.deepEqual(plan({ model: 'middle' }).candidates, ['ollama/middle'], 'the name that the engine uses')
  const aliased = plan({ model: 'gpt-4o' }, { config: { aliases: { 'gpt-4o': 'mid' } } })
  assert.deepEqual([aliased.requested, aliased.tier], ['gpt-4o', 'mid'])
  assert.match(aliased.reasons.join(), /the alias gpt-4o stands for mid/)
})

test('an alias named like an inherited property is not an alias', () => {
  assert.equal(problem({ model: 'constructor' }).code, 'unknown_model')
})

test('without a limit on output the cap of the tier is imposed, and a given limit is kept', () => {
  const made = plan({ model: 'mid' })
  assert.deepEqual([made.maxOutputTokens, made.capImposed], [4_096, true])
  const given = plan({ model: 'mid', max_tokens: 17 })
  assert.deepEqual([given.maxOutputTokens, given.capImposed], [17, false])
  assert.equal(plan({ max_tokens: 17, max_completion_tokens: 9 }).maxOutputTokens, 9)
})

test('a tier without a model goes to the nearest, or is refused where the policy says so', () => {
  const models = [model('ollama/small'), model('ollama/large', { tier: 'expert' })]
  const made = plan({ model: 'mid' }, { models })
  assert.equal(made.tier, 'fast')
  assert.match(made.reasons.join(), /the nearest, fast, is taken/)
  assert.equal(problem({ model: 'mid' }, { models, config: { whenTierMissing: 'refuse' } }).code, 'no_model')
})

test('within a tier: up before down, on this machine before off it, cheaper before dearer', () => {
  const price = (dollars: number) => ({ inputPerMillion: dollars, outputPerMillion: dollars })
  const models = [
    model('cloud/dear', { offMachine: true, price: price(9) }),
    model('cloud/cheap', { offMachine: true, price: price(1) }),
    model('ollama/down', { available: false }),
    model('ollama/up'),
  ]
  assert.deepEqual(plan({}, { models }).candidates, ['ollama/up', 'cloud/cheap', 'cloud/dear', 'ollama/down'])
})

test('an engine off this machine is never a candidate before it is allowed', () => {
  const off = model('openai/gpt', { offMachine: true, allowed: false })
  assert.deepEqual(plan({}, { models: [off, ...local] }).candidates, ['ollama/small'])
  const refused = problem({ model: 'openai/gpt' }, { models: [off] })
  assert.equal(refused.code, 'engine_not_allowed')
  assert.match(refused.message, /upshift engines allow openai/)
})

test('a scope keeps a key from tiers, models and engines that it does not name', () => {
  const scoped = (scope: Caller['scope']) => ({ caller: { ...caller, scope } })
  assert.equal(problem({ model: 'expert' }, scoped({ engines: 'any', tiers: ['fast'] })).code, 'out_of_scope')
  const hard = user('Prove step by step that this equation has no solution')
  assert.equal(plan(hard, scoped({ engines: 'any', tiers: ['fast'] })).tier, 'fast', 'auto makes do')
  assert.equal(
    problem({ model: 'ollama/large' }, scoped({ engines: 'any', tiers: ['fast'] })).code,
    'out_of_scope',
  )
  const off = [model('cloud/one', { offMachine: true })]
  assert.equal(problem({}, { models: off, ...scoped({ engines: 'local' }) }).code, 'out_of_scope')
})

test('a model that nobody has is refused with the names there are', () => {
  const refused = problem({ model: 'gpt-4o' })
  assert.equal(refused.code, 'unknown_model')
  assert.match(refused.message, /ollama\/small/)
  assert.match(refused.message, /route\.aliases/)
})

test('an alias that leads nowhere is named as that, with what it stands for', () => {
  const config = { aliases: { x: 'nowhere' } }
  const refused = problem({ model: 'x' }, { config })
  assert.equal(refused.code, 'unknown_model')
  assert.match(refused.message, /^The alias "x" leads nowhere: no engine here has a model "nowhere"\./)
  assert.match(refused.message, /Map it to auto, a tier/)
  const none = problem({ model: 'x' }, { config, models: [handbook] })
  assert.match(none.message, /asked for: x, an alias of nowhere/)
})

test('a prompt that cannot fit any context is refused before it is sent', () => {
  const refused = problem(user('word '.repeat(20_000)), { models: [model('ollama/small')] })
  assert.equal(refused.code, 'context_length_exceeded')
})

test('with no model, auto quotes the handbook where it supports an answer, and else names the next step', () => {
  const only = { models: [handbook] }
  const quoted = plan({}, { ...only, support: 0.8 })
  assert.deepEqual([quoted.mode, quoted.candidates], ['retrieve', ['extractive/handbook']])
  assert.ok(quoted.rejected.some((one) => one.option === 'direct'))
  const refused = problem({}, { ...only, support: 0.2 })
  assert.equal(refused.code, 'no_model')
  assert.match(refused.message, /upshift doctor/)
  assert.equal(
    problem({ model: 'fast' }, { ...only, support: 0.9 }).code,
    'no_model',
    'a direct answer was asked for',
  )
  assert.equal(problem({ model: 'gpt-4o' }, { ...only, support: 0.9 }).code, 'no_model')
})

test('with no model, who says auto in so many words gets the handbook whatever it holds, and the true reason', () => {
  const asked = { upshift: { mode: 'auto' } } as const
  for (const models of [[handbook], [handbook, model('cloud/big', { allowed: false })]]) {
    const declined = plan(asked, { models, support: 0.2 })
    assert.equal(declined.mode, 'retrieve')
    assert.match(declined.reasons[0] ?? '', /^no model is connected, so the handbook is asked; .* is 0\.20$/)
    const quoted = plan(asked, { models, support: 0.8 })
    assert.match(quoted.reasons[0] ?? '', /support for the question is 0\.80$/)
  }
})

test('with a model, auto asks the handbook only where the caller says so', () => {
  assert.equal(plan({}, { support: 0.9 }).mode, 'direct')
  const about = { ...user('What is a tier of Upshift?'), upshift: { mode: 'auto' } } as const
  assert.equal(plan(about, { support: 0.9 }).mode, 'retrieve')
  assert.equal(plan(about, { support: 0.4 }).mode, 'direct')
  assert.equal(plan({ upshift: { mode: 'auto' } }, { support: 0.9 }).mode, 'direct', 'Upshift is not named')
  assert.equal(plan({ upshift: { mode: 'retrieve' } }, { support: 0 }).mode, 'retrieve')
})

test('a request with tools or a schema is never answered by quotations on our own choice', () => {
  const tools: ChatRequest['tools'] = [{ type: 'function', function: { name: 'f' } }]
  assert.equal(plan({ tools, upshift: { mode: 'auto' } }, { support: 1 }).mode, 'direct')
})

test('the extractive engine serves no direct answer', () => {
  const refused = problem({ model: 'extractive/handbook' })
  assert.equal(refused.code, 'no_model')
  assert.match(refused.message, /retrieve/)
})

test('a model that embeds is never chosen for chat, and is refused where it is named', () => {
  const embedder = model('ollama/vectors', { kind: 'embedding' })
  const models = [embedder, ...local]
  for (const wanted of ['auto', 'fast', 'mid', 'expert']) {
    const { candidates } = plan({ model: wanted }, { models })
    assert.ok(candidates.length > 0 && !candidates.includes(embedder.id), wanted)
  }
  for (const wanted of ['ollama/vectors', 'vectors']) {
    const refused = problem({ model: wanted }, { models })
    assert.deepEqual([refused.code, refused.param], ['invalid_request', 'model'])
    assert.match(refused.message, /POST \/v1\/embeddings/)
  }
  assert.equal(problem({}, { models: [handbook, embedder] }).code, 'no_model', 'auto has nothing that chats')
  assert.equal(plan({}, { models: [handbook, embedder], support: 0.9 }).mode, 'retrieve')
})

function shifting(
  more: Partial<EscalationPorts>,
  settings: Readonly<Record<string, unknown>> = {},
): EscalationPorts {
  return {
    config: section.schema.parse({ escalation: settings }),
    sessions: new Sessions(),
    expect: () => ({ gain: 0.2, reasons: [] }),
    hasPrior: () => true,
    weights: () => DEFAULT_WEIGHTS,
    like: { drawn: () => undefined, near: () => undefined },
    standing: () => ({ state: 'unknown', reason: '' }),
    thrift: () => 1,
    draw: () => undefined,
    ...more,
  }
}

test('without a prior the points of difficulty decide, and the reason says why', () => {
  const escalation = shifting({ expect: () => undefined })
  const content = 'Prove step by step that this theorem holds, and derive the equation.'
  const hard = { messages: [{ role: 'user' as const, content }] }
  const [blind, plain] = [planned(hard, { escalation }), planned(hard)]
  assert.ok('tier' in blind && 'tier' in plain)
  assert.notEqual(plain.tier, 'fast')
  assert.equal(blind.tier, plain.tier)
  assert.match(blind.reasons[0] ?? '', /there is no prior/)
})

test('an answer that may come from above is checked as that model needs it, whatever the cheap one enforces', () => {
  const enforcing = model('a/small', { enforcesSchema: true })
  const models = (enforces: boolean) => [
    enforcing,
    model('z/large', { tier: 'expert', enforcesSchema: enforces }),
  ]
  const outputMode: PlanPorts['outputMode'] = (_, asked) =>
    asked.every(({ enforcesSchema }) => enforcesSchema) ? 'scan' : 'hold'
  const outputs = [true, false].map((enforces) => {
    const made = plan({}, { models: models(enforces), escalation: shifting({}), outputMode })
    assert.deepEqual([made.candidates, made.escalation?.strong], [['a/small'], ['z/large']])
    return made.output
  })
  assert.deepEqual(outputs, ['scan', 'hold'])
  const shadow = { mode: 'shadow' }
  const config = { escalation: shadow }
  const seen = plan({}, { models: models(false), escalation: shifting({}, shadow), outputMode, config })
  assert.deepEqual([seen.escalation?.order, seen.output], ['shadow', 'scan'], 'nobody above answers here')
})

test('an embedding is waited for only where like requests can help to decide', () => {
  const models = [model('a/small'), model('z/large', { tier: 'expert' })]
  const wanted = (content: string, request: Partial<ChatRequest> = {}, more: Partial<PlanPorts> = {}) => {
    const ports: PlanPorts = {
      config: section.schema.parse({}),
      models: () => models,
      support: () => 0.9,
      outputMode: () => 'scan',
      escalation: shifting({}),
      ...more,
    }
    const ask: Ask = {
      id: 'req_1',
      origin: { type: 'wire', credential: undefined },
      request: { model: 'auto', messages: [{ role: 'user', content }], ...request },
      bytes: 100,
      receivedAt: 0,
      signal: new AbortController().signal,
    }
    return meaningWanted(ports, ask, caller)
  }
  assert.equal(wanted('Name a river.'), 'Name a river.')
  const none = {
    'a model was named': wanted('Name a river.', { model: 'a/small' }),
    'it goes straight up': wanted('Name a river.', { reasoning_effort: 'high' }),
    'the handbook answers': wanted('How do I back Upshift up?', { upshift: { mode: 'auto' } }),
    'a collection was asked': wanted('Name a river.', { upshift: { collection: 'default' } }),
    'there is no prior': wanted('Name a river.', {}, { escalation: shifting({ hasPrior: () => false }) }),
    'there is one tier': wanted('Name a river.', {}, { models: () => models.slice(0, 1) }),
  }
  for (const [why, text] of Object.entries(none)) assert.equal(text, undefined, why)
})
