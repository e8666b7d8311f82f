import type { StatementSync } from 'node:sqlite'
import type { Store } from '../../store/open.ts'
import { addTurn, type Figures, noFigures } from './course.ts'
import type { Row } from './row.ts'

// DESIGN. Usage is summed while the rows are written, per UTC hour, key, model and tier, so that a year's figures
// are read from thousands of rows rather than millions. A turn counts for the model that it ran on, also where
// another model answered in the end; the request itself counts for the model that answered. Both count in the
// hour in which the request was opened, so that usage and the list of requests speak of the same ones.

const HOUR_MS = 3_600_000

export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS)
}

export function hourStart(hour: number): number {
  return hour * HOUR_MS
}

/** As much of a row as is counted. */
export type Counted = Pick<
  Row,
  'at' | 'key' | 'parent' | 'model' | 'tier' | 'tierAsked' | 'outcome' | 'chargedMicros' | 'detail'
>

type Ended = 'answered' | 'declined' | 'failed' | 'aborted' | 'refused' | 'lost'

interface Sum {
  readonly hour: number
  readonly key: string
  readonly model: string
  readonly tier: string
  readonly figures: Figures
  readonly ended: Record<Ended, number>
  chargedMicros: number
}

/** What a batch adds to the table of sums. */
export class Sums {
  readonly #sums = new Map<string, Sum>()
  #newest: Sum | undefined
  readonly #add: StatementSync

  constructor(store: Store) {
    this.#add = store.prepare(ADD)
  }

  /** Counts a request that has ended. */
  add(row: Counted): void {
    if (row.outcome === 'open') return
    const hour = hourOf(row.at)
    for (const turn of row.detail.turns) {
      const tier = turn.end?.tier ?? row.tierAsked ?? ''
      addTurn(this.#of(hour, row.key, turn.model, tier).figures, turn)
    }
    // A child is its parent's work: its turns are counted above, and it is no request of the caller's.
    if (row.parent !== null) return
    const sum = this.#of(hour, row.key, row.model ?? '', row.tier ?? row.tierAsked ?? '')
    sum.ended[row.outcome] += 1
    sum.chargedMicros += row.chargedMicros ?? 0
  }

  /** Inside a transaction; `clear` once it has been committed. */
  write(): void {
    for (const { hour, key, model, tier, ended, figures, chargedMicros } of this.#sums.values()) {
      const { answered, declined, failed, aborted, refused, lost } = ended
      const requests = answered + declined + failed + aborted + refused + lost
      this.#add.run(
        hour,
        key,
        model,
        tier,
        requests,
        answered,
        declined,
        failed,
        aborted,
        refused,
        lost,
        figures.turns,
        figures.promptTokens,
        figures.completionTokens,
        figures.cachedTokens,
        figures.reasoningTokens,
        figures.costMicros,
        chargedMicros,
        figures.unknownMicros,
        figures.unknownTurns,
        figures.unpricedTurns,
        figures.uncountedTurns,
        figures.estimatedTurns,
      )
    }
  }

  clear(): void {
    this.#newest = undefined
    this.#sums.clear()
  }

  #of(hour: number, key: string, model: string, tier: string): Sum {
    const newest = this.#newest
    // One after the other they mostly are of one hour, key and model.
    if (newest?.hour === hour && newest.key === key && newest.model === model && newest.tier === tier)
      return newest
    const name = `${hour}\n${key}\n${model}\n${tier}`
    const sum = this.#sums.get(name) ?? noSum(hour, key, model, tier)
    this.#sums.set(name, sum)
    this.#newest = sum
    return sum
  }
}

function noSum(hour: number, key: string, model: string, tier: string): Sum {
  const ended = { answered: 0, declined: 0, failed: 0, aborted: 0, refused: 0, lost: 0 }
  return { hour, key, model, tier, figures: noFigures(), ended, chargedMicros: 0 }
}

/** The columns that are sums, in the table's order. */
export const SUM_COLUMNS = [
  'requests',
  'answered',
  'declined',
  'failed',
  'aborted',
  'refused',
  'lost',
  'turns',
  'prompt_tokens',
  'completion_tokens',
  'cached_tokens',
  'reasoning_tokens',
  'cost_micros',
  'charged_micros',
  'unknown_micros',
  'unknown_turns',
  'unpriced_turns',
  'uncounted_turns',
  'estimated_turns',
] as const

const ADD = `
  INSERT INTO usage (hour, key, model, tier, ${SUM_COLUMNS.join(', ')})
  VALUES (?, ?, ?, ?${', ?'.repeat(SUM_COLUMNS.length)})
  ON CONFLICT (hour, key, model, tier) DO UPDATE SET
  ${SUM_COLUMNS.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`
