import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { carriesContent, readChunk, readCompletion } from './chunk.ts'
import { ToolIndexes } from './tool-indexes.ts'
import { readUsage } from './usage.ts'

function chunkOf(delta: unknown): unknown {
  return { choices: [{ index: 0, delta }] }
}

/** The indexes that a run of tool-call deltas ends up with. */
function indexesOf(...deltas: readonly Record<string, unknown>[]): unknown[] {
  const indexes = new ToolIndexes()
  return deltas.flatMap((call) => {
    const read = readChunk(chunkOf({ tool_calls: [structuredClone(call)] }), indexes)
    assert.equal(read.type, 'read')
    return read.value.choices[0]?.delta.tool_calls?.map(({ index }) => index) ?? []
  })
}

const start = (id: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  id,
  type: 'function',
  function: { name: 'f', arguments: '' },
  ...more,
})
const more = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  function: { arguments: '{}' },
  ...fields,
})

test('tool-call deltas that keep their index stay as they are', () => {
  const read = readChunk(chunkOf({ tool_calls: [start('a', { index: 0 })] }), new ToolIndexes())
  assert.equal(read.type === 'read' && read.changed, false)
  assert.deepEqual(
    indexesOf(start('a', { index: 0 }), more({ index: 0 }), start('b', { index: 1 }), more({ index: 1 })),
    [0, 0, 1, 1],
  )
})

test('lost indexes come back by the order of the ids, and what has neither goes on with the last call', () => {
  assert.deepEqual(indexesOf(start('a'), more(), start('b'), more(), more({ id: 'a' })), [0, 0, 1, 1, 0])
})

test('calls that all claim index 0 are told apart by id and name', () => {
  assert.deepEqual(
    indexesOf(start('a', { index: 0 }), start('b', { index: 0 }), start('c', { index: 0 })),
    [0, 1, 2],
  )
})

test('a fresh id on every delta of one call does not make it several', () => {
  assert.deepEqual(
    indexesOf(start('a', { index: 0 }), more({ id: 'x', index: 0 }), more({ id: 'y', index: 0 })),
    [0, 0, 0],
  )
})

test('calls with a name and neither id nor index are new calls', () => {
  assert.deepEqual(indexesOf(start(''), start('')), [0, 1])
})

test('the tool calls of two choices are counted apart', () => {
  const indexes = new ToolIndexes()
  const value = {
    choices: [0, 1].map((index) => ({ index, delta: { tool_calls: [start(`id${index}`)] } })),
  }
  const read = readChunk(value, indexes)
  assert.equal(read.type, 'read')
  assert.deepEqual(
    read.value.choices.map((choice) => choice.delta.tool_calls?.[0]?.index),
    [0, 0],
  )
})

test('a stream cannot make more tool calls than the bound', () => {
  const calls = Array.from({ length: 2_000 }, (_, index) => start(`id${index}`))
  const read = readChunk(chunkOf({ tool_calls: calls }), new ToolIndexes())
  assert.equal(read.type, 'garbled')
})

test('what engines leave null or shape differently is put right and marked as changed', () => {
  const cases: [unknown, unknown][] = [
    [null, {}],
    [undefined, {}],
    [{ role: null, content: 'a' }, { content: 'a' }],
    [{ tool_calls: null }, {}],
    [
      { tool_calls: [{ index: 0, function: { name: null, arguments: { a: 1 } } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a":1}' } }] },
    ],
    [
      {
        content: [
          { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
          { type: 'text', text: 'Hi' },
        ],
      },
      { content: 'Hi', reasoning_content: 'hm' },
    ],
  ]
  for (const [delta, expected] of cases) {
    const read = readChunk(chunkOf(delta), new ToolIndexes())
    assert.equal(read.type, 'read')
    assert.equal(read.changed, true)
    assert.deepEqual(read.value.choices[0]?.delta, expected)
  }
})

test('a whole completion keeps its tool calls without an index', () => {
  const message = { role: 'assistant', content: null, tool_calls: [start('a')] }
  const read = readCompletion({ choices: [{ index: 0, message, finish_reason: 'tool_calls' }] })
  assert.equal(read.type, 'read')
  assert.equal(read.changed, false)
})

test('no JSON value makes the reader throw, and what it lets through has the shape it promises', () => {
  const shaped = fc.record(
    {
      choices: fc.array(
        fc.record(
          {
            index: fc.anything(),
            delta: fc.oneof(
              fc.anything(),
              fc.dictionary(fc.constantFrom('content', 'role', 'tool_calls'), fc.anything()),
            ),
            finish_reason: fc.anything(),
          },
          { requiredKeys: [] },
        ),
      ),
      usage: fc.anything(),
      error: fc.anything(),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), shaped), (input) => {
      const json: unknown = JSON.parse(JSON.stringify(input) ?? 'null')
      const read = readChunk(json, new ToolIndexes())
      if (read.type !== 'read') return
      carriesContent(read.value)
      for (const { index, delta } of read.value.choices) {
        assert.equal(typeof index, 'number')
        assert.ok(delta.content === undefined || delta.content === null || typeof delta.content === 'string')
        for (const call of delta.tool_calls ?? []) assert.equal(typeof call.index, 'number')
      }
    }),
    { numRuns: 1_000 },
  )
})

test('a role, empty text and empty lists are no content; text, thoughts, calls and an end are', () => {
  const carries = (delta: Record<string, unknown>, finish: string | null = null): boolean =>
    carriesContent({ choices: [{ index: 0, delta, finish_reason: finish }] })
  assert.equal(carries({ role: 'assistant', content: '' }), false)
  assert.equal(carries({ content: null, tool_calls: [] }), false)
  assert.equal(carries({ content: 'a' }), true)
  assert.equal(carries({ reasoning_content: 'a' }), true)
  assert.equal(carries({ tool_calls: [{}] }), true)
  assert.equal(carries({}, 'stop'), true)
})

test('usage counts what is billed as output although reasoning stands outside of completion_tokens', () => {
  assert.deepEqual(
    readUsage({
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 45,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 30 },
    }),
    { promptTokens: 10, completionTokens: 35, cachedTokens: 4, reasoningTokens: 30 },
  )
  assert.deepEqual(readUsage({ prompt_tokens: 10, completion_tokens: 5, prompt_cache_hit_tokens: 3 }), {
    promptTokens: 10,
    completionTokens: 5,
    cachedTokens: 3,
  })
})

test('usage that is not counted in whole numbers is unknown', () => {
  assert.equal(readUsage({}), undefined)
  assert.equal(readUsage({ prompt_tokens: -1, completion_tokens: 1 }), undefined)
  assert.equal(readUsage({ prompt_tokens: 1.5, completion_tokens: 1 }), undefined)
})
