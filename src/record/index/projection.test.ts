import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { Stamped } from '../../contract/entry.ts'
import {
  answered,
  ask,
  attempt,
  dump,
  feed,
  format1,
  opened,
  plan,
  ref,
  scratch,
  settlement,
  stamped,
  variedLog,
  withChild,
} from './log.fixture.ts'

const made: ReturnType<typeof scratch>[] = []
function fresh(...options: Parameters<typeof scratch>) {
  const one = scratch(...options)
  made.push(one)
  return one
}
after(() => {
  for (const one of made) one.remove()
})

function built(entries: readonly Stamped[], batch = 50) {
  const place = fresh()
  const projection = place.open()
  feed(projection, entries, batch)
  return { place, projection }
}

/** Row by row, so that a difference is told by its row. */
function assertSame(one: string, other: string): void {
  const rows = dump(one)
  for (const [table, expected] of Object.entries(dump(other))) {
    const found = rows[table] ?? []
    for (const [index, row] of expected.entries()) assert.deepEqual(found[index], row, table)
    assert.equal(found.length, expected.length, table)
  }
}

test('a request becomes one row with who asked, what served it, what it used and what it cost', () => {
  const { projection } = built(stamped(answered('req_1', { prompt: ref(0) })))
  const { data } = ask(projection, { type: 'requests', filter: {}, limit: 10 })
  assert.equal(data.length, 1)
  const [one] = data
  assert.ok(one)
  assert.deepEqual(
    { ...one, at: 0 },
    {
      id: 'req_1',
      parent: null,
      seq: 0,
      at: 0,
      day: '2026-11-02',
      key: 'key_a',
      subject: 'sub_a',
      requested: 'auto',
      tierAsked: 'fast',
      tier: 'fast',
      model: 'ollama/small',
      engine: 'ollama',
      replica: 'r1',
      mode: 'direct',
      offMachine: false,
      outcome: 'answered',
      code: null,
      turns: 1,
      promptTokens: 100,
      completionTokens: 20,
      cachedTokens: 0,
      reasoningTokens: 0,
      costMicros: 50,
      chargedMicros: 50,
      unknownMicros: 0,
      unpriced: false,
      estimated: false,
      firstTokenMs: 200,
      totalMs: 900,
    },
  )
  projection.close()
})

test('every turn counts for the model that it ran on, and a cost that nobody stated counts whole as unknown', () => {
  const failed = {
    turn: 1,
    engine: 'ollama',
    model: 'ollama/small',
    tier: 'fast',
    outcome: 'upstream_failed',
    totalMs: 4,
  } as const
  const { projection } = built(
    stamped([
      opened('req_1'),
      attempt('req_1', 1, { heldMicros: 700 }),
      attempt('req_1', 2, { model: 'openai/big', engine: 'openai', offMachine: true, settled: [failed] }),
      {
        type: 'closed',
        id: 'req_1',
        outcome: 'answered',
        model: 'openai/big',
        chargedMicros: 80,
        totalMs: 9,
        settled: [settlement(2, { model: 'openai/big', engine: 'openai', tier: 'expert', costMicros: 80 })],
      },
    ]),
  )
  const one = ask(projection, { type: 'request', id: 'req_1', text: false }).request
  assert.ok(one)
  assert.equal(one.costMicros, 80)
  assert.equal(one.unknownMicros, 700)
  assert.equal(one.offMachine, true)
  assert.deepEqual([one.tierAsked, one.tier], ['fast', 'expert'])
  assert.deepEqual(
    one.attempts.map(({ model, outcome, heldMicros }) => [model, outcome, heldMicros]),
    [
      ['ollama/small', 'upstream_failed', 700],
      ['openai/big', 'ok', 500],
    ],
  )
  const { data } = ask(projection, { type: 'usage', by: ['model'] })
  assert.deepEqual(
    data.map((row) => [row.model, row.requests, row.turns, row.tokens, row.costMicros, row.unknownMicros]),
    [
      ['openai/big', 1, 1, 120, 80, 0],
      ['ollama/small', 0, 1, 0, 0, 700],
    ],
  )
  projection.close()
})

