import assert from 'node:assert/strict'
import * as z from 'zod'
import type { ChatRequest } from '../../src/contract/chat.ts'
import { type Answer, ask, choicesOf, finishOf, finishReasonOf, problemOf, textOf } from './answer.ts'
import type { Case } from './case.ts'

/** Answers of a form that was asked for: JSON by a schema, and calls of tools. The models' weights are random. */
export const FORM_CASES: readonly Case[] = [
  {
    name: 'an answer meets its schema whatever the seed, streamed or whole',
    needs: ['form'],
    async run(subject) {
      for (const seed of [1, 2, 3, 4, 5, 6]) {
        const stream = seed % 2 === 0
        const answer = await ask(subject, { maxOutputTokens: 300, request: { ...BY_SCHEMA, seed, stream } })
        assert.equal(finishReasonOf(answer), 'stop')
        paintSchema.parse(JSON.parse(textOf(answer)))
      }
    },
  },
  {
    name: 'JSON that a grammar guarantees whole leaves while it is written',
    needs: ['form'],
    async run(subject) {
      finishOf(await ask(subject, { model: 'slow', maxOutputTokens: 1 }))
      const schema = { type: 'object', properties: { text: LONG }, required: ['text'] }
      const request = { response_format: formatOf(schema), stream: true, seed: 1 }
      const answer = await ask(subject, { model: 'slow', maxOutputTokens: 2_000, deadlineMs: 600, request })
      assert.equal(problemOf(answer).code, 'deadline_exceeded')
      assert.match(textOf(answer), /^\{"text": ?"/)
    },
  },
  {
    name: 'any JSON object is one from its first character',
    needs: ['form'],
    async run(subject) {
      const request = { response_format: { type: 'json_object' as const }, seed: 3 }
      const answer = await ask(subject, { maxOutputTokens: 400, request })
      assert.match(textOf(answer), /^\{/)
      if (finishReasonOf(answer) === 'stop') JSON.parse(textOf(answer))
    },
  },
  {
    name: 'a schema that no value meets is refused with its keyword',
    needs: ['form'],
    async run(subject) {
      const schema = { type: 'integer', minimum: 5, maximum: 3 }
      const request = { response_format: formatOf(schema) }
      const problem = problemOf(await ask(subject, { request }))
      assert.equal(problem.code, subject.codes.invalid)
      assert.match(problem.message, /minimum/)
    },
  },
  {
    name: 'a tool that must be called is called with arguments that meet its schema, and nothing else is said',
    needs: ['form'],
    async run(subject) {
      for (const seed of [1, 2, 3, 4]) {
        const stream = seed % 2 === 0
        const request = { ...WITH_TOOLS, tool_choice: 'required' as const, seed, stream }
        const answer = await ask(subject, { maxOutputTokens: 1_500, request })
        const calls = callsOf(answer)
        assert.ok(calls.length >= 1, JSON.stringify(answer.terminal))
        assert.equal(finishReasonOf(answer), 'tool_calls')
        assert.equal(textOf(answer), '')
        assert.equal(new Set(calls.map(({ id }) => id)).size, calls.length)
        for (const call of calls) ARGUMENTS[nameSchema.parse(call.name)].parse(JSON.parse(call.arguments))
      }
    },
  },
  {
    name: 'a named function is called once, and no other',
    needs: ['form'],
    async run(subject) {
      const named = { type: 'function' as const, function: { name: 'paint' } }
      for (const seed of [1, 2, 3]) {
        const request = { ...WITH_TOOLS, tool_choice: named, seed }
        const calls = callsOf(await ask(subject, { maxOutputTokens: 300, request }))
        assert.deepEqual(
          calls.map(({ name }) => name),
          ['paint'],
        )
      }
    },
  },
  {
    name: 'one call is one where parallel calls are not wanted, and none where tools are not',
    needs: ['form'],
    async run(subject) {
      for (const seed of [1, 2, 3, 4]) {
        const one = { ...WITH_TOOLS, tool_choice: 'required' as const, parallel_tool_calls: false, seed }
        assert.equal(callsOf(await ask(subject, { maxOutputTokens: 300, request: one })).length, 1)
        const none = { ...WITH_TOOLS, tool_choice: 'none' as const, seed }
        const answer = await ask(subject, { maxOutputTokens: 40, request: none })
        assert.deepEqual(callsOf(answer), [])
        assert.notEqual(textOf(answer), '')
      }
    },
  },
]

const colour = z.enum(['red', 'green', 'blue'])
const paintSchema = z.strictObject({
  colour,
  coats: z.int().min(1).max(7),
  rooms: z.array(z.enum(['hall', 'kitchen'])).max(3),
})
const ARGUMENTS = { paint: paintSchema, wait: z.strictObject({ minutes: z.int().min(0).max(90) }) }
const nameSchema = z.enum(['paint', 'wait'])

/** As OpenAI's clients write it. */
const PAINT = {
  type: 'object',
  properties: {
    colour: { type: 'string', enum: ['red', 'green', 'blue'] },
    coats: { type: 'integer', minimum: 1, maximum: 7 },
    rooms: { type: 'array', items: { type: 'string', enum: ['hall', 'kitchen'] }, maxItems: 3 },
  },
  required: ['colour', 'coats', 'rooms'],
  additionalProperties: false,
}
const WAIT = {
  type: 'object',
  properties: { minutes: { type: 'integer', minimum: 0, maximum: 90 } },
  required: ['minutes'],
  additionalProperties: false,
}

function formatOf(schema: Record<string, unknown>) {
  return { type: 'json_schema' as const, json_schema: { name: 'answer', strict: true, schema } }
}

const BY_SCHEMA: Partial<ChatRequest> = { response_format: formatOf(PAINT), temperature: 1 }
/** So long that its time is over before its end. */
const LONG = { type: 'string', minLength: 4_000 }
const WITH_TOOLS: Partial<ChatRequest> = {
  temperature: 1,
  tools: [
    { type: 'function', function: { name: 'paint', parameters: PAINT } },
    { type: 'function', function: { name: 'wait', parameters: WAIT } },
  ],
}

interface ToolCall {
  readonly id: string
  readonly name: string
  readonly arguments: string
}

const piecesSchema = z.array(
  z.object({
    index: z.int().optional(),
    id: z.string().optional(),
    function: z.object({ name: z.string().optional(), arguments: z.string().optional() }),
  }),
)

/** The calls of the first choice, streamed or whole. */
function callsOf({ chunks, whole }: Answer): readonly ToolCall[] {
  const messages =
    whole === undefined
      ? choicesOf(chunks, 0).map(({ delta }) => delta)
      : whole.choices.map((one) => one.message)
  const calls: { id: string; name: string; arguments: string }[] = []
  for (const message of messages) {
    for (const [at, piece] of piecesSchema.parse(message.tool_calls ?? []).entries()) {
      const index = piece.index ?? at
      calls[index] ??= { id: '', name: '', arguments: '' }
      const call = calls[index]
      call.id += piece.id ?? ''
      call.name += piece.function.name ?? ''
      call.arguments += piece.function.arguments ?? ''
    }
  }
  return calls
}
