import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { decodeEntry, splitLine } from '../../src/record/log/line.ts'
import { listSegments, readLines, utcDay } from '../../src/record/log/segments.ts'
import { writeLongLog } from './long-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-long-log-'))
after(() => rmSync(folder, { recursive: true }))

test('a long log reads back whole: no gap, every request closed, each segment of one day', () => {
  const log = join(folder, 'home', 'log')
  const from = Date.UTC(2026, 1, 3, 22)
  const entries = 10_001
  const bytes = writeLongLog({
    folder: log,
    entries,
    from,
    to: from + 6 * 3_600_000,
    segmentBytes: 1_000_000,
  })
  const segments = listSegments(log)
  const open = new Set<string>()
  let seq = 0
  for (const segment of segments) {
    assert.equal(segment.first, seq)
    readLines(segment.path, 0, (line) => {
      const json = splitLine(line.bytes)
      assert.ok(json !== undefined)
      const entry = decodeEntry(json)
      assert.equal(entry.seq, seq)
      assert.equal(utcDay(entry.at), segment.day)
      if (entry.type === 'opened') open.add(entry.id)
      if (entry.type === 'closed') assert.ok(open.delete(entry.id))
      seq += 1
      return true
    })
  }
  assert.equal(seq, entries)
  assert.equal(open.size, 0)
  assert.ok(segments.length > 2)
  assert.equal(
    segments.reduce((sum, { path }) => sum + statSync(path).size, 0),
    bytes,
  )
})
