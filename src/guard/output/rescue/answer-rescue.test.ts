import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ChatRequest, WireMessage } from '../../../contract/chat.ts'
import type { AnswerEvent, AnswerWhole, Batch, ChunkDelta } from '../../../contract/event.ts'
import { guardSchema } from '../../config.ts'
import { type AnswerRescue, createRescue } from './answer-rescue.ts'
import { TOOLS } from './offered.fixture.ts'

const tools = TOOLS.map(({ name, parameters }): NonNullable<ChatRequest['tools']>[number] => ({
  type: 'function',
  function: { name, ...(parameters === undefined ? {} : { parameters: { ...parameters } }) },
}))
const request: ChatRequest = { model: 'auto', messages: [{ role: 'user', content: 'Weather?' }], tools }
const config = guardSchema.parse({})

function rescue(more: Partial<ChatRequest> = {}): AnswerRescue {
  const made = createRescue({ ...request, ...more }, config)
  assert.ok(made)
  return made
}

function delta(message: WireMessage, more: object = {}, index = 0): ChunkDelta {
  const chunk = { id: 'c', model: 'm', choices: [{ index, delta: message, finish_reason: null, ...more }] }
  return { type: 'chunk-delta', chunk, wire: JSON.stringify(chunk) }
}
const say = (content: string, index = 0): ChunkDelta => delta({ content }, {}, index)
const end = (reason = 'stop', index = 0): ChunkDelta => delta({}, { finish_reason: reason }, index)

interface Said {
  readonly content: string
  readonly calls: readonly string[]
  readonly finish: string | null | undefined
}

/** What a reader of the stream puts together for one choice. */
function said(events: readonly AnswerEvent[], index = 0): Said {
  let content = ''
  let finish: string | null | undefined
  const calls: string[] = []
  for (const event of events) {
    if (event.type !== 'chunk-delta') continue
    for (const choice of event.chunk.choices) {
      if (choice.index !== index) continue
      assert.equal(finish, undefined, 'nothing of a choice follows its end')
      content += choice.delta.content ?? ''
      for (const call of choice.delta.tool_calls ?? []) {
        assert.equal(call.index, calls.length)
        assert.equal(call.type, 'function')
        assert.match(call.id ?? '', /^call_[0-9a-z]{24}$/)
        calls.push(`${call.function?.name} ${call.function?.arguments}`)
      }
      finish = choice.finish_reason ?? undefined
    }
  }
  return { content, calls, finish }
}

function run(one: AnswerRescue, batches: readonly Batch[]): AnswerEvent[] {
  return [...batches.flatMap((batch) => [...one.take(batch)]), ...one.flush()]
}

const OSLO = 'get_weather {"city":"Oslo"}'

test('a printed call leaves as a call, with the lead-in as content and the finish reason changed', () => {
  const one = rescue()
  const pieces = ['I will look.\n', '{"name": "get_', 'weather", "arg', 'uments": {"city": "Oslo"}}']
  const events = run(one, [
    [delta({ role: 'assistant', content: '' })],
    ...pieces.map((piece) => [say(piece)]),
    [end()],
  ])
  assert.deepEqual(said(events), { content: 'I will look.\n', calls: [OSLO], finish: 'tool_calls' })
  assert.deepEqual(one.verdicts, [
    { check: 'tool-call.rescue', outcome: 'repaired', detail: '1 call printed as json' },
  ])
  for (const event of events) {
    assert.ok(event.type === 'chunk-delta')
    if (event.wire !== undefined) assert.equal(event.wire, JSON.stringify(event.chunk))
  }
})

test('the verdict counts calls and coercions, and tells no argument', () => {
  const one = rescue()
  run(one, [[say("[get_weather(city='Oslo', days='3'), get_weather(city='Rome', days='4')]"), end()]])
  const [verdict] = one.verdicts
  assert.equal(verdict?.detail, '2 calls printed as python; coerced: text to integer (2)')
})

