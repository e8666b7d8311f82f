/** Risk of a wrong answer by how many peers disagree with it: none, one, two or more. */
const RISK_BY_DISAGREEING = [1, 3, 6] as const
const HALVINGS = 100

export interface Audited {
  /** The chance with which it was drawn, above 0. */
  readonly share: number
  /** What the audit found: 0 nothing, 1 an error. */
  readonly found: number
}

export interface AuditEstimate {
  /** Of all, not only of those drawn: the share that has what was looked for. */
  readonly share: number
  /** Of a Poisson sample (Särndal, Swensson and Wretman 1992, section 3.5), estimated from those drawn. */
  readonly standardError: number
}

export function disagreementRisk(disagreeing: number): number {
  const last = RISK_BY_DISAGREEING.length - 1
  return RISK_BY_DISAGREEING[Math.max(0, Math.min(last, Math.trunc(disagreeing) || 0))] ?? 1
}

/**
 * The chance of each to be audited: in proportion to its risk (0 or more), never below `floor` and never above 1, and
 * `expected` of them in all. Throws where that cannot be.
 */
export function auditShares(risks: readonly number[], expected: number, floor: number): readonly number[] {
  const bad = risks.findIndex((risk) => !(risk >= 0 && Number.isFinite(risk)))
  if (bad >= 0)
    throw new Error(`the risk of number ${bad} is ${risks[bad]}: it must be a number of 0 or more`)
  if (!(floor > 0 && floor <= 1)) throw new Error(`the floor is ${floor}: it must be above 0, and at most 1`)
  const least = floor * risks.length
  const positive = risks.filter((risk) => risk > 0).length
  const most = positive + floor * (risks.length - positive)
  const slack = 1e-9 * risks.length
  if (!(expected >= least - slack && expected <= most + slack))
    throw new Error(
      `${expected} of ${risks.length} cannot be audited: with a floor of ${floor} and ${positive} at any risk ` +
        `it is from ${least} to ${most}`,
    )
  const scaled = (factor: number): readonly number[] =>
    risks.map((risk) => Math.min(1, Math.max(floor, factor * risk)))
  const total = (shares: readonly number[]): number => shares.reduce((sum, share) => sum + share, 0)
  let low = 0
  let high =
    1 / risks.reduce((smallest, risk) => (risk > 0 ? Math.min(smallest, risk) : smallest), Number.MAX_VALUE)
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (low + high) / 2
    if (total(scaled(middle)) < expected) low = middle
    else high = middle
  }
  return scaled(high)
}

/** The numbers of those drawn, each by a lot of its own. */
export function drawAudit(shares: readonly number[], random: () => number): readonly number[] {
  return shares.flatMap((share, index) => (random() < share ? [index] : []))
}

/** Horvitz and Thompson 1952: (1/N)·Σ found/share over those drawn of `total`. */
export function auditEstimate(audited: readonly Audited[], total: number): AuditEstimate {
  if (!(Number.isSafeInteger(total) && total > 0))
    throw new Error(`the total is ${total}: it must be a whole number above 0`)
  let sum = 0
  let variance = 0
  for (const { share, found } of audited) {
    if (!(share > 0 && share <= 1)) throw new Error(`a share is ${share}: it must be above 0, and at most 1`)
    if (!(found >= 0 && found <= 1)) throw new Error(`a finding is ${found}: it must be from 0 to 1`)
    sum += found / share
    variance += ((1 - share) / share ** 2) * found ** 2
  }
  return { share: sum / total, standardError: Math.sqrt(variance) / total }
}
