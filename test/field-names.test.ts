import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from './process/send.ts'
import { startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { respond, startUpstream } from './process/upstream.ts'

const SCHEMA = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] }
const FORMAT = { type: 'json_schema', json_schema: { name: 'person', schema: SCHEMA } }

test('an answer that does not meet the schema is told with the name that the field has in the caller’s dialect', async () => {
  await using engine = await startUpstream()
  await using server = await startServer({ config: configOf({ one: engineAt([engine.url]) }) })
  engine.answer((response, request) => respond(response, request, ['Sure! Here it is.']))
  const { name, schema } = FORMAT.json_schema
  const format = { type: 'json_schema', name, schema }
  const said = [{ role: 'user', content: 'Who?' }]
  const cases = [
    ['/v1/responses', 'text.format', { input: 'Who?', text: { format } }],
    [
      '/v1/messages',
      'output_config.format',
      { messages: said, max_tokens: 50, output_config: { format: { type: 'json_schema', schema } } },
    ],
    ['/v1/chat/completions', 'response_format', { messages: said, response_format: FORMAT }],
  ] as const
  for (const [path, field, body] of cases) {
    for (const stream of [false, true]) {
      const answered = await send(server, {
        path,
        body: JSON.stringify({ model: 'one/small', stream, ...body }),
      })
      assert.ok(answered.text.includes(`The answer does not meet ${field}`), `${path}: ${answered.text}`)
      assert.equal(answered.text.includes('response_format'), field === 'response_format')
    }
  }
})
