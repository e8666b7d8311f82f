import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatMessage, ChatRequest } from '../../contract/chat.ts'
import { askedOf } from './asked.ts'
import { stepOf } from './step.ts'

const TOOLS: NonNullable<ChatRequest['tools']> = ['search', 'read'].map((name) => ({
  type: 'function',
  function: { name },
}))

const user = (content: string): ChatMessage => ({ role: 'user', content })
const words = (content: string): ChatMessage => ({ role: 'assistant', content })
const called = (name: string, json: string): ChatMessage => ({
  role: 'assistant',
  tool_calls: [{ id: 'c', type: 'function', function: { name, arguments: json } }],
})
const told = (content: string): ChatMessage => ({ role: 'tool', tool_call_id: 'c', content })

const request = (...messages: ChatMessage[]): ChatRequest => ({ model: 'auto', messages, tools: TOOLS })
const failureAfter = (name: string, json: string, result: string) =>
  stepOf(request(user('Go.'), called(name, json), told(result)))?.step.failed

test('a request is a step where its last answer called tools and their results are here', () => {
  assert.equal(stepOf(request(user('Go.'))), undefined)
  assert.equal(stepOf(request(user('Go.'), words('Done.'), user('More.'))), undefined)
  assert.equal(stepOf(request(user('Go.'), called('read', '{}'))), undefined, 'the result is yet to come')
  assert.deepEqual(stepOf(request(user('Go.'), called('read', '{}'), told('x')))?.step, { number: 2 })
})

test('what a user asks behind the results ends the step, unless it came with them in one message', () => {
  const asked = request(user('Go.'), called('read', '{}'), told('x'), user('Now find the host.'))
  assert.equal(stepOf(asked), undefined)
  assert.equal(askedOf({ request: asked }).question, 'Now find the host.')
  const shown: ChatMessage = {
    role: 'user',
    content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } }],
  }
  const seen = request(user('Go.'), called('read', '{}'), told('x'), shown)
  assert.deepEqual(stepOf(seen)?.step, { number: 2 }, 'a picture asks nothing')
  const native = {
    dialect: 'messages',
    body: {},
    messages: 4,
    betas: [],
    lost: [],
    bringsResults: true,
  } as const
  assert.deepEqual(stepOf({ ...asked, native })?.step, { number: 2 })
  assert.equal(askedOf({ request: { ...asked, native } }).question, 'Go.\n\nNow find the host.')
})

test('steps are counted from the last answer in words, and the task is what was asked then', () => {
  const of = request(
    user('An older task.'),
    called('search', '{"of":1}'),
    told('x'),
    words('Done.'),
    user('Find the port.'),
    called('search', '{"of":1}'),
    told('two files'),
    user('(still here)'),
    called('read', '{"of":2}'),
    told('port 8443'),
  )
  assert.deepEqual(stepOf(of)?.step, { number: 3 }, 'a call of an older task is not made again')
  const asked = askedOf({ request: of })
  assert.equal(asked.question, 'Find the port.')
  assert.equal(asked.text, 'Find the port.\n\nport 8443')
})

const ERRORS: readonly string[] = [
  'Error: no such file',
  'error - not found',
  'Error',
  'Error 404: gone',
  'fatal: not a git repository',
  'Uncaught TypeError: x is not a function',
  'Uncaught (in promise) x',
  'Failed to open a.txt',
  'Error executing tool read: timeout',
  'Exception in thread "main" java.lang.Error',
  'Traceback (most recent call last):\n  File "a.py"',
  'FileNotFoundError: [Errno 2]',
  '{"error": "not found"}',
  '{"isError": true, "content": []}',
  '{"success": false}',
  '{"status": "failed"}',
  'npm run test\n…\nCommand exited with code 1',
  `${'line of output\n'.repeat(500)}Process exit code: 137`,
]
for (const result of ERRORS) {
  test(`a tool has failed that says ${JSON.stringify(result.slice(0, 40))}`, () => {
    assert.equal(failureAfter('read', '{}', result), 'error')
  })
}

const FINE: readonly string[] = [
  'The log holds 12 lines with the word error in them.',
  '{"error": null, "rows": [1]}',
  '{"status": "ok"}',
  'exit code 0',
  'Failed: 0, passed: 12',
  'errors.md\nnotes.txt',
  'error.ts\nmain.ts',
  'Error.tsx:3: import React',
  'exception.py',
  'failed-runs.log',
  'Error handling\nAll of it is done in one place.',
  'Error-handling: a guide',
  '',
]
for (const result of FINE) {
  test(`a tool has not failed that says ${JSON.stringify(result)}`, () => {
    assert.equal(failureAfter('read', '{}', result), undefined)
  })
}

test('a call that names no tool, or whose arguments are none, was not valid', () => {
  assert.equal(failureAfter('write', '{}', 'fine'), 'invalid')
  assert.equal(failureAfter('read', '{"of":', 'fine'), 'invalid')
  assert.equal(failureAfter('read', '[1]', 'fine'), 'invalid')
  assert.equal(failureAfter('read', '', 'fine'), undefined)
  const long = 'x'.repeat(30_000)
  assert.equal(failureAfter('read', ` {"of":"${long}`, 'fine'), 'invalid')
  assert.equal(failureAfter('read', `["${long}"]`, 'fine'), 'invalid')
  assert.equal(failureAfter('read', ` {"of":"${long}"}\n`, 'fine'), undefined)
  assert.equal(
    failureAfter('read', `{${long}}`, 'fine'),
    undefined,
    'long arguments are known by their ends alone',
  )
  const { tools: _, ...without } = request(user('Go.'), called('write', '{}'), told('fine'))
  assert.deepEqual(stepOf(without)?.step, { number: 2 }, 'nobody says which tools there were')
})

test('a call that was made word for word before is a repeat', () => {
  const steps = (...json: string[]) =>
    stepOf(request(user('Go.'), ...json.flatMap((one) => [called('read', one), told('x')])))?.step
  assert.deepEqual(steps('{"of":1}', '{"of":2}', '{"of":1}'), { number: 4, failed: 'repeat' })
  assert.deepEqual(steps('{"of":1}', '{"of":2}', '{"of":3}'), { number: 4 })
  const long = `{"of":"${'x'.repeat(30_000)}"}`
  assert.deepEqual(steps(long, long), { number: 3 }, 'what is too long to compare is no repeat')
})

test('of the calls of one step the first 64 are looked at', () => {
  const step = (count: number): ChatMessage => {
    const made = Array.from({ length: count }, (_, at) => ({ name: 'read', arguments: `{"of":${at}}` }))
    const calls = [...made, { name: 'write', arguments: '{}' }]
    return {
      role: 'assistant',
      tool_calls: calls.map((one) => ({ id: 'c', type: 'function' as const, function: one })),
    }
  }
  const failed = (count: number) => stepOf(request(user('Go.'), step(count), told('fine')))?.step.failed
  assert.deepEqual([failed(63), failed(64)], ['invalid', undefined])
})
