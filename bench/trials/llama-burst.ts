import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { chatRequest } from '../process/chat.ts'
import { Connection } from '../process/connection.ts'
import { createKey, type MadeKey } from '../process/keys.ts'
import { placeModel } from '../process/model.ts'
import { startUpshift, type Upshift } from '../process/upshift.ts'
import { logEntries } from './log-entries.ts'

/**
 * Many requests at once for one local model: `npm run trial:llama-burst [-- --requests 64 --json]`.
 *
 * DESIGN. The whole server with a generated model that works on 4 requests at once and keeps 6 sequences. Eight keys;
 * one of them sends half of all requests, and sends them first. Two bursts, each on a server of its own:
 * - with time enough, every request is answered. What each waited in the model's line is taken from the log
 *   (`engineStats.waitMs`). Callers take turns, so no caller's mean wait may be more than WAIT_RATIO_MAX times the mean
 *   over all callers, and nobody who asked for little may wait longer on average than who asked for half;
 * - with a deadline that is too short for most, every request is answered, or refused because its time was over: in
 *   the line (503 `queue_timeout`, with Retry-After) or at work (504 `deadline_exceeded`). The server answers on.
 * Nothing crashes: the model's process is the same to the end, which the server would say otherwise.
 * Exit codes: 0 all of it holds, 3 something does not.
 */
const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '64' },
    /** Tokens of each answer in the first burst. */
    tokens: { type: 'string', default: '24' },
    json: { type: 'boolean', default: false },
  },
})
const KEYS = 8
const PARALLEL = 4
const SPARE = 2
const WAIT_RATIO_MAX = 3
const SHORT_DEADLINE_MS = 2_000
/** In the second burst hardly more than the first few can be answered in that time. */
const LONG_TOKENS = 100
const LLAMA = { contextTokens: 1_024, parallel: PARALLEL, spareSlots: SPARE, threads: 1 }
/** 3.4 M parameters: some thousand tokens a second on one core. */
const MODEL = { endBias: -8, embedding: 128, feedForward: 4_096 }
const TRIES_MAX = 10
const RECORDED_LIMIT_MS = 10_000
const LOOK_MS = 50

const requests = Number(values.requests)
const folder = mkdtempSync(join(tmpdir(), 'upshift-burst-'))
try {
  process.exitCode = await run()
} finally {
  rmSync(folder, { recursive: true })
}

interface Caller {
  readonly requests: number
  readonly meanWaitMs: number
}

interface Burst {
  readonly outcomes: Readonly<Record<string, number>>
  readonly seconds: number
  readonly callers: readonly Caller[]
  readonly faults: readonly string[]
}

async function run(): Promise<0 | 3> {
  const patient = await burst('patient', Number(values.tokens), {})
  const hurried = await burst('hurried', LONG_TOKENS, {
    route: { tiers: { fast: { deadlineMs: SHORT_DEADLINE_MS } } },
  })
  const means = patient.callers.map(({ meanWaitMs }) => meanWaitMs)
  const mean = means.reduce((sum, one) => sum + one, 0) / means.length
  const ratio = Math.max(...means) / mean
  const faults = [
    ...patient.faults,
    ...hurried.faults,
    ...unmet(patient.outcomes, /^200$/, 'with time enough'),
    ...unmet(hurried.outcomes, /^(200|503 queue_timeout, later|504 deadline_exceeded)$/, 'with a deadline'),
    ...unfair(patient.callers, ratio),
  ]
  const report = { requests, waitRatio: ratio, meanWaitMs: mean, patient, hurried, faults }
  if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  else {
    print('with time enough', patient)
    print(`with a deadline of ${SHORT_DEADLINE_MS} ms`, hurried)
    process.stdout.write(
      `longest mean wait of a caller over the mean of all: ${ratio.toFixed(2)}, at most ${WAIT_RATIO_MAX}\n`,
    )
    for (const fault of faults) process.stdout.write(`FAULT: ${fault}\n`)
    if (faults.length === 0) process.stdout.write('everybody was answered, or told when to come back\n')
  }
  return faults.length === 0 ? 0 : 3
}

function print(title: string, { outcomes, seconds, callers }: Burst): void {
  process.stdout.write(`${title}: ${JSON.stringify(outcomes)} in ${seconds.toFixed(1)} s\n`)
  for (const [index, { requests: asked, meanWaitMs }] of callers.entries())
    process.stdout.write(
      `  caller ${index}: ${String(asked).padStart(3)} worked on, mean wait ${meanWaitMs.toFixed(0)} ms\n`,
    )
}

