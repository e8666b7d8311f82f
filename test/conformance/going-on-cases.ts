import assert from 'node:assert/strict'
import type { ChatRequest } from '../../src/contract/chat.ts'
import { ask, finishOf, finishReasonOf, textOf, usageOf, user } from './answer.ts'
import type { Case } from './case.ts'

/** Answers that go on from a beginning, and models that are killed. */
export const GOING_ON_CASES: readonly Case[] = [
  {
    name: 'an answer goes on from its beginning as if it had never broken off: at temperature 0, with a seed, in JSON',
    needs: ['goes-on'],
    async run(subject) {
      for (const [kind, request] of Object.entries(KINDS)) {
        const messages = [user('the city and the weather')]
        const isJson = kind === 'JSON'
        const most = isJson ? 400 : 48
        const text = textOf(await ask(subject, { maxOutputTokens: most, request: { ...request, messages } }))
        assert.ok(text.length > 40)
        for (const cut of [1, 9, 24, 40]) {
          const begun = { role: 'assistant' as const, content: text.slice(0, cut) }
          // Each letter is a token, but for JSON, which ends by itself.
          const maxOutputTokens = isJson ? most : most - cut
          const going = { ...request, messages: [...messages, begun] }
          const answer = await ask(subject, { continues: true, maxOutputTokens, request: going })
          assert.equal(begun.content + textOf(answer), text, `${kind}, cut at ${cut}`)
          assert.equal(finishReasonOf(answer), isJson ? 'stop' : 'length')
        }
      }
    },
  },
  {
    name: 'what an answer goes on from counts as read, and not as said',
    needs: ['goes-on'],
    async run(subject) {
      const messages = [user('hello')]
      const alone = usageOf(await ask(subject, { maxOutputTokens: 5, request: { ...PLAIN, messages } }))
      const begun = { role: 'assistant' as const, content: 'xyz' }
      const going = { continues: true, maxOutputTokens: 5 }
      const asked = { ...going, request: { ...PLAIN, messages: [...messages, begun] } }
      const { promptTokens, completionTokens } = usageOf(await ask(subject, asked))
      assert.deepEqual([promptTokens, completionTokens], [alone.promptTokens + 3, 5])
    },
  },
  {
    name: 'a model that is killed in mid-answer ends it once, and answers the next one',
    needs: ['process'],
    async run(subject) {
      let killed = false
      const answer = await ask(subject, {
        model: 'slow',
        maxOutputTokens: 300,
        deadlineMs: 20_000,
        request: { stream: true, temperature: 0 },
        seen: (event) => {
          if (killed || event.type !== 'chunk-delta') return
          killed = true
          subject.kill('slow')
        },
      })
      assert.ok(killed)
      if (answer.terminal.type === 'answer-error')
        assert.ok(['upstream_failed', 'deadline_exceeded'].includes(answer.terminal.problem.code))
      finishOf(await ask(subject, { model: 'slow', maxOutputTokens: 2 }))
    },
  },
]

/** Letters alone: bytes that are no text could not be handed on as one. */
const LETTERS = Object.fromEntries(Array.from({ length: 26 }, (_, nth) => [65 + nth, 40]))
const PLAIN: Partial<ChatRequest> = { temperature: 0, stream: true, logit_bias: LETTERS }
const PENALISED: Partial<ChatRequest> = { frequency_penalty: 1.5, presence_penalty: 0.5 }
const SEEDED: Partial<ChatRequest> = { ...PLAIN, temperature: 1.5, seed: 77 }
const JSON_ONLY: Partial<ChatRequest> = {
  temperature: 1,
  seed: 5,
  stream: true,
  response_format: {
    type: 'json_schema',
    json_schema: {
      name: 'letters',
      schema: {
        type: 'object',
        properties: { letters: { type: 'string', pattern: '^[a-z]{60}$' } },
        required: ['letters'],
        additionalProperties: false,
      },
    },
  },
}

const KINDS = { plain: PLAIN, penalised: { ...PLAIN, ...PENALISED }, seeded: SEEDED, JSON: JSON_ONLY }
