import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import type { Citation } from '../src/contract/passage.ts'
import { createExtractiveEngine } from '../src/engine/extractive/engine.ts'
import { type Handbook, openHandbook } from '../src/knowledge/handbook/handbook.ts'
import { systemClock } from '../src/lib/clock.ts'

/**
 * `npm run eval:handbook`: what the embedded default answers, and what it rightly declines. Each question goes
 * through the real retrieval and the real extractive engine. A question that the handbook answers counts as
 * answered correctly when one quotation holds one of the phrases that its author expects; a near miss counts
 * as a fault when it is answered at all. Exits with 3 where the gate is not met.
 *
 * Three sets, none of which shows what the next stranger will find:
 *   - `test`, the gate, was written before anything was tuned, but by the author of the handbook, who saw its
 *     results while tuning: it guards against getting worse.
 *   - `dev` is what the weights are fitted on; several rounds of it were first asked unseen, then added. One of
 *     its near misses is answered by a sentence that was added later, and now expects that answer.
 *   - `stranger` was written by somebody who had only read the pages. On first sight 9 of 40 were answered and
 *     10 of 40 near misses mistaken; it is part of development since, so its figure flatters. Three of its near
 *     misses are answered by a page that was added later, and now expect that answer.
 * Questions that nobody has tuned on come in with `--file FILE`: only those measure. When this was last done,
 * with a second stranger's 80 questions, 21 of 40 were answered rightly and 9 of 40 near misses mistaken.
 */

const MIN_ANSWERED_SHARE = 36 / 40
const MAX_MISTAKEN_SHARE = 4 / 40
const PASSAGES = 6

const lineSchema = z.object({
  question: z.string().min(1),
  /** Any of these phrases must stand in a quotation; null: the handbook does not answer. */
  expect: z.array(z.string().min(1)).min(1).nullable(),
})

interface Outcome {
  readonly question: string
  readonly expect: readonly string[] | null
  readonly outcome: 'correct' | 'wrong quotation' | 'declined' | 'answered a near miss'
  readonly right: boolean
  readonly support: number
  /** Of a first lookup, which takes unseen passages apart, and of the same one again, as in a warmed-up server. */
  readonly coldMs: number
  readonly lookupMs: number
  readonly quotes: readonly string[]
}

const { values } = parseArgs({
  options: {
    set: { type: 'string', default: 'test' },
    file: { type: 'string' },
    docs: { type: 'string' },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})
const file = values.file ?? new URL(`./handbook-${values.set}.jsonl`, import.meta.url)
const docs = values.docs ?? new URL('../docs', import.meta.url).pathname
const outcomes = await evaluate(readFileSync(file, 'utf8'), docs)
const summary = summarise(outcomes)
if (values.json) console.log(JSON.stringify({ ...summary, outcomes }, null, 2))
else print(outcomes, summary, values.verbose)
process.exitCode = summary.passed ? 0 : 3

async function evaluate(lines: string, folder: string): Promise<Outcome[]> {
  const handbook = openHandbook({ path: ':memory:', docs: folder })
  const found: Outcome[] = []
  for (const line of lines.split('\n')) {
    if (line.trim() === '') continue
    const { question, expect } = lineSchema.parse(JSON.parse(line))
    found.push(await ask(handbook, question, expect))
  }
  handbook.close()
  return found
}

async function ask(handbook: Handbook, question: string, expect: readonly string[] | null): Promise<Outcome> {
  const startedAt = systemClock.elapsed()
  handbook.find(question, PASSAGES)
  const againAt = systemClock.elapsed()
  const passages = handbook.find(question, PASSAGES)
  const lookupMs = systemClock.elapsed() - againAt
  const coldMs = againAt - startedAt
  const engine = createExtractiveEngine({ clock: systemClock })
  let citations: readonly Citation[] = []
  let declined = false
  const request = { model: 'auto', messages: [{ role: 'user' as const, content: question }] }
  const signal = new AbortController().signal
  for await (const batch of engine.generate({
    id: 'req_bench',
    request,
    maxOutputTokens: 4_096,
    passages,
    signal,
  })) {
    for (const event of batch) {
      if (event.type !== 'answer-finish') continue
      citations = event.citations ?? []
      declined = event.declined === true
    }
  }
  const quotes = citations.map((citation) => citation.quote)
  const outcome = judge(expect, declined, quotes)
  const right = outcome === 'correct' || (expect === null && outcome === 'declined')
  return { question, expect, outcome, right, support: passages[0]?.support ?? 0, coldMs, lookupMs, quotes }
}

function judge(
  expect: readonly string[] | null,
  declined: boolean,
  quotes: readonly string[],
): Outcome['outcome'] {
  if (declined) return 'declined'
  if (expect === null) return 'answered a near miss'
  const text = quotes.map(plain).join('\n')
  return expect.some((phrase) => text.includes(plain(phrase))) ? 'correct' : 'wrong quotation'
}

function plain(text: string): string {
  return text.toLowerCase().replace(/\s+/g, ' ')
}

function summarise(outcomes: readonly Outcome[]) {
  const answerable = outcomes.filter((one) => one.expect !== null)
  const nearMisses = outcomes.filter((one) => one.expect === null)
  const answered = answerable.filter((one) => one.right).length
  const mistaken = nearMisses.filter((one) => !one.right).length
  const times = outcomes.map((one) => one.lookupMs).sort((a, b) => a - b)
  return {
    answerable: answerable.length,
    answered,
    nearMisses: nearMisses.length,
    mistaken,
    firstLookupMs: outcomes[0]?.coldMs ?? 0,
    lookupMsP50: times[Math.floor(times.length * 0.5)] ?? 0,
    lookupMsP95: times[Math.floor(times.length * 0.95)] ?? 0,
    passed:
      answerable.length > 0 &&
      nearMisses.length > 0 &&
      answered >= answerable.length * MIN_ANSWERED_SHARE &&
      mistaken <= nearMisses.length * MAX_MISTAKEN_SHARE,
  }
}

function print(outcomes: readonly Outcome[], summary: ReturnType<typeof summarise>, verbose: boolean): void {
  for (const one of outcomes) {
    const mark = one.right ? ' ' : '✗'
    console.log(`${mark} ${one.support.toFixed(2)}  ${one.outcome.padEnd(20)}  ${one.question}`)
    if (!verbose || one.right) continue
    for (const quote of one.quotes) console.log(`        | ${plain(quote)}`)
  }
  console.log(`
answered with a correct quotation  ${summary.answered} of ${summary.answerable}
near misses answered               ${summary.mistaken} of ${summary.nearMisses}
lookup                             p50 ${summary.lookupMsP50.toFixed(2)} ms, p95 ${summary.lookupMsP95.toFixed(2)} ms; the very first, nothing warmed up, ${summary.firstLookupMs.toFixed(1)} ms
gate (at least 90 % answered, at most 10 % of near misses)  ${summary.passed ? 'met' : 'NOT MET'}`)
}
