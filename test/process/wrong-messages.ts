import * as fc from 'fast-check'
import { notFlag, notNumber, notRecord, notText, record, wrongTokens } from './wrong.ts'

/** A Messages request that is valid in every field of the schema, and what must not stand in each of them. */
export const MESSAGES_VALID = {
  model: 'claude/small',
  max_tokens: 10,
  system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '5m' } }],
  messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Hello.' },
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'A.' }, title: 'T' },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: 'EqQB' },
        { type: 'redacted_thinking', data: 'Emw=' },
        { type: 'tool_use', id: 'toolu_1', name: 'look', input: {} },
      ],
    },
    {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'Nothing.', is_error: false }],
    },
  ],
  stop_sequences: ['x'],
  stream: false,
  temperature: 1,
  top_p: 1,
  top_k: 5,
  metadata: { user_id: 'u1' },
  thinking: { type: 'enabled', budget_tokens: 1_024 },
  tools: [{ type: 'custom', name: 'look', description: 'Looks.', input_schema: { type: 'object' } }],
  tool_choice: { type: 'auto', disable_parallel_tool_use: false },
  output_config: { effort: 'low' },
  upshift: { mode: 'direct' },
} as const

const nil = fc.constant(null)
const share = fc.oneof(notNumber, nil, fc.constantFrom(-0.01, 1.01))
const notContent = fc.oneof(fc.integer(), fc.boolean(), record, nil)

/** Where in MESSAGES_VALID what kind of value is wrong. */
export const MESSAGES_WRONG: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  model: fc.oneof(notText, nil, fc.constant(''), fc.constant('m'.repeat(257))),
  max_tokens: fc.oneof(wrongTokens, nil),
  system: notContent,
  'system[0].text': fc.oneof(notText, nil),
  'system[0].cache_control': notRecord,
  'system[0].cache_control.ttl': fc.oneof(notText, fc.constant('2h')),
  messages: fc.oneof(notRecord, record, nil, fc.constant([])),
  'messages[0].role': fc.oneof(notText, nil, fc.constantFrom('', 'tool', 'User')),
  'messages[0].content': notContent,
  'messages[0].content[0].type': fc.oneof(notText, nil, fc.constantFrom('video', 'thinking')),
  'messages[0].content[0].text': fc.oneof(notText, nil),
  'messages[0].content[1].source': fc.oneof(notRecord, nil),
  'messages[0].content[1].source.type': fc.oneof(notText, nil, fc.constant('file')),
  'messages[0].content[1].source.data': fc.oneof(notText, nil, fc.constant('')),
  'messages[0].content[2].source.url': fc.oneof(notText, nil, fc.constant('')),
  'messages[0].content[3].source.data': fc.oneof(notText, nil),
  'messages[0].content[3].title': notText,
  'messages[1].content[0].thinking': fc.oneof(notText, nil),
  'messages[1].content[0].signature': fc.oneof(notText, nil),
  'messages[1].content[1].data': fc.oneof(notText, nil),
  'messages[1].content[2].id': fc.oneof(notText, nil, fc.constant('')),
  'messages[1].content[2].name': fc.oneof(notText, nil, fc.constant('')),
  'messages[1].content[2].input': fc.oneof(notRecord, nil),
  'messages[2].content[0].tool_use_id': fc.oneof(notText, nil, fc.constant('')),
  'messages[2].content[0].content': notContent,
  'messages[2].content[0].is_error': fc.oneof(notFlag, nil),
  stop_sequences: fc.oneof(notRecord, record, nil, fc.constant([''])),
  stream: fc.oneof(notFlag, nil),
  temperature: share,
  top_p: share,
  top_k: fc.oneof(notNumber, nil, fc.constantFrom(-1, 1.5)),
  metadata: fc.oneof(notRecord, nil),
  'metadata.user_id': fc.oneof(notText, fc.constant('u'.repeat(513))),
  thinking: fc.oneof(notRecord, nil),
  'thinking.type': fc.oneof(notText, nil, fc.constant('')),
  'thinking.budget_tokens': fc.oneof(notNumber, nil, fc.constantFrom(0, 1.5)),
  tools: fc.oneof(notRecord, record, nil),
  'tools[0].type': fc.oneof(notText, fc.constant('bash_20250124')),
  'tools[0].name': fc.oneof(notText, nil, fc.constantFrom('', 'n'.repeat(129))),
  'tools[0].description': fc.oneof(notText, nil),
  'tools[0].input_schema': fc.oneof(notRecord, nil),
  tool_choice: fc.oneof(notRecord, nil),
  'tool_choice.type': fc.oneof(notText, nil, fc.constant('required')),
  'tool_choice.disable_parallel_tool_use': fc.oneof(notFlag, nil),
  output_config: fc.oneof(notRecord, nil),
  'output_config.effort': notText,
  upshift: fc.oneof(notRecord, nil, fc.constant({ other: 1 })),
}
