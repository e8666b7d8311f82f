import assert from 'node:assert/strict'
import type { EmbedCall, EmbedEnd } from '../../src/contract/embed.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { Case } from './case.ts'
import { CONTEXT_TOKENS, type Subject } from './subject.ts'

/** Vectors of texts and tokens. */
export const VECTOR_CASES: readonly Case[] = [
  {
    name: 'each input has its vector of length one, in its order, and equal inputs have equal ones',
    needs: ['vectors'],
    async run(subject) {
      const end = await embed(subject, ['hello world', 'the weather', 'hello world'])
      assert.ok(end.type === 'embedded', JSON.stringify(end))
      const [first, second, third] = end.vectors
      assert.equal(end.vectors.length, 3)
      assert.deepEqual(first, third)
      assert.notDeepEqual(first, second)
      for (const vector of end.vectors) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5)
      assert.ok((end.usage?.promptTokens ?? 0) > 6)
      assert.equal(end.usage?.completionTokens, 0)
    },
  },
  {
    name: 'tokens are taken as they are',
    needs: ['vectors'],
    async run(subject) {
      const end = await embed(subject, [
        [1, 2, 3],
        [3, 2, 1],
      ])
      assert.ok(end.type === 'embedded', JSON.stringify(end))
      assert.notDeepEqual(end.vectors[0], end.vectors[1])
      assert.ok((end.usage?.promptTokens ?? 0) >= 6)
    },
  },
  {
    name: 'an input beyond the context is refused by its figures, and the next one is answered',
    needs: ['vectors'],
    async run(subject) {
      const end = await embed(subject, ['far '.repeat(CONTEXT_TOKENS)])
      assert.ok(end.type === 'failed')
      assert.equal(end.problem.code, 'context_length_exceeded')
      assert.match(end.problem.message, new RegExp(`${CONTEXT_TOKENS}`))
      assert.equal((await embed(subject, ['near'])).type, 'embedded')
    },
  },
  {
    name: 'who leaves before the vectors are made hears that',
    needs: ['vectors'],
    async run(subject) {
      const end = await embed(subject, ['x'], { signal: AbortSignal.abort() })
      assert.ok(end.type === 'failed')
      assert.equal(end.problem.code, 'client_closed')
    },
  },
]

const DEADLINE_MS = 30_000
let calls = 0

function embed(
  subject: Subject,
  inputs: EmbedCall['inputs'],
  more: Partial<EmbedCall> = {},
): Promise<EmbedEnd> {
  calls += 1
  return subject.embed({
    id: `req_vectors_${calls}`,
    inputs,
    dimensions: undefined,
    request: { model: 'auto', input: 'x' },
    deadline: systemClock.elapsed() + DEADLINE_MS,
    signal: new AbortController().signal,
    ...more,
  })
}
