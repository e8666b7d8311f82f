import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { UsedMemory } from './used-memory.ts'

test('a pass tells what a page took, and leaves nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'upshift-used-'))
  try {
    const memory = new UsedMemory(folder)
    const before = memory.pageUs
    assert.equal(before, null)
    memory.pass()
    const one = memory.pageUs
    assert.ok(one !== null && one.least > 0 && one.least === one.most, JSON.stringify(one))
    memory.pass()
    const two = memory.pageUs
    assert.ok(two !== null && two.least <= one.least && two.most >= one.most, JSON.stringify(two))
    assert.deepEqual(readdirSync(folder), [])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
