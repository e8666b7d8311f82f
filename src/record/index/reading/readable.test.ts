import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readable } from './readable.ts'

test('a request reads as its messages or what it embeds, an answer as what it says and calls, a judgement as its words', () => {
  const asked = {
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Look' }, { type: 'image_url' }] }],
  }
  assert.equal(readable(JSON.stringify(asked)), 'user: Look\n[image_url]')
  for (const [input, said] of [
    ['one text', 'one text'],
    [['one', 'two'], 'one\n\ntwo'],
    [[1, 2, 3], '[3 tokens]'],
    [[[1, 2], [3]], '[2 tokens]\n\n[1 tokens]'],
  ] as const) {
    assert.equal(readable(JSON.stringify({ model: 'm', input })), said)
  }
  const call = { index: 0, name: 'look_up', arguments: '{"city":"Bern"}' }
  const answered = { choices: [{ index: 0, content: 'I look.', reasoning: 'Hm.', tool_calls: [call] }] }
  assert.equal(
    readable(JSON.stringify(answered)),
    '[reasoning] Hm.\nI look.\n[calls look_up] {"city":"Bern"}',
  )
  const refused = { choices: [{ index: 0, content: '', refusal: 'I will not.' }] }
  assert.equal(readable(JSON.stringify(refused)), '[refuses] I will not.')
  assert.match(readable(JSON.stringify({ choices: [], truncated: true })), /too long to be kept/)
  assert.equal(readable(JSON.stringify({ correction: 'Bern', comment: 'not Zurich' })), 'Bern\nnot Zurich')
  for (const text of ['{"own":"JSON of a model"}', '{ not JSON', 'plain']) assert.equal(readable(text), text)
})

test('a request for a response reads as what was said in it, item by item', () => {
  const image = { type: 'input_image', image_url: 'data:image/png;base64,AA==' }
  const input = [
    { role: 'user', content: [{ type: 'input_text', text: 'Look' }, image] },
    { type: 'reasoning', summary: [] },
    { type: 'function_call', call_id: 'c1', name: 'look_up', arguments: '{"city":"Bern"}' },
    { type: 'function_call_output', call_id: 'c1', output: 'Sunny.' },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'It is sunny.' }] },
  ]
  const expected = [
    'system: Be brief.',
    'user: Look\n[input_image]',
    '[reasoning]',
    'assistant: [calls look_up] {"city":"Bern"}',
    'tool: Sunny.',
    'assistant: It is sunny.',
  ]
  const body = { model: 'auto', instructions: 'Be brief.', input }
  assert.equal(readable(JSON.stringify(body)), expected.join('\n\n'))
  assert.equal(readable(JSON.stringify({ model: 'auto', input: 'Hi.' })), 'Hi.')
  const plain = { model: 'auto', instructions: 'Be brief.', input: 'Hi.' }
  assert.equal(readable(JSON.stringify(plain)), 'system: Be brief.\n\nuser: Hi.')
})
