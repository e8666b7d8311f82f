import { textTable } from '../../lib/table.ts'
import type { Evaluation, Figures } from './evaluate.ts'
import { type Interval, RESAMPLES } from './resample.ts'

/** An evaluation for people: what was compared, the figures beside the baselines, the tasks, and what it would cost. */
export function evaluationTable(evaluation: Evaluation): string {
  const { pair, baselines, interval } = evaluation
  const rows: string[][] = [
    [
      'this router',
      fixed(evaluation.apgr),
      between(interval),
      percent(evaluation.cpt50),
      percent(evaluation.cpt80),
    ],
    ['the prompt alone', fixed(baselines.promptOnly)],
    ['length of the prompt', fixed(baselines.length)],
    ['mean of the domain', fixed(baselines.domainMean)],
    ['a coin', fixed(baselines.random)],
    ['an oracle', fixed(baselines.oracle)],
  ]
  return [
    `${pair.weak} → ${pair.strong}${pair.second === null ? '' : `, with ${pair.second} as the second cheap model`}\n`,
    `${splitWords(evaluation)}; decided from the ${evaluation.evidence}\n\n`,
    textTable(['ORDERED BY', 'APGR', '95 %', 'CPT50', 'CPT80'], rows),
    `\n${tasks(evaluation)}`,
    ...sentences(evaluation).map((sentence) => `${sentence}\n`),
  ].join('')
}

function splitWords({ n, rowsLeftOut, folds, trainRows, equalPromptsLeftOut }: Evaluation): string {
  const unknown = rowsLeftOut === 0 ? '' : ` (${rowsLeftOut} others do not know both models)`
  if (folds !== null) return `${n} rows${unknown} in ${folds} folds, equal prompts in one`
  if (trainRows === 0) return `${n} rows${unknown}, a stored prior as it is`
  const left =
    equalPromptsLeftOut === 0 ? '' : `, ${equalPromptsLeftOut} left out because the data has their prompt`
  return `${n} rows${unknown}, learned on ${trainRows} others${left}`
}

function tasks({ perTask }: Evaluation): string {
  const names = Object.entries(perTask)
  if (names.length === 0) return ''
  const rows = names.map(([name, figures]) => [name, ...figureCells(figures)])
  return `${textTable(['TASK', 'ROWS', 'WEAK', 'STRONG', 'APGR', '95 %', 'CPT50', 'CPT80'], rows)}\n`
}

function figureCells({ n, weak, strong, apgr, interval, cpt50, cpt80 }: Figures): string[] {
  const shares = [percent(100 * weak), percent(100 * strong)]
  return [String(n), ...shares, fixed(apgr), between(interval), percent(cpt50), percent(cpt80)]
}

function sentences(evaluation: Evaluation): readonly string[] {
  const { weak, strong, aboveLength, atStrongAccuracy, operating, decisionMs, aiq } = evaluation
  const cost = operating.costShare === null ? '' : ` at ${percent(100 * operating.costShare)} of its cost`
  return [
    `Right: weak ${percent(100 * weak)}, strong ${percent(100 * strong)}. AIQ ${fixed(aiq)}.`,
    `Above the length of the prompt by ${between(aboveLength)} (paired bootstrap over prompts, ${RESAMPLES} resamples).`,
    atStrongAccuracy === null
      ? 'No cost: the price of a model is not known. Give it with --price NAME=INPUT/OUTPUT (USD per million tokens).'
      : `The strong model's accuracy is reached at ${percent(100 * atStrongAccuracy.costShare)} of its cost, with ${percent(100 * atStrongAccuracy.strongShare)} of the calls (the best point of the curve).`,
    `${evaluation.trainRows === 0 ? 'Where any gain is foretold' : 'With a threshold from the training rows'}: ${percent(100 * operating.quality)} right${cost}, ${percent(100 * operating.strongShare)} of the calls; of these ${percent(100 * operating.wasted)} changed nothing, ${percent(100 * operating.harmful)} harmed.`,
    `The gain that was foretold is off by ${fixed(evaluation.calibrationError)} on the mean of ten groups.`,
    `A decision takes ${decisionMs.p50.toFixed(2)} ms (p99 ${decisionMs.p99.toFixed(2)} ms).`,
  ]
}

function fixed(figure: number | null): string {
  return figure === null ? '–' : figure.toFixed(3)
}

function between(interval: Interval | null): string {
  return interval === null ? '–' : `${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}`
}

function percent(figure: number | null): string {
  return figure === null ? '–' : `${figure.toFixed(1)} %`
}