describe('an answer in which nothing is rescued leaves byte for byte as it came', () => {
  test('each batch is the very same object where nothing is held', () => {
    const one = rescue()
    for (const batch of [
      [delta({ role: 'assistant', content: '' })],
      [say('It is'), say(' cold [in'), say(' winter](x). Then')],
      [say(' it is not.'), end()],
      [{ type: 'chunk-delta', chunk: { choices: [], usage: { prompt_tokens: 1 } } } as const],
    ]) {
      assert.equal(one.take(batch), batch)
    }
    assert.deepEqual(one.flush(), [])
    assert.deepEqual(one.verdicts, [])
  })

  const call = (index: number, more: object): ChunkDelta => delta({ tool_calls: [{ index, ...more }] })
  const streams: Readonly<Record<string, readonly ChunkDelta[]>> = {
    'calls that the model makes itself': [
      delta({ role: 'assistant', content: null }),
      call(0, { id: 'a', type: 'function', function: { name: 'get_weather', arguments: '' } }),
      call(0, { function: { arguments: '{"city": "Oslo"}' } }),
      end('tool_calls'),
    ],
    'a printed beginning before real calls': [
      say('{"name": "get_weather", '),
      call(0, { id: 'a', function: { name: 'get_weather', arguments: '{}' } }),
      say('"arguments": {"city": "Oslo"}}'),
      end('tool_calls'),
    ],
    'a call that is cut off at the token limit': [say('get_weather(city="Oslo")'), end('length')],
    'a filtered answer': [say('get_weather(city="Oslo")'), end('content_filter')],
    'a call of no tool': [say('get_wind(city="Oslo")\n'), say('[get_wea'), say('ther(town="x")]'), end()],
    'an example in a text': [say('For example:\n'), say('get_weather(city='), say('"Oslo")'), end()],
  }
  for (const [what, events] of Object.entries(streams)) {
    test(what, () => {
      const one = rescue()
      const out = run(
        one,
        events.map((event) => [event]),
      )
      assert.equal(out.length, events.length)
      for (const [at, event] of events.entries()) assert.equal(out[at], event)
      assert.deepEqual(one.verdicts, [])
    })
  }
})

test('nothing is rescued without tools, with tool_choice none, or where the configuration says so', () => {
  const { tools: _, ...without } = request
  assert.equal(createRescue(without, config), undefined)
  assert.equal(createRescue({ ...request, tools: [] }, config), undefined)
  assert.equal(createRescue({ ...request, tool_choice: 'none' }, config), undefined)
  assert.equal(createRescue(request, guardSchema.parse({ output: { rescueToolCalls: false } })), undefined)
})

test('tool_choice names the one tool that may be called, and parallel_tool_calls false allows one call', () => {
  const choose = (name: string): Partial<ChatRequest> => ({
    tool_choice: { type: 'function', function: { name } },
  })
  const printed = [[say('get_weather(city="Oslo")'), end()]]
  assert.deepEqual(said(run(rescue(choose('get_weather')), printed)).calls, [OSLO])
  assert.deepEqual(said(run(rescue(choose('math.gcd')), printed)).calls, [])
  const two = [[say('[get_weather(city="Oslo"), get_weather(city="Rome")]'), end()]]
  assert.equal(said(run(rescue({ parallel_tool_calls: true }), two)).calls.length, 2)
  assert.equal(said(run(rescue({ parallel_tool_calls: false }), two)).calls.length, 0)
})

test('where the answer is to be JSON, only a call that is announced is one', () => {
  const more: Partial<ChatRequest> = { response_format: { type: 'json_object' } }
  const bare = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
  assert.deepEqual(said(run(rescue(more), [[say(bare), end()]])), {
    content: bare,
    calls: [],
    finish: 'stop',
  })
  assert.deepEqual(said(run(rescue(more), [[say(`<tool_call>${bare}</tool_call>`), end()]])).calls, [OSLO])
})

test('each of several choices is rescued by itself, and the events of the others keep their order', () => {
  const one = rescue({ n: 3 })
  const events = run(one, [
    [say('get_weather(', 0), say('It is ', 1), say('list_files', 2)],
    [say('city="Oslo")', 0), say('cold.', 1), say('()', 2)],
    [end('stop', 1), end('stop', 0), end('length', 2)],
  ])
  assert.deepEqual(said(events, 0), { content: '', calls: [OSLO], finish: 'tool_calls' })
  assert.deepEqual(said(events, 1), { content: 'It is cold.', calls: [], finish: 'stop' })
  assert.deepEqual(said(events, 2), { content: 'list_files()', calls: [], finish: 'length' })
})

test('a stream that ends without a finish reason is settled at its end', () => {
  const one = rescue()
  const events = run(one, [[say('get_weather(city="Oslo")')]])
  assert.deepEqual(said(events), { content: '', calls: [OSLO], finish: 'tool_calls' })
})

