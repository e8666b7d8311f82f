import { assert } from '../../lib/assert.ts'
import type { Example } from '../learn/base.ts'
import type { Evidence } from '../learn/evidence.ts'
import { listPrice, type Price, vendorOf } from './prices.ts'
import { modelsOf, type Recorded, type Row, unusable } from './rows.ts'

/** What RouteLLM takes for its pair, Mixtral 8x7B and GPT-4: rows of {weak, strong} name no model. */
const ROUTELLM: Readonly<Record<string, Price>> = {
  weak: { input: 0.24, output: 0.24 },
  strong: { input: 24.7, output: 24.7 },
}
/** Of a text whose tokens nobody has counted. */
const CHARS_PER_TOKEN = 4
/** A second model may cost at most this many times the weak one, and this share of the strong one. */
const SECOND_OF_WEAK = 2
const SECOND_OF_STRONG = 0.25

/** And must be known on this share of the rows. */
const KNOWN_SHARE = 0.95

export interface Names {
  readonly weak: string
  readonly strong: string
}

/** One row of the two models, with the second where there is one. Costs in USD, undefined where not known. */
export interface Case {
  readonly row: Row
  readonly example: Example
  readonly evidence: Evidence | undefined
  readonly weakUsd: number | undefined
  /** 0 where no second model is asked. */
  readonly secondUsd: number | undefined
  readonly strongUsd: number | undefined
}

/** Prices by model: what the caller says, then RouteLLM's, then the vendors' lists. */
export type PriceOf = (model: string) => Price | undefined

export function pricesWith(own: ReadonlyMap<string, Price>): PriceOf {
  return (model) => own.get(model) ?? ROUTELLM[model] ?? listPrice(model)
}

/** Rows must know both models (rowsWith). A row that does not know the second has no second answer. */
export function casesOf(
  rows: readonly Row[],
  { weak, strong }: Names,
  second: string | undefined,
  priceOf: PriceOf,
): readonly Case[] {
  return rows.map((row) => {
    const [small, large] = [row.models.get(weak), row.models.get(strong)]
    assert(small !== undefined && large !== undefined, 'every row knows both models')
    const beside = second === undefined ? undefined : row.models.get(second)
    const answered = small.answer !== undefined || small.outTokens !== undefined
    return {
      row,
      example: { text: row.text, weak: small.right, strong: large.right, meaning: row.meaning },
      evidence: answered ? { weak: small, second: beside } : undefined,
      weakUsd: costOf(row, small, priceOf(weak)),
      secondUsd: beside === undefined || second === undefined ? 0 : costOf(row, beside, priceOf(second)),
      strongUsd: costOf(row, large, priceOf(strong)),
    }
  })
}

/** Throws where nothing can be learned or measured: all rows of one kind. */
export function worthLearning(cases: readonly Case[], where: string, { weak, strong }: Names): void {
  const gains = new Set(cases.map(({ example }) => example.strong - example.weak))
  if (gains.size > 1) return
  throw unusable(
    `In ${where} every row has the same outcome (${strong} minus ${weak} is ${[...gains].join('')} everywhere): with one class there is nothing to learn or to measure. Give rows on which the two models differ.`,
  )
}

/**
 * The second cheap model where none is named: of another vendor than the weak one, at no more than twice its price
 * and a quarter of the strong one's, the one that was right most often on these rows, which must be training rows. Undefined where there is none.
 */
export function chooseSecond(rows: readonly Row[], names: Names, priceOf: PriceOf): string | undefined {
  const most = Math.min(
    SECOND_OF_WEAK * totalOf(priceOf(names.weak)),
    SECOND_OF_STRONG * totalOf(priceOf(names.strong)),
  )
  const able = modelsOf(rows)
    .filter((model) => model !== names.strong && vendorOf(model) !== vendorOf(names.weak))
    .filter((model) => totalOf(priceOf(model)) <= most)
    .map((model) => ({ model, recorded: rows.flatMap(({ models }) => models.get(model) ?? []) }))
    .filter(({ recorded }) => recorded.length >= KNOWN_SHARE * rows.length)
    .filter(({ recorded }) => recorded.some(({ answer }) => typeof answer === 'string'))
    .map(({ model, recorded }) => ({ model, right: meanRight(recorded) }))
    .sort((left, right) => right.right - left.right || (left.model < right.model ? -1 : 1))
  return able[0]?.model
}

function meanRight(recorded: readonly Recorded[]): number {
  return recorded.reduce((sum, { right }) => sum + right, 0) / recorded.length
}

function totalOf(price: Price | undefined): number {
  return price === undefined ? Number.NaN : price.input + price.output
}

function costOf(row: Row, { inTokens, outTokens }: Recorded, price: Price | undefined): number | undefined {
  if (price === undefined) return undefined
  const read = inTokens ?? row.text.length / CHARS_PER_TOKEN
  // Rows without any count compare the models by price alone: the same tokens for both.
  const written = outTokens ?? (inTokens === undefined ? 0 : undefined)
  if (written === undefined) return undefined
  return (read * price.input + written * price.output) / 1e6
}
