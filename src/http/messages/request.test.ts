import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatRequest } from '../../contract/chat.ts'
import { type MessagesRequest, messagesRequestSchema } from '../../contract/messages.ts'
import { toChat } from './request.ts'

function chatOf(asked: Readonly<Record<string, unknown>>): ChatRequest {
  const body = { model: 'auto', max_tokens: 5, messages: [{ role: 'user', content: 'Hi.' }], ...asked }
  return toChat(messagesRequestSchema.parse(body), body, [])
}

const user = (...content: readonly unknown[]) => ({ messages: [{ role: 'user', content }] })
const result = (more: object) => ({ type: 'tool_result', tool_use_id: 'a', ...more })
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }
const imagePart = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }

test('results of tools are messages of their own, ahead of the user’s words; their images go with those', () => {
  const { messages } = chatOf(
    user(
      { type: 'text', text: 'See.' },
      result({ content: [{ type: 'text', text: 'A cat.' }, image] }),
      result({ tool_use_id: 'b' }),
      result({ tool_use_id: 'c', content: 'No such file', is_error: true }),
      result({ tool_use_id: 'd', content: 'error: none', is_error: true }),
    ),
  )
  assert.deepEqual(messages, [
    { role: 'tool', tool_call_id: 'a', content: 'A cat.' },
    { role: 'tool', tool_call_id: 'b', content: '' },
    { role: 'tool', tool_call_id: 'c', content: 'Error: No such file' },
    { role: 'tool', tool_call_id: 'd', content: 'error: none' },
    { role: 'user', content: [{ type: 'text', text: 'See.' }, imagePart] },
  ])
})

test('whether the last words of a user came with results of tools is known', () => {
  const brings = (...content: readonly unknown[]) =>
    chatOf({ messages: content.map((one) => ({ role: 'user', content: one })) }).native?.bringsResults
  const text = { type: 'text', text: 'And the host?' }
  assert.equal(brings([result({ content: 'port 8443' }), text]), true)
  assert.equal(brings([result({ content: 'port 8443' })], [text]), undefined)
  assert.equal(brings([result({ content: 'port 8443' })], 'And the host?'), undefined)
})

test('system and assistant turns are said in Chat Completions, thoughts are not', () => {
  const { messages, native } = chatOf({
    system: [
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral', ttl: '1h' } },
    ],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'Hi.' }] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Hm.', signature: 'E' },
          { type: 'text', text: 'So.' },
          { type: 'tool_use', id: 'a', name: 'look', input: { at: 1 }, cache_control: { type: 'ephemeral' } },
        ],
      },
      { role: 'system', content: 'Late.' },
      { role: 'assistant', content: 'Prefilled' },
    ],
  })
  assert.deepEqual(messages, [
    {
      role: 'system',
      content: [
        { type: 'text', text: 'Be brief.' },
        { type: 'text', text: 'Be kind.' },
      ],
    },
    { role: 'user', content: 'Hi.' },
    {
      role: 'assistant',
      content: 'So.',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'look', arguments: '{"at":1}' } }],
    },
    { role: 'system', content: 'Late.' },
    { role: 'assistant', content: 'Prefilled' },
  ])
  assert.deepEqual(
    [native?.messages, native?.cache, native?.lost],
    [5, '1h', ['cache_control', 'thinking blocks']],
  )
})

test('documents are text where they are text, files by value, and by address for an Anthropic engine alone', () => {
  const document = (source: object, title?: string) => ({ type: 'document', source, ...(title && { title }) })
  const { messages, native } = chatOf(
    user(
      document({ type: 'text', media_type: 'text/plain', data: 'A page.' }, 'T'),
      document({ type: 'content', content: [{ type: 'text', text: 'B' }, image] }),
      document({ type: 'base64', media_type: 'application/pdf', data: 'JVBE' }, 'a.pdf'),
    ),
  )
  assert.deepEqual(messages[0]?.content, [
    { type: 'text', text: 'T' },
    { type: 'text', text: 'A page.' },
    { type: 'text', text: 'B' },
    imagePart,
    { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
  ])
  assert.equal(native?.needs, undefined)
  const far = chatOf(
    user({ type: 'text', text: 'See' }, document({ type: 'url', url: 'https://example.com/a.pdf' })),
  )
  assert.equal(far.native?.needs?.param, 'messages[0].content[1]')
})

test('tools, choices, sampling and whom it is about have their fields', () => {
  const tool = { name: 'look', input_schema: { type: 'object' }, strict: true, defer_loading: true }
  const {
    messages: _,
    native,
    ...rest
  } = chatOf({
    tools: [tool, { type: 'custom', name: 'b', description: 'B.', input_schema: {} }],
    tool_choice: { type: 'tool', name: 'look', disable_parallel_tool_use: true },
    stop_sequences: ['END'],
    temperature: 0.5,
    top_p: 0.5,
    top_k: 5,
    metadata: { user_id: 'ada' },
    stream: true,
    output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
  })
  assert.deepEqual(rest, {
    model: 'auto',
    tools: [
      { type: 'function', function: { name: 'look', parameters: { type: 'object' }, strict: true } },
      { type: 'function', function: { name: 'b', description: 'B.', parameters: {} } },
    ],
    tool_choice: { type: 'function', function: { name: 'look' } },
    parallel_tool_calls: false,
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
    },
    max_tokens: 5,
    stream: true,
    stop: ['END'],
    temperature: 0.5,
    top_p: 0.5,
    top_k: 5,
    user: 'ada',
  })
  assert.deepEqual(native?.lost, ['an option of a tool'])
  const choices = [
    ['auto', 'auto'],
    ['any', 'required'],
    ['none', 'none'],
  ]
  for (const [type, expected] of choices)
    assert.equal(chatOf({ tool_choice: { type } }).tool_choice, expected)
})

test('how much thought is asked for is what the planner sees', () => {
  const cases: readonly (readonly [Partial<MessagesRequest>, ChatRequest['reasoning_effort']])[] = [
    [{}, undefined],
    [{ thinking: { type: 'disabled' } }, undefined],
    [{ thinking: { type: 'adaptive' } }, undefined],
    [{ thinking: { type: 'enabled', budget_tokens: 1_024 } }, 'low'],
    [{ thinking: { type: 'enabled', budget_tokens: 4_096 } }, 'medium'],
    [{ thinking: { type: 'enabled', budget_tokens: 32_000 } }, 'high'],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }, 'xhigh'],
    [{ output_config: { effort: 'low' } }, 'low'],
    [{ output_config: { effort: 'constructor' } }, undefined],
  ]
  for (const [asked, expected] of cases) assert.equal(chatOf(asked).reasoning_effort, expected)
})

test('fields that nobody knows are named as such, and the caller’s own body rides along as it came', () => {
  const asked = { my_secret_field: 1, service_tier: 'auto' }
  const { native } = chatOf(asked)
  assert.deepEqual(native?.lost, ['a field that Upshift does not know'])
  assert.equal(native?.body['my_secret_field'], 1)
})
