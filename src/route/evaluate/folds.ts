import { textHash } from '../learn/chance.ts'
import type { Row } from './rows.ts'

const FOLD_SEED = 11

/** Rows in an order that only their texts and results determine: the same whatever the file's order and ids. */
export function inOwnOrder(rows: readonly Row[]): readonly Row[] {
  const keyed = rows.map((row) => ({ row, hash: textHash(row.text), key: keyOf(row) }))
  keyed.sort((left, right) => left.hash - right.hash || compare(left.key, right.key))
  return keyed.map(({ row }) => row)
}

/**
 * The fold of each row, in [0, folds). Equal prompts share one; distinct prompts are dealt out in the order of a hash
 * of their text, so that the folds are of equal size and no id or place in the file counts.
 */
export function foldsOf(rows: readonly Row[], folds: number): Uint32Array {
  const prompts = [...new Set(rows.map(({ text }) => text))]
    .map((text) => ({ text, hash: textHash(text, FOLD_SEED) }))
    .sort((left, right) => left.hash - right.hash || compare(left.text, right.text))
  const dealt = new Map(prompts.map(({ text }, at) => [text, at % folds]))
  return Uint32Array.from(rows, ({ text }) => dealt.get(text) ?? 0)
}

/** For each row the number of its prompt, so that equal prompts are resampled together. */
export function promptsOf(rows: readonly Row[]): Uint32Array {
  const numbers = new Map<string, number>()
  return Uint32Array.from(rows, ({ text }) => {
    const known = numbers.get(text)
    if (known !== undefined) return known
    numbers.set(text, numbers.size)
    return numbers.size - 1
  })
}

function keyOf({ text, models }: Row): string {
  return `${text}\n${JSON.stringify([...models].sort(([left], [right]) => compare(left, right)))}`
}

function compare(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}
