import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { ChatRequest, WireMessage, WireToolCall } from '../../contract/chat.ts'
import type { Batch } from '../../contract/event.ts'
import { createWorkerPool } from '../../lib/worker-pool.ts'
import { guardSchema } from '../config.ts'
import { createSchemaChecks, SCHEMA_WORKER } from '../schema/checks.ts'
import { checkWhole, type WholeOutcome } from './whole.ts'

const config = guardSchema.parse({ checks: { timeoutMs: 1000 } })
const pool = createWorkerPool({ module: SCHEMA_WORKER, size: 1, queueLimit: 8, taskTimeoutMs: 1000 })
const schemas = createSchemaChecks({ config, pool })
after(() => pool.close())

const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer' },
    born: { type: 'string', format: 'date' },
  },
  required: ['name', 'age'],
  additionalProperties: false,
}
const base: ChatRequest = { model: 'auto', messages: [{ role: 'user', content: 'x' }] }
const asked = (schema: object): ChatRequest => ({
  ...base,
  response_format: { type: 'json_schema', json_schema: { name: 's', schema: { ...schema } } },
})
const tooled = (more: Partial<ChatRequest> = {}): ChatRequest => ({
  ...base,
  tools: [
    { type: 'function', function: { name: 'add', parameters: person } },
    { type: 'function', function: { name: 'now' } },
  ],
  ...more,
})

function streamed(pieces: readonly WireMessage[], finishReason = 'stop'): Batch[] {
  const batches: Batch[] = pieces.map((delta) => [
    { type: 'chunk-delta', chunk: { choices: [{ index: 0, delta }] } },
  ])
  const last = { index: 0, delta: {}, finish_reason: finishReason }
  return [...batches, [{ type: 'chunk-delta', chunk: { choices: [last] } }]]
}
const whole = (message: WireMessage, finish_reason = 'stop'): Batch[] => [
  [{ type: 'answer-whole', completion: { choices: [{ index: 0, finish_reason, message }] } }],
]
const call = (name: string, args: string, index = 0): WireToolCall => ({
  index,
  id: `c${index}`,
  type: 'function',
  function: { name, arguments: args },
})
const run = (request: ChatRequest, batches: readonly Batch[], enforced = false) =>
  checkWhole({ request, enforced, schemas }, batches)

function unmet(outcome: WholeOutcome, code: string, fault: RegExp): void {
  assert.equal(outcome.type, 'unmet')
  if (outcome.type !== 'unmet') return
  assert.equal(outcome.problem.code, code)
  assert.match(outcome.problem.message, fault)
}

test('an answer that meets its schema passes, streamed or whole', async () => {
  const text = '{"name":"Ada","age":36,"born":"1815-12-10"}'
  const pieces = [...text].map((content) => ({ content }))
  for (const batches of [streamed(pieces), whole({ content: text })]) {
    const { outcome, verdicts } = await run(asked(person), batches)
    assert.equal(outcome.type, 'passed')
    assert.deepEqual(verdicts, [{ check: 'output.schema', outcome: 'passed' }])
  }
})

test('an answer that does not meet its schema is unmet, and the advice names what is wrong', async () => {
  for (const [content, fault] of [
    ['Sure! {"name":"Ada"}', /not valid JSON/],
    ['{"name":"Ada","age":"36"}', /\/age must be integer/],
    ['{"name":"Ada"}', /required property 'age'/],
    ['{"name":"Ada","age":3,"born":"yesterday"}', /\/born must match format "date"/],
    ['{"name":"Ada","age":3,"x":1}', /additional properties \("x"\)/],
    ['', /not valid JSON/],
  ] as const) {
    const { outcome, verdicts } = await run(asked(person), whole({ content }))
    unmet(outcome, 'schema_unmet', fault)
    assert.ok(
      outcome.type === 'unmet' && fault.test(outcome.advice) && /only|nothing but/.test(outcome.advice),
    )
    assert.equal(verdicts[0]?.outcome, 'failed')
  }
})

test('json_object asks for an object and nothing more', async () => {
  const request: ChatRequest = { ...base, response_format: { type: 'json_object' } }
  assert.equal((await run(request, whole({ content: ' {"a":1} ' }))).outcome.type, 'passed')
  unmet((await run(request, whole({ content: '[1]' }))).outcome, 'schema_unmet', /must be an object/)
})

test('an answer that was cut off, declined, filtered or calls tools is not held to the schema, and says so', async () => {
  for (const [batches, reason] of [
    [streamed([{ content: '{"na' }], 'length'), /token limit/],
    [whole({ content: null, refusal: 'I cannot.' }), /declined/],
    [whole({ content: '' }, 'content_filter'), /filtered/],
  ] as const) {
    const { outcome, verdicts } = await run(asked(person), batches)
    assert.equal(outcome.type, 'passed')
    assert.equal(verdicts[0]?.outcome, 'skipped')
    assert.match(verdicts[0]?.detail ?? '', reason)
  }
  const { verdicts } = await run(asked(person), whole({ content: '{' }), true)
  assert.equal(verdicts[0]?.outcome, 'skipped')
})

test('every draft that clients send is understood, and the same $id may come twice', async () => {
  for (const $schema of [
    'http://json-schema.org/draft-07/schema#',
    'https://json-schema.org/draft/2019-09/schema',
  ]) {
    assert.equal(
      (await run(asked({ ...person, $schema }), whole({ content: '{"name":"A","age":1}' }))).outcome.type,
      'passed',
    )
  }
  const one = asked({ $id: 'https://a.io/s', type: 'object' })
  const two = asked({ $id: 'https://a.io/s', type: 'array' })
  assert.equal((await run(one, whole({ content: '{}' }))).outcome.type, 'passed')
  assert.equal((await run(two, whole({ content: '[]' }))).outcome.type, 'passed')
})