test('a child is no request of its own, and what it cost stands once: in its parent and in the sums', () => {
  const { projection } = built(stamped(withChild('req_1', { key: 'key_a' }, 'openai/big', 'expert')))
  const { data } = ask(projection, { type: 'requests', filter: {}, limit: 10 })
  assert.deepEqual(
    data.map(({ id, costMicros, chargedMicros, promptTokens, tier, offMachine }) => {
      return [id, costMicros, chargedMicros, promptTokens, tier, offMachine]
    }),
    [['req_1', 90, 90, 200, 'expert', true]],
  )
  const { totals, tiers } = ask(projection, { type: 'usage', by: [] })
  assert.deepEqual([totals.requests, totals.turns, totals.tokens], [1, 1, 240])
  assert.deepEqual([totals.costMicros, totals.chargedMicros], [90, 90])
  assert.deepEqual(tiers, [{ tier: 'expert', tokens: 240, tokenShare: 1 }])
  const parent = ask(projection, { type: 'request', id: 'req_1', text: false }).request
  assert.deepEqual(
    parent?.children.map(({ id, costMicros }) => [id, costMicros]),
    [['req_1_child', 90]],
  )
  const all = ask(projection, { type: 'requests', filter: {}, limit: 10, children: true })
  assert.equal(all.data.length, 2)
  projection.close()
})

test('a child that was refused is no request of the caller’s', () => {
  const { projection } = built(
    stamped([
      opened('req_1'),
      { type: 'refused', id: 'req_2', parent: 'req_1', key: 'key_a', code: 'guard_refused' },
      { type: 'closed', id: 'req_1', outcome: 'failed', code: 'guard_refused', totalMs: 1 },
    ]),
  )
  assert.equal(ask(projection, { type: 'usage', by: [] }).totals.requests, 1)
  projection.close()
})

test('entries of format 1, whose turns end in entries of their own, count the same', () => {
  const { projection } = built(stamped(format1('req_1', { plan: plan({ tier: 'mid' }) }, 'ollama/mid')))
  const one = ask(projection, { type: 'request', id: 'req_1', text: false }).request
  assert.deepEqual([one?.costMicros, one?.promptTokens, one?.tier], [7, 30, 'mid'])
  const { data } = ask(projection, { type: 'usage', by: ['model', 'tier'] })
  assert.deepEqual(
    data.map((row) => [row.model, row.tier, row.requests, row.tokens, row.costMicros]),
    [['ollama/mid', 'mid', 1, 33, 7]],
  )
  projection.close()
})

test('what was open when a process died is lost at the next start, with its holds unknown', () => {
  const place = fresh()
  const first = place.open()
  feed(
    first,
    stamped([
      opened('req_1'),
      opened('req_2', { parent: 'req_1' }),
      attempt('req_2', 1, { heldMicros: 300 }),
    ]),
  )
  assert.equal(ask(first, { type: 'requests', filter: {}, limit: 10 }).data[0]?.outcome, 'open')
  assert.equal(ask(first, { type: 'usage', by: [] }).totals.requests, 0)
  first.close()
  const again = place.open()
  feed(again, stamped([{ type: 'started', version: '1.0.0' }], again.position))
  const [one] = ask(again, { type: 'requests', filter: { outcome: 'lost' }, limit: 10 }).data
  assert.deepEqual([one?.id, one?.unknownMicros], ['req_1', 300])
  const { totals } = ask(again, { type: 'usage', by: [] })
  assert.deepEqual([totals.requests, totals.lost, totals.unknownMicros], [1, 1, 300])
  again.close()
})

test('built anew from the log, or with other commits and restarts between, every table has the same rows', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.array(fc.integer({ min: 1, max: 40 })),
      (seed, cuts) => {
        const entries = variedLog(60, seed)
        const whole = built(entries, entries.length)
        whole.projection.close()
        const place = fresh()
        let projection = place.open()
        for (const cut of cuts) {
          // Visited and never committed: the next opening wants it again.
          const from = projection.position
          for (const entry of entries.slice(from, from + cut)) projection.visit(entry)
          if (cut % 3 === 0) projection.commit()
          projection.close()
          projection = place.open()
        }
        // Entries that it has already are passed over.
        feed(projection, entries.slice(Math.max(0, projection.position - 5)), 7)
        projection.close()
        assertSame(place.path, whole.place.path)
      },
    ),
    { numRuns: 12 },
  )
})

test('the sums of usage are those of the rows', () => {
  const { place, projection } = built(variedLog(400))
  projection.close()
  const rows = dump(place.path)
  const sum = (table: string, column: string, only: (row: Record<string, unknown>) => boolean = () => true) =>
    (rows[table] as Record<string, unknown>[])
      .filter(only)
      .reduce((total, row) => total + Number(row[column] ?? 0), 0)
  const roots = (row: Record<string, unknown>): boolean => row['parent'] === null && row['outcome'] !== 'open'
  for (const column of ['turns', 'cost_micros', 'charged_micros', 'unknown_micros', 'prompt_tokens']) {
    assert.equal(sum('usage', column), sum('request', column, roots), column)
  }
})

