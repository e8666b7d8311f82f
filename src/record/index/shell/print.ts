import type { RequestView } from '../wire.ts'

/** `$0.000321`; dashes where nobody knows. Six digits are micro-dollars: nothing is rounded away. */
export function dollars(micros: number | null): string {
  if (micros === null) return '-'
  return `$${(micros / 1_000_000).toFixed(micros % 10_000 === 0 ? 2 : 6)}`
}

/** With commas between thousands. */
export function whole(count: number | null): string {
  return count === null ? '-' : String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** What it cost at most: a part that nobody stated counts with its worst case. */
export function costOf({
  costMicros,
  unknownMicros,
}: Pick<RequestView, 'costMicros' | 'unknownMicros'>): string {
  return unknownMicros === 0 ? dollars(costMicros) : `≤${dollars((costMicros ?? 0) + unknownMicros)}`
}

export function outcomeOf({ outcome, code }: Pick<RequestView, 'outcome' | 'code'>): string {
  return code === null ? outcome : `${outcome} ${code}`
}

const BAR_CELLS = 24

/** A share from 0 to 1 as a bar of fixed length and a percentage. */
export function bar(share: number): string {
  const full = Math.round(share * BAR_CELLS)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)} ${percent(share).padStart(6)}`
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`
}

/**
 * A text as it may be shown on a terminal: line feeds and tabs stay, every other control character becomes `?`, and
 * so do the invisible ones that turn the direction of writing (they make a line read as another one).
 */
export function printable(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?')
}

const GAP = '  '

/** Rows that arrive bit by bit under one head: a column grows where it must, and never shrinks. */
export class Rows {
  readonly #head: readonly string[]
  readonly #widths: number[]
  #begun = false

  constructor(head: readonly string[]) {
    this.#head = head
    this.#widths = head.map(() => 0)
  }

  /** The rows as lines; the first time with the head above them. */
  lines(rows: readonly (readonly string[])[]): string {
    const all = this.#begun ? rows : [this.#head, ...rows]
    this.#begun = true
    const clean = all.map((cells) => cells.map((cell) => printable(cell).replace(/\s+/g, ' ')))
    for (const cells of clean) {
      for (const [at, cell] of cells.entries()) {
        this.#widths[at] = Math.max(this.#widths[at] ?? 0, [...cell].length)
      }
    }
    const padded = (cell: string, at: number): string =>
      cell + ' '.repeat((this.#widths[at] ?? 0) - [...cell].length)
    return clean.map((cells) => `${cells.map(padded).join(GAP).trimEnd()}\n`).join('')
  }
}
