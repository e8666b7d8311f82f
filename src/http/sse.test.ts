import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnswerFinish, ChunkDelta } from '../contract/event.ts'
import { encodeBatch, type StreamShape } from './sse.ts'
import type { Summary } from './summary.ts'

const summary: Summary = {
  request_id: 'req_1',
  mode: 'direct',
  tier: 'fast',
  model: 'a/b',
  reason: 'because',
  attempts: 1,
  max_output_tokens: 10,
  cost_micros: 3,
  declined: false,
  citations: [],
  verdicts: [],
}
const finish: AnswerFinish = { type: 'answer-finish', verdicts: [] }

function shape(includeUsage: boolean): StreamShape {
  return { requestId: 'req_1', includeUsage, summary: () => summary }
}

function delta(content: string, more: Partial<ChunkDelta> = {}): ChunkDelta {
  return { type: 'chunk-delta', chunk: { choices: [{ index: 0, delta: { content } }] }, ...more }
}

const stop: ChunkDelta = {
  type: 'chunk-delta',
  chunk: { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
}
const usage: ChunkDelta = { type: 'chunk-delta', chunk: { choices: [], usage: { prompt_tokens: 1 } } }

function payloads(text: string): unknown[] {
  const lines = text.split('\n\n').filter((line) => line !== '')
  return lines.map((line) => (line === 'data: [DONE]' ? 'DONE' : JSON.parse(line.slice('data: '.length))))
}

test('a chunk that nobody changed leaves as the very text that it came as', () => {
  const wire = '{ "choices":[],  "odd":1e0 }'
  assert.equal(encodeBatch([delta('x', { wire })], shape(false)), `data: ${wire}\n\n`)
})

test('the last chunk carries the upshift field, then the stream is done', () => {
  const sent = payloads(encodeBatch([delta('a'), stop, finish], shape(false)))
  assert.equal(sent.length, 3)
  assert.deepEqual(sent[1], { ...stop.chunk, upshift: summary })
  assert.equal(sent[2], 'DONE')
})

test('the usage chunk is the last one where it was asked for, and is not sent where it was not', () => {
  const asked = payloads(encodeBatch([stop, usage, finish], shape(true)))
  assert.deepEqual(asked[1], { ...usage.chunk, upshift: summary })
  const unasked = payloads(encodeBatch([stop, usage, finish], shape(false)))
  assert.deepEqual(unasked, [{ ...stop.chunk, upshift: summary }, 'DONE'])
})

test('a failure is one error event and no [DONE]', () => {
  const problem = { code: 'upstream_failed', message: 'it broke' } as const
  const sent = payloads(encodeBatch([delta('a'), { type: 'answer-error', problem }], shape(false)))
  assert.equal(sent.length, 2)
  const { error } = sent[1] as { error: { code: string; message: string; request_id: string } }
  assert.deepEqual([error.code, error.message, error.request_id], ['upstream_failed', 'it broke', 'req_1'])
})
