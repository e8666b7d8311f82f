import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { GrammarTexts } from './gbnf.fixture.ts'
import { Matcher } from './match.fixture.ts'
import { compileReply, type Formed } from './reply.ts'
import { ToolCallReader } from './tool-call-reader.ts'
import { chance, validatorOf } from './validator.fixture.ts'

const matcher = await Matcher.open()
after(() => matcher[Symbol.asyncDispose]())

const WEATHER = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 10 }, unit: { enum: ['c', 'f'] } },
  required: ['city'],
}
const TOOLS: NonNullable<Formed['tools']> = [
  { type: 'function', function: { name: 'weather', parameters: WEATHER } },
  {
    type: 'function',
    function: {
      name: 'time "now"',
      parameters: { properties: { zone: { type: 'string', pattern: '^[A-Z]{3}$' } }, required: ['zone'] },
    },
  },
  { type: 'function', function: { name: 'ping' } },
]
const FORMAT: Formed['response_format'] = {
  type: 'json_schema',
  json_schema: {
    name: 'x',
    schema: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
  },
}

function fitter(request: Formed): (text: string) => boolean {
  const compiled = compileReply(request, { calls: 3 })
  assert.ok(compiled?.type === 'compiled', JSON.stringify(compiled))
  return matcher.read(compiled.gbnf)
}

function call(name: string, args: unknown): string {
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(args)}}\n</tool_call>`
}

const PARIS = call('weather', { city: 'Paris', unit: 'c' })
const PING = call('ping', {})

describe('tool_choice', () => {
  test('auto: text, calls, or text and then calls, and nothing after a call', () => {
    const fits = fitter({ tools: TOOLS })
    for (const text of [
      '',
      'Hello.',
      'a < b <tool <tool_call',
      PARIS,
      `I look.\n${PARIS}\n${PING}`,
      `<${PING}`,
      `<tool_<tool_${PING}`,
    ]) {
      assert.ok(fits(text), text)
    }
    for (const text of [
      `${PARIS} so`,
      'x <tool_call>',
      call('weather', {}),
      call('other', {}),
      `${PING}${PING}`,
    ]) {
      assert.ok(!fits(text), text)
    }
  })

  test('required: calls, one at least', () => {
    const fits = fitter({ tools: TOOLS, tool_choice: 'required' })
    assert.ok(fits(PING) && fits(`${PING}\n${PARIS}\n${PING}`) && fits(call('time "now"', { zone: 'UTC' })))
    assert.ok(
      !fits('Hello.') && !fits('') && !fits(`Well ${PING}`) && !fits(call('time "now"', { zone: 'utc' })),
    )
  })

  test('a named function: one call of it', () => {
    const fits = fitter({ tools: TOOLS, tool_choice: { type: 'function', function: { name: 'weather' } } })
    assert.ok(fits(PARIS) && !fits(PING) && !fits(`${PARIS}\n${PARIS}`) && !fits('Hello.'))
    const unknown = compileReply({
      tools: TOOLS,
      tool_choice: { type: 'function', function: { name: 'no' } },
    })
    assert.ok(unknown?.type === 'refused' && /there is no tool "no"/.test(unknown.why))
  })

  test('none, or no tools: no grammar, unless a format is asked for', () => {
    assert.equal(compileReply({ tools: TOOLS, tool_choice: 'none' }), undefined)
    assert.equal(compileReply({}), undefined)
    assert.equal(compileReply({ tools: [], response_format: { type: 'text' } }), undefined)
    const fits = fitter({ tools: TOOLS, tool_choice: 'none', response_format: FORMAT })
    assert.ok(fits('{"a":1}') && !fits(PING))
  })
})

test('parallel_tool_calls false allows one call, otherwise the bound holds', () => {
  const one = fitter({ tools: TOOLS, parallel_tool_calls: false })
  assert.ok(one(PING) && !one(`${PING}\n${PING}`))
  const three = fitter({ tools: TOOLS })
  assert.ok(three([PING, PING, PING].join('\n')) && !three([PING, PING, PING, PING].join('\n')))
})

test('beside a format: the value or calls, and no text', () => {
  const fits = fitter({ tools: TOOLS, response_format: FORMAT })
  assert.ok(fits('{"a":1}') && fits(PARIS))
  assert.ok(!fits('Hello.') && !fits(`{"a":1}\n${PING}`) && !fits('{"a":"x"}'))
  const required = fitter({ tools: TOOLS, tool_choice: 'required', response_format: FORMAT })
  assert.ok(required(PING) && !required('{"a":1}'))
  const object = fitter({ response_format: { type: 'json_object' } })
  assert.ok(object('{"b":[1]}') && !object('[1]'))
  const free = fitter({ response_format: { type: 'json_schema', json_schema: { name: 'x' } } })
  assert.ok(free('[1]') && free('null'))
})

test('arguments are an object, said or not, and a schema at fault is named by its place', () => {
  const refused = (parameters: Record<string, unknown>) => {
    const compiled = compileReply({ tools: [{ type: 'function', function: { name: 'f', parameters } }] })
    assert.ok(compiled?.type === 'refused')
    return compiled
  }
  assert.match(refused({ type: 'string' }).why, /arguments of a function are an object/)
  const broken = refused({
    type: 'object',
    properties: { a: { type: 'integer', minimum: 2, maximum: 1 } },
    required: ['a'],
  })
  assert.equal(broken.pointer, '/tools/0/function/parameters/properties/a/minimum')
  const checked = compileReply({
    tools: [
      { type: 'function', function: { name: 'f', parameters: { properties: { a: { pattern: '(a)\\1' } } } } },
    ],
  })
  assert.ok(checked?.type === 'compiled')
  assert.equal(checked.checked[0]?.pointer, '/tools/0/function/parameters/properties/a/pattern')
})

test('whatever the grammar of required calls says is read back as valid calls', () => {
  const compiled = compileReply({ tools: TOOLS, tool_choice: 'required' })
  assert.ok(compiled?.type === 'compiled' && compiled.longest < Infinity)
  const texts = new GrammarTexts(compiled.gbnf)
  const random = chance(5)
  const schemas = new Map(
    TOOLS.map(({ function: { name, parameters } }) => [
      name,
      validatorOf(parameters ?? { maxProperties: 0 }),
    ]),
  )
  for (let count = 0; count < 200; count++) {
    const reader = new ToolCallReader(() => 'id')
    let name = ''
    let args = ''
    let calls = 0
    for (const piece of [...reader.read(texts.say(random)), ...reader.end().pieces]) {
      assert.notEqual(piece.type, 'content')
      if (piece.type === 'call') [name, args] = [piece.name, '']
      if (piece.type === 'arguments') args += piece.text
      if (piece.type !== 'call-end') continue
      calls += 1
      assert.ok(schemas.get(name)?.(JSON.parse(args)), `${name} ${args}`)
    }
    assert.ok(calls > 0 && calls === reader.calls)
  }
})
