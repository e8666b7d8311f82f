import type { Case } from './pair.ts'

/** Simple ways to order rows, learned on the same training rows as the router. */
export interface Scorers {
  /** The prompt's length in characters, with the sign that it has on the training rows. */
  length(one: Case): number
  /** The mean gain of the row's domain or task above that of all: the one thing here that looks at the label. */
  domainMean(one: Case): number
}

/** Rows of the overall mean that a domain's mean is mixed with, so that a rare domain does not shout. */
const MEAN_ROWS = 5

export function baselinesOf(train: readonly Case[]): Scorers {
  const gains = train.map(({ example }) => example.strong - example.weak)
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / Math.max(1, gains.length)
  const lengths = train.map(({ example }) => Math.log1p(example.text.length))
  const middle = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length)
  const together = gains.reduce((sum, gain, at) => sum + gain * ((lengths[at] ?? 0) - middle), 0)
  const sign = together < 0 ? -1 : 1
  const domains = new Map<string, { sum: number; rows: number }>()
  for (const [at, { row }] of train.entries()) {
    if (row.label === undefined) continue
    const domain = domains.get(row.label) ?? { sum: MEAN_ROWS * mean, rows: MEAN_ROWS }
    domain.sum += gains[at] ?? 0
    domain.rows++
    domains.set(row.label, domain)
  }
  return {
    length: ({ example }) => sign * example.text.length,
    domainMean({ row }) {
      const domain = row.label === undefined ? undefined : domains.get(row.label)
      return domain === undefined ? 0 : rounded(domain.sum / domain.rows - mean)
    },
  }
}

/** Without the last bits, in which equal means of several folds differ by the order of their sums. */
function rounded(gain: number): number {
  return Math.round(gain * 1e9) / 1e9
}
