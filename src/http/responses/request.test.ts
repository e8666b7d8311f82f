import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ChatRequest } from '../../contract/chat.ts'
import { isRefusal } from '../../contract/problem.ts'
import { invalidRequest } from '../invalid.ts'
import { ownHistory } from './history.ts'
import { type Translated, translate } from './request.ts'
import { unserved } from './unserved.ts'
import { responsesRequestSchema } from './wire.ts'

type Body = Readonly<Record<string, unknown>>

/** What a body becomes; a refusal as its message. */
function read(more: Body): Translated | string {
  const parsed = responsesRequestSchema.safeParse({ model: 'auto', input: 'Hi.', ...more })
  if (!parsed.success) return invalidRequest(parsed.error).problem.message
  const refusal = unserved(parsed.data)
  if (refusal !== undefined) return refusal.problem.message
  const history = ownHistory(parsed.data)
  assert.ok(history, 'nothing has to be looked up')
  const translated = translate(parsed.data, history)
  return isRefusal(translated) ? `${translated.problem.param}: ${translated.problem.message}` : translated
}

function chat(more: Body): ChatRequest {
  const translated = read(more)
  if (typeof translated === 'string') assert.fail(translated)
  return translated.request
}

function refused(more: Body): string {
  const translated = read(more)
  if (typeof translated !== 'string') assert.fail(JSON.stringify(translated))
  return translated
}

const call = (id: string) => ({ type: 'function_call', call_id: id, name: 'look', arguments: '{}' })
const output = (id: string, text: unknown = 'Seen.') => ({
  type: 'function_call_output',
  call_id: id,
  output: text,
})
const said = (text: string) => ({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'output_text', text, annotations: [] }],
})
const calls = (...ids: string[]) =>
  ids.map((id) => ({ id, type: 'function', function: { name: 'look', arguments: '{}' } }))

describe('items become messages', () => {
  test('a text is the user’s, and instructions stand before everything', () => {
    assert.deepEqual(chat({ instructions: 'Be brief.' }).messages, [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi.' },
    ])
  })

  test('roles, texts, images, files and audio keep what they say', () => {
    const url = 'data:image/png;base64,AA=='
    const audio = { data: 'AA==', format: 'wav' }
    const input = [
      { role: 'system', content: [{ type: 'input_text', text: 'S' }] },
      { role: 'developer', content: 'D' },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'What?' },
          { type: 'input_image', image_url: url, detail: 'low' },
          { type: 'input_image', image_url: url },
          { type: 'input_file', file_data: 'AA==', filename: 'a.pdf' },
          { type: 'input_audio', input_audio: audio },
        ],
      },
      { role: 'assistant', content: 'A' },
    ]
    assert.deepEqual(chat({ input }).messages, [
      { role: 'system', content: 'S' },
      { role: 'developer', content: 'D' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What?' },
          { type: 'image_url', image_url: { url, detail: 'low' } },
          { type: 'image_url', image_url: { url } },
          { type: 'file', file: { file_data: 'AA==', filename: 'a.pdf' } },
          { type: 'input_audio', input_audio: audio },
        ],
      },
      { role: 'assistant', content: 'A' },
    ])
  })

  test('what a model said, thought and called in one turn is one message, with its outputs after it', () => {
    const thought = { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }] }
    const input = [
      { role: 'user', content: 'Look.' },
      thought,
      said('I look.'),
      call('a'),
      call('b'),
      output('b', [{ type: 'input_text', text: 'B' }]),
      output('a'),
      thought,
      call('a'),
      output('a'),
      said('One.'),
      said('Two.'),
    ]
    const extensions = { reasoning_items: [thought] }
    assert.deepEqual(chat({ input }).messages, [
      { role: 'user', content: 'Look.' },
      { role: 'assistant', content: 'I look.', tool_calls: calls('a', 'b'), extensions },
      { role: 'tool', tool_call_id: 'b', content: 'B' },
      { role: 'tool', tool_call_id: 'a', content: 'Seen.' },
      { role: 'assistant', content: null, tool_calls: calls('a'), extensions },
      { role: 'tool', tool_call_id: 'a', content: 'Seen.' },
      { role: 'assistant', content: 'One.' },
      { role: 'assistant', content: 'Two.' },
    ])
  })

  test('a message between a call and its output stays with the call', () => {
    const input = [call('a'), said('Wait.'), output('a')]
    assert.deepEqual(chat({ input }).messages, [
      { role: 'assistant', content: 'Wait.', tool_calls: calls('a') },
      { role: 'tool', tool_call_id: 'a', content: 'Seen.' },
    ])
  })

  test('a refusal of the model stays one', () => {
    const content = [{ type: 'refusal', refusal: 'No.' }]
    assert.deepEqual(chat({ input: [{ role: 'assistant', content }] }).messages, [
      { role: 'assistant', content: null, refusal: 'No.' },
    ])
  })

  test('reasoning that no message follows is left out, and a verdict says so', () => {
    const translated = read({
      input: [
        { role: 'user', content: 'Hi.' },
        { type: 'reasoning', summary: [] },
      ],
    })
    assert.ok(typeof translated === 'object')
    assert.equal(translated.request.messages.length, 1)
    assert.match(translated.verdicts[0]?.detail ?? '', /reasoning item was left out/)
  })

  const misplaced: Readonly<Record<string, readonly [unknown, RegExp]>> = {
    'an output without its call': [[output('x')], /input\[0\]\.call_id: There is no function call "x"/],
    'a call without its output': [[call('x')], /input: The function call "x" has no output/],
    'an output for another call': [[call('x'), output('y')], /no function call "y"/],
    'a second output of a call': [[call('x'), output('x'), output('x')], /no function call "x"/],
    'an image in an output': [
      [call('x'), output('x', [{ type: 'input_image', image_url: 'data:' }])],
      /input\[1\]\.output\[0\]: .*input_image/,
    ],
    'an image in a system message': [
      [{ role: 'system', content: [{ type: 'input_image', image_url: 'data:' }] }],
      /input\[0\]\.content\[0\]/,
    ],
    'an image in an assistant’s message': [
      [{ role: 'assistant', content: [{ type: 'input_image', image_url: 'data:' }] }],
      /assistant’s message/,
    ],
    'an image by a file’s id': [
      [{ role: 'user', content: [{ type: 'input_image', file_id: 'file_1' }] }],
      /input\[0\]\.content\[0\]\.image_url: .*no files are kept/,
    ],
    'a file by its address': [
      [{ role: 'user', content: [{ type: 'input_file', file_url: 'https://x.test' }] }],
      /file_data: .*nothing is fetched/,
    ],
    'nothing at all': [[], /nothing to answer/],
    'an item of a hosted tool': [[{ type: 'web_search_call', id: 'ws_1' }], /"web_search_call" is of a tool/],
    'an item of a custom tool': [[{ type: 'custom_tool_call', input: 'x' }], /custom tools are not served/],
    'an item of no known type': [[{ type: 'telepathy' }], /input\[0\]\.type is not valid: it takes message/],
  }
  for (const [what, [input, message]] of Object.entries(misplaced)) {
    test(`${what} is refused, by its place`, () => {
      assert.match(refused({ input }), message)
    })
  }
})

