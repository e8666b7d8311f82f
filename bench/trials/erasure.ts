import { closeSync, fstatSync, mkdtempSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { textTable } from '../../src/lib/table.ts'
import { postRequest } from '../process/chat.ts'
import { upshift as command } from '../process/command.ts'
import { Connection } from '../process/connection.ts'
import { startUpshift, type Upshift } from '../process/upshift.ts'
import { askAll, type EchoEngine, type Person, person, startEchoEngine } from './asked-subject.ts'
import { seeded } from './asking.ts'
import { erasureStage, logEntries } from './log-entries.ts'
import { bytesBelow, type Needle, rootForms, sight, subjectRows } from './planted.ts'

/**
 * Whether an erasure erases: `node bench/trials/erasure.ts [--subjects 100 --stay 10 --seed 1 --json]`.
 *
 * DESIGN. Each subject asks for a plain answer, a stream and a tool call, with planted texts in prompt, answer, metadata,
 * tool and name, and corrects one of them. Half of the subjects are erased through the running server while those who
 * stay go on asking; of the others each erasure is met by a SIGKILL at a random moment, a restart follows, and what had
 * begun must have ended by itself before the server listens. At the end every byte of the home is read, beside the
 * server and after it: of the planted texts nothing may be there in any form (planted.ts), and of the erased subjects no
 * wrapped key, name or tag. The audit must hold, and the texts of those who stay must still be readable.
 * Exit codes: 0 all of it holds, 1 something does not.
 */
const { values } = parseArgs({
  options: {
    subjects: { type: 'string', default: '100' },
    stay: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
/** A kill that comes too early or too late for an erasure says little: such a subject is tried again, so often. */
const TRIES_MAX = 6
/** One in so many kills comes at any moment of this multiple of an erasure's mean duration. */
const ANY_MOMENT = 4
const ANY_WITHIN = 1.1
/** The others wait until the log says that the erasure has begun, and come within this share of it. */
const BEGUN_WITHIN = 0.3
const LOOK_EVERY_MS = 2
const TAIL_BYTES = 8_192

const folder = mkdtempSync(join(tmpdir(), 'upshift-erasure-'))
const home = join(folder, 'home')
const random = seeded(Number(values.seed))
const faults: string[] = []
const counts = { erased: 0, before: 0, middle: 0, after: 0 }
try {
  await using engine = await startEchoEngine()
  await run(engine)
} finally {
  process.exitCode = faults.length === 0 ? 0 : 1
  if (faults.length === 0) rmSync(folder, { recursive: true })
  else process.stderr.write(`the home is kept for a look: ${folder}\n`)
}

interface Planted {
  readonly person: Person
  /** Pseudonym. */
  readonly ref: string
  readonly rows: readonly Needle[]
}

async function run(engine: EchoEngine): Promise<void> {
  const half = Math.ceil(Number(values.subjects) / 2)
  const start = (): Promise<Upshift> => startUpshift({ folder, engine: engine.url })
  const staying = people('stays', Number(values.stay))
  let planted: readonly Planted[] = []
  let meanMs = 0
  {
    await using upshift = await start()
    for (const one of staying) await askAll(upshift, one)
    planted = await plantAll(upshift, people('goes', Number(values.subjects)))
    meanMs = await eraseWhileOthersAsk(upshift, planted.slice(0, half), staying)
  }
  for (const [index, one] of planted.slice(half).entries())
    await eraseAndKill(start, one, index % ANY_MOMENT === 0 ? undefined : BEGUN_WITHIN * meanMs, meanMs)
  await using upshift = await start()
  look('beside the running server', planted)
  await stayReadable(upshift, staying)
  upshift.child.kill('SIGTERM')
  await upshift.ended
  look('after an orderly end', planted)
  const verified = await command(home, ['audit', 'verify'])
  if (verified.code !== 0)
    faults.push(`audit verify ended with ${verified.code}: ${verified.out}${verified.err}`)
  report(meanMs, verified.out)
}

function people(what: string, count: number): Person[] {
  return Array.from({ length: count }, (_, index) => person(`${what}${index}`))
}

/** Lets them ask, and reads which row of the vault is whose. */
async function plantAll(upshift: Upshift, all: readonly Person[]): Promise<readonly Planted[]> {
  const ids: string[] = []
  for (const one of all) ids.push((await askAll(upshift, one))[0] ?? '')
  const refs = new Map(
    logEntries(home).flatMap(({ type, id, subject }) => (type === 'opened' ? [[id, subject]] : [])),
  )
  const rows = subjectRows(home)
  return all.map((one, index) => {
    const ref = refs.get(ids[index])
    const own = ref === undefined ? undefined : rows.get(ref)
    if (ref === undefined || own === undefined) throw new Error(`the vault holds no row of ${one.name}`)
    const seen = new Set(sight(home, own).map(({ what }) => what))
    if (seen.size < own.length) throw new Error('the search misses what is there: it would prove nothing')
    return { person: one, ref, rows: own }
  })
}

/** Mean milliseconds of an erasure. */
async function eraseWhileOthersAsk(
  upshift: Upshift,
  planted: readonly Planted[],
  staying: readonly Person[],
): Promise<number> {
  let erasing = true
  const others = (async () => {
    for (let turn = 0; erasing; turn++) {
      const one = staying[turn % staying.length]
      if (one !== undefined) await askAll(upshift, one)
    }
  })()
  const begun = performance.now()
  for (const one of planted) {
    const reply = await erase(upshift, one)
    if (reply === undefined || !reply.includes('"result":"erased"'))
      faults.push(`erasing ${one.ref}: ${reply}`)
    counts.erased += 1
  }
  erasing = false
  await others
  return (performance.now() - begun) / planted.length
}

async function erase(upshift: Upshift, { person }: Planted): Promise<string | undefined> {
  const connection = await Connection.open(upshift.port)
  const sent = postRequest('/v1/admin/subjects/erase', upshift.key, { id: person.name })
  // A kill ends the connection.
  const reply = await connection.send(sent).catch(() => undefined)
  connection.destroy()
  return reply?.body
}

/**
 * Kills the server while it erases, again where nothing had begun, and looks what a restart has made of it.
 * `afterBegunMs`: the kill comes at most so long after the erasure has begun; undefined: at any moment of the call.
 */
async function eraseAndKill(
  start: () => Promise<Upshift>,
  one: Planted,
  afterBegunMs: number | undefined,
  meanMs: number,
): Promise<void> {
  for (let turn = 1; ; turn++) {
    const upshift = await start()
    const erased = erase(upshift, one)
    if (afterBegunMs === undefined) await sleep(random() * ANY_WITHIN * meanMs)
    else {
      const answered = new AbortController()
      void erased.then(() => answered.abort())
      await begun(one.ref, answered.signal)
      await sleep(random() * afterBegunMs)
    }
    upshift.child.kill('SIGKILL')
    await Promise.all([erased, upshift.ended])
    const stage = erasureStage(home, one.ref)
    counts[stage] += 1
    process.stderr.write(`${one.person.nonce}: killed ${stage === 'middle' ? 'in the middle' : stage}\n`)
    if (stage !== 'before' || turn === TRIES_MAX) return await restartAfter(start, one, stage)
  }
}

async function restartAfter(
  start: () => Promise<Upshift>,
  one: Planted,
  stage: 'before' | 'middle' | 'after',
): Promise<void> {
  await using upshift = await start()
  if (stage === 'before') await erase(upshift, one)
  if (erasureStage(home, one.ref) !== 'after')
    faults.push(`the restart did not end the erasure of ${one.ref}`)
  const left = sight(home, [...one.rows, ...rootForms()])
  for (const { file, offset, what } of left)
    faults.push(`${what} at byte ${offset} of ${file} after a restart`)
  counts.erased += 1
}

/**
 * Resolves when the log says that this subject's erasure has begun, or the call was answered: it is looked for in the
 * end of the newest segment.
 */
async function begun(ref: string, answered: AbortSignal): Promise<void> {
  const log = join(home, 'log')
  const newest = join(log, readdirSync(log).sort().at(-1) ?? '')
  const file = openSync(newest, 'r')
  const tail = Buffer.alloc(TAIL_BYTES)
  try {
    while (!answered.aborted) {
      const from = Math.max(0, fstatSync(file).size - TAIL_BYTES)
      const text = tail.toString('latin1', 0, readSync(file, tail, 0, TAIL_BYTES, from))
      if (new RegExp(`"erasure-begun"[^\\n]*"${ref}"`).test(text)) return
      await sleep(LOOK_EVERY_MS)
    }
  } finally {
    closeSync(file)
  }
}

function look(when: string, planted: readonly Planted[]): void {
  const needles = [...rootForms(), ...planted.flatMap(({ rows }) => rows)]
  for (const { file, offset, what } of sight(home, needles))
    faults.push(`${when}: ${what} at byte ${offset} of ${file}`)
}

async function stayReadable(upshift: Upshift, staying: readonly Person[]): Promise<void> {
  const connection = await Connection.open(upshift.port)
  for (const { name, nonce } of staying) {
    const reply = await connection.send(postRequest('/v1/admin/subjects/export', upshift.key, { id: name }))
    const missing = ['prompt', 'answer', 'streamed answer', 'argument', 'correction'].filter(
      (what) =>
        !reply.body.includes(`${what}\\" planted0bytes-${nonce}`) &&
        !reply.body.includes(`${what}\\\\\\" planted0bytes-${nonce}`),
    )
    if (reply.status !== 200 || missing.length > 0)
      faults.push(
        `the export of ${nonce}, who stays, has status ${reply.status} and misses ${missing.join(', ')}`,
      )
  }
  connection.destroy()
}

function report(meanMs: number, audit: string): void {
  const { files, bytes } = bytesBelow(home)
  const { erased, before, middle, after } = counts
  const facts = {
    subjects: Number(values.subjects),
    erased,
    meanMs: Math.round(meanMs),
    killedBefore: before,
    killedInTheMiddle: middle,
    killedAfter: after,
    files,
    bytes,
    findings: faults.length,
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ ...facts, faults })}\n`)
  else {
    process.stdout.write(
      textTable(
        ['FACT', 'FIGURE'],
        Object.entries(facts).map(([name, figure]) => [name, String(figure)]),
      ),
    )
    process.stdout.write(audit)
    for (const fault of faults) process.stdout.write(`FAULT: ${fault}\n`)
    if (faults.length === 0) process.stdout.write('nothing of the erased is left, and the others are whole\n')
  }
}
