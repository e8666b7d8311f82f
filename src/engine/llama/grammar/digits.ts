import { digitsOf } from '../../../lib/decimal.ts'
import { type CharSet, charOf } from './chars.ts'
import { type Dfa, explore } from './dfa.ts'
import type { Work } from './outcome.ts'

/**
 * The classes that remainders fall into when digits are read from the left: remainders of one class differ by
 * nothing that later digits could show. So 1,000 remainders of 1,000 are four classes.
 */
export interface Residues {
  /** By remainder. */
  readonly classes: readonly number[]
  /** A remainder of each class. */
  readonly examples: readonly number[]
  /** Whether a multiple is asked for, or anything else. */
  readonly wanted: boolean
}

const MAX_MODULUS = 4_096n
const MAX_CLASSES = 64

/** Undefined where there are too many. Source: Moore's refinement of partitions. */
export function residuesOf(modulus: bigint, wanted: boolean, work: Work): Residues | undefined {
  if (modulus > MAX_MODULUS) return undefined
  const size = Number(modulus)
  let classes = Array.from({ length: size }, (_, remainder): number => (remainder === 0 ? 0 : 1))
  for (let count = Math.min(size, 2); ; ) {
    work.spend(size)
    const ids = new Map<string, number>()
    const next = classes.map((own, remainder) => {
      const onward = Array.from({ length: 10 }, (_, digit) => classes[(10 * remainder + digit) % size])
      const key = `${own}:${onward.join()}`
      const id = ids.get(key) ?? ids.size
      ids.set(key, id)
      return id
    })
    if (ids.size > MAX_CLASSES) return undefined
    classes = next
    if (ids.size === count) break
    count = ids.size
  }
  const examples: number[] = []
  for (const [remainder, id] of classes.entries()) examples[id] ??= remainder
  return { classes, examples, wanted }
}

/** From `low` to `high`, in units of 10^−scale; with a scale of 0 there is no point. */
interface Between {
  readonly low: bigint
  readonly high: bigint
  readonly scale: number
  readonly residues: readonly Residues[]
}

/** Less, the same so far, or greater than the limit's digits. */
type Compared = -1 | 0 | 1

interface Limits {
  readonly low: { readonly whole: string; readonly fraction: string }
  readonly high: { readonly whole: string; readonly fraction: string }
}

interface Place {
  /** Which sign's limits hold; undefined before anything is read. */
  readonly side: 'positive' | 'negative' | undefined
  /** `zero`: after a leading zero, which no digit may follow. */
  readonly phase: 'sign' | 'whole' | 'zero' | 'point' | 'fraction'
  readonly digits: number
  readonly low: Compared
  readonly high: Compared
  /** A class of each of the residues. */
  readonly classes: readonly number[]
}

/** Decimal texts between two limits, without leading zeros, exponents or a negative zero. Throws TooLarge. */
export function digitsBetween(between: Between, work: Work): Dfa {
  const automaton = new DecimalTexts(between)
  return explore(
    {
      start: automaton.start,
      key: ({ side, phase, digits, low, high, classes }) =>
        `${side} ${phase} ${digits} ${low} ${high} ${classes.join()}`,
      edges: (place) => automaton.edges(place),
      accepts: (place) => automaton.accepts(place),
    },
    work,
  )
}

const TEN: readonly CharSet[] = Array.from({ length: 10 }, (_, digit) => charOf(0x30 + digit))
const MINUS = charOf(0x2d)
const POINT = charOf(0x2e)

class DecimalTexts {
  readonly start: Place
  readonly #scale: number
  readonly #residues: readonly Residues[]
  readonly #positive: Limits | undefined
  readonly #negative: Limits | undefined

  constructor({ low, high, scale, residues }: Between) {
    const limits = (from: bigint, to: bigint): Limits | undefined =>
      from > to ? undefined : { low: digitsOf(from, scale), high: digitsOf(to, scale) }
    this.#scale = scale
    this.#residues = residues
    this.#positive = limits(low > 0n ? low : 0n, high)
    this.#negative = limits(high < 0n ? -high : 1n, -low)
    const classes = residues.map((one) => one.classes[0] ?? 0)
    this.start = { side: undefined, phase: 'sign', digits: 0, low: 0, high: 0, classes }
  }

