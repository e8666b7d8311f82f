import type { Clock } from '../../lib/clock.ts'
import type { Prior } from '../learn/prior.ts'
import { baselinesOf } from './baselines.ts'
import { calibrationError } from './calibration-error.ts'
import { decisionTimes, Fitted, type Scored } from './fitted.ts'
import { foldsOf, inOwnOrder, promptsOf } from './folds.ts'
import { costsOf, type Money, type Operating, operatingOf, type Paying, thresholdOf } from './money.ts'
import { type Case, casesOf, chooseSecond, type Names, type PriceOf, worthLearning } from './pair.ts'
import { apgr, callsFor, type Outcomes, Ranking } from './ranking.ts'
import { type Interval, type Intervals, resampled } from './resample.ts'
import { distinctIds, type Row, rowsWith, unusable, withMeanings } from './rows.ts'

export const FOLDS_MAX = 50
/** Prompts that stand in the training rows and in the data: up to this share they are left out of training. */
const EQUAL_SHARE_MAX = 0.02
const TASKS_MAX = 200

export interface Setting {
  readonly names: Names
  /** `none`: no second model is asked; undefined: the training rows decide. */
  readonly second: string | undefined
  /** Without a file to train on. */
  readonly folds: number
  /** A stored prior, to be measured as it is: nothing is learned, and only the prompt is looked at. */
  readonly prior?: Prior | undefined
  readonly priceOf: PriceOf
  readonly signal: AbortSignal
  readonly clock: Clock
  progress(words: string): void
}

/** How well some rows are ordered. APGR, CPT in percent, accuracies in [0, 1]; null where there is no gap. */
export interface Figures {
  readonly n: number
  readonly weak: number
  readonly strong: number
  readonly apgr: number | null
  readonly cpt50: number | null
  readonly cpt80: number | null
  readonly interval: Interval | null
}

export interface Evaluation extends Figures {
  readonly pair: Names & { readonly second: string | null }
  readonly evidence: 'prompt' | 'prompt and answers'
  /** Every row has brought an embedding, and neighbours by meaning counted too. */
  readonly embeddings: boolean
  /** Rows of the data that do not know one of the two models. */
  readonly rowsLeftOut: number
  /** Null with a file to train on. */
  readonly folds: number | null
  readonly trainRows: number
  /** Training rows that were left out because the data holds their prompt. */
  readonly equalPromptsLeftOut: number
  readonly aiq: number | null
  readonly aboveLength: Interval | null
  readonly baselines: Baselines
  readonly atStrongAccuracy: Money | null
  readonly operating: Operating
  /** Mean distance of the foretold from the seen gain, over ten groups of rows by foretold gain. */
  readonly calibrationError: number
  readonly decisionMs: { readonly p50: number; readonly p99: number }
  readonly perTask: Readonly<Record<string, Figures>>
}

/** APGR of other ways to order the same rows. */
export interface Baselines {
  readonly random: number
  readonly length: number | null
  readonly domainMean: number | null
  readonly oracle: number | null
  readonly promptOnly: number | null
}

/** What `plot` draws beside the figures. */
export interface Evaluated {
  readonly evaluation: Evaluation
  readonly paying: Paying
  readonly rankings: { readonly router: Ranking; readonly length: Ranking; readonly oracle: Ranking }
  readonly cases: readonly Case[]
}

interface Tested {
  readonly case: Case
  readonly scored: Scored
  readonly length: number
  readonly domainMean: number
  readonly escalated: boolean
}

interface Run {
  readonly train: readonly Row[]
  readonly test: readonly Row[]
}