describe('fields', () => {
  const look = {
    type: 'function',
    name: 'look',
    description: 'Looks.',
    parameters: { type: 'object' },
    strict: true,
  }
  const nested = ({ type, ...rest }: typeof look) => ({ type, function: rest })

  test('each gets its name and place in Chat Completions', () => {
    const format = {
      type: 'json_schema',
      name: 'p',
      schema: { type: 'object' },
      strict: true,
      description: 'P',
    }
    const { messages: _messages, ...rest } = chat({
      tools: [look],
      tool_choice: { type: 'function', name: 'look' },
      parallel_tool_calls: false,
      max_output_tokens: 9,
      temperature: 0.5,
      top_p: 0.25,
      top_logprobs: 2,
      reasoning: { effort: 'low', summary: 'auto' },
      text: { format, verbosity: 'low' },
      service_tier: 'flex',
      safety_identifier: 'ada',
      metadata: { a: 'b' },
      stream: true,
      stream_options: { include_obfuscation: false },
      store: true,
      truncation: 'disabled',
      background: false,
      conversation: null,
      max_tool_calls: 3,
      seed: 4,
      stop: ['END'],
      min_p: 0.1,
      prompt_cache_key: 'k',
      upshift: { mode: 'direct' },
    })
    const { type: _type, ...json_schema } = format
    assert.deepEqual(rest, {
      model: 'auto',
      tools: [nested(look)],
      tool_choice: { type: 'function', function: { name: 'look' } },
      parallel_tool_calls: false,
      max_completion_tokens: 9,
      temperature: 0.5,
      top_p: 0.25,
      logprobs: true,
      top_logprobs: 2,
      reasoning_effort: 'low',
      verbosity: 'low',
      response_format: { type: 'json_schema', json_schema },
      service_tier: 'flex',
      user: 'ada',
      stream: true,
      seed: 4,
      stop: ['END'],
      min_p: 0.1,
      prompt_cache_key: 'k',
      upshift: { mode: 'direct' },
    })
  })

  test('what is null or the default asks for nothing', () => {
    const nothing = Object.fromEntries(
      ['instructions', 'store', 'temperature', 'top_p', 'tools', 'tool_choice', 'text', 'reasoning', 'user']
        .concat(['metadata', 'include', 'max_output_tokens', 'service_tier', 'parallel_tool_calls', 'stream'])
        .map((field) => [field, null]),
    )
    assert.deepEqual(chat(nothing), { model: 'auto', messages: [{ role: 'user', content: 'Hi.' }] })
    assert.deepEqual(Object.keys(chat({ tool_choice: 'auto', parallel_tool_calls: true })), [
      'model',
      'messages',
    ])
    assert.equal(chat({ text: { format: { type: 'text' } } }).response_format, undefined)
    assert.deepEqual(chat({ text: { format: { type: 'json_object' } } }).response_format, {
      type: 'json_object',
    })
    assert.equal(chat({ include: ['message.output_text.logprobs'] }).logprobs, true)
  })

  test('of allowed_tools only those are offered that are allowed', () => {
    const other = { ...look, name: 'other' }
    const choice = { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'other' }] }
    const { tools, tool_choice } = chat({ tools: [look, other], tool_choice: choice })
    assert.deepEqual([tools, tool_choice], [[nested(other)], 'required'])
  })

  const wrong: Readonly<Record<string, readonly [Body, RegExp]>> = {
    'a hosted tool': [
      { tools: [{ type: 'web_search' }] },
      /tools\[0\]\.type is not valid: Upshift runs no hosted tools, and "web_search" is one/,
    ],
    'a custom tool': [{ tools: [{ type: 'custom', name: 'x' }] }, /custom tools are not served/],
    'the choice of a hosted tool': [
      { tool_choice: { type: 'file_search' } },
      /no hosted tools, and "file_search"/,
    ],
    'a hosted tool among the allowed': [
      { tools: [look], tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'mcp' }] } },
      /no hosted tools, and "mcp"/,
    ],
    'the choice of a tool that is not offered': [
      { tools: [look], tool_choice: { type: 'function', name: 'other' } },
      /tool_choice: tool_choice asks for a tool/,
    ],
    'a demand for a tool where none is offered': [{ tool_choice: 'required' }, /asks for a tool/],
    'work in the background': [{ background: true }, /background is not served/],
    'a conversation': [{ conversation: 'conv_1' }, /previous_response_id/],
    'a prompt template': [{ prompt: { id: 'pmpt_1' } }, /no prompt templates/],
    compaction: [{ context_management: [{ type: 'compaction' }] }, /nothing compacts/],
    moderation: [{ moderation: { model: 'm' } }, /no moderation model/],
    'a field of Chat Completions': [{ messages: [] }, /Write input instead/],
    'another field of Chat Completions': [{ max_tokens: 5 }, /Write max_output_tokens instead/],
    'more choices than one': [{ n: 2 }, /n is a field of Chat Completions/],
    'more metadata than fits': [
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`k${at}`, 'v'])) },
      /16 pairs/,
    ],
    'an effort that there is not': [{ reasoning: { effort: 'most' } }, /reasoning\.effort is not valid/],
    'a schema without a name': [
      { text: { format: { type: 'json_schema', schema: {} } } },
      /text\.format\.name/,
    ],
    'something unknown to include': [{ include: ['everything'] }, /include\[0\]/],
  }
  for (const [what, [more, message]] of Object.entries(wrong)) {
    test(`${what} is refused by its name`, () => {
      assert.match(refused(more), message)
    })
  }

  test('what asks for something that is not done here stands in a verdict, without the caller’s words', () => {
    const asking: Readonly<Record<string, Body>> = {
      truncation: { truncation: 'auto' },
      'include reasoning.encrypted_content': { include: ['reasoning.encrypted_content'] },
      'a part of include': { include: ['file_search_call.results'] },
      'reasoning.summary': { reasoning: { summary: 'detailed' } },
      'reasoning.context': { reasoning: { context: 'all_turns' } },
      'reasoning.mode': { reasoning: { mode: 'pro' } },
      include_obfuscation: { stream_options: { include_obfuscation: true } },
      safety_identifier: { user: 'ada', safety_identifier: 'bob' },
      image: { image: { context_compression: 'enabled' } },
      'a field of a tool': { tools: [{ ...look, defer_loading: true }] },
    }
    for (const [field, more] of Object.entries(asking)) {
      const translated = read(more)
      assert.ok(typeof translated === 'object', String(translated))
      assert.equal(translated.verdicts.length, 1, field)
      const [{ check, outcome, detail } = { check: '', outcome: '', detail: '' }] = translated.verdicts
      assert.deepEqual([check, outcome], ['request-field', 'skipped'])
      assert.ok(detail?.startsWith(`${field} was left out: `) === true, `${field}: ${detail}`)
    }
    const plain = read({})
    assert.ok(typeof plain === 'object')
    assert.deepEqual(plain.verdicts, [])
  })
})
