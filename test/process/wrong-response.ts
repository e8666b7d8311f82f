import * as fc from 'fast-check'

/** A request for a response that is valid in every field, and what must not stand in each of them. */
export const VALID_RESPONSE = {
  model: 'one/small',
  instructions: 'Be brief.',
  input: [
    { role: 'system', content: 'Be kind.' },
    {
      type: 'message',
      role: 'user',
      content: [
        { type: 'input_text', text: 'Hello.' },
        { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'low' },
      ],
    },
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }] },
    { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' },
    { type: 'function_call_output', call_id: 'c1', output: 'Nothing.' },
    { role: 'assistant', content: [{ type: 'output_text', text: 'I saw nothing.', annotations: [] }] },
    { role: 'user', content: 'Look again.' },
  ],
  store: false,
  stream: false,
  stream_options: { include_obfuscation: false },
  max_output_tokens: 10,
  max_tool_calls: 1,
  temperature: 1,
  top_p: 1,
  top_logprobs: 1,
  include: ['message.output_text.logprobs'],
  reasoning: { effort: 'low', summary: 'auto' },
  text: { format: { type: 'json_schema', name: 'a', schema: {}, strict: true }, verbosity: 'low' },
  tools: [{ type: 'function', name: 'look', description: 'Looks.', parameters: {}, strict: false }],
  tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'look' }] },
  parallel_tool_calls: true,
  truncation: 'disabled',
  metadata: { a: 'b' },
  user: 'u1',
  safety_identifier: 'u1',
  service_tier: 'default',
  background: false,
  seed: 1,
  upshift: { mode: 'direct' },
} as const

const text = fc.string({ maxLength: 20 })
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
const list = fc.array(fc.oneof(text, number), { minLength: 1, maxLength: 3 })
const record = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(text, number), { maxKeys: 3 })
const flag = fc.boolean()
const nil = fc.constant(null)

const notText = fc.oneof(number, flag, list, record)
const notNumber = fc.oneof(text, flag, list, record)
const notFlag = fc.oneof(text, number, list, record)
const notRecord = fc.oneof(text, number, flag, list)
const notList = fc.oneof(text, number, flag, record)
const notContent = fc.oneof(number, flag, record, list, nil, fc.constant([]))
const tokens = fc.oneof(notNumber, fc.constantFrom(0, -1, 1.5, 10_000_001))
const between = (low: number, high: number) => fc.oneof(notNumber, fc.constantFrom(low - 1, high + 1, 1e30))
const called = (name: string) => fc.constant({ type: name })

/**
 * Where in VALID_RESPONSE what kind of value is wrong. The path is what `param` must name, or begin with: an arbitrary
 * wrong value may be wrong within itself.
 */
export const WRONG_RESPONSE: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  model: fc.oneof(notText, nil, fc.constant(''), fc.constant('m'.repeat(257))),
  instructions: notText,
  input: fc.oneof(number, flag, record, list, nil, fc.constant([])),
  'input[0].role': fc.oneof(notText, nil, fc.constantFrom('', 'robot', 'tool')),
  'input[0].content': notContent,
  'input[1].type': fc.oneof(
    notText,
    nil,
    fc.constantFrom('', 'web_search_call', 'custom_tool_call', 'other'),
  ),
  'input[1].content': notContent,
  'input[1].content[0].type': fc.oneof(notText, nil, fc.constantFrom('text', 'output_text', 'video')),
  'input[1].content[0].text': fc.oneof(notText, nil),
  'input[1].content[1].image_url': fc.oneof(notText, nil),
  'input[1].content[1].detail': fc.oneof(notText, fc.constant('huge')),
  'input[2].summary': fc.oneof(notList, nil),
  'input[3].call_id': fc.oneof(notText, nil, fc.constant('')),
  'input[3].name': fc.oneof(notText, nil, fc.constantFrom('', 'n'.repeat(129))),
  'input[3].arguments': fc.oneof(notText, nil),
  'input[4].call_id': fc.oneof(notText, nil, fc.constantFrom('', 'c2')),
  'input[4].output': notContent,
  'input[5].content[0].type': fc.oneof(notText, nil, fc.constantFrom('input_image', 'summary_text')),
  store: notFlag,
  stream: notFlag,
  stream_options: notRecord,
  'stream_options.include_obfuscation': notFlag,
  max_output_tokens: tokens,
  max_tool_calls: fc.oneof(notNumber, fc.constantFrom(0, -1, 1.5)),
  temperature: between(0, 2),
  top_p: between(0, 1),
  top_logprobs: fc.oneof(notNumber, fc.constantFrom(-1, 21, 0.5)),
  include: fc.oneof(notList, fc.constant(['everything'])),
  reasoning: notRecord,
  'reasoning.effort': fc.oneof(notText, fc.constantFrom('', 'most')),
  'reasoning.summary': fc.oneof(notText, fc.constantFrom('', 'long')),
  text: notRecord,
  'text.format': notRecord,
  'text.format.type': fc.oneof(notText, nil, fc.constant('xml')),
  'text.format.name': fc.oneof(notText, nil, fc.constantFrom('', 'with space', 'n'.repeat(65))),
  'text.format.schema': fc.oneof(notRecord, nil),
  'text.format.strict': notFlag,
  'text.verbosity': fc.oneof(notText, fc.constantFrom('', 'endless')),
  tools: notList,
  'tools[0]': fc.oneof(notRecord, nil, called('web_search'), called('custom'), called('mcp')),
  'tools[0].name': fc.oneof(notText, nil, fc.constantFrom('', 'n'.repeat(129))),
  'tools[0].description': notText,
  'tools[0].parameters': notRecord,
  'tools[0].strict': notFlag,
  tool_choice: fc.oneof(
    number,
    flag,
    list,
    fc.constantFrom('sometimes', { type: 'file_search' }, { type: 'function', name: 'x' }),
  ),
  'tool_choice.mode': fc.oneof(notText, nil, fc.constant('none')),
  'tool_choice.tools': fc.oneof(notList, nil, fc.constant([])),
  parallel_tool_calls: notFlag,
  truncation: fc.oneof(notText, fc.constant('some')),
  metadata: fc.oneof(notRecord, fc.constantFrom({ a: 1 }, { a: 'v'.repeat(513) }, { ['k'.repeat(65)]: 'v' })),
  user: fc.oneof(notText, fc.constant('u'.repeat(513))),
  safety_identifier: fc.oneof(notText, fc.constant('u'.repeat(513))),
  service_tier: notText,
  background: fc.oneof(text, number, list, record, fc.constant(true)),
  previous_response_id: fc.oneof(notText, fc.constant('r'.repeat(257))),
  conversation: fc.oneof(text, number, flag, list, record),
  prompt: fc.oneof(text, number, flag, list, record),
  messages: fc.oneof(text, number, flag, list, record, nil),
  max_tokens: fc.oneof(text, number, flag, list, record, nil),
  n: fc.oneof(text, number, flag, list, record, nil),
  seed: fc.oneof(notNumber, fc.constant(1.5)),
  upshift: fc.oneof(notRecord, nil, fc.constant({ other: 1 })),
  'upshift.mode': fc.oneof(notText, nil, fc.constant('magic')),
}