  edges(place: Place): (readonly [CharSet, Place])[] {
    switch (place.phase) {
      case 'sign': {
        const positive: Place = { ...place, side: 'positive', phase: 'whole' }
        const found = this.#positive === undefined || place.side !== undefined ? [] : this.#digits(positive)
        if (this.#negative !== undefined && place.side === undefined) {
          found.push([MINUS, { ...place, side: 'negative' }])
        }
        return place.side === 'negative' ? this.#digits({ ...place, phase: 'whole' }) : found
      }
      case 'whole':
        return [...this.#digits(place), ...this.#point(place)]
      case 'zero':
        return this.#point(place)
      case 'point':
      case 'fraction':
        return place.digits < this.#scale ? this.#digits({ ...place, phase: 'fraction' }) : []
    }
  }

  accepts(place: Place): boolean {
    if (place.phase === 'sign' || place.phase === 'point') return false
    const limits = this.#limits(place)
    const isWhole = place.phase !== 'fraction'
    const at = isWhole ? this.#wholeCompared(place) : place
    const behind = limits.low.fraction.slice(isWhole ? 0 : place.digits)
    if (at.high > 0 || at.low < 0 || (at.low === 0 && /[1-9]/.test(behind))) return false
    const zeros = this.#scale - (isWhole ? 0 : place.digits)
    return this.#residues.every((residues, index) => {
      const { classes, examples, wanted } = residues
      let remainder = examples[place.classes[index] ?? 0] ?? 0
      for (let count = 0; count < zeros; count++) remainder = (10 * remainder) % classes.length
      return (remainder === 0) === wanted
    })
  }

  #limits({ side }: Place): Limits {
    const limits = side === 'negative' ? this.#negative : this.#positive
    if (limits === undefined) throw new Error('a digit is read on a side that has no numbers')
    return limits
  }

  #digits(place: Place): [CharSet, Place][] {
    const { low, high } = this.#limits(place)
    const isWhole = place.phase === 'whole'
    const lowDigits = isWhole ? low.whole : low.fraction
    const highDigits = isWhole ? high.whole : high.fraction
    if (isWhole && place.digits >= highDigits.length) return []
    const found: [CharSet, Place][] = []
    for (const [digit, set] of TEN.entries()) {
      const next: Place = {
        side: place.side,
        phase: isWhole && digit === 0 && place.digits === 0 ? 'zero' : place.phase,
        digits: place.digits + 1,
        low: compared(place.low, digit, lowDigits[place.digits]),
        high: compared(place.high, digit, highDigits[place.digits]),
        classes: this.#residues.map(({ classes, examples }, index) => {
          const remainder = examples[place.classes[index] ?? 0] ?? 0
          return classes[(10 * remainder + digit) % classes.length] ?? 0
        }),
      }
      if (isWhole || (next.high <= 0 && next.low >= 0)) found.push([set, next])
    }
    return found
  }

  #point(place: Place): [CharSet, Place][] {
    if (this.#scale === 0) return []
    const { low, high } = this.#wholeCompared(place)
    if (low < 0 || high > 0) return []
    return [[POINT, { ...place, phase: 'point', digits: 0, low, high }]]
  }

  /** How the digits before the point compare, now that there are no more of them. */
  #wholeCompared(place: Place): { readonly low: Compared; readonly high: Compared } {
    const { low, high } = this.#limits(place)
    const against = (so: Compared, length: number): Compared =>
      place.digits < length ? -1 : place.digits > length ? 1 : so
    return { low: against(place.low, low.whole.length), high: against(place.high, high.whole.length) }
  }
}

function compared(so: Compared, digit: number, limit: string | undefined): Compared {
  if (so !== 0 || limit === undefined) return so
  const other = Number(limit)
  return digit < other ? -1 : digit > other ? 1 : 0
}