test('other fields of an event that held a call are kept, and log-probabilities of the call are not', () => {
  const one = rescue()
  const first = delta(
    { role: 'assistant', content: 'get_weather(city="Oslo")', reasoning: 'hm' },
    { logprobs: { content: [1] } },
  )
  const events = run(one, [[first], [end()]])
  const [kept] = events
  assert.ok(kept?.type === 'chunk-delta')
  assert.deepEqual(kept.chunk.choices[0]?.delta, { role: 'assistant', content: '', reasoning: 'hm' })
  assert.equal(kept.chunk.choices[0]?.logprobs, null)
  assert.deepEqual(said(events).calls, [OSLO])
})

test('beyond the bound on held bytes all leaves as it came', () => {
  const one = createRescue(request, guardSchema.parse({ bounds: { maxHeldBytes: 65_536 } }))
  const pieces = [
    '{"name": "send_mail", "arguments": {"to": [], "body": "',
    ...Array(900).fill('x'.repeat(60)),
    '"}}',
  ]
  const events = pieces.map((piece) => say(piece))
  const out = run(one ?? rescue(), [...events.map((event) => [event]), [end()]])
  assert.deepEqual(out.slice(0, -1), events)
  assert.deepEqual(said(out).calls, [])
})

function whole(content: string | null, more: object = {}, message: object = {}): AnswerWhole {
  const choice = {
    index: 0,
    message: { role: 'assistant', content, ...message },
    finish_reason: 'stop',
    ...more,
  }
  return { type: 'answer-whole', completion: { id: 'c', choices: [choice] } }
}

test('a whole answer is rescued as a stream is, and has no content where nothing is left of it', () => {
  const [event] = rescue().take([whole('\n\n[get_weather(city="Oslo")]', { logprobs: { content: [] } })])
  assert.ok(event?.type === 'answer-whole')
  const [choice] = event.completion.choices
  assert.equal(choice?.finish_reason, 'tool_calls')
  assert.equal(choice?.message.content, null)
  assert.equal(choice?.message.role, 'assistant')
  assert.equal(choice?.logprobs, null)
  const [call] = choice?.message.tool_calls ?? []
  assert.match(call?.id ?? '', /^call_[0-9a-z]{24}$/)
  assert.deepEqual(call?.function, { name: 'get_weather', arguments: '{"city":"Oslo"}' })

  for (const same of [
    whole('It is cold.'),
    whole(
      null,
      {},
      { tool_calls: [{ id: 'a', type: 'function', function: { name: 'list_files', arguments: '{}' } }] },
    ),
    whole('list_files()', { finish_reason: 'length' }),
    whole(
      'list_files()',
      {},
      { tool_calls: [{ id: 'a', function: { name: 'list_files', arguments: '{}' } }] },
    ),
  ]) {
    const batch = [same]
    assert.equal(rescue().take(batch), batch)
  }
})

test('a stream comes to what the whole answer comes to, wherever it is cut', () => {
  const texts = fc.constantFrom(
    'Sure.\n\n[get_weather(city="Oslo"), math_gcd(a=4, b="6")]',
    'Well. <tool_call>{"name": "list_files", "arguments": {}}</tool_call> That is all.',
    '```json\n{"name": "get_weather", "parameters": {"city": "Oslo"}}\n```',
    'I will look.get_weather\n{"city": "Oslo"}',
    'See [this](x).\n{"a": 1}\n- get_weather(city="Oslo") is a call.\n',
    '\n\n  \n',
  )
  fc.assert(
    fc.property(
      texts,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      fc.integer({ min: 1, max: 4 }),
      (text, sizes, width) => {
        const pieces: ChunkDelta[] = []
        for (let at = 0, turn = 0; at < text.length; turn++) {
          const piece = text.slice(at, at + (sizes[turn % sizes.length] ?? 1))
          pieces.push(say(piece))
          at += piece.length
        }
        pieces.push(end())
        const batches = Array.from({ length: Math.ceil(pieces.length / width) }, (_, at) =>
          pieces.slice(at * width, (at + 1) * width),
        )
        const streamed = said(run(rescue(), batches))
        const [event] = rescue().take([whole(text)])
        assert.ok(event?.type === 'answer-whole')
        const [choice] = event.completion.choices
        const calls = (choice?.message.tool_calls ?? []).map(
          (call) => `${call.function?.name} ${call.function?.arguments}`,
        )
        assert.deepEqual(streamed, {
          content: choice?.message.content ?? '',
          calls,
          finish: choice?.finish_reason,
        })
      },
    ),
    { numRuns: 500 },
  )
})