function unmet(outcomes: Burst['outcomes'], expected: RegExp, when: string): string[] {
  return Object.entries(outcomes).flatMap(([outcome, count]) =>
    expected.test(outcome) ? [] : [`${when} ${count} requests ended as ${outcome}`],
  )
}

function unfair(callers: readonly Caller[], ratio: number): string[] {
  const faults = ratio <= WAIT_RATIO_MAX ? [] : [`a caller waited ${ratio.toFixed(2)} times the mean`]
  const [greedy, ...modest] = callers
  const longest = Math.max(...modest.map(({ meanWaitMs }) => meanWaitMs))
  if (greedy !== undefined && longest > greedy.meanWaitMs)
    faults.push(
      `a caller with few requests waited ${longest.toFixed(0)} ms, who sent half of all ${greedy.meanWaitMs.toFixed(0)} ms`,
    )
  return faults
}

async function burst(
  name: string,
  tokens: number,
  sections: Readonly<Record<string, unknown>>,
): Promise<Burst> {
  const where = join(folder, name)
  placeModel(where, 'm', MODEL)
  await using upshift = await startUpshift({ folder: where, sections: { llama: LLAMA, ...sections } })
  const keys = await Promise.all(
    Array.from({ length: KEYS }, (_, index) => createKey(upshift, `caller ${index}`)),
  )
  // Loaded before it begins, by a key of nobody's: what is measured is the line.
  const other = await createKey(upshift, 'nobody')
  const tries = await answers(upshift, other)
  const order = senders(requests)
  const begun = performance.now()
  const outcomes = await Promise.all(
    order.map((sender, nth) => ask(upshift, keys[sender], tokens, `question ${nth}`)),
  )
  const seconds = (performance.now() - begun) / 1_000
  const triesAfter = await answers(upshift, other)
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  const callers = await waits(upshift, keys, requests + tries + triesAfter)
  const faults = /process of the model/.test(upshift.output()) ? [`${name}: ${upshift.output()}`] : []
  return { outcomes: counts, seconds, callers, faults }
}

/** Asks until it is answered; how often. Throws where it is not. */
async function answers(upshift: Upshift, key: MadeKey): Promise<number> {
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    if ((await ask(upshift, key, 1, 'hello')) === '200') return tries
  }
  throw new Error(`the model does not answer:\n${upshift.output()}`)
}

/** By index of the key: the first half from one, the others in turn. */
function senders(count: number): readonly number[] {
  const greedy = Math.floor(count / 2)
  return Array.from({ length: count }, (_, nth) => (nth < greedy ? 0 : 1 + ((nth - greedy) % (KEYS - 1))))
}

async function ask(
  upshift: Upshift,
  key: MadeKey | undefined,
  tokens: number,
  text: string,
): Promise<string> {
  const messages = [{ role: 'user', content: text }]
  const body = { model: 'llama/m', messages, max_tokens: tokens, temperature: 0 }
  const connection = await Connection.open(upshift.port)
  const reply = await connection.send(chatRequest(key?.secret ?? '', body))
  connection.destroy()
  if (reply.status === 200) return '200'
  const code = /"code":"(\w+)"/.exec(reply.body)?.[1] ?? 'without a code'
  const later = /\r\nretry-after: \d+/.test(reply.head) ? ', later' : ''
  return `${reply.status} ${code}${later}`
}

/** What each key's requests that were worked on waited in the model's own line; by index of the key. */
async function waits(upshift: Upshift, keys: readonly MadeKey[], count: number): Promise<readonly Caller[]> {
  const begun = performance.now()
  for (;;) {
    const entries = logEntries(upshift.home)
    const closed = entries.filter(({ type }) => type === 'closed')
    if (closed.length >= count) {
      const keyOf = new Map(entries.flatMap((one) => (one.type === 'opened' ? [[one.id, one['key']]] : [])))
      return keys.map(({ id }) => meanOf(closed.filter((one) => keyOf.get(one.id) === id).flatMap(waitOf)))
    }
    if (performance.now() - begun > RECORDED_LIMIT_MS)
      throw new Error(`${closed.length} of ${count} requests are recorded`)
    await sleep(LOOK_MS)
  }
}

function waitOf(closed: Readonly<Record<string, unknown>>): number[] {
  // A parser: the log's writer declares this shape, and checksums vouch for it.
  const settled = (closed['settled'] ?? []) as readonly { engineStats?: { waitMs: number } }[]
  return settled.flatMap(({ engineStats }) => (engineStats === undefined ? [] : [engineStats.waitMs]))
}

function meanOf(waitsMs: readonly number[]): Caller {
  const sum = waitsMs.reduce((total, one) => total + one, 0)
  return { requests: waitsMs.length, meanWaitMs: waitsMs.length === 0 ? 0 : sum / waitsMs.length }
}
