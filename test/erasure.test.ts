import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { getRequest, postRequest } from '../bench/process/chat.ts'
import { upshift as command } from '../bench/process/command.ts'
import { Connection, type Reply } from '../bench/process/connection.ts'
import { startUpshift, type Upshift } from '../bench/process/upshift.ts'
import { askAll, bodyOf, type Person, person, startEchoEngine } from '../bench/trials/asked-subject.ts'
import { erasureStage, logEntries } from '../bench/trials/log-entries.ts'
import { type Needle, rootForms, sight, subjectRows } from '../bench/trials/planted.ts'
import { receiptSchema } from '../src/govern/wire.ts'
import { until } from './process/until.ts'

/** Erasure over the whole process; with more subjects and more kills: bench/trials/erasure.ts. */

const LIMIT = { timeout: 60_000 }
const folder = mkdtempSync(join(tmpdir(), 'upshift-erasure-'))
/** Between two pieces of a stream. */
let gapMs = 0
/** A stream of eight pieces then lasts longer than an erasure. */
const SLOW_MS = 250
const engine = await startEchoEngine(() => gapMs)
after(async () => {
  await engine[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const ada = person('ada')
const others = [person('grace'), person('edsger')]

function start(where: string): Promise<Upshift> {
  return startUpshift({ folder: where, engine: engine.url })
}

test(
  'of an erased subject no byte is left, while others go on and a request of its own is under way',
  LIMIT,
  async () => {
    const where = mkdtempSync(join(folder, 'asking-'))
    const home = join(where, 'home')
    await using upshift = await start(where)
    for (const one of [...others, ada]) await askAll(upshift, one)
    const { ref, rows } = newestOf(home)
    assert.ok((await search(upshift)).includes('planted0bytes-ada'), 'its texts can be searched')
    let erasing = true
    const asking = others.map(async (one) => {
      while (erasing) await askAll(upshift, one)
    })
    gapMs = SLOW_MS
    const streaming = await beginStream(upshift, ada)
    gapMs = 0

    const file = join(where, 'receipt.json')
    const { code, out, err } = await command(home, [
      'subject',
      'erase',
      ada.name,
      '--yes',
      '--json',
      '--receipt',
      file,
    ])
    assert.equal(code, 0, err)
    const receipt = receiptSchema.parse(JSON.parse(out))
    assert.equal(receipt.subject, ref)
    assert.equal(receipt.result, 'erased')
    const stream = await streaming.reply
    assert.ok(stream.body.endsWith('data: [DONE]\n\n'), 'the answer under way reaches whoever asked for it')
    erasing = false
    await Promise.all(asking)

    assertNothingOf(home, rows)
    assert.doesNotMatch(out + err, /planted0bytes/, 'the receipt holds neither name nor text')
    const exported = await command(home, ['subject', 'export', ada.name])
    assert.notEqual(exported.code, 0)
    const [closed] = logEntries(home).filter(({ type, id }) => type === 'closed' && id === idOf(stream))
    assert.ok(closed !== undefined, 'its record is there')
    assert.equal(closed['answer'], undefined, 'and names no text')
    await assertStaysReadable(home)
    assert.ok(!(await search(upshift)).includes('planted0bytes-ada'))
    const proof = join(where, 'proof.json')
    writeFileSync(proof, JSON.stringify(receiptSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).proof))
    const proven = await command(home, ['audit', 'check', proof])
    assert.equal(proven.code, 0, proven.err)
    upshift.child.kill('SIGTERM')
    await upshift.ended
    assertNothingOf(home, rows)
    await assertSound(home)
  },
)

test('a name that was erased and asks again is somebody new', LIMIT, async () => {
  const where = mkdtempSync(join(folder, 'again-'))
  const home = join(where, 'home')
  await using upshift = await start(where)
  await askAll(upshift, ada)
  const first = newestOf(home)
  assert.equal((await erase(upshift, ada))?.status, 200)
  await askAll(upshift, ada)
  const second = newestOf(home)
  assert.notEqual(second.ref, first.ref)
  assert.equal((await erase(upshift, ada))?.status, 200)
  const third = await erase(upshift, ada)
  assert.equal(third?.status, 404)
  assert.match(third?.body ?? '', /it is nowhere/)
  assertNothingOf(home, [...first.rows, ...second.rows])
})

const ROUNDS = 3
/** An erasure of a small home takes a quarter of a second. */
const KILL_STEP_MS = 90

test(
  'kill -9 at any moment of an erasure: what had begun has ended when the next start serves',
  LIMIT,
  async () => {
    const where = mkdtempSync(join(folder, 'killed-'))
    const home = join(where, 'home')
    const stages: string[] = []
    const all: Needle[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const one = person(`round${round}`)
      let ref = ''
      {
        await using upshift = await start(where)
        if (round === 0) for (const other of others) await askAll(upshift, other)
        await askAll(upshift, one)
        const { ref: newest, rows } = newestOf(home)
        ref = newest
        all.push(...rows)
        const erased = erase(upshift, one)
        // The first round's kill waits for the beginning to be written, so that one of them is in the middle for sure.
        if (round === 0) await until('the erasure is begun', () => erasureStage(home, newest) === 'middle')
        else await pause(round * KILL_STEP_MS)
        upshift.child.kill('SIGKILL')
        await Promise.all([erased, upshift.ended])
        stages.push(erasureStage(home, ref))
      }
      await using upshift = await start(where)
      if (stages.at(-1) === 'before') assert.equal((await erase(upshift, one))?.status, 200)
      assert.equal(erasureStage(home, ref), 'after')
      assertNothingOf(home, all)
      await assertStaysReadable(home)
    }
    assert.equal(stages[0], 'middle', stages.join(', '))
    await assertSound(home)
  },
)

async function erase(upshift: Upshift, { name }: Person): Promise<Reply | undefined> {
  const connection = await Connection.open(upshift.port)
  const sent = postRequest('/v1/admin/subjects/erase', upshift.key, { id: name })
  // A kill ends the connection.
  const reply = await connection.send(sent).catch(() => undefined)
  connection.destroy()
  return reply
}

/** A stream that has begun. */
async function beginStream(upshift: Upshift, { nonce, name }: Person): Promise<{ reply: Promise<Reply> }> {
  const connection = await Connection.open(upshift.port)
  const body = bodyOf('stream', nonce, name)
  const reply = connection.send(postRequest('/v1/chat/completions', upshift.key, body))
  await until('the stream begins', () => connection.partial.includes('"delta"'))
  return { reply }
}

async function search(upshift: Upshift): Promise<string> {
  const connection = await Connection.open(upshift.port)
  const { status, body } = await connection.send(
    getRequest('/v1/requests?q=planted0bytes&limit=100', upshift.key),
  )
  connection.destroy()
  assert.equal(status, 200, body)
  return body
}

function idOf({ head }: Reply): string | undefined {
  return /\r\nx-request-id: (\S+)/.exec(head)?.[1]
}

/** The newest subject's row: whoever has just asked for the first time. */
function newestOf(home: string): { readonly ref: string; readonly rows: readonly Needle[] } {
  const ref = logEntries(home).findLast(({ type }) => type === 'opened')?.subject ?? ''
  const rows = subjectRows(home).get(ref) ?? []
  const seen = new Set(sight(home, rows).map(({ what }) => what))
  assert.ok(rows.length >= 3 && seen.size === rows.length, 'the search finds what is there')
  return { ref, rows }
}

/** Of the planted texts in any form, and of these rows, no byte stands in any file. */
function assertNothingOf(home: string, rows: readonly Needle[]): void {
  assert.deepEqual(sight(home, [...rootForms(), ...rows]), [])
}

const WORDS = ['system', 'prompt', 'answer', 'streamed answer', 'argument', 'correction']

async function assertStaysReadable(home: string): Promise<void> {
  for (const { name, nonce } of others) {
    const { code, out } = await command(home, ['subject', 'export', name])
    assert.equal(code, 0)
    const texts = JSON.stringify(JSON.parse(out)).replaceAll('\\', '')
    const missing = WORDS.filter((what) => !texts.includes(`planted0bytes "${what}" planted0bytes-${nonce}`))
    assert.deepEqual(missing, [], `texts of ${nonce}, who stays`)
  }
}

async function assertSound(home: string): Promise<void> {
  const { code, out, err } = await command(home, ['audit', 'verify', '--json'])
  assert.equal(code, 0, err)
  assert.deepEqual(JSON.parse(out).problems, [])
}
