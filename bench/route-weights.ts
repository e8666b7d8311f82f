import { fitWeights, type LearnedRow } from '../src/route/escalate/fit.ts'
import { DEFAULT_WEIGHTS, posteriorGain } from '../src/route/escalate/posterior.ts'
import { foldsOf, inOwnOrder } from '../src/route/evaluate/folds.ts'
import { listPrice } from '../src/route/evaluate/prices.ts'
import { type Row, readOutcomes } from '../src/route/evaluate/rows.ts'
import { normaliseAnswer } from '../src/route/learn/answer.ts'
import type { Example } from '../src/route/learn/base.ts'
import { Prior } from '../src/route/learn/prior.ts'
import { benchData } from './process/data.ts'

/**
 * Where the shipped weights of the evidence come from: `npm run fit:weights`, with ZeroEval's outcomes under
 * $UPSHIFT_DATA. Prints weights that are learned from all pairs of cheap models of two makers below strong ones, with
 * priors that have not seen the row, and how well they order the rows of each fold when learned on the others.
 */
const FOLDS = 5
const CHEAP_USD_MAX = 1
const STRONG_USD_MIN = 10
/** The data tells tokens; English has about four characters in one. */
const CHARS_PER_TOKEN = 4
const NO_WEIGHTS = DEFAULT_WEIGHTS.map(() => 0)

const file = benchData('routing', 'zeroeval.jsonl.gz')
const rows = inOwnOrder(readOutcomes([file]))
const folds = foldsOf(rows, FOLDS)
const priced = [...(rows[0]?.models.keys() ?? [])].map((name) => ({
  name,
  usd: totalOf(name),
  maker: makerOf(name),
}))
const cheap = priced.filter(({ usd }) => usd <= CHEAP_USD_MAX)
const strong = priced.filter(({ usd }) => usd >= STRONG_USD_MIN)
const learned: LearnedRow[] = []
const byFold: LearnedRow[][] = Array.from({ length: FOLDS }, () => [])
for (const weak of cheap.slice(0, 6)) {
  for (const high of strong.slice(0, 3)) {
    const priors = crossed(weak.name, high.name)
    for (const second of cheap.filter(({ maker }) => maker !== weak.maker).slice(0, 3)) {
      for (const [at, row] of rows.entries()) {
        const made = learnedRow(row, weak.name, second.name, high.name, priors[at] ?? 0)
        if (made === undefined) continue
        learned.push(made)
        byFold[folds[at] ?? 0]?.push(made)
      }
    }
  }
}
const weights = fitWeights(learned, NO_WEIGHTS)
const held = byFold.map((own, fold) => {
  const fitted = fitWeights(byFold.filter((_, at) => at !== fold).flat(), NO_WEIGHTS)
  return {
    prior: errorOf(own, NO_WEIGHTS),
    fitted: errorOf(own, fitted),
    shipped: errorOf(own, DEFAULT_WEIGHTS),
  }
})
process.stdout.write(
  `${cheap.length} cheap models, ${strong.length} strong ones, ${learned.length} rows\n` +
    `weights (agree, differ, cut off): ${weights
      .slice(0, 3)
      .map((one) => one.toFixed(2))
      .join(', ')}\n` +
    `squared error of the gain, held out: prior alone ${mean(held.map(({ prior }) => prior)).toFixed(4)}, ` +
    `fitted ${mean(held.map(({ fitted }) => fitted)).toFixed(4)}, shipped ${mean(held.map(({ shipped }) => shipped)).toFixed(4)}\n`,
)

/** The gain that a prior expects which has learned on the other folds. */
function crossed(weak: string, high: string): readonly number[] {
  const examples = rows.map(({ text, models }): Example => {
    return { text, weak: models.get(weak)?.right ?? 0, strong: models.get(high)?.right ?? 0 }
  })
  const gains = new Array<number>(rows.length).fill(0)
  for (let fold = 0; fold < FOLDS; fold++) {
    const prior = Prior.fit(examples.filter((_, at) => folds[at] !== fold))
    for (const [at, row] of rows.entries()) if (folds[at] === fold) gains[at] = prior.decide(row.text).gain
  }
  return gains
}

function learnedRow(
  { models }: Row,
  weak: string,
  second: string,
  high: string,
  prior: number,
): LearnedRow | undefined {
  const [low, other, top] = [models.get(weak), models.get(second), models.get(high)]
  if (low === undefined || other === undefined || top === undefined) return undefined
  const said = normaliseAnswer(low.answer)
  const agrees = said !== undefined && said === normaliseAnswer(other.answer)
  const chars = (low.outTokens ?? 0) * CHARS_PER_TOKEN
  return { prior, evidence: { agrees, whole: said !== undefined, chars }, gain: top.right - low.right }
}

function errorOf(some: readonly LearnedRow[], by: readonly number[]): number {
  return mean(some.map(({ prior, evidence, gain }) => (posteriorGain(prior, evidence, by) - gain) ** 2))
}

function totalOf(name: string): number {
  const price = listPrice(name)
  return price === undefined ? Number.NaN : price.input + price.output
}

function makerOf(name: string): string {
  return /[a-z]+/i.exec(name)?.[0]?.toLowerCase() ?? name
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
