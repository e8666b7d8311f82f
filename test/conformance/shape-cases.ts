import assert from 'node:assert/strict'
import type { WireUsage } from '../../src/contract/chat.ts'
import type { Usage } from '../../src/contract/usage.ts'
import { ask, choicesOf, finishOf, finishReasonOf, textOf, usageOf, user } from './answer.ts'
import type { Case } from './case.ts'

/** The shape of an answer: streamed or whole, its ends and its counts. */
export const SHAPE_CASES: readonly Case[] = [
  {
    name: 'a stream says the role first, then text, then one finish reason, and ends once',
    needs: ['answer'],
    async run(subject) {
      const answer = await ask(subject, { request: { stream: true } })
      finishOf(answer)
      assert.equal(answer.whole, undefined)
      const choices = choicesOf(answer.chunks, 0)
      assert.equal(choices[0]?.delta.role, 'assistant')
      assert.equal(choices.filter(({ delta }) => delta.role !== undefined).length, 1)
      const finished = choices.map(({ finish_reason: reason }) => reason ?? null)
      assert.equal(finished.filter((reason) => reason !== null).length, 1)
      assert.notEqual(finished.at(-1), null, 'the finish reason is the last that a choice says')
      assert.equal(new Set(answer.chunks.map(({ id }) => id)).size, 1)
      assert.notEqual(textOf(answer), '')
    },
  },
  {
    name: 'streamed or whole, the same question at temperature 0 has the same answer and the same counts',
    needs: ['model'],
    async run(subject) {
      const messages = [user('the city and the weather')]
      const streamed = await ask(subject, { request: { messages, stream: true, temperature: 0 } })
      const whole = await ask(subject, { request: { messages, temperature: 0 } })
      assert.ok(whole.whole)
      assert.equal(whole.chunks.length, 0)
      assert.equal(whole.whole.choices[0]?.message.role, 'assistant')
      assert.notEqual(textOf(whole), '')
      assert.equal(textOf(streamed), textOf(whole))
      assert.equal(finishReasonOf(streamed), finishReasonOf(whole))
      const { promptTokens, completionTokens } = usageOf(streamed)
      const { cachedTokens: _, ...counted } = usageOf(whole)
      assert.deepEqual(counted, { promptTokens, completionTokens })
      assert.deepEqual(ofWire(whole.whole.usage ?? {}), usageOf(whole))
    },
  },
  {
    name: 'a stream tells its usage in one chunk without choices, behind the finish reason',
    needs: ['model'],
    async run(subject) {
      const request = { stream: true, stream_options: { include_usage: true } }
      const answer = await ask(subject, { request })
      const telling = answer.chunks.filter(({ usage }) => usage != null)
      assert.equal(telling.length, 1)
      assert.equal(telling[0], answer.chunks.at(-1))
      assert.deepEqual(telling[0]?.choices, [])
      assert.deepEqual(ofWire(telling[0]?.usage ?? {}), usageOf(answer))
    },
  },
  {
    name: 'what stands in the cache of the prompt is counted, and is not all of it',
    needs: ['model'],
    async run(subject) {
      const messages = [user(`a question that nobody asked before: ${'why '.repeat(20)}`)]
      const first = usageOf(await ask(subject, { request: { messages } }))
      const second = usageOf(await ask(subject, { request: { messages } }))
      assert.equal(second.promptTokens, first.promptTokens)
      assert.ok(first.promptTokens > 60, `${first.promptTokens} tokens`)
      assert.ok((first.cachedTokens ?? 0) < first.promptTokens / 2)
      // The last token is read again: what comes after it is not kept.
      assert.equal(second.cachedTokens, second.promptTokens - 1)
    },
  },
  {
    name: 'an answer that ends at once is empty and finished by stop',
    needs: ['model'],
    async run(subject) {
      for (const stream of [true, false]) {
        const answer = await ask(subject, { model: 'brief', request: { stream } })
        assert.equal(textOf(answer), '')
        assert.equal(finishReasonOf(answer), 'stop')
      }
    },
  },
  {
    name: 'the limit on output is kept to the token, and finishes by length',
    needs: ['model'],
    async run(subject) {
      for (const limit of [1, 7]) {
        const answer = await ask(subject, { maxOutputTokens: limit, request: { stream: true } })
        assert.equal(finishReasonOf(answer), 'length')
        assert.equal(usageOf(answer).completionTokens, limit)
      }
    },
  },
  {
    name: 'three choices are three answers, each with its role and its end, and the prompt counts once',
    needs: ['model'],
    async run(subject) {
      const alone = usageOf(await ask(subject, { request: { seed: 5 } }))
      for (const stream of [true, false]) {
        const answer = await ask(subject, { request: { n: 3, seed: 5, stream } })
        const texts = [0, 1, 2].map((index) => textOf(answer, index))
        assert.equal(new Set(texts).size, 3, texts.join(' | '))
        for (const index of [0, 1, 2]) assert.equal(finishReasonOf(answer, index), 'length')
        const { promptTokens, completionTokens } = usageOf(answer)
        assert.deepEqual([promptTokens, completionTokens], [alone.promptTokens, 48])
        if (!stream) continue
        for (const index of [0, 1, 2]) {
          const choices = choicesOf(answer.chunks, index)
          assert.deepEqual(
            choices.map(({ delta }) => delta.role ?? ''),
            ['assistant', ...choices.slice(1).map(() => '')],
          )
        }
      }
    },
  },
]

function ofWire(usage: WireUsage): Usage {
  const { prompt_tokens: promptTokens = -1, completion_tokens: completionTokens = -1 } = usage
  assert.equal(usage.total_tokens, promptTokens + completionTokens)
  const cachedTokens = usage.prompt_tokens_details?.cached_tokens
  return { promptTokens, completionTokens, ...(cachedTokens === undefined ? {} : { cachedTokens }) }
}
