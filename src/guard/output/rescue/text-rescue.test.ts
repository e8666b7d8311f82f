import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { offered } from './offered.fixture.ts'
import { MAX_PRINTED_CHARS, rescueText, TextRescue } from './text-rescue.ts'

/** The calls of a text, `name arguments` each; undefined where it is none. */
function calls(text: string): readonly string[] | undefined {
  return rescueText(text, offered())?.calls.map((call) => `${call.name} ${call.arguments}`)
}

/** What of a text remains beside its calls. */
function rest(text: string): string {
  const cuts = rescueText(text, offered())?.cuts ?? []
  return cuts.reduceRight((left, { from, to }) => left.slice(0, from) + left.slice(to), text)
}

const OSLO = 'get_weather {"city":"Oslo"}'
const ROME = 'get_weather {"city":"Rome"}'
const GCD = 'math.gcd {"a":12,"b":18}'

describe('a call is read in the dialects that models print', () => {
  const same: Readonly<Record<string, readonly string[]>> = {
    'an object with a name and arguments': [
      '{"name": "get_weather", "arguments": {"city": "Oslo"}}',
      '{"name": "get_weather", "parameters": {"city": "Oslo"}}',
      '{"arguments": {"city": "Oslo"}, "name": "get_weather"}',
      "{'name': 'get_weather', 'params': {'city': 'Oslo'}}",
      '{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}}',
      '{"type": "function", "name": "get_weather", "parameters": {"city": "Oslo"}}',
      '{"function": "get_weather", "args": {"city": "Oslo"}}',
      '{"tool": "get_weather", "tool_input": {"city": "Oslo"}}',
      '{"action": "get_weather", "action_input": {"city": "Oslo"}}',
      '{"tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}',
      '[{"tool_name": "get_weather", "parameters": {"city": "Oslo"}}]',
      '{"name": "get_weather", "city": "Oslo"}',
      '{"thought": "I have to look.", "tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}',
      '{"get_weather": {"city": "Oslo"}}',
      '{"get_weather": "{\\"city\\": \\"Oslo\\"}"}',
      '{"recipient_name": "functions.get_weather", "parameters": {"city": "Oslo"}}',
    ],
    'Python’s calls': [
      'get_weather(city="Oslo")',
      "[get_weather(city='Oslo')]",
      "\n\n[get_weather(city='Oslo'),]",
      'get_weather({"city": "Oslo"})',
      '[get_weather(**{"city": "Oslo"})]',
      "get_weather(params={'city': 'Oslo'})",
      '["get_weather(city=\'Oslo\')"]',
      "['get_weather', {'city': 'Oslo'}]",
      "[('get_weather', {'city': 'Oslo'})]",
      "[get_weather, city='Oslo']",
      'get_weather("Oslo")',
      'functions.get_weather(city="Oslo")',
    ],
    'tags and tokens': [
      '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
      '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}',
      '<function_call> get_weather(city="Oslo") </function_call>',
      '<function=get_weather>{"city": "Oslo"}</function>',
      '<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n</function>\n</tool_call>',
      '<invoke name="get_weather"><parameter name="city">Oslo</parameter></invoke>',
      '<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>',
      '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Oslo"}}]',
      '[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo"}',
      '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Oslo"}}] [/TOOL_CALLS]',
      '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Oslo"}}<|eom_id|>',
      '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Oslo"}}]<|/tool_call|>',
      '<<function>>get_weather(city="Oslo")',
      'functools[{"name": "get_weather", "arguments": {"city": "Oslo"}}]',
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city": "Oslo"}\n```<｜tool▁call▁end｜>',
      '<|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Oslo"}<|tool_call_end|>',
      '<|start_header_id|>assistant<|end_header_id|>\n\n[get_weather(city="Oslo")]',
    ],
    'a name and then its arguments': [
      'get_weather\n{"city": "Oslo"}',
      'get_weather {"city": "Oslo"}',
      'get_weather: {"city": "Oslo"}',
      '>>>get_weather\n{"city": "Oslo"}',
      'Action: get_weather\nAction Input: {"city": "Oslo"}',
      'Tool call: get_weather {"city": "Oslo"}',
    ],
    fences: [
      '```json\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n```',
      '```python\nget_weather(city="Oslo")\n```',
      '```\n[get_weather(city="Oslo")]\n```\n',
      '```tool_code\nprint(default_api.get_weather(city="Oslo"))\n```',
      'Call: ```json\n[{"tool_name": "get_weather", "parameters": {"city": "Oslo"}}]\n```',
    ],
    'a last bracket that is missing, or one too many': [
      "[get_weather(city='Oslo')",
      "[get_weather(city='Oslo')])",
      '{"name": "get_weather", "arguments": {"city": "Oslo"}',
      "[get_weather, city='Oslo')]",
    ],
  }
  for (const [dialect, texts] of Object.entries(same)) {
    test(dialect, () => {
      for (const text of texts) assert.deepEqual(calls(text), [OSLO], text)
    })
  }
})

