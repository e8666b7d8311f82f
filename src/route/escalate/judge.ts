import type { Escalation, Evidence, Judgement, Neighbourhood, Step } from '../../contract/escalation.ts'
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
  const known = { ...escalation.foreseen, ...evidence }
  const gain = posteriorGain(prior, known, parts.weights)
  const { state, reason: shown } = parts.standing
  const seen = [
    ...stepWords(known.step),
    ...likeWords(known.neighbours),
    ...(evidence === undefined ? [] : wordsOf(evidence)),
  ]
  const worth = Math.round(gain * worthMicros)
  const sum = `${stepMark(known.step)}expected gain ${gain.toFixed(2)} (${[`${prior.toFixed(2)} before`, ...seen].join(', ')}) is worth ${usdText(worth)} and costs ${usdText(extraMicros)}`
  if (state === 'does-not-pay') return { action: 'accept', gain, reason: `${shown}; ${sum}` }
  if (worth > extraMicros) return { action: 'escalate', gain, reason: `${sum}: ${escalation.tier}` }
  if (evidence !== undefined && isDoubted(evidence) && parts.abstains)
    return { action: 'abstain', gain, reason: sum }
  return { action: 'accept', gain, reason: `${sum}: the cheap answer` }
}

/** An answer of which less than this share stands in what it was made from is doubted. */
const DOUBTED_GROUNDING = 0.5

/** The evidence speaks against the answer by itself, whatever a stronger model would make of it. */
function isDoubted({ agrees, whole, repeats, grounding = 1 }: Evidence): boolean {
  return agrees === false || !whole || repeats === true || grounding < DOUBTED_GROUNDING
}

function wordsOf({ agrees, whole, margin, grounding, repeats }: Evidence): readonly string[] {
  const second =
    agrees === undefined ? 'no second opinion' : `a second model ${agrees ? 'agrees' : 'differs'}`
  return [
    second,
    ...(margin === undefined ? [] : [`margin ${margin.toFixed(2)}`]),
    ...(grounding === undefined ? [] : [`${grounding.toFixed(2)} of it grounded`]),
    ...(repeats === true ? ['it repeats an earlier call'] : []),
    ...(whole ? [] : ['cut off']),
  ]
}

const FAILURES = {
  error: 'a tool said that it failed',
  invalid: 'its call was not valid',
  repeat: 'its call was made before',
} as const

/** What went wrong in the step before, in words. */
export function stepWords(step: Step | undefined): readonly string[] {
  return step?.failed === undefined ? [] : [`the last step failed: ${FAILURES[step.failed]}`]
}

/** What like requests have shown, in words and numbers. */
export function likeWords(neighbours: Neighbourhood | undefined): readonly string[] {
  if (neighbours === undefined) return []
  return [`like requests gained ${neighbours.gain.toFixed(2)} (${neighbours.weight.toFixed(2)} of the word)`]
}

/** `step 4: `, before what is said of a step of an agent. */
export function stepMark(step: Step | undefined): string {
  return step === undefined ? '' : `step ${step.number}: `
}
