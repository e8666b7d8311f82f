import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SlotTable } from './slots.ts'

const MINUTE = 60_000

function range(from: number, length: number): number[] {
  return Array.from({ length }, (_, index) => from + index)
}

/** Runs a prompt through the table as the scheduler does: taken, answered, given back. */
function serve(table: SlotTable<string>, prompt: readonly number[], now: number) {
  const chosen = table.take(prompt, now)
  assert.ok(chosen)
  table.release(chosen.slot, [...prompt, 7, 7], now)
  return { at: chosen.slot.sequence, cached: chosen.cachedTokens, evicts: chosen.evicts }
}

test('a conversation goes on where it stands, and others do not push it out while there is room', () => {
  const table = new SlotTable(['a', 'b', 'c'])
  const [first, second] = [range(0, 100), range(1_000, 100)]
  assert.deepEqual(serve(table, first, 0), { at: 'a', cached: 0, evicts: false })
  assert.deepEqual(serve(table, second, 1), { at: 'b', cached: 0, evicts: false })
  assert.deepEqual(serve(table, [...first, 7, 7, 8, 9], 2), { at: 'a', cached: 102, evicts: false })
  assert.deepEqual(serve(table, range(5_000, 50), 3), { at: 'c', cached: 0, evicts: false })
})

test('where all is taken the least useful cache goes: short, seldom continued, long ago', () => {
  const table = new SlotTable(['a', 'b', 'c'])
  const [often, long, short] = [range(0, 60), range(1_000, 400), range(2_000, 40)]
  serve(table, often, 0)
  for (let turn = 1; turn < 6; turn++) serve(table, often, turn)
  serve(table, long, 6)
  serve(table, short, 7)
  assert.deepEqual(serve(table, range(5_000, 100), 8), { at: 'c', cached: 0, evicts: true })
  // A long one that nobody has come back to for ten minutes is worth less than a young short one.
  serve(table, often, 10 * MINUTE)
  assert.equal(serve(table, range(9_000, 10), 10 * MINUTE + 1).at, 'c')
  serve(table, range(9_000, 200), 10 * MINUTE + 2)
  assert.equal(serve(table, range(20_000, 10), 10 * MINUTE + 3).at, 'b')
})

test('a short common beginning does not cost a long conversation its cache while another slot is empty', () => {
  const table = new SlotTable(['a', 'b'])
  const system = range(0, 30)
  serve(table, [...system, ...range(100, 500)], 0)
  assert.deepEqual(serve(table, [...system, ...range(900, 20)], 1), { at: 'b', cached: 0, evicts: false })
  assert.deepEqual(serve(table, [...system, ...range(950, 20)], 2), { at: 'b', cached: 30, evicts: false })
})

test('a busy slot is not taken, and without a free one there is none', () => {
  const table = new SlotTable(['a', 'b'])
  const [left, right] = [table.take([1], 0), table.take([1], 0)]
  assert.deepEqual([left?.slot.sequence, right?.slot.sequence], ['a', 'b'])
  assert.equal(table.take([1], 0), undefined)
  assert.equal(table.busy, 2)
  if (right !== undefined) table.release(right.slot, [1], 1)
  assert.equal(table.take([1], 2)?.slot.sequence, 'b')
})
