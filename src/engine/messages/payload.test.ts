import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatRequest } from '../../contract/chat.ts'
import type { NativeRequest } from '../../contract/native.ts'
import { isRefusal } from '../../contract/problem.ts'
import { callOf, targetAt } from '../upstream.fixture.ts'
import { buildPayload, type MessagesPayload } from './payload.ts'

type Asked = Partial<ChatRequest>

function payloadOf(request: Asked, offMachine = true): MessagesPayload {
  const payload = buildPayload(targetAt('http://127.0.0.1:1/v1', { offMachine }), callOf(request))
  assert.ok(!isRefusal(payload), 'a payload')
  return payload
}

function translated(request: Asked): Readonly<Record<string, unknown>> {
  return payloadOf({ stream: false, ...request }).fields
}

function detailsOf({ verdicts }: MessagesPayload): readonly string[] {
  return verdicts.map(({ detail }) => detail?.replace(/ was left out: .*$/, '') ?? '')
}

function native(body: Record<string, unknown>, more: Partial<NativeRequest> = {}): Asked {
  const messages = [{ role: 'user' as const, content: 'Hi' }]
  return { messages, native: { dialect: 'messages', body, messages: 1, betas: [], lost: [], ...more } }
}

test('a chat request is translated: system to the front, results into the user’s turn, turns joined', () => {
  const call = { id: 'call:1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } } as const
  const { messages, system } = translated({
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
      { role: 'user', content: [{ type: 'text', text: 'Look.', cache_control: { type: 'ephemeral' } }] },
      { role: 'assistant', content: '', tool_calls: [call, { ...call, id: 'b' }] },
      { role: 'tool', tool_call_id: 'call:1', content: 'A cat.' },
      {
        role: 'tool',
        tool_call_id: 'b',
        content: [
          { type: 'text', text: 'A' },
          { type: 'text', text: 'dog.' },
        ],
      },
      { role: 'user', content: 'And?' },
      { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
    ],
  })
  assert.deepEqual(system, [
    { type: 'text', text: 'Be brief.' },
    { type: 'text', text: 'Be kind.' },
  ])
  assert.deepEqual(messages, [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Hi' },
        { type: 'text', text: 'Look.', cache_control: { type: 'ephemeral' } },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'tool_use', id: 'call_1', name: 'look', input: { at: 1 } },
        { type: 'tool_use', id: 'b', name: 'look', input: { at: 1 } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'call_1', content: 'A cat.' },
        {
          type: 'tool_result',
          tool_use_id: 'b',
          content: [
            { type: 'text', text: 'A' },
            { type: 'text', text: 'dog.' },
          ],
        },
        { type: 'text', text: 'And?' },
      ],
    },
  ])
})

test('images, files and signed thoughts find their place', () => {
  const thought = { type: 'thinking', thinking: 'Hm.', signature: 'EqQB' }
  const { messages } = translated({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
        ],
      },
      {
        role: 'assistant',
        content: 'So.',
        thinking_blocks: [thought, { type: 'thinking', thinking: 'Mine.', signature: '' }],
      },
    ],
  })
  assert.deepEqual(messages, [
    {
      role: 'user',
      content: [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        {
          type: 'document',
          source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
          title: 'a.pdf',
        },
      ],
    },
    { role: 'assistant', content: [thought, { type: 'text', text: 'So.' }] },
  ])
})

test('tools, choices and sampling are said in Messages', () => {
  const tools = [
    {
      type: 'function',
      function: { name: 'look', description: 'Looks.', parameters: { type: 'object' }, strict: true },
    },
    { type: 'function', function: { name: 'bare' } },
  ] as const
  const said = translated({
    tools: [...tools],
    tool_choice: { type: 'function', function: { name: 'look' } },
    parallel_tool_calls: false,
    temperature: 1.5,
    top_p: 0.5,
    stop: 'END',
    user: 'ada',
    thinking: { type: 'adaptive' },
    top_k: 3,
  })
  const { messages: _, ...rest } = said
  assert.deepEqual(rest, {
    model: 'upstream-model',
    max_tokens: 64,
    tools: [
      { name: 'look', description: 'Looks.', input_schema: { type: 'object' }, strict: true },
      { name: 'bare', input_schema: { type: 'object', properties: {} } },
    ],
    tool_choice: { type: 'tool', name: 'look', disable_parallel_tool_use: true },
    temperature: 1,
    top_p: 0.5,
    stop_sequences: ['END'],
    metadata: { user_id: 'ada' },
    thinking: { type: 'adaptive' },
    top_k: 3,
  })
  const choices = [
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
    ['required', { type: 'any' }],
  ] as const
  for (const [tool_choice, expected] of choices) {
    assert.deepEqual(translated({ tools: [...tools], tool_choice })['tool_choice'], expected)
  }
})

