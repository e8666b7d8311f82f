import type { Escalation, Evidence, Judgement } from '../../contract/escalation.ts'
import { usdText } from '../usd.ts'
import { posteriorGain, type Weights } from './posterior.ts'

/** Whether going up pays for a kind of traffic, as far as outcomes say. */
export interface Standing {
  readonly state: 'unknown' | 'pays' | 'does-not-pay'
  /** In words and numbers. */
  readonly reason: string
}

interface JudgeParts {
  readonly weights: Weights
  readonly standing: Standing
  /** Where the evidence speaks against the cheap answer and going up costs more than it is worth: give none. */
  readonly abstains: boolean
}

export type Verdict = Pick<Judgement, 'action' | 'gain' | 'reason'>

/**
 * Goes up where the expected gain is worth its price: gain × worth > extra. What the evidence says changes the gain;
 * what outcomes have shown about this kind of traffic can switch it off, whatever a single request looks like.
 */
export function judge(parts: JudgeParts, escalation: Escalation, evidence: Evidence | undefined): Verdict {
  const { gain: prior, worthMicros, extraMicros } = escalation
  const gain = evidence === undefined ? prior : posteriorGain(prior, evidence, parts.weights)
  const { state, reason: shown } = parts.standing
  const seen = evidence === undefined ? '' : `, ${wordsOf(evidence)}`
  const worth = Math.round(gain * worthMicros)
  const sum = `expected gain ${gain.toFixed(2)} (${prior.toFixed(2)} before${seen}) is worth ${usdText(worth)} and costs ${usdText(extraMicros)}`
  if (state === 'does-not-pay') return { action: 'accept', gain, reason: `${shown}; ${sum}` }
  if (worth > extraMicros) return { action: 'escalate', gain, reason: `${sum}: ${escalation.tier}` }
  const doubted = evidence?.agrees === false || evidence?.whole === false
  if (doubted && parts.abstains) return { action: 'abstain', gain, reason: sum }
  return { action: 'accept', gain, reason: `${sum}: the cheap answer` }
}

function wordsOf({ agrees, whole, margin }: Evidence): string {
  const sure = margin === undefined ? '' : `, margin ${margin.toFixed(2)}`
  const cut = `${sure}${whole ? '' : ', cut off'}`
  if (agrees === undefined) return `no second opinion${cut}`
  return `a second model ${agrees ? 'agrees' : 'differs'}${cut}`
}