test('tool calls pass by name and arguments, in parts and in parallel', async () => {
  const parts: WireMessage[] = [
    { content: 'Let me see.' },
    { tool_calls: [call('add', '')] },
    { tool_calls: [{ index: 0, function: { arguments: '{"name":"A",' } }] },
    { tool_calls: [call('now', '', 1)] },
    { tool_calls: [{ index: 0, function: { arguments: '"age":1}' } }] },
  ]
  const { outcome, verdicts } = await run(tooled(), streamed(parts, 'tool_calls'))
  assert.equal(outcome.type, 'passed')
  assert.deepEqual(verdicts, [{ check: 'output.tool_arguments', outcome: 'passed' }])
  const unnumbered: WireMessage[] = [
    {
      tool_calls: [
        { id: 'a', function: { name: 'now', arguments: '{}' } },
        { id: 'b', function: { name: 'now', arguments: '{}' } },
      ],
    },
  ]
  assert.equal((await run(tooled(), streamed(unnumbered, 'tool_calls'))).outcome.type, 'passed')
})

test('a tool call that is wrong in any way is unmet and says how', async () => {
  const calls = (...tool_calls: WireToolCall[]) => whole({ content: null, tool_calls }, 'tool_calls')
  const forced = { type: 'function', function: { name: 'now' } } as const
  for (const [request, batches, fault] of [
    [tooled(), calls(call('add', '{"name":1,"age":1}')), /\/name must be string/],
    [tooled(), calls(call('add', '{"name":')), /not valid JSON/],
    [tooled(), calls(call('now', '[]')), /must be an object/],
    [tooled(), calls(call('rm', '{}')), /no tool "rm"; offered are: add, now/],
    [base, calls(call('rm', '{}')), /none was offered/],
    [tooled({ tool_choice: 'required' }), whole({ content: 'no' }), /demands a call of a tool/],
    [tooled({ tool_choice: forced }), whole({ content: 'no' }), /demands a call of the tool "now"/],
    [tooled({ tool_choice: forced }), calls(call('add', '{"name":"A","age":1}')), /demands "now"/],
    [tooled({ tool_choice: 'none' }), calls(call('now', '{}')), /tool_choice is none/],
    [tooled({ parallel_tool_calls: false }), calls(call('now', '{}'), call('now', '{}', 1)), /makes 2 calls/],
  ] as const) {
    const { outcome } = await run(request, batches)
    unmet(outcome, 'tool_arguments_invalid', fault)
    assert.ok(outcome.type === 'unmet' && outcome.advice.length > 0)
  }
})

test('a request with an unusable schema is refused by the field before any dispatch', async () => {
  assert.equal(await schemas.checkSchemas(asked(person)), undefined)
  assert.equal(await schemas.checkSchemas(tooled()), undefined)
  for (const [request, param, why] of [
    [asked({ type: 'text' }), 'response_format.json_schema.schema', /type/],
    [asked({ $ref: 'https://evil.io/schema.json' }), 'response_format.json_schema.schema', /resolve/],
    [asked({ $schema: 'https://a.io/mine' }), 'response_format.json_schema.schema', /dialect/],
    [asked({ $async: true }), 'response_format.json_schema.schema', /async/],
    [asked({ pattern: '(' }), 'response_format.json_schema.schema', /regex|regular/i],
    [
      asked({ enum: Array.from({ length: 20_000 }, (_, at) => at) }),
      'response_format.json_schema.schema',
      /65536/,
    ],
    [
      tooled({ tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'nothing' } } }] }),
      'tools[0].function.parameters',
      /type/,
    ],
  ] as const) {
    const refusal = await schemas.checkSchemas(request)
    assert.equal(refusal?.problem.code, 'invalid_request')
    assert.equal(refusal?.problem.param, param)
    assert.match(refusal?.problem.message ?? '', why)
  }
})

/** Wide enough for a machine that is busy with everything else: a check that ends takes a few milliseconds. */
const STOP_MS = 2_000

test('a schema whose pattern never ends is stopped, does not block the loop, and the next check works', async () => {
  const quick = createWorkerPool({ module: SCHEMA_WORKER, size: 1, queueLimit: 8, taskTimeoutMs: STOP_MS })
  after(() => quick.close())
  const checks = createSchemaChecks({
    config: guardSchema.parse({ checks: { timeoutMs: STOP_MS } }),
    pool: quick,
  })
  const evil = asked({ type: 'string', pattern: '^(a+)+$' })
  assert.equal(await checks.checkSchemas(evil), undefined)
  let ticks = 0
  const timer = setInterval(() => ticks++, 5)
  const content = JSON.stringify(`${'a'.repeat(60)}!`)
  const { outcome } = await checkWhole(
    { request: evil, enforced: false, schemas: checks },
    whole({ content }),
  )
  clearInterval(timer)
  unmet(outcome, 'schema_unmet', /more than 2000 ms/)
  assert.equal(outcome.type === 'unmet' && outcome.advice, '')
  assert.ok(ticks > 3, `${ticks} ticks`)
  assert.equal((await checks.validate('{"name":"A","age":1}', person, false)).type, 'valid')
})

test('where every worker is busy the answer is not checked, and that is the problem named', async () => {
  const closed = createWorkerPool({ module: SCHEMA_WORKER, size: 1, queueLimit: 1, taskTimeoutMs: 100 })
  await closed.close()
  const checks = createSchemaChecks({ config, pool: closed })
  const { outcome } = await checkWhole(
    { request: asked(person), enforced: false, schemas: checks },
    whole({ content: '{}' }),
  )
  unmet(outcome, 'check_unavailable', /could not be checked/)
})