test('several calls of one text are all made, in their order', () => {
  for (const text of [
    "[get_weather(city='Oslo'), get_weather(city='Rome')]",
    "get_weather(city='Oslo'), get_weather(city='Rome')",
    "get_weather(city='Oslo')\nget_weather(city='Rome')",
    "get_weather(city='Oslo'); get_weather(city='Rome');",
    '{"name": "get_weather", "arguments": {"city": "Oslo"}}{"name": "get_weather", "arguments": {"city": "Rome"}}',
    '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Oslo"}}; {"name": "get_weather", "parameters": {"city": "Rome"}}',
    '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>\n<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>',
    "[['get_weather', {'city': 'Oslo'}], ['get_weather', {'city': 'Rome'}]]",
    '[\'get_weather(city="Oslo"), get_weather(city="Rome")\']',
    '```json\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n```\n```json\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n```',
    '<<function>>get_weather(city="Oslo")<<function>>get_weather(city="Rome")',
    'get_weather\n{"city": "Oslo"}\nget_weather\n{"city": "Rome"}',
  ]) {
    assert.deepEqual(calls(text), [OSLO, ROME], text)
  }
})

test('a name is known with other separators, where only one tool can be meant', () => {
  for (const name of ['math.gcd', 'math_gcd', 'math-gcd', 'functions.math_gcd']) {
    assert.deepEqual(calls(`[${name}(a=12, b=18)]`), [GCD], name)
  }
  const twins = offered([{ name: 'a.b' }, { name: 'a_b' }, { name: 'c.d' }])
  assert.deepEqual(rescueText('a-b()', twins), undefined)
  assert.equal(rescueText('a_b()', twins)?.calls[0]?.name, 'a_b')
  for (const name of ['gcd', 'Math.gcd', 'math.gcd2', 'math.math.gcd']) {
    assert.equal(calls(`[${name}(a=12, b=18)]`), undefined, name)
  }
})

test('a call that does not fit its tool is text', () => {
  for (const text of [
    'get_weather(days=3)',
    'get_weather(city="Oslo", wind=True)',
    'get_weather(city="Oslo", days="three")',
    'get_weather(city="Oslo", days=2.5)',
    'get_weather(city="Oslo", days=many)',
    'get_weather(city="Oslo", unit="Kelvin")',
    'get_weather(city=None)',
    'get_weather(city="Oslo", city="Rome")',
    'get_weather(city=["Oslo"])',
    'send_mail(to="ann", body="hi")',
    'send_mail(to=["ann"], body="hi", options={"urgent": "very"})',
    'math.gcd(12, b=18)',
    'math.gcd(12)',
    'math.gcd(a=12, b=3*6)',
    'math.gcd(a=12, b=math.gcd(a=3, b=6))',
    'light.set("hall", True, 3)',
    'get_weather',
    '[get_weather]',
    '[None]',
    'no_such_tool(city="Oslo")',
    "[get_weather(city='Oslo), get_weather(city='Rome')]",
    "get_weather(city='Bishop's Stortford')",
  ]) {
    assert.equal(calls(text), undefined, text)
  }
})

test('where one of several calls cannot be made, none is', () => {
  for (const text of [
    "[get_weather(city='Oslo'), no_such_tool(a=1)]",
    "[get_weather(city='Oslo'), math.gcd(a=12)]",
    "get_weather(city='Oslo')\nget_weather(town='Rome')",
    '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call><tool_call>{"name": "get_weather"}</tool_call>',
    '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call> and <tool_call>{"name": get_wea</tool_call>',
    '[{"name": "get_weather", "arguments": {"city": "Oslo"}}, {"note": "later"}]',
  ]) {
    assert.equal(calls(text), undefined, text)
  }
})

test('a call in a text that explains, quotes or goes on is no call', () => {
  for (const text of [
    'You could call `get_weather(city="Oslo")` for that.',
    'You could call get_weather(city="Oslo").',
    'An example of a call:\n\nget_weather(city="Oslo")',
    'Here is how you would do it:\n```python\nget_weather(city="Oslo")\n```',
    'get_weather(city="Oslo") returns the weather of Oslo.',
    '{"name": "get_weather", "arguments": {"city": "Oslo"}}\n\nThis asks for the weather.',
    '```python\nimport tools\nget_weather(city="Oslo")\n```',
    '```python\nget_weather(city="Oslo")\n```\nThis prints the weather.',
    'The tag `<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>` announces a call.',
    'He said "<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>"',
    '```xml\n<p>\n<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>\n```',
    `${'A long report on the weather of the whole year in all its detail. '.repeat(9)}\n\nget_weather(city="Oslo")`,
    '<think>\nget_weather(city="Oslo")\n',
    'In Oslo it is cold.',
    '',
  ]) {
    assert.equal(calls(text), undefined, text)
  }
})

