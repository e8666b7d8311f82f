import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { inOwnOrder } from './evaluate/folds.ts'
import { listPrice } from './evaluate/prices.ts'
import { distinctIds, type Row, readOutcomes, unusable } from './evaluate/rows.ts'
import type { Example } from './learn/base.ts'
import { type Origin, packPrior } from './learn/packing.ts'
import { Prior } from './learn/prior.ts'

/** Of rows with many models: the small ones cost at most this, the strong ones at least (USD per million in + out). */
const SMALL_USD_MAX = 1
const STRONG_USD_MIN = 10
/** What the stored form has room for. */
const ROWS_MAX = 65_536
const ROWS_MIN = 20

/** A prior as it is stored, and what went in. */
export interface Trained {
  readonly bytes: Buffer
  readonly origin: Origin
}

/**
 * Trains a prior on rows of both shapes: the same bytes for the same files, whatever their order. A row with many
 * models teaches how the small ones did on the whole, and the strong ones. Throws UpshiftError where rows do not allow it.
 */
export function trainPrior(files: readonly string[]): Trained {
  const sources = files.map((file) => {
    const rows = readOutcomes([file])
    distinctIds(rows, file)
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
    return { name: basename(file), sha256, rows }
  })
  const rows = inOwnOrder(sources.flatMap((source) => source.rows))
  if (rows.length > ROWS_MAX)
    throw unusable(`A prior is made of at most ${ROWS_MAX} rows, and these are ${rows.length}.`)
  const examples = rows.map(exampleOf)
  const gains = new Set(examples.map(({ weak, strong }) => strong - weak))
  if (rows.length < ROWS_MIN || gains.size < 2) {
    throw unusable(
      `There is nothing to learn: ${rows.length} rows with ${gains.size} different outcomes. Give at least ${ROWS_MIN} rows on which the small and the strong model differ.`,
    )
  }
  const origin = {
    rows: rows.length,
    sources: sources
      .map((source) => ({ ...source, rows: source.rows.length }))
      .sort((left, right) => (left.sha256 < right.sha256 ? -1 : 1)),
  }
  return { bytes: packPrior(Prior.fit(examples), origin), origin }
}

function exampleOf(row: Row): Example {
  const { weak, strong } = Object.fromEntries(row.models)
  if (weak !== undefined && strong !== undefined)
    return { text: row.text, weak: weak.right, strong: strong.right }
  const priced = [...row.models].map(([name, { right }]) => ({ right, usd: totalOf(name) }))
  return {
    text: row.text,
    weak: meanOf(
      priced.filter(({ usd }) => usd <= SMALL_USD_MAX),
      row,
      'small',
    ),
    strong: meanOf(
      priced.filter(({ usd }) => usd >= STRONG_USD_MIN),
      row,
      'strong',
    ),
  }
}

function totalOf(name: string): number {
  const price = listPrice(name)
  return price === undefined ? Number.NaN : price.input + price.output
}

function meanOf(models: readonly { readonly right: number }[], { id }: Row, size: string): number {
  if (models.length === 0) {
    throw unusable(
      `The row "${id}" has no ${size} model with a known price (small: at most $${SMALL_USD_MAX} per million tokens in and out, strong: at least $${STRONG_USD_MIN}). Leave its file out.`,
    )
  }
  return models.reduce((sum, { right }) => sum + right, 0) / models.length
}
