import { parseArgs } from 'node:util'
import { textTable } from '../../src/lib/table.ts'
import { PROOF_RULES } from '../../src/route/proof/segment.ts'
import { OFF_WITHIN_LABELS, percent, type Spread, type Summary, summarise } from './uplift-gates.ts'
import { runWorld, WORLDS } from './uplift-world.ts'

/**
 * Whether the proof of escalation can be trusted: `npm run trial:uplift [-- --runs 200 --seed 1 --json]`.
 *
 * Segments with a known gain are run through the real fold, exploration shares and re-tests included, for 90 days each.
 * A run counts as covered where every interval held the truth after every single label: at any stopping time.
 * `--alpha` above its default is a planted fault, which the gates must show.
 * Exit codes: 0, or 1 where a gate is missed.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    alpha: { type: 'string', default: String(PROOF_RULES.alpha) },
    json: { type: 'boolean', default: false },
  },
})
/** Seeds of two worlds never meet. */
const SEED_STEP = 100_003

const begun = performance.now()
const runs = whole('runs', values.runs, 1)
const seed = whole('seed', values.seed, 0)
const rules = { ...PROOF_RULES, alpha: Number(values.alpha) }
const summaries = WORLDS.map((world, index) => {
  const first = seed * SEED_STEP * WORLDS.length + index * SEED_STEP
  const made = Array.from({ length: runs }, (_, run) => runWorld(world, first + run, rules))
  return summarise(world, made)
})
const passed = summaries.every(({ missed }) => missed.length === 0)
const seconds = (performance.now() - begun) / 1_000
const facts = { runs, seed, alpha: rules.alpha, seconds: Number(seconds.toFixed(1)), passed, summaries }
process.stdout.write(values.json ? `${JSON.stringify(facts, null, 2)}\n` : told(summaries))
process.exitCode = passed ? 0 : 1

function whole(name: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name} is ${text}: it must be a whole number from ${least}`)
  return value
}

function told(all: readonly Summary[]): string {
  const head = ['segment', 'true net', 'labels', 'net covered', 'parts covered', 'pays', 'off']
  const rows = all.map((one) => [
    one.world,
    `$${(one.trueNetMicros / 1_000_000).toFixed(4)}`,
    String(one.medianLabels ?? 0),
    percent(one.netCovered),
    percent(one.partsCovered),
    spread(one.pays),
    spread(one.off),
  ])
  const turned = all.flatMap(({ world, offAfterTurn }) =>
    offAfterTurn === undefined
      ? []
      : [
          `${world}: off ${days(offAfterTurn.median)} after the turn at the median, ${days(offAfterTurn.p95)} at p95\n`,
        ],
  )
  const faults = all.flatMap(({ world, missed }) => missed.map((fault) => `MISSED ${world}: ${fault}\n`))
  return [
    `${runs} runs of each segment, seed ${seed}, alpha ${rules.alpha}, ${seconds.toFixed(1)} s\n`,
    textTable(head, rows),
    'pays, off: share of runs, and labels until then (median, p95); ',
    `a losing segment must be off within ${OFF_WITHIN_LABELS} labels\n`,
    ...turned,
    ...faults,
  ].join('')
}

function spread({ share, median, p95 }: Spread): string {
  return median === undefined || p95 === undefined ? 'never' : `${percent(share)}: ${median}, ${p95}`
}

function days(count: number | undefined): string {
  return count === undefined ? 'never' : `${count.toFixed(1)} days`
}