/** Learns on some rows, orders others, and measures the order. Throws UpshiftError where the rows do not allow it. */
export async function evaluate(
  data: readonly Row[],
  train: readonly Row[] | undefined,
  setting: Setting,
): Promise<Evaluated> {
  const { names, priceOf } = setting
  const known = withMeanings(knowing(data, setting), train)
  distinctIds(known, 'The data')
  const rows = inOwnOrder(known)
  worthLearning(casesOf(rows, names, undefined, priceOf), 'the data', names)
  const split =
    train === undefined
      ? undefined
      : withoutEqual(inOwnOrder(withMeanings(knowing(train, setting), data)), rows)
  const folds = split === undefined && setting.prior === undefined ? setting.folds : null
  const runs = folds === null ? [{ train: split?.rows ?? [], test: rows }] : foldRuns(rows, folds)
  const tested: Tested[] = []
  const times: number[] = []
  const seconds = new Set<string>()
  for (const [at, run] of runs.entries()) {
    setting.progress(
      split === undefined ? `fold ${at + 1} of ${runs.length}` : `training on ${run.train.length} rows`,
    )
    const second = secondFor(run.train, setting)
    if (second !== undefined) seconds.add(second)
    const found = await testRun(run, second, setting)
    for (const one of found.tested) tested.push(one)
    for (const ms of found.times) times.push(ms)
  }
  setting.progress('measuring')
  return summed(tested, seconds, setting, {
    decisionMs: spreadOf(times),
    rowsLeftOut: data.length - rows.length,
    folds,
    trainRows: split?.rows.length ?? (folds === null ? 0 : rows.length),
    equalPromptsLeftOut: split?.leftOut ?? 0,
  })
}

function knowing(rows: readonly Row[], { names: { weak, strong }, second }: Setting): readonly Row[] {
  // A second model need not be known everywhere, but somewhere.
  if (second !== undefined && second !== 'none') rowsWith(rows, [second])
  return rowsWith(rows, [weak, strong])
}

function secondFor(train: readonly Row[], { second, names, priceOf, prior }: Setting): string | undefined {
  if (second === 'none' || prior !== undefined) return undefined
  return second ?? chooseSecond(train, names, priceOf)
}

async function testRun(
  run: Run,
  second: string | undefined,
  setting: Setting,
): Promise<{ tested: readonly Tested[]; times: Float64Array }> {
  const { names, priceOf, signal, clock, prior } = setting
  const train = casesOf(run.train, names, second, priceOf)
  if (prior === undefined) worthLearning(train, 'the training rows', names)
  const fitted = prior === undefined ? await Fitted.fit(train, signal) : Fitted.stored(prior)
  const threshold = thresholdOf(train, fitted.scores)
  const other = baselinesOf(train)
  const test = casesOf(run.test, names, second, priceOf)
  const tested = test.map((known) => {
    const one = prior === undefined ? known : { ...known, evidence: undefined }
    const scored = fitted.score(one)
    return {
      case: one,
      scored,
      length: other.length(one),
      domainMean: other.domainMean(one),
      escalated: prior === undefined ? scored.score >= threshold : scored.gain > 0,
    }
  })
  return {
    tested,
    times: decisionTimes(
      fitted,
      tested.map((one) => one.case),
      clock,
    ),
  }
}

function foldRuns(rows: readonly Row[], folds: number): readonly Run[] {
  const prompts = new Set(rows.map(({ text }) => text)).size
  if (prompts < 2 * folds) {
    throw unusable(
      `The data has ${prompts} different prompts, too few for ${folds} folds of at least 2. Give more rows, or fewer folds.`,
    )
  }
  const fold = foldsOf(rows, folds)
  return Array.from({ length: folds }, (_, held) => ({
    train: rows.filter((_row, at) => fold[at] !== held),
    test: rows.filter((_row, at) => fold[at] === held),
  }))
}

/** A prompt that was trained on is no test. Few are left out of training; many mean that the files are no split. */
function withoutEqual(
  train: readonly Row[],
  data: readonly Row[],
): { rows: readonly Row[]; leftOut: number } {
  distinctIds(train, 'The training file')
  const tested = new Set(data.map(({ text }) => text))
  const trained = new Set(train.map(({ text }) => text))
  const equal = [...tested].filter((text) => trained.has(text)).length
  if (equal > EQUAL_SHARE_MAX * tested.size) {
    throw unusable(
      `${equal} of ${tested.size} prompts of the data stand in the training file too, so it would be tested on what it was trained on. Split the rows by prompt, or leave --train out to have them folded.`,
    )
  }
  const rows = train.filter(({ text }) => !tested.has(text))
  return { rows, leftOut: train.length - rows.length }
}

type Meta = Pick<Evaluation, 'decisionMs' | 'rowsLeftOut' | 'folds' | 'trainRows' | 'equalPromptsLeftOut'>