test('expired entries leave rows and sums as a log without them would give', () => {
  const entries = variedLog(300)
  const last = 600
  const expired: Stamped = {
    type: 'expired',
    what: 'entries',
    files: ['a.log'],
    first: 0,
    last,
    before: 0,
    checkpoint: 'checkpoint',
    seq: entries.length,
    at: entries.at(-1)?.at ?? 0,
  }
  const lived = built([...entries, expired])
  const rebuilt = built([...entries.filter((entry) => entry.seq > last), expired])
  assert.equal(ask(lived.projection, { type: 'request', id: 'req_000001', text: false }).request, null)
  lived.projection.close()
  rebuilt.projection.close()
  assertSame(lived.place.path, rebuilt.place.path)
})

test('an erased subject has no pointer to a text left, in rows and in what is still open', () => {
  const { place, projection } = built(
    stamped([
      ...answered('req_1', { prompt: ref(111) }),
      opened('req_2', { prompt: ref(222) }),
      {
        type: 'feedback',
        id: 'fb_1',
        request: 'req_1',
        key: 'key_a',
        subject: 'sub_a',
        correction: ref(333),
      },
      ...answered('req_3', { subject: 'sub_b', prompt: ref(444) }),
    ]),
  )
  projection.forget('sub_a')
  projection.visit({
    type: 'closed',
    id: 'req_2',
    outcome: 'answered',
    totalMs: 1,
    answer: ref(5),
    seq: 8,
    at: 1,
  })
  projection.commit()
  const erased = ask(projection, { type: 'request', id: 'req_2', text: true }).request
  assert.deepEqual(
    [erased?.prompt?.state, erased?.answer?.state, erased?.subject],
    ['erased', 'erased', null],
  )
  assert.equal(ask(projection, { type: 'subject', subject: 'sub_a', limit: 10 }).requests.length, 0)
  assert.equal(ask(projection, { type: 'subject', subject: 'sub_b', limit: 10 }).requests.length, 1)
  projection.forget('sub_none')
  for (const suffix of ['', '-wal']) {
    const bytes = readFileSync(place.path + suffix, 'latin1')
    for (const trace of ['sub_a', 'hash111', 'hash222', 'hash333']) assert.ok(!bytes.includes(trace), trace)
  }
  assert.ok(readFileSync(place.path, 'latin1').includes('hash444'))
  projection.close()
})

test('a damaged file is put aside and said to be, and the log fills a new one', () => {
  const { place, projection } = built(stamped(answered('req_1')))
  projection.close()
  writeFileSync(place.path, 'no database at all, and longer than a header of SQLite '.repeat(100))
  const again = place.open()
  assert.match(again.rebuilt ?? '', /damaged/)
  assert.equal(again.position, 0)
  again.close()
})

test('after a write that failed nothing more is taken or written, and the next opening goes on where it was', () => {
  const entries = ['req_1', 'req_2', 'req_3', 'req_4'].flatMap((id) => answered(id, { prompt: ref(0) }))
  const log = stamped(entries)
  const { place, projection } = built(log.slice(0, log.length / 4))
  const other = new DatabaseSync(place.path)
  other.exec(
    "CREATE TRIGGER no BEFORE INSERT ON request WHEN new.id = 'req_3' BEGIN SELECT raise(ABORT, 'no'); END",
  )
  assert.throws(() => feed(projection, log.slice(log.length / 4), 1_000), /no/)
  assert.throws(() => projection.commit(), /closed, and opened again/)
  assert.throws(() => ask(projection, { type: 'requests', filter: {}, limit: 9 }), /between commits/)
  projection.close()
  other.exec('DROP TRIGGER no')
  other.close()
  const again = place.open()
  assert.equal(again.position, log.length / 4)
  feed(again, log)
  again.close()
  const whole = built(log)
  whole.projection.close()
  assertSame(place.path, whole.place.path)
})

test('kill -9 between and within commits loses nothing: the position tells where to go on', {
  timeout: 60_000,
}, async () => {
  const place = fresh()
  const entries = variedLog(2_000, 7)
  for (let round = 0; round < 8; round++) {
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL('./follow.fixture.ts', import.meta.url)), place.path, '2000', '7'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const exited = once(child, 'exit')
    let commits = 0
    for await (const piece of child.stdout) {
      commits += String(piece).length
      if (commits > round * 3) child.kill('SIGKILL')
    }
    await exited
  }
  const projection = place.open()
  assert.ok(projection.position > 0)
  feed(projection, entries.slice(projection.position))
  projection.close()
  const whole = built(entries)
  whole.projection.close()
  assertSame(place.path, whole.place.path)
})
