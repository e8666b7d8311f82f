import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Expired } from '../contract/entry.ts'
import { Turns } from '../lib/turns.ts'
import type { GovernConfig } from './config.ts'
import { section } from './config.ts'
import type { DatedSegment, DatedTexts, RetentionPorts } from './ports.ts'
import { createRetention } from './retention.ts'

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 21, 9, 30)

function dayBefore(days: number): number {
  return Number(new Date(NOW - days * DAY_MS).toISOString().slice(0, 10).replaceAll('-', ''))
}

interface Home {
  texts: DatedTexts[]
  segments: DatedSegment[]
  readonly log: Expired[]
  readonly steps: string[]
  covered: number
  checkpoint: { note: string; size: number } | undefined
  dies: string | undefined
}

function home(texts: readonly number[], segments: readonly number[]): Home {
  return {
    texts: texts.map((day, at) => ({ name: `00000${at + 1}.vault`, day, file: at + 1 })),
    segments: segments.map((day, at) => ({ name: `${at * 10}-${day}.log`, day, first: at * 10 })),
    log: [],
    steps: [],
    covered: 1_000,
    checkpoint: { note: 'a signed note', size: 1_000 },
    dies: undefined,
  }
}

function portsOf(one: Home): RetentionPorts {
  const step = (name: string): void => {
    if (one.dies === name) throw new Error(`killed at ${name}`)
    one.steps.push(name)
  }
  return {
    textFiles: () => one.texts,
    removeTexts(file) {
      step(`texts ${file}`)
      one.texts = one.texts.filter((texts) => texts.file !== file)
    },
    segments: () => one.segments,
    removeSegment(name) {
      step(`segment ${name}`)
      one.segments = one.segments.filter((segment) => segment.name !== name)
    },
    coveredUpTo: () => one.covered,
    checkpoint: async () => one.checkpoint,
    async record(entry) {
      step(`record ${entry.what}`)
      one.log.push(entry)
    },
  }
}

const BOTH: GovernConfig['retention'] = { textDays: 30, entryDays: 400 }

test('texts and segments go when their whole day is older than allowed, after the log has said so', async () => {
  const one = home([32, 31, 30, 0].map(dayBefore), [402, 401, 400, 0].map(dayBefore))
  const expired = await createRetention(BOTH, portsOf(one), new Turns(1)).expire(NOW)
  assert.deepEqual(expired.texts, ['000001.vault', '000002.vault'])
  assert.deepEqual(expired.entries, [`0-${dayBefore(402)}.log`, `10-${dayBefore(401)}.log`])
  assert.deepEqual(
    one.steps.map((step) => step.replace(/-\d+\.log/, '')),
    ['record texts', 'texts 1', 'texts 2', 'record entries', 'segment 0', 'segment 10'],
  )
  const day = Math.floor(NOW / DAY_MS) * DAY_MS
  const checkpoint = 'a signed note'
  assert.deepEqual(one.log, [
    { type: 'expired', what: 'texts', files: expired.texts, before: day - 30 * DAY_MS, checkpoint },
    {
      type: 'expired',
      what: 'entries',
      files: expired.entries,
      first: 0,
      last: 19,
      before: day - 400 * DAY_MS,
      checkpoint,
    },
  ])
  assert.deepEqual(await createRetention(BOTH, portsOf(one), new Turns(1)).expire(NOW), {
    texts: [],
    entries: [],
  })
  assert.equal(one.log.length, 2)
})

test('the segment being written stays, however old', async () => {
  const one = home([], [500, 450].map(dayBefore))
  const { entries } = await createRetention(BOTH, portsOf(one), new Turns(1)).expire(NOW)
  assert.deepEqual(entries, [`0-${dayBefore(500)}.log`])
})

test('entries that no checkpoint covers, or that the folds still need, stay', async () => {
  const old = [500, 499, 498, 0].map(dayBefore)
  const uncovered = home([], old)
  uncovered.checkpoint = { note: 'n', size: 19 }
  assert.equal((await createRetention(BOTH, portsOf(uncovered), new Turns(1)).expire(NOW)).entries.length, 1)
  const needed = home([], old)
  needed.covered = 20
  assert.equal((await createRetention(BOTH, portsOf(needed), new Turns(1)).expire(NOW)).entries.length, 2)
  const none = home([dayBefore(99)], old)
  none.checkpoint = undefined
  assert.deepEqual(await createRetention(BOTH, portsOf(none), new Turns(1)).expire(NOW), {
    texts: [],
    entries: [],
  })
  assert.deepEqual(none.steps, [])
})

test('never means never, and texts do not outlive their entries', async () => {
  const never = home([9_000, 0].map(dayBefore), [9_000, 0].map(dayBefore))
  await createRetention({ textDays: 'never', entryDays: 'never' }, portsOf(never), new Turns(1)).expire(NOW)
  assert.deepEqual(never.steps, [])
  const entries = home([9_000, 0].map(dayBefore), [0].map(dayBefore))
  await createRetention({ textDays: 'never', entryDays: 400 }, portsOf(entries), new Turns(1)).expire(NOW)
  assert.equal(entries.texts.length, 1)
})

test('a crash between the entry and the removal is mended by the next run', async () => {
  const one = home([40, 39, 0].map(dayBefore), [500, 499, 0].map(dayBefore))
  one.dies = 'texts 2'
  await assert.rejects(createRetention(BOTH, portsOf(one), new Turns(1)).expire(NOW), /killed/)
  assert.equal(one.texts.length, 2)
  one.dies = `segment 10-${dayBefore(499)}.log`
  await assert.rejects(createRetention(BOTH, portsOf(one), new Turns(1)).expire(NOW), /killed/)
  one.dies = undefined
  await createRetention(BOTH, portsOf(one), new Turns(1)).expire(NOW)
  assert.deepEqual([one.texts.length, one.segments.length], [1, 1])
  assert.deepEqual(
    one.log.map(({ what, files }) => [what, files.length]),
    [
      ['texts', 2],
      ['texts', 1],
      ['entries', 2],
      ['entries', 1],
    ],
  )
})

test('a clock that was wrong for a while neither removes what is young nor keeps what is old for ever', async () => {
  // Young texts of a day on which the clock stood in 1970.
  const past = home([dayBefore(2), 19700101, dayBefore(1)], [dayBefore(0)])
  await createRetention(BOTH, portsOf(past), new Turns(1)).expire(NOW)
  assert.deepEqual(past.steps, [])
  const ahead = home([dayBefore(40), 20990101, dayBefore(39), dayBefore(1)], [dayBefore(0)])
  await createRetention(BOTH, portsOf(ahead), new Turns(1)).expire(NOW)
  assert.deepEqual(
    ahead.texts.map(({ file }) => file),
    [4],
  )
})

test('two runs at once are one after the other, and a third is left out', async () => {
  const one = home([40, 0].map(dayBefore), [dayBefore(0)])
  const retention = createRetention(BOTH, portsOf(one), new Turns(1))
  await Promise.all([retention.expire(NOW), retention.expire(NOW), retention.expire(NOW)])
  assert.deepEqual(one.steps, ['record texts', 'texts 1'])
})

test('the defaults are 30 and 400 days, and less than a day is refused', () => {
  assert.deepEqual(section.schema.parse({}), { retention: { textDays: 30, entryDays: 400 } })
  assert.equal(section.schema.safeParse({ retention: { textDays: 0 } }).success, false)
  assert.ok(section.schema.safeParse({ retention: { textDays: 'never' } }).success)
})