test('a short lead-in may go before a call, and remains text', () => {
  const leads = ['I will look that up.\n\n', 'Let me check:\n', 'Sure!\n\n']
  const bodies = [
    '{"name": "get_weather", "arguments": {"city": "Oslo"}}',
    '[get_weather(city="Oslo")]',
    '```json\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n```',
    'get_weather\n{"city": "Oslo"}',
  ]
  for (const lead of leads) {
    for (const body of bodies) {
      assert.deepEqual(calls(lead + body), [OSLO], lead + body)
      assert.equal(rest(lead + body), lead)
    }
  }
  const glued =
    'To find that out we can ask the weather service. Let me do that.get_weather\n{"city": "Oslo"}'
  assert.deepEqual(calls(glued), [OSLO])
  assert.equal(rest(glued), 'To find that out we can ask the weather service. Let me do that.')
})

test('a marked call is one wherever it stands, and what stands around it remains text', () => {
  const call = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
  const long = 'A long thought about the weather that goes on and on. '.repeat(20)
  assert.deepEqual(calls(`${long}${call}`), [OSLO])
  assert.deepEqual(calls(`You could call this: ${call}\nNow we wait.`), [OSLO])
  assert.equal(rest(`Before. ${call}\nNow we wait.`), 'Before. Now we wait.')
  assert.deepEqual(calls('Call: get_weather(city="Oslo")<bot_end>\nThought: it is asked for.'), [OSLO])
  const two = `One ${call} two ${call} three`
  assert.deepEqual(calls(two), [OSLO, OSLO])
  assert.equal(rest(two), 'One two three')
})

test('what a model thinks aloud is no call and no lead-in', () => {
  const call = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
  const thought = `If I call ${call} I could know. For example so:\n${call}\n`.repeat(20)
  assert.deepEqual(calls(`<think>\n${thought}</think>\n\n${call}`), [OSLO])
  assert.deepEqual(calls(`${thought}</think>\n\n${call}`), [OSLO])
  assert.equal(rest(`<think>hm</think>${call}`), '<think>hm</think>')
})

test('where only marks count, a bare call is text', () => {
  const bare = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
  assert.equal(rescueText(bare, offered(), true), undefined)
  assert.equal(rescueText(`<tool_call>${bare}</tool_call>`, offered(), true)?.calls.length, 1)
})

test('a call that is longer than the bound is text, and so is one with too much behind it', () => {
  const mail = (chars: number): string =>
    `{"name": "send_mail", "arguments": {"to": [], "body": "${'x'.repeat(chars)}"}}`
  assert.equal(calls(mail(MAX_PRINTED_CHARS - 100))?.length, 1)
  assert.equal(calls(mail(MAX_PRINTED_CHARS)), undefined)
  const marked = `<tool_call>${mail(10)}</tool_call>`
  assert.equal(calls(`${marked} ${'x'.repeat(MAX_PRINTED_CHARS - 200)}`)?.length, 1)
  assert.equal(calls(`${marked} ${'x'.repeat(MAX_PRINTED_CHARS)}`), undefined)
})

describe('held back is only what may yet be a call', () => {
  /** What is held after each piece. */
  function holding(pieces: readonly string[]): readonly string[] {
    const rescue = new TextRescue(offered())
    let text = ''
    return pieces.map((piece) => {
      text += piece
      rescue.push(piece)
      return text.slice(rescue.heldFrom)
    })
  }

  test('prose passes at once, and so does what only looked like a beginning', () => {
    assert.deepEqual(holding(['It is ', 'cold. ', 'Take a ', '[coat', '](x) ', 'and {go}.']), [
      '',
      '',
      '',
      '[coat',
      '',
      '',
    ])
    assert.deepEqual(holding(['{"title"', ': "x", "name"', ': "get_weather"}']), ['', '', ''])
    assert.deepEqual(holding(['{"name": "Ann"', ', "age": 3}']), ['', ''])
    assert.deepEqual(holding(['[1]', ' A note']), ['', ''])
    assert.deepEqual(holding(['get', ' well soon']), ['get', ''])
    assert.deepEqual(holding(['Go on.\n', 'get_weather', ' is a tool']), ['', 'get_weather', ''])
    assert.deepEqual(holding(['a <b>', ' bold']), ['', ''])
  })

  test('what may be one is held from its first character on', () => {
    assert.deepEqual(holding(['\n\n', '[get_weather(', 'city="Oslo"', ')]']), [
      '\n\n',
      '\n\n[get_weather(',
      '\n\n[get_weather(city="Oslo"',
      '\n\n[get_weather(city="Oslo")]',
    ])
    assert.deepEqual(holding(['Well: <tool', '_call>{"name"']), ['<tool', '<tool_call>{"name"'])
    assert.deepEqual(holding(['get_weather(city="Oslo")', '\n', 'It is cold']), [
      'get_weather(city="Oslo")',
      'get_weather(city="Oslo")\n',
      '',
    ])
  })
})
