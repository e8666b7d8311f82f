import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnswerEvent } from '../contract/event.ts'
import { chunk } from './scripted.fixture.ts'
import { Transcript, TranscriptRoom } from './transcript.ts'

function calling(index: number, name: string, piece: string): AnswerEvent {
  const call = { index, id: `call_${index}`, function: { name, arguments: piece } }
  return { type: 'chunk-delta', chunk: { choices: [{ index: 0, delta: { tool_calls: [call] } }] } }
}

test('the pieces of a stream become the text, reasoning and calls of each choice', () => {
  const transcript = new Transcript(new TranscriptRoom())
  transcript.see([chunk('Hel'), chunk('lo'), calling(0, 'look', '{"a"'), calling(0, '', ':1}')])
  transcript.see([
    { type: 'chunk-delta', chunk: { choices: [{ index: 1, delta: { reasoning_content: 'Hm' } }] } },
  ])
  transcript.see([chunk('', { finish_reason: 'stop' })])
  const call = { index: 0, name: 'look', arguments: '{"a":1}', id: 'call_0' }
  assert.deepEqual(JSON.parse(transcript.end() ?? ''), {
    choices: [
      { index: 0, content: 'Hello', tool_calls: [call], finish_reason: 'stop' },
      { index: 1, content: '', reasoning: 'Hm' },
    ],
  })
})

test('an answer without a word has no text', () => {
  assert.equal(new Transcript(new TranscriptRoom()).end(), undefined)
})

test('choices and calls with numbers that nobody asked for cost nothing and are told as left out', () => {
  const transcript = new Transcript(new TranscriptRoom())
  for (let index = 0; index < 5_000; index++) transcript.see([calling(index * 1_000_000, 'x', '{}')])
  const kept = JSON.parse(transcript.end() ?? '')
  assert.equal(kept.truncated, true)
  assert.equal(kept.choices[0].tool_calls.length, 128)
})

test('one answer keeps 8 Mi characters and all together 64 Mi; what ends gives its room back', () => {
  const room = new TranscriptRoom()
  const piece = 'x'.repeat(1_048_576)
  const full = Array.from({ length: 9 }, () => {
    const transcript = new Transcript(room)
    for (let count = 0; count < 9; count++) transcript.see([chunk(piece)])
    return transcript
  })
  const lengths = full.map((one) => {
    const kept = JSON.parse(one.end() ?? '')
    assert.equal(kept.truncated, true)
    return kept.choices[0].content.length / piece.length
  })
  assert.deepEqual(lengths, [8, 8, 8, 8, 8, 8, 8, 8, 0])
  const next = new Transcript(room)
  next.see([chunk(piece)])
  assert.equal(JSON.parse(next.end() ?? '').truncated, undefined)
})
