import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSource, wantedFiles } from '../pull/source.ts'
import { CURATED, CURATED_AS_OF } from './curated.ts'
import type { Machine } from './machine.ts'
import { memoryFor, memoryNeed, propose } from './propose.ts'

const GB = 1e9
const machine = (memory: number, cores = 16, disk = 500): Machine => ({
  memory: { totalBytes: memory * GB, availableBytes: memory * GB, limitBytes: null },
  cores,
  disk: { folder: '/models', freeBytes: disk * GB },
  gpus: [],
})
const ids = (...words: Parameters<typeof propose>): string[] => propose(...words).map(({ id }) => id)
const BOTH = ['fast', 'mid'] as const

test('each model of the list has a source that can be pulled, a name of its own and figures that fit each other', () => {
  assert.match(CURATED_AS_OF, /^20\d\d-\d\d-\d\d$/)
  const names = new Set<string>()
  for (const model of CURATED) {
    const source = parseSource(model.source)
    assert.ok(source.type === 'hub')
    names.add(wantedFiles(source, new URL('https://hub.example')).name)
    // Some 4 to 7 bits a parameter: small models keep a larger share of theirs whole.
    const bits = (model.bytes * 8) / (model.parameters * 1e9)
    assert.ok(bits > 4 && bits < 7, `${model.id}: ${bits}`)
    assert.ok(memoryNeed(model) > model.bytes && model.contextTokens >= 16_384)
  }
  assert.equal(names.size, CURATED.length)
  assert.equal(new Set(CURATED.map(({ id }) => id)).size, CURATED.length)
})

test('a machine gets the preferred model of each tier that fits beside the others', () => {
  assert.deepEqual(ids(machine(32), BOTH, 0), ['qwen3-4b', 'qwen3-14b'])
  assert.deepEqual(ids(machine(12), BOTH, 0), ['qwen3-4b', 'qwen3-8b'])
  assert.deepEqual(ids(machine(11), BOTH, 0), ['qwen3-4b', 'mistral-7b'])
  assert.deepEqual(ids(machine(8), BOTH, 0), ['qwen3-4b'])
  assert.deepEqual(ids(machine(8), ['mid'], 0), ['qwen3-8b'])
  assert.deepEqual(ids(machine(4), BOTH, 0), ['smollm3-3b'])
  assert.deepEqual(ids(machine(1.5), BOTH, 0), [])
})

test('few processors, a full disk, and memory that is spoken for make it a smaller one, or none', () => {
  assert.deepEqual(ids(machine(64, 4), BOTH, 0), ['qwen3-4b', 'qwen3-8b'])
  assert.deepEqual(ids(machine(64, 2), BOTH, 0), ['qwen3-4b'])
  assert.deepEqual(ids(machine(64, 1), BOTH, 0), ['granite-3.3-2b'])
  assert.deepEqual(ids(machine(64, 16, 3), BOTH, 0), ['qwen3-4b'])
  assert.deepEqual(ids(machine(64, 16, 3), BOTH, 1e9), ['smollm3-3b'])
  assert.deepEqual(ids(machine(64, 16, 1), BOTH, 0), [])
  assert.deepEqual(ids(machine(12), ['mid'], 0, 6e9), [])
})

test('a limit counts as the machine’s size, and something is left for everybody else', () => {
  const { memory } = machine(10)
  assert.equal(memoryFor({ ...machine(10), memory }), 10e9 - 536_870_912)
  assert.equal(memoryFor({ ...machine(100), memory: machine(100).memory }), 95e9)
  assert.equal(memoryFor({ ...machine(1), memory: { ...memory, availableBytes: 1 } }), 0)
})