test('a strict schema is handed to the API, any other is told to the model', () => {
  const schema = { type: 'object', properties: {} }
  const format = (strict: boolean): Asked => {
    return { response_format: { type: 'json_schema', json_schema: { name: 'a', schema, strict } } }
  }
  const strict = translated(format(true))
  assert.deepEqual(strict['output_config'], { format: { type: 'json_schema', schema } })
  assert.equal(strict['system'], undefined)
  const loose = translated(format(false))
  assert.equal(loose['output_config'], undefined)
  assert.match(
    String(loose['system']),
    /JSON Schema and nothing else: .*\n\{"type":"object","properties":\{\}\}$/,
  )
  const messages: Asked['messages'] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ]
  const object = translated({ messages, response_format: { type: 'json_object' } })
  assert.match(String(object['system']), /^Be brief\.\n\nAnswer with one JSON object/)
})

test('what Messages has no word for is left out by name, a caller’s own names stay out of the record', () => {
  const asked: Asked = {
    seed: 1,
    logprobs: true,
    presence_penalty: 0,
    frequency_penalty: 0.5,
    reasoning_effort: 'high',
    my_secret_field: 'x',
    temperature: 2,
    messages: [
      { role: 'user', content: 'Hi', name: 'ada' },
      { role: 'system', content: 'Late.' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'look', arguments: '{"cut' } }],
      },
    ],
  }
  const details = detailsOf(payloadOf(asked))
  assert.deepEqual(details, [
    'temperature above 1',
    'seed',
    'logprobs',
    'frequency_penalty',
    'reasoning_effort',
    'a field',
    'the name of a message',
    'the place of a system message in mid-conversation',
    'the form of tool arguments that are no JSON object',
  ])
  assert.doesNotMatch(JSON.stringify(payloadOf(asked)), /my_secret_field/)
})

test('several choices, sounds and files by id are refused with the field', () => {
  const audio = { type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } } as const
  const file = { type: 'file', file: { file_id: 'file-1' } } as const
  const cases: readonly (readonly [string, Asked])[] = [
    ['n', { n: 2 }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [audio] }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [file] }] }],
  ]
  for (const [param, request] of cases) {
    const refused = buildPayload(targetAt('http://127.0.0.1:1/v1'), callOf(request))
    assert.ok(isRefusal(refused))
    assert.deepEqual([refused.problem.code, refused.problem.param], ['invalid_request', param])
  }
})

test('a native body keeps its order and its words; what would undo the plan goes, off this machine', () => {
  const body = {
    speed: 'fast',
    max_tokens: 9_999,
    mcp_servers: [{}],
    model: 'auto',
    service_tier: 'standard_only',
    context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
    inference_geo: 'us',
    fallbacks: ['other'],
    diagnostics: { previous_message_id: 'msg_0' },
    messages: [{ role: 'user', content: 'Hi' }],
    upshift: { mode: 'direct' },
    n_predict: 5,
  }
  const betas = ['context-1m-2025-08-07', 'interleaved-thinking-2025-05-14']
  const away = payloadOf(native(body, { betas }))
  assert.deepEqual(Object.keys(away.fields), [
    'max_tokens',
    'model',
    'service_tier',
    'context_management',
    'diagnostics',
    'messages',
  ])
  assert.deepEqual([away.fields['max_tokens'], away.fields['model']], [64, 'upstream-model'])
  assert.deepEqual(away.betas, ['interleaved-thinking-2025-05-14'])
  assert.deepEqual(detailsOf(away), [
    'speed',
    'mcp_servers',
    'inference_geo',
    'fallbacks',
    'n_predict',
    'the beta context-1m',
  ])
  const here = payloadOf(native(body, { betas }), false)
  assert.deepEqual(detailsOf(here), ['fallbacks', 'n_predict'])
  assert.deepEqual(here.betas, betas)
  const summary = { edits: [{ type: 'compact_20260112' }] }
  assert.deepEqual(
    detailsOf(payloadOf(native({ ...body, context_management: summary }))).includes('context_management'),
    true,
  )
})

test('what was added on the way, a repair, follows the caller’s own messages', () => {
  const own = [
    { role: 'user', content: [{ type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } }] },
  ]
  const request = native({ model: 'auto', messages: own })
  const messages: Asked['messages'] = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: '{"a":' },
    { role: 'user', content: 'That is no JSON.' },
  ]
  assert.deepEqual(payloadOf({ ...request, messages }).fields['messages'], [
    ...own,
    { role: 'assistant', content: '{"a":' },
    { role: 'user', content: 'That is no JSON.' },
  ])
})
