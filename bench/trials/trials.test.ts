import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { faultsOf } from './accounts.ts'
import { Client, draw, seeded } from './asking.ts'
import { forkBillingEngine } from './billing-engine.ts'
import { ClosedEntries } from './closed-entries.ts'
import { plant, plantName, rootForms, sight } from './planted.ts'
import { passes, SchemaJudge } from './schema-judge.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-trials-'))
const engine = await forkBillingEngine()
after(async () => {
  await engine[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

function line(seq: number, type: string, id: string): string {
  const json = JSON.stringify({ type, id, seq })
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`
}

test('closed entries are read on from where reading stopped, a torn tail is left, and damage is named', () => {
  const path = join(folder, '000000000000-20260101.log')
  const closed = new ClosedEntries(folder)
  const second = line(1, 'closed', 'req_b')
  writeFileSync(path, `upshift-log 2\n${line(0, 'closed', 'req_a')}${second.slice(0, 20)}`)
  closed.read()
  assert.ok(closed.has('req_a') && !closed.has('req_b'))
  appendFileSync(path, second.slice(20))
  closed.read()
  assert.ok(closed.has('req_b'))
  assert.equal(closed.entries, 2)
  appendFileSync(path, line(3, 'closed', 'req_d'))
  assert.throws(() => closed.read(), /entry 2 is missing before 3/)
})

test('the engine bills what it made: whole answers, streams, the first attempt of a fault, and until a client goes', async () => {
  const port = Number(new URL(engine.url).port)
  const client = new Client(port)
  const billed = async (): Promise<number> => (await engine.books()).byKey['0']?.micros ?? 0
  const ask = async (stream: boolean, text: string, abortAfterMs?: number) => {
    const before = await billed()
    const key = { id: 'key_1', secret: 'any' }
    const { what } = await client
      .ask({ key, stream, abortAfterMs, text: `key=0 ${text}` })
      .catch((error: Error) => ({ what: error.message }))
    while ((await engine.books()).underWay > 0);
    return { what, micros: (await billed()) - before }
  }
  // 11 tokens of prompt at a micro-dollar, 40 of answer at four.
  const whole = await ask(false, 'nonce=1 tokens=40 gapMs=0 fault=none')
  assert.equal(whole.micros, 11 + 160)
  assert.equal((await ask(true, 'nonce=2 tokens=40 gapMs=0 fault=none')).micros, 11 + 160)
  assert.equal((await ask(false, 'nonce=3 tokens=40 gapMs=0 fault=refuse')).micros, 0)
  assert.equal((await ask(false, 'nonce=3 tokens=40 gapMs=0 fault=refuse')).micros, 11 + 160)
  assert.equal((await ask(false, 'nonce=4 tokens=40 gapMs=0 fault=drop')).micros, 11 + 160)
  assert.equal((await ask(true, 'nonce=5 tokens=40 gapMs=0 fault=cut')).micros, 11 + 80)
  const left = await ask(true, 'nonce=6 tokens=50 gapMs=20 fault=none', 30)
  assert.equal(left.what, 'aborted')
  assert.ok(left.micros < 11 + 200, `${left.micros}`)
  client.destroy()
})

test('an account shows each kind of fault, and none where all is in order', () => {
  const good = {
    key: 'key_1',
    budget: 100,
    spent: 99,
    held: 0,
    unknown: 9,
    overshoot: 0,
    underWay: 0,
    billed: 80,
    begun: 3,
  }
  assert.deepEqual(faultsOf([good]), [])
  const faults = faultsOf([{ ...good, spent: 101, held: 1, underWay: 1, billed: 102 }])
  assert.equal(faults.length, 5)
})

test('the same seed draws the same requests', () => {
  const keys = [{ id: 'key_1', secret: 'a' }]
  const mix = { stream: 0.5, abort: 0.5, fault: 0.5 }
  const drawn = [seeded(7), seeded(7)].map((random) => draw(keys, 3, mix, 0, random))
  assert.deepEqual(drawn[0], drawn[1])
})

test('a planted text is found in whatever form it was written, and nowhere else', () => {
  const home = join(folder, 'planted')
  mkdirSync(join(home, 'deep'), { recursive: true })
  const text = plant('prompt', 'ada')
  const wide = Buffer.from(text, 'utf16le')
  const forms: Readonly<Record<string, string | Buffer>> = {
    text,
    name: plantName('ada'),
    json: JSON.stringify(JSON.stringify({ text })),
    base64: Buffer.from(`any ${text}`).toString('base64'),
    base64url: Buffer.from(`four ${text}`).toString('base64url'),
    base64later: Buffer.from(`fives ${text}`).toString('base64'),
    hex: Buffer.from(text).toString('hex'),
    utf16le: wide,
    utf16be: Buffer.from(wide).swap16(),
  }
  for (const [name, bytes] of Object.entries(forms)) writeFileSync(join(home, 'deep', name), bytes)
  writeFileSync(join(home, 'other'), 'planted 0 bytes, pla\u0000nted0bytes')
  const found = new Set(sight(home, rootForms()).map(({ file }) => file))
  assert.deepEqual(
    [...found].sort(),
    Object.keys(forms)
      .map((name) => join('deep', name))
      .sort(),
  )
})

test('a judge tells what is valid from what is not, and both from what is no JSON or no UTF-8', () => {
  const judge = new SchemaJudge({
    type: 'object',
    properties: { day: { format: 'date' } },
    required: ['day'],
  })
  assert.equal(judge.judge('{"day": "2024-02-29"}'), 'valid')
  assert.equal(judge.judge('{"day": "2023-02-29"}'), 'invalid')
  assert.match(judge.errors, /\/day must match format "date"/)
  assert.equal(judge.judge('{}'), 'invalid')
  assert.equal(judge.judge('{"day": "2024-02-29"'), 'broken')
  assert.equal(judge.judge('{"day": "2024-02-29", "a\ufffd": 1}'), 'broken')
})

test('a trial of schemas fails for one invalid output, for outputs that do not end, and for none at all', () => {
  assert.ok(passes({ outputs: 100, completed: 95, invalid: 0 }))
  assert.ok(!passes({ outputs: 100, completed: 100, invalid: 1 }))
  assert.ok(!passes({ outputs: 100, completed: 94, invalid: 0 }))
  assert.ok(!passes({ outputs: 0, completed: 0, invalid: 0 }))
})
