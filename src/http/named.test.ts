import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../contract/problem.ts'
import { namedInMessages, namedInResponses } from './named.ts'

const problem = (message: string, param?: string): Problem => ({
  code: 'invalid_request',
  message,
  ...(param === undefined ? {} : { param }),
})

test('a field that a dialect calls otherwise has its name there, in the message and in param', () => {
  const unmet = problem('The answer does not meet response_format: it is no JSON')
  assert.match(namedInResponses(unmet).message, /does not meet text\.format: it is no JSON/)
  assert.match(namedInMessages(unmet).message, /does not meet output_config\.format: it is no JSON/)
  const schema = problem('x', 'response_format.json_schema.schema')
  assert.equal(namedInResponses(schema).param, 'text.format.schema')
  assert.equal(namedInMessages(schema).param, 'output_config.format.schema')
  const tool = problem('x', 'tools[2].function.parameters')
  assert.equal(namedInResponses(tool).param, 'tools[2].parameters')
  assert.equal(namedInMessages(tool).param, 'tools[2].input_schema')
})

test('ordinary words stay, whatever a dialect calls the field of that name', () => {
  const long = problem(
    'Too many messages and tools; my_response_format_2 is no field.',
    'messages[3].content',
  )
  assert.deepEqual(namedInResponses(long), { ...long, param: 'input' })
  assert.deepEqual(namedInMessages(long), long)
})