function summed(
  tested: readonly Tested[],
  seconds: ReadonlySet<string>,
  setting: Setting,
  meta: Meta,
): Evaluated {
  const cases = tested.map((one) => one.case)
  const column = (of: (one: Tested) => number): Float64Array => Float64Array.from(tested, of)
  const outcomes = outcomesOf(cases)
  const router = new Ranking(column(({ scored }) => scored.above))
  const length = new Ranking(column((one) => one.length))
  const oracle = new Ranking(column((one) => one.case.example.strong - one.case.example.weak))
  const prompt = new Ranking(column(({ scored }) => scored.promptAbove))
  const domains = new Ranking(column(({ domainMean }) => domainMean))
  const labelled = cases.some(({ row }) => row.label !== undefined)
  const reached = (ranking: Ranking): number | null => apgr(ranking.curve(outcomes)) ?? null
  const intervals = resampled(router, length, outcomes, promptsOf(cases.map(({ row }) => row)))
  const figures = figuresOf(router, outcomes, intervals)
  if (figures.apgr === null) throw unusable(noGap(setting.names, figures))
  const answers = cases.every(({ evidence }) => evidence !== undefined)
  const paying: Paying = answers ? 'cascade' : 'before'
  const costs = costsOf(cases, router, paying)
  const evaluation: Evaluation = {
    ...figures,
    aiq: costs?.aiq ?? null,
    baselines: {
      random: 0.5,
      length: reached(length),
      domainMean: labelled && meta.trainRows > 0 ? reached(domains) : null,
      oracle: reached(oracle),
      promptOnly: reached(prompt),
    },
    perTask: perTask(tested),
    aboveLength: intervals.difference,
    atStrongAccuracy: costs?.atStrong ?? null,
    operating: operatingOf(
      tested.map(({ case: one, escalated }) => ({ one, escalated })),
      paying,
    ),
    calibrationError: calibrationError(
      tested.map(({ scored, case: { example } }) => [scored.gain, example.strong - example.weak]),
    ),
    pair: { ...setting.names, second: seconds.size === 0 ? null : [...seconds].sort().join(', ') },
    evidence: answers ? 'prompt and answers' : 'prompt',
    embeddings: setting.prior === undefined && cases.every(({ example }) => example.meaning !== undefined),
    ...meta,
  }
  return { evaluation, rankings: { router, length, oracle }, cases, paying }
}

/** A task's rows alone, in their own order, against their own gap. */
function perTask(tested: readonly Tested[]): Record<string, Figures> {
  const tasks = new Map<string, Tested[]>()
  for (const one of tested) {
    const name = one.case.row.label
    if (name === undefined) continue
    const task = tasks.get(name)
    if (task !== undefined) task.push(one)
    else if (tasks.size < TASKS_MAX) tasks.set(name, [one])
  }
  const sorted = [...tasks].sort(([left], [right]) => (left < right ? -1 : 1))
  return Object.fromEntries(
    sorted.map(([name, rows]) => {
      const outcomes = outcomesOf(rows.map((one) => one.case))
      const ranking = new Ranking(Float64Array.from(rows, ({ scored }) => scored.above))
      const prompts = promptsOf(rows.map((one) => one.case.row))
      return [name, figuresOf(ranking, outcomes, resampled(ranking, ranking, outcomes, prompts))]
    }),
  )
}

function figuresOf(ranking: Ranking, outcomes: Outcomes, intervals: Intervals): Figures {
  const curve = ranking.curve(outcomes)
  return {
    n: outcomes.weak.length,
    apgr: apgr(curve) ?? null,
    cpt50: callsFor(curve, 0.5) ?? null,
    cpt80: callsFor(curve, 0.8) ?? null,
    interval: intervals.own,
    weak: curve.qualities[0] ?? 0,
    strong: curve.qualities.at(-1) ?? 0,
  }
}

function outcomesOf(cases: readonly Case[]): Outcomes {
  return {
    weak: Float64Array.from(cases, ({ example }) => example.weak),
    strong: Float64Array.from(cases, ({ example }) => example.strong),
  }
}

function noGap({ weak, strong }: Names, figures: Figures): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  return `${strong} is not better than ${weak} on these rows (${percent(figures.strong)} against ${percent(figures.weak)}), so there is no gap that routing could recover. Swap --weak and --strong, or name another pair.`
}

function spreadOf(times: readonly number[]): { p50: number; p99: number } {
  const sorted = Float64Array.from(times).sort()
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}
