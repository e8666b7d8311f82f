import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as z from 'zod'
import { entriesOf } from './process/log.ts'
import { chat, errorOf, eventsOf, type Reply, textOf } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'

/**
 * Calls that a model only printed, through the whole process: what the caller gets, and what stands in the
 * record.
 */

const tools = [
  {
    type: 'function',
    function: {
      name: 'find_boat',
      parameters: {
        type: 'object',
        properties: { harbour: { type: 'string', minLength: 3 }, seats: { type: 'integer' } },
        required: ['harbour'],
      },
    },
  },
]
const ask = (more: Record<string, unknown> = {}) => ({
  model: 'one/small',
  messages: [{ role: 'user', content: 'A boat for four from Bergen, please.' }],
  tools,
  ...more,
})

const held = new AsyncDisposableStack()
let engine: Upstream
let server: RunningServer

before(async () => {
  engine = held.use(await startUpstream())
  server = held.use(await startServer({ config: configOf({ one: engineAt([engine.url]) }) }))
})

after(() => held.disposeAsync())

function print(...answers: readonly (readonly string[])[]): void {
  engine.answer((response, received, nth) =>
    respond(response, received, answers[nth] ?? answers.at(-1) ?? []),
  )
}

const callSchema = z.object({
  id: z.string().regex(/^call_[0-9a-z]{24}$/),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
})
const summarySchema = z.looseObject({
  verdicts: z.array(z.object({ check: z.string(), outcome: z.string(), detail: z.string().optional() })),
})
const wholeSchema = z.looseObject({
  choices: z.tuple([
    z.looseObject({
      message: z.looseObject({ content: z.string().nullable(), tool_calls: z.array(callSchema).optional() }),
      finish_reason: z.string(),
    }),
  ]),
  upshift: summarySchema,
})
const chunkSchema = z.looseObject({
  choices: z.array(
    z.looseObject({
      delta: z.looseObject({ tool_calls: z.array(callSchema.extend({ index: z.number() })).optional() }),
      finish_reason: z.string().nullish(),
    }),
  ),
  upshift: summarySchema.optional(),
})

const PIECES = ['Let me look.\n\n', '[find_', "boat(harbour='Bergen', ", "seats='4')]"]
const CALLED = { name: 'find_boat', arguments: '{"harbour":"Bergen","seats":4}' }
const RESCUED = {
  check: 'tool-call.rescue',
  outcome: 'repaired',
  detail: '1 call printed as python; coerced: text to integer',
}

test('a printed call of a whole answer reaches the caller as a call, and the record says so', async () => {
  print(PIECES)
  const reply = await chat(server, ask())
  const { choices, upshift } = wholeSchema.parse(JSON.parse(reply.text))
  const [{ message, finish_reason }] = choices
  assert.equal(finish_reason, 'tool_calls')
  assert.equal(message.content, 'Let me look.\n\n')
  assert.deepEqual(
    message.tool_calls?.map((call) => call.function),
    [CALLED],
  )
  assert.deepEqual(upshift.verdicts, [RESCUED, { check: 'output.tool_arguments', outcome: 'passed' }])
  const [closed] = entriesOf(server.home, 'closed', String(reply.headers['x-request-id']))
  assert.deepEqual(closed?.verdicts, upshift.verdicts)
})

function chunksOf(reply: Reply) {
  return eventsOf(reply)
    .filter((event) => event !== '[DONE]')
    .map((event) => chunkSchema.parse(event))
}

test('a printed call of a stream leaves as a call before the finish reason, its lead-in as text', async () => {
  print(PIECES)
  const reply = await chat(server, ask({ stream: true }))
  assert.equal(textOf(reply), 'Let me look.\n\n')
  const chunks = chunksOf(reply)
  const calls = chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []))
  assert.deepEqual(
    calls.map(({ index, function: called }) => [index, called]),
    [[0, CALLED]],
  )
  const finishes = chunks.flatMap(({ choices }) =>
    choices.flatMap(({ finish_reason }) => finish_reason ?? []),
  )
  assert.deepEqual(finishes, ['tool_calls'])
  assert.deepEqual(chunks.at(-1)?.upshift?.verdicts[0], RESCUED)
})

test('a printed call meets tool_choice required, and is none where tool_choice is none', async () => {
  print(["find_boat(harbour='Bergen')"])
  const required = wholeSchema.parse(JSON.parse((await chat(server, ask({ tool_choice: 'required' }))).text))
  assert.equal(required.choices[0].message.tool_calls?.length, 1)
  const none = wholeSchema.parse(JSON.parse((await chat(server, ask({ tool_choice: 'none' }))).text))
  assert.equal(none.choices[0].message.content, "find_boat(harbour='Bergen')")
  assert.equal(none.choices[0].finish_reason, 'stop')
})

test('a rescued call is held against the whole schema, and repaired once like a real one', async () => {
  print(["find_boat(harbour='X')"], ["find_boat(harbour='Bergen')"])
  const repaired = wholeSchema.parse(JSON.parse((await chat(server, ask())).text))
  assert.equal(repaired.choices[0].message.tool_calls?.[0]?.function.arguments, '{"harbour":"Bergen"}')
  assert.deepEqual(engine.received[1]?.roles, ['user', 'assistant', 'user'])
  print(["find_boat(harbour='X')"])
  assert.equal(errorOf(await chat(server, ask())).code, 'tool_arguments_invalid')
})

test('with the rescue off a printed call stays text', async () => {
  const config = configOf({ one: engineAt([engine.url]) }, { guard: { output: { rescueToolCalls: false } } })
  await using plain = await startServer({ config })
  print(PIECES)
  const { choices, upshift } = wholeSchema.parse(JSON.parse((await chat(plain, ask())).text))
  assert.equal(choices[0].message.content, PIECES.join(''))
  assert.equal(choices[0].message.tool_calls, undefined)
  assert.deepEqual(upshift.verdicts, [])
})
