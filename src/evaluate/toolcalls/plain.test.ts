import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonOf } from '../../lib/text/literal.ts'
import { readPlainly } from './plain.ts'

function read(text: string) {
  const plain = readPlainly(text, ['boat.find', 'sum'])
  return plain === undefined
    ? undefined
    : [
        ...plain.calls.map((call) => call.name + jsonOf({ kind: 'dict', entries: call.arguments })),
        plain.lossy,
      ]
}

test('the clean forms that servers decode themselves are read', () => {
  for (const text of [
    '{"name": "boat.find", "arguments": {"city": "Oslo"}}',
    '[{"name": "boat.find", "parameters": {"city": "Oslo"}}]',
    '{"tool_calls": [{"name": "boat.find", "arguments": {"city": "Oslo"}}]}',
    'I look.\n<tool_call>\n{"name": "boat.find", "arguments": {"city": "Oslo"}}\n</tool_call>\n',
    'boat.find\n{"city": "Oslo"}',
    '\n\n[boat.find(city="Oslo")]',
    "boat.find(city='Oslo')",
    '[boat.find(city="Oslo"),]',
  ]) {
    assert.deepEqual(read(text), ['boat.find{"city":"Oslo"}', false], text)
  }
  assert.deepEqual(read('Let me see.boat_find\n{"city": "Oslo"}'), ['boat_find{"city":"Oslo"}', false])
  assert.deepEqual(read('[boat.find(city=Oslo), sum(a=1, b=-2)]'), [
    'boat.find{"city":"Oslo"}',
    'sum{"a":1,"b":-2}',
    false,
  ])
})

test('arguments without a name are dropped, as BFCL’s handlers do, and the loss is told', () => {
  assert.deepEqual(read('[sum({"a": 1, "b": 2})]'), ['sum{}', true])
  assert.deepEqual(read('sum(1, b=2)'), ['sum{"b":2}', true])
})

test('everything else is text', () => {
  for (const text of [
    "[{'name': 'boat.find', 'arguments': {'city': 'Oslo'}}]",
    '```python\n[boat.find(city="Oslo")]\n```',
    "['boat.find', {'city': 'Oslo'}]",
    '{"boat.find": {"city": "Oslo"}}',
    'I look: boat.find(city="Oslo")',
    '<tool_call>{"name": "boat.find", "arguments": {city: "Oslo"}}</tool_call>',
    'plane.find\n{"city": "Oslo"}',
    '[None]',
    'It is cold in Oslo.',
    '',
  ]) {
    assert.equal(read(text), undefined, text)
  }
})
