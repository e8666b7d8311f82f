import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { shownBytes, shownSeconds } from './figures.ts'
import { Progress } from './progress.ts'

/** What is written to a terminal of so many columns, or to a pipe, at times that the test sets. */
function watched(columns?: number, quiet = false) {
  const err = Object.assign(
    new PassThrough({ encoding: 'utf8' }),
    columns === undefined ? {} : { isTTY: true, columns },
  )
  const time = { ms: 0 }
  const progress = new Progress({ err, quiet, clock: { now: () => 0, elapsed: () => time.ms } })
  return { progress, time, text: (): string => err.read() ?? '' }
}

const GB = 1_000_000_000

test('on a terminal one line is written over: share, bytes, rate and the time that is left', () => {
  const { progress, time, text } = watched(100)
  progress.tell({ type: 'bytes', done: 0, of: 2 * GB })
  time.ms = 1_000
  progress.tell({ type: 'bytes', done: GB / 10, of: 2 * GB })
  time.ms = 2_000
  progress.tell({ type: 'bytes', done: GB / 2, of: 2 * GB })
  const lines = text().split('\r\u001b[K').slice(1)
  assert.equal(lines.length, 3)
  assert.equal(
    lines[2],
    '[##########------------------------------]  25 %  500 MB of 2.00 GB  250 MB/s  6 s left',
  )
  for (const line of lines) assert.ok(line.length < 100)
  progress.tell({ type: 'bytes', done: 2 * GB, of: 2 * GB })
  assert.match(text(), /\[#{40}\] {2}100 % {2}2\.00 GB of 2\.00 GB.*\n$/)
})

test('a narrow terminal gets no bar, and never a line that wraps', () => {
  for (const columns of [60, 30, 8]) {
    const { progress, time, text } = watched(columns)
    progress.tell({ type: 'bytes', done: 0, of: 2 * GB })
    time.ms = 5_000
    progress.tell({ type: 'bytes', done: GB, of: 2 * GB })
    for (const line of text().split('\r\u001b[K')) assert.ok(line.length < columns, `${columns}: ${line}`)
  }
})

test('it is not written more often than an eye can follow, and the rate is that of the last seconds', () => {
  const { progress, time, text } = watched(100)
  for (time.ms = 0; time.ms <= 1_000; time.ms += 10)
    progress.tell({ type: 'bytes', done: time.ms * 1_000, of: GB })
  assert.equal(text().split('\r').length - 1, 11)
  for (; time.ms <= 20_000; time.ms += 500)
    progress.tell({ type: 'bytes', done: 1_000_000 + time.ms, of: GB })
  assert.match(text().split('\r').at(-1) ?? '', / 1\.00 kB\/s /)
})

test('a remark gets a line of its own, and the bar goes on below it', () => {
  const { progress, time, text } = watched(100)
  progress.tell({ type: 'bytes', done: 1, of: 10 })
  progress.tell({ type: 'waiting', why: 'It broke off. Pull again later; what is here stays.', ms: 3_000 })
  time.ms = 200
  progress.tell({ type: 'bytes', done: 2, of: 10 })
  progress.end()
  assert.match(
    text(),
    /10 %[^\n]*\nupshift: It broke off\. The next attempt is in 3 s\.\n\r\u001b\[K.*20 %[^\n]*\n$/,
  )
})

test('a pipe gets plain lines now and then, and --json gets nothing', () => {
  const { progress, time, text } = watched()
  progress.tell({ type: 'contacting', host: 'hub.example' })
  progress.tell({ type: 'begin', bytes: GB, here: GB / 4, files: 2 })
  for (time.ms = 0; time.ms <= 20_000; time.ms += 100) progress.tell({ type: 'bytes', done: time.ms, of: GB })
  const lines = text().split('\n')
  assert.deepEqual(lines.slice(0, 2), [
    'upshift: contacting hub.example',
    'upshift: 1.00 GB in 2 files; 250 MB are here from before',
  ])
  assert.equal(lines.length, 6)
  assert.match(lines[4] ?? '', /^upshift: 0 % {2}20\.0 kB of 1\.00 GB {2}1\.00 kB\/s {2}277 h 46 min left$/)
  const silent = watched(100, true)
  silent.progress.tell({ type: 'contacting', host: 'hub.example' })
  silent.progress.tell({ type: 'bytes', done: 1, of: 2 })
  silent.progress.end()
  assert.equal(silent.text(), '')
})

test('figures are short and never round up to more than there is room for', () => {
  assert.deepEqual([0, 999, 1_000, 9_994, 99_949, 999_499, 999_500, 2_500_000_000, 1e15].map(shownBytes), [
    '0 B',
    '999 B',
    '1.00 kB',
    '9.99 kB',
    '99.9 kB',
    '999 kB',
    '1.00 MB',
    '2.50 GB',
    '1.00 PB',
  ])
  assert.deepEqual([0, 59.4, 59.6, 3_599, 3_600, 7_260].map(shownSeconds), [
    '0 s',
    '59 s',
    '1 min 00 s',
    '59 min 59 s',
    '1 h 00 min',
    '2 h 01 min',
  ])
})
