import * as fc from 'fast-check'

/** A request that is valid in every field of the schema, and what must not stand in each of them. */
export const VALID = {
  model: 'one/small',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: [{ type: 'text', text: 'Hello.' }], name: 'ada' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{}' } }],
    },
    { role: 'tool', content: 'Nothing.', tool_call_id: 'c1' },
    {
      role: 'user',
      content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } }],
    },
  ],
  stream: false,
  stream_options: { include_usage: true },
  max_tokens: 10,
  max_completion_tokens: 10,
  temperature: 1,
  top_p: 1,
  n: 1,
  stop: ['x'],
  seed: 1,
  logprobs: true,
  top_logprobs: 1,
  logit_bias: { 5: 1 },
  presence_penalty: 0,
  frequency_penalty: 0,
  reasoning_effort: 'low',
  tools: [
    { type: 'function', function: { name: 'look', description: 'Looks.', parameters: {}, strict: false } },
  ],
  tool_choice: { type: 'function', function: { name: 'look' } },
  parallel_tool_calls: true,
  response_format: { type: 'json_schema', json_schema: { name: 'a', schema: {}, strict: true } },
  user: 'u1',
  metadata: { a: 'b' },
  upshift: { mode: 'direct' },
} as const

const text = fc.string({ maxLength: 20 })
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
const list = fc.array(fc.oneof(text, number), { minLength: 1, maxLength: 3 })
export const record = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(text, number), { maxKeys: 3 })
const flag = fc.boolean()
const nil = fc.constant(null)

export const notText = fc.oneof(number, flag, list, record)
export const notNumber = fc.oneof(text, flag, list, record)
export const notFlag = fc.oneof(text, number, list, record)
export const notRecord = fc.oneof(text, number, flag, list)
/** Neither a text nor a list of parts: no record either. */
const notContent = fc.oneof(number, flag, record, list)
const between = (low: number, high: number) => fc.oneof(notNumber, fc.constantFrom(low - 1, high + 1, 1e30))
/** What is no number of tokens. */
export const wrongTokens = fc.oneof(notNumber, fc.constantFrom(0, -1, 1.5, 10_000_001))

/**
 * Where in VALID what kind of value is wrong. The path is what `param` must name, or begin with: an arbitrary
 * wrong value may be wrong within itself.
 */
export const WRONG: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  model: fc.oneof(notText, nil, fc.constant(''), fc.constant('m'.repeat(257))),
  messages: fc.oneof(notRecord, record, nil, fc.constant([])),
  'messages[0].role': fc.oneof(notText, nil, fc.constantFrom('', 'robot', 'System')),
  'messages[0].content': fc.oneof(notContent, nil),
  'messages[1].content': fc.oneof(notContent, nil, fc.constant([])),
  'messages[1].content[0].type': fc.oneof(notText, nil, fc.constant('video')),
  'messages[1].content[0].text': fc.oneof(notText, nil),
  'messages[1].name': fc.oneof(notText, nil),
  'messages[2].content': notContent,
  'messages[2].tool_calls': fc.oneof(notRecord, record, nil),
  'messages[2].tool_calls[0].id': fc.oneof(notText, nil),
  'messages[2].tool_calls[0].type': fc.oneof(notText, nil, fc.constant('code')),
  'messages[2].tool_calls[0].function': fc.oneof(notRecord, nil),
  'messages[2].tool_calls[0].function.name': fc.oneof(notText, nil, fc.constant('')),
  'messages[2].tool_calls[0].function.arguments': fc.oneof(notText, nil),
  'messages[3].tool_call_id': fc.oneof(notText, nil),
  'messages[4].content[0].image_url': fc.oneof(notRecord, nil),
  'messages[4].content[0].image_url.url': fc.oneof(notText, nil),
  'messages[4].content[0].image_url.detail': fc.oneof(notText, nil),
  stream: notFlag,
  stream_options: notRecord,
  'stream_options.include_usage': fc.oneof(notFlag, nil),
  max_tokens: wrongTokens,
  max_completion_tokens: wrongTokens,
  temperature: between(0, 2),
  top_p: between(0, 1),
  n: fc.oneof(notNumber, fc.constantFrom(0, 17, 1.5)),
  stop: fc.oneof(
    number,
    flag,
    record,
    fc.array(number, { minLength: 1 }),
    fc.constant(Array.from({ length: 17 }, () => 'x')),
  ),
  seed: fc.oneof(notNumber, fc.constant(1.5)),
  logprobs: notFlag,
  top_logprobs: fc.oneof(notNumber, fc.constantFrom(-1, 21, 0.5)),
  logit_bias: notRecord,
  presence_penalty: between(-2, 2),
  frequency_penalty: between(-2, 2),
  reasoning_effort: fc.oneof(notText, fc.constantFrom('', 'most')),
  tools: fc.oneof(notRecord, record, nil),
  'tools[0].type': fc.oneof(notText, nil, fc.constant('retrieval')),
  'tools[0].function': fc.oneof(notRecord, nil),
  'tools[0].function.name': fc.oneof(notText, nil, fc.constantFrom('', 'n'.repeat(129))),
  'tools[0].function.description': fc.oneof(notText, nil),
  'tools[0].function.parameters': fc.oneof(notRecord, nil),
  'tools[0].function.strict': notFlag,
  tool_choice: fc.oneof(number, flag, list, record, nil, fc.constant('sometimes')),
  'tool_choice.function.name': fc.oneof(notText, nil, fc.constant('')),
  parallel_tool_calls: fc.oneof(notFlag, nil),
  response_format: fc.oneof(notRecord, nil, record),
  'response_format.type': fc.oneof(notText, nil, fc.constant('xml')),
  'response_format.json_schema': fc.oneof(notRecord, nil),
  'response_format.json_schema.name': fc.oneof(notText, nil, fc.constant('')),
  'response_format.json_schema.schema': fc.oneof(notRecord, nil),
  'response_format.json_schema.strict': notFlag,
  user: fc.oneof(notText, nil, fc.constant('u'.repeat(513))),
  metadata: notRecord,
  upshift: fc.oneof(notRecord, nil, fc.constant({ other: 1 })),
  native: fc.oneof(text, number, flag, list, record, nil),
  'upshift.mode': fc.oneof(notText, nil, fc.constant('magic')),
}

/** VALID, or another request, with another value at a path such as `messages[1].content[0].text`. */
export function withValue(path: string, value: unknown, valid: unknown = VALID): unknown {
  const copy: unknown = structuredClone(valid)
  const keys = path.split(/[.[\]]+/).filter((key) => key !== '')
  let at = copy
  for (const key of keys.slice(0, -1)) at = Reflect.get(Object(at), key)
  Reflect.set(Object(at), keys.at(-1) ?? '', value)
  return copy
}
