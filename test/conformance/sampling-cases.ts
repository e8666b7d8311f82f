import assert from 'node:assert/strict'
import * as z from 'zod'
import { tinyToken } from '../../src/engine/llama/gguf.fixture.ts'
import { type Answer, ask, choicesOf, finishReasonOf, problemOf, textOf, usageOf } from './answer.ts'
import type { Case } from './case.ts'

/** In the vocabulary of the fixtures a byte is the token of its own number. */
const A = 65

/** How the next token is chosen, and what is told about it. */
export const SAMPLING_CASES: readonly Case[] = [
  {
    name: 'the same seed gives the same text, another one another; a negative or great one is one too',
    needs: ['model'],
    async run(subject) {
      const say = async (seed: number) => textOf(await ask(subject, { request: { seed } }))
      const texts = new Set<string>()
      for (const seed of [1, 2, -1, -2, 0xffffffff, Number.MAX_SAFE_INTEGER]) {
        const text = await say(seed)
        assert.equal(await say(seed), text, `seed ${seed}`)
        texts.add(text)
      }
      assert.ok(texts.size >= 4, [...texts].join(' | '))
    },
  },
  {
    name: 'temperature 0 takes the likeliest token, whatever the seed',
    needs: ['model'],
    async run(subject) {
      const say = async (seed: number) => textOf(await ask(subject, { request: { seed, temperature: 0 } }))
      assert.equal(await say(1), await say(2))
    },
  },
  {
    name: 'a stop sequence ends the answer before it, as a text, in a list, and split over tokens',
    needs: ['model'],
    async run(subject) {
      const request = { seed: 4, stream: true }
      const text = textOf(await ask(subject, { maxOutputTokens: 40, request }))
      // Six letters of the middle are more than one token of this vocabulary.
      const middle = text.slice(Math.floor(text.length / 2)).slice(0, 6)
      const before = text.slice(0, text.indexOf(middle))
      for (const stop of [middle, ['\u0000never', middle]]) {
        for (const stream of [true, false]) {
          const answer = await ask(subject, { maxOutputTokens: 40, request: { ...request, stream, stop } })
          assert.equal(textOf(answer), before)
          assert.equal(finishReasonOf(answer), 'stop')
        }
      }
    },
  },
  {
    name: 'what may become a stop sequence and does not is said in the end',
    needs: ['model'],
    async run(subject) {
      const request = { logit_bias: { [A]: 100 }, stop: 'AAAAAB', stream: true }
      const answer = await ask(subject, { maxOutputTokens: 4, request })
      assert.equal(textOf(answer), 'AAAA')
      assert.equal(finishReasonOf(answer), 'length')
    },
  },
  {
    name: 'log probabilities are those of the model: they sum to one, and the chosen token is among them',
    needs: ['model'],
    async run(subject) {
      for (const stream of [true, false]) {
        const request = { logprobs: true, top_logprobs: 20, temperature: 0, stream }
        const answer = await ask(subject, { maxOutputTokens: 8, request })
        const told = logprobsOf(answer)
        assert.equal(told.length, usageOf(answer).completionTokens)
        assert.equal(Buffer.concat(told.map(({ bytes }) => Buffer.from(bytes))).toString(), textOf(answer))
        for (const { bytes, logprob, top_logprobs: top } of told) {
          assert.equal(top.length, 20)
          const sum = top.reduce((total, one) => total + Math.exp(one.logprob), 0)
          assert.ok(sum > 0.5 && sum < 1 + 1e-4, `the likeliest sum to ${sum}`)
          assert.deepEqual(
            top.map((one) => one.logprob),
            top.map((one) => one.logprob).sort((left, right) => right - left),
          )
          assert.deepEqual([bytes, logprob], [top[0]?.bytes, top[0]?.logprob])
        }
      }
    },
  },
  {
    name: 'the temperature changes what is chosen, and not what the model thinks of it',
    needs: ['model'],
    async run(subject) {
      const first = async (temperature: number) => {
        const request = { logprobs: true, top_logprobs: 5, temperature, seed: 9 }
        const [told] = logprobsOf(await ask(subject, { maxOutputTokens: 1, request }))
        return told?.top_logprobs ?? []
      }
      const plain = await first(1)
      for (const temperature of [0, 0.3, 0.8, 1.7]) {
        for (const [index, { bytes, logprob }] of (await first(temperature)).entries()) {
          assert.deepEqual(bytes, plain[index]?.bytes)
          assert.ok(Math.abs(logprob - (plain[index]?.logprob ?? 0)) < 1e-3, `at ${temperature}: ${logprob}`)
        }
      }
    },
  },
  {
    name: 'without top_logprobs only the chosen token is told; without logprobs none',
    needs: ['model'],
    async run(subject) {
      const told = logprobsOf(await ask(subject, { request: { logprobs: true } }))
      assert.equal(told.length, 16)
      assert.ok(told.every(({ top_logprobs: top, logprob }) => top.length === 0 && logprob < 0))
      assert.deepEqual(logprobsOf(await ask(subject)), [])
    },
  },
  {
    name: 'a bias forces a token, or bans it',
    needs: ['model'],
    async run(subject) {
      const forced = await ask(subject, { request: { logit_bias: { [A]: 100 } } })
      assert.equal(textOf(forced), 'A'.repeat(16))
      const request = { logprobs: true, temperature: 0 }
      const [likeliest] = logprobsOf(await ask(subject, { maxOutputTokens: 1, request }))
      const banned = tinyToken(Buffer.from(likeliest?.bytes ?? []))
      const other = await ask(subject, {
        maxOutputTokens: 1,
        request: { ...request, logit_bias: { [banned]: -100 } },
      })
      assert.notDeepEqual(logprobsOf(other)[0]?.bytes, likeliest?.bytes)
    },
  },
  {
    name: 'a bias for what is no token, or for the end of the answer, is refused and named',
    needs: ['model'],
    async run(subject) {
      for (const token of ['word', '-1', '1.5', '99999', String(tinyToken('<|im_end|>'))]) {
        const problem = problemOf(await ask(subject, { request: { logit_bias: { [token]: 5 } } }))
        assert.equal(problem.code, subject.codes.invalid, token)
        assert.equal(problem.param, 'logit_bias')
        assert.match(problem.message, /logit_bias/)
      }
    },
  },
  {
    name: 'penalties keep the model from repeating itself',
    needs: ['model'],
    async run(subject) {
      const spread = async (request: object) => {
        const more = { temperature: 0, logprobs: true, ...request }
        const told = logprobsOf(await ask(subject, { maxOutputTokens: 32, request: more }))
        return new Set(told.map(({ bytes }) => bytes.join())).size
      }
      const plain = await spread({})
      for (const field of ['frequency_penalty', 'presence_penalty']) {
        const penalised = await spread({ [field]: 2 })
        assert.ok(penalised > plain, `${field}: ${penalised} different tokens instead of ${plain}`)
      }
    },
  },
  {
    name: 'a penalty with a limit of ten million tokens costs no memory to speak of',
    needs: ['model'],
    async run(subject) {
      const request = { frequency_penalty: 1, stop: 'AAAA', logit_bias: { [A]: 100 } }
      const answer = await ask(subject, { maxOutputTokens: 10_000_000, request })
      assert.equal(finishReasonOf(answer), 'stop')
    },
  },
  {
    name: 'characters in several tokens come whole: a broken one only where the model printed it',
    needs: ['model'],
    async run(subject) {
      // Bytes that make é, €, 😀 and much that is nothing.
      const bytes = [0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, A]
      const logit_bias = Object.fromEntries(bytes.map((byte) => [byte, 60]))
      for (const seed of [1, 2, 3, 4]) {
        const request = { seed, logit_bias, logprobs: true, stream: true }
        const answer = await ask(subject, { maxOutputTokens: 120, request })
        const said = Buffer.concat(logprobsOf(answer).map((one) => Buffer.from(one.bytes)))
        assert.equal(said.length, 120)
        assert.equal(textOf(answer), said.toString('utf8'))
        for (const { delta } of choicesOf(answer.chunks, 0)) {
          assert.ok((delta.content ?? '').isWellFormed(), 'no piece ends within a character')
        }
      }
    },
  },
]

const oneSchema = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.number()) })
const contentSchema = z.object({
  content: z.array(oneSchema.extend({ top_logprobs: z.array(oneSchema) })).nullish(),
})

function logprobsOf({ chunks, whole }: Answer) {
  const choices = whole === undefined ? choicesOf(chunks, 0) : whole.choices
  return choices.flatMap(({ logprobs }) => contentSchema.nullish().parse(logprobs)?.content ?? [])
}
