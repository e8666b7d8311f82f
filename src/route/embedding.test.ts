import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ask } from '../contract/ask.ts'
import type { Caller } from '../contract/caller.ts'
import type { EmbedRequest } from '../contract/embed.ts'
import type { ModelView } from '../contract/model.ts'
import type { Plan } from '../contract/plan.ts'
import { isRefusal, type Problem } from '../contract/problem.ts'
import { section } from './config.ts'
import { createEmbedPlan } from './embedding.ts'

function model(id: string, more: Partial<ModelView> = {}): ModelView {
  const [engine = '', name = ''] = id.split('/')
  return {
    id,
    engine,
    name,
    tier: 'fast',
    kind: 'embedding',
    offMachine: false,
    allowed: true,
    available: true,
    contextTokens: 1_000,
    price: undefined,
    enforcesSchema: false,
    ...more,
  }
}

const small = model('ollama/small')
const large = model('vllm/large')
const chat = model('ollama/chat', { kind: 'chat' })

interface Setting {
  readonly models?: readonly ModelView[]
  readonly config?: Record<string, unknown>
  readonly scope?: Caller['scope']
}

function planned(request: Partial<EmbedRequest>, setting: Setting = {}): Plan<'embed'> | Problem {
  const { models = [chat, small], config = {}, scope = { engines: 'any' } } = setting
  const plan = createEmbedPlan({ config: section.schema.parse(config), models: () => models })
  const ask: Ask<EmbedRequest> = {
    id: 'req_1',
    origin: { type: 'wire', credential: undefined },
    request: { model: 'auto', input: 'hello', ...request },
    bytes: 100,
    receivedAt: 0,
    signal: new AbortController().signal,
  }
  const made = plan(ask, { key: 'key_test', name: 'test', owner: false, scope })
  return isRefusal(made) ? made.problem : made
}

function candidates(request: Partial<EmbedRequest>, setting: Setting = {}): readonly string[] {
  const made = planned(request, setting)
  assert.ok('mode' in made, JSON.stringify(made))
  return made.candidates
}

function problem(request: Partial<EmbedRequest>, setting: Setting = {}): Problem {
  const made = planned(request, setting)
  assert.ok('code' in made, JSON.stringify(made))
  return made
}

test('an exact model embeds, by its id or its name, alone, without output and within its deadline', () => {
  const made = planned({ model: 'ollama/small' }, { config: { embeddings: { deadlineMs: 9_000 } } })
  assert.ok('mode' in made)
  assert.deepEqual(
    [made.mode, made.candidates, made.maxOutputTokens, made.output, made.deadlineMs],
    ['embed', ['ollama/small'], 0, 'hold', 9_000],
  )
  assert.deepEqual(candidates({ model: 'small' }), ['ollama/small'])
  const aliases = { 'text-embedding-3-small': 'ollama/small' }
  assert.deepEqual(candidates({ model: 'text-embedding-3-small' }, { config: { aliases } }), ['ollama/small'])
})

test('auto is the configured model, else the only one, and never one of several', () => {
  assert.deepEqual(candidates({}), ['ollama/small'])
  const models = [chat, small, large]
  const several = problem({}, { models })
  assert.deepEqual([several.code, several.param], ['invalid_request', 'model'])
  assert.match(several.message, /ollama\/small, vllm\/large, or set route\.embeddings\.model/)
  const config = { embeddings: { model: 'vllm/large' } }
  assert.deepEqual(candidates({}, { models, config }), ['vllm/large'])
  assert.equal(problem({}, { models: [small], config }).code, 'unknown_model')
})

test('a model that is down stays the one that is meant: another one’s vectors would not compare', () => {
  const down = model('ollama/small', { available: false })
  assert.deepEqual(candidates({}, { models: [down] }), ['ollama/small'])
  assert.equal(problem({}, { models: [down, large] }).code, 'invalid_request')
})

test('a name that two engines use is refused with the ids', () => {
  const refused = problem({ model: 'small' }, { models: [small, model('vllm/small')] })
  assert.equal(refused.code, 'invalid_request')
  assert.match(refused.message, /ollama\/small, vllm\/small/)
})

test('a chat model, a tier, an unknown name and no model at all are told apart', () => {
  assert.deepEqual(problem({ model: 'ollama/chat' }).code, 'invalid_request')
  assert.match(problem({ model: 'ollama/chat' }).message, /kind: embedding/)
  for (const tier of ['fast', 'mid', 'expert']) assert.match(problem({ model: tier }).message, /is a tier/)
  assert.equal(problem({ model: 'nope' }).code, 'unknown_model')
  assert.match(problem({ model: 'nope' }).message, /These embed: ollama\/small/)
  for (const wanted of ['auto', 'nope']) {
    assert.equal(problem({ model: wanted }, { models: [chat] }).code, 'no_model')
  }
})

test('an engine that nobody allowed and a key’s scope stand in the way, of auto too', () => {
  const off = model('openai/vectors', { offMachine: true, allowed: false })
  for (const wanted of ['auto', 'openai/vectors']) {
    assert.equal(problem({ model: wanted }, { models: [off] }).code, 'engine_not_allowed')
  }
  assert.deepEqual(candidates({}, { models: [off, small] }), ['ollama/small'], 'what is off is no choice')
  const away = model('openai/vectors', { offMachine: true })
  for (const scope of [
    { engines: 'local' },
    { engines: 'any', models: ['ollama/*'] },
    { engines: 'any', tiers: ['expert'] },
  ] as const) {
    for (const wanted of ['auto', 'openai/vectors']) {
      assert.equal(problem({ model: wanted }, { models: [away], scope }).code, 'out_of_scope')
    }
  }
  assert.deepEqual(candidates({}, { models: [away, small], scope: { engines: 'local' } }), ['ollama/small'])
})

test('an input that cannot fit is refused before it is sent; inputs that fit one by one are not', () => {
  const word = 'word '.repeat(1_000)
  assert.deepEqual(candidates({ input: [word, word] }), ['ollama/small'])
  const refused = problem({ input: ['short', word.repeat(2)] })
  assert.deepEqual([refused.code, refused.param], ['context_length_exceeded', 'input'])
  assert.match(refused.message, /^Input 1 is at least 1666 tokens/)
  assert.equal(problem({ input: new Array(1_001).fill(1) }).code, 'context_length_exceeded')
})
