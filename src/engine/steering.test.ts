import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chatRequestSchema } from '../contract/chat.ts'
import { buildPayload } from './payload.ts'
import { ENGINE_KINDS, type EngineKind } from './quirks.ts'
import { callOf, targetAt } from './upstream.fixture.ts'

interface Sent {
  readonly body: Readonly<Record<string, unknown>>
  readonly details: readonly string[]
}

function sent(request: Record<string, unknown>, offMachine = true, kind: EngineKind = 'generic'): Sent {
  const target = targetAt('http://127.0.0.1:1/v1', { kind, offMachine })
  const { body, verdicts } = buildPayload(target, callOf(request))
  for (const { check, outcome } of verdicts) assert.deepEqual([check, outcome], ['request-field', 'skipped'])
  return { body: JSON.parse(body), details: verdicts.map(({ detail }) => detail ?? '') }
}

const UNDOES_THE_PLAN = {
  models: ['openai/gpt-5'],
  route: 'fallback',
  preset: 'dear',
  fallback: 'openai/gpt-5',
  fallbacks: [{ model: 'openai/gpt-5' }],
  context_window_fallbacks: [{ small: ['large'] }],
  content_policy_fallbacks: [{ small: ['large'] }],
  user_config: { model_list: [] },
  compound_custom: { models: { answering_model: 'large' } },
  safety_model: 'guard',
  lora_path: 'other',
  adapters: 'other',
  draft_model: 'other',
  best_of: 16,
  n_cmpl: 16,
  num_return_sequences: 16,
  n_predict: -1,
  num_predict: 100_000,
  max_output_tokens: 100_000,
  max_new_tokens: 100_000,
  max_length: 100_000,
  generation_config: { max_output_tokens: 100_000 },
}

const RAISES_THE_PRICE = {
  service_tier: 'priority',
  web_search_options: {},
  search_parameters: { mode: 'on' },
  enable_search: true,
  plugins: [{ id: 'web' }],
  provider: { order: ['dear'], sort: 'throughput' },
  prediction: { type: 'content', content: 'x' },
  modalities: ['text', 'audio'],
  audio: { voice: 'alloy', format: 'wav' },
}

test('a field that chooses another model or lifts the limit on the output reaches no engine, and a verdict names it', () => {
  for (const kind of ENGINE_KINDS) {
    for (const offMachine of [true, false]) {
      const { body, details } = sent(UNDOES_THE_PLAN, offMachine, kind)
      for (const field of Object.keys(UNDOES_THE_PLAN)) {
        assert.equal(field in body, false, `${kind}: ${field}`)
        assert.equal(
          details.filter((detail) => detail.startsWith(`${field} was left out: it `)).length,
          1,
          field,
        )
      }
    }
  }
})

test('a field that raises the price stays here where a cap stands over the engine, and goes on to one’s own machine', () => {
  const capped = sent(RAISES_THE_PRICE)
  for (const field of Object.keys(RAISES_THE_PRICE)) {
    assert.equal(field in capped.body, false, field)
    assert.equal(
      capped.details.filter((detail) => detail.startsWith(`${field} was left out: it `)).length,
      1,
      field,
    )
  }
  const own = sent(RAISES_THE_PRICE, false)
  for (const [field, value] of Object.entries(RAISES_THE_PRICE)) assert.deepEqual(own.body[field], value)
  assert.deepEqual(own.details, [])
})

test('a value that asks for nothing dearer passes without a word', () => {
  for (const tier of ['auto', 'default', 'standard', 'on_demand', 'flex']) {
    assert.equal(sent({ service_tier: tier }).body['service_tier'], tier)
  }
  assert.deepEqual(sent({ modalities: ['text'] }).body['modalities'], ['text'])
  const nulls = sent({ service_tier: null, models: null, audio: null, enable_search: false })
  assert.deepEqual([nulls.body['enable_search'], 'models' in nulls.body, nulls.details], [false, false, []])
})

test('who forbids that a prompt is kept is obeyed, while the choice of provider is not', () => {
  const narrow = { data_collection: 'deny', zdr: true, max_price: { prompt: 1 } }
  assert.deepEqual(sent({ provider: narrow }), { body: sent({ provider: narrow }).body, details: [] })
  const { body, details } = sent({ provider: { ...narrow, order: ['dear'] } })
  assert.deepEqual(body['provider'], narrow)
  assert.match(details.join(), /^part of provider was left out: it chooses providers/)
})

test('every other unknown field goes on as it came, whatever is inside', () => {
  const schema = { properties: { model: { type: 'string' }, models: { type: 'array' } } }
  const others = {
    guided_json: schema,
    transforms: ['middle-out'],
    store: true,
    top_k: 40,
    reasoning: { effort: 'high' },
    chat_template_kwargs: { max_length: 3 },
    metadata: { models: 'x' },
  }
  const { body, details } = sent(others)
  for (const [field, value] of Object.entries(others)) assert.deepEqual(body[field], value, field)
  assert.deepEqual(details, [])
})

test('another spelling that engines with loose names would understand is left out, and named by the known one', () => {
  const request = JSON.parse(
    '{"MODELS":["a"],"Models":["b"],"model\u017f":["c"],"bestOf":9,"maxOutputTokens":9,"best-of":9,' +
      '"Model":"dear","maxTokens":9,"maxCompletionTokens":9,"N":16,"Tools":[{"type":"web_search"}],"Messages":[]}',
  )
  const { body, details } = sent(request)
  assert.deepEqual(Object.keys(body).sort(), ['max_tokens', 'messages', 'model', 'stream', 'stream_options'])
  assert.deepEqual(
    details.map((detail) => detail.split(' was ')[0]),
    [
      'models',
      'best_of',
      'max_output_tokens',
      'another spelling of model',
      'another spelling of max_tokens',
      'another spelling of max_completion_tokens',
      'another spelling of n',
      'another spelling of tools',
      'another spelling of messages',
    ],
  )
})

test('a bag of vendors’ fields is looked into, and the rest of it goes on', () => {
  const thinking = { thinking_config: { thinking_budget: 0 } }
  const schema = { properties: { models: { type: 'array' } } }
  const { body, details } = sent({
    extra_body: {
      models: ['dear'],
      maxTokens: 9,
      google: { ...thinking, route: 'fallback' },
      guided_json: schema,
    },
    providerOptions: { gateway: { models: ['dear'], order: ['one'] } },
  })
  assert.deepEqual(body['extra_body'], { google: thinking, guided_json: schema })
  assert.deepEqual(body['providerOptions'], { gateway: { order: ['one'] } })
  assert.deepEqual(
    details.map((detail) => detail.split(' was ')[0]),
    ['models in extra_body', 'max_tokens in extra_body', 'route in extra_body', 'models in provider_options'],
  )
})

test('a tool that a vendor runs and bills is not a request', () => {
  for (const type of [
    'web_search',
    'web_search_preview',
    'code_interpreter',
    'openrouter:web_search',
    'custom',
  ]) {
    const tools = [{ type, function: { name: 'x' } }]
    assert.equal(chatRequestSchema.safeParse({ ...callOf().request, tools }).success, false, type)
  }
})
