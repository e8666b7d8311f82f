import { normaliseAnswer } from './answer.ts'
import type { View } from './base.ts'

/** One model's answer, as far as it is known: what it says, how long it took to say it, whether it was valid JSON. */
export interface Answered {
  /** Undefined where the data does not hold answers; null where the model gave none. */
  readonly answer: unknown
  readonly outTokens: number | undefined
  readonly valid: boolean | undefined
  /** Share of its sentences that stand in what it was made from, 0–1; undefined where nobody told. */
  readonly grounding?: number | undefined
}

/** What is known once the cheap answers are there. */
export interface Evidence {
  readonly weak: Answered
  /** A second cheap model, best of another vendor; undefined where none was asked. */
  readonly second: Answered | undefined
}

/** The share at which an answer is as grounded as most: an answer of which it is not known counts as such. */
const USUAL_GROUNDING = 0.7

const PLAIN_NUMBER = /^[-\d./]+$/

/** Whether two models' normalised answers are the same; undefined where one is not known, false where one is none. */
export function agree({ weak, second }: Evidence): boolean | undefined {
  if (second === undefined) return undefined
  return same(normaliseAnswer(weak.answer), normaliseAnswer(second.answer), weak, second)
}

function same(
  said: string | undefined,
  other: string | undefined,
  weak: Answered,
  second: Answered,
): boolean | undefined {
  if (weak.answer === undefined || second.answer === undefined) return undefined
  return said !== undefined && said === other
}

/** The view of a prompt, and behind it what the answers add: figures of the order of one, in a fixed order. */
export function posteriorColumns(view: View, { weak, second }: Evidence): Float64Array {
  const said = normaliseAnswer(weak.answer)
  const other = normaliseAnswer(second?.answer)
  const apart = second !== undefined && same(said, other, weak, second) === false ? 1 : 0
  const length = lengthOf(weak)
  const chars = Math.log1p(said?.length ?? 0)
  const number = said !== undefined && PLAIN_NUMBER.test(said) ? 1 : 0
  const more = [
    apart,
    length,
    second === undefined ? 0 : lengthOf(second),
    second === undefined ? 0 : length - lengthOf(second),
    said === undefined ? 1 : 0,
    second !== undefined && other === undefined ? 1 : 0,
    weak.valid === false ? 1 : 0,
    second?.valid === false ? 1 : 0,
    chars,
    number,
    apart * (view.columns[2] ?? 0),
    apart * (view.columns[5] ?? 0),
    apart * length,
    apart * chars,
    apart * number,
    weak.grounding === undefined ? 0 : weak.grounding - USUAL_GROUNDING,
  ]
  const columns = new Float64Array(view.columns.length + more.length)
  columns.set(view.columns)
  columns.set(more, view.columns.length)
  return columns
}

function lengthOf({ outTokens }: Answered): number {
  return outTokens === undefined ? 0 : Math.log1p(outTokens) - 5
}
