import {
  ceilAt,
  type Decimal,
  decimalOf,
  digitsOf,
  doubleOf,
  floorAt,
  greatestDivisor,
  isDyadic,
  isMultiple,
  unitsAt,
} from '../../../lib/decimal.ts'
import type { GrammarBounds } from './bounds.ts'
import { type Dfa, isEmpty, TooLarge, without } from './dfa.ts'
import { digitsBetween, type Residues, residuesOf } from './digits.ts'
import { languageOf } from './language.ts'
import type { Work } from './outcome.ts'

export interface Limit {
  readonly value: number
  /** The value itself is outside. */
  readonly open: boolean
}

/** A set of numbers: all that meet every part. `whole`: integers only; `broken`: none of them. */
export interface NumberSpec {
  readonly whole: boolean
  readonly broken: boolean
  readonly low: Limit | undefined
  readonly high: Limit | undefined
  readonly multiples: readonly number[]
  /** No multiple of these. */
  readonly against: readonly number[]
  readonly except: readonly number[]
  /** Where the first `multipleOf` stands. */
  readonly place: string | undefined
}

export const ANY_NUMBER: NumberSpec = {
  whole: false,
  broken: false,
  low: undefined,
  high: undefined,
  multiples: [],
  against: [],
  except: [],
  place: undefined,
}

export function mergeNumbers(left: NumberSpec, right: NumberSpec): NumberSpec {
  const low = [left.low, right.low].filter((limit) => limit !== undefined)
  const high = [left.high, right.high].filter((limit) => limit !== undefined)
  const stricter = (one: Limit, other: Limit): number => Number(other.open) - Number(one.open)
  low.sort((one, other) => other.value - one.value || stricter(one, other))
  high.sort((one, other) => one.value - other.value || stricter(one, other))
  return {
    whole: left.whole || right.whole,
    broken: left.broken || right.broken,
    low: low[0],
    high: high[0],
    multiples: [...new Set([...left.multiples, ...right.multiples])],
    against: [...new Set([...left.against, ...right.against])],
    except: [...new Set([...left.except, ...right.except])],
    place: left.place ?? right.place,
  }
}

export function admitsNumber(spec: NumberSpec, value: number): boolean {
  if (Number.isInteger(value) ? spec.broken : spec.whole) return false
  return (
    isAbove(spec.low, value) &&
    isBelow(spec.high, value) &&
    !spec.except.includes(value) &&
    spec.multiples.every((step) => isMultiple(value, step)) &&
    !spec.against.some((step) => isMultiple(value, step))
  )
}

/** False where there is surely none. */
export function hasNumbers(spec: NumberSpec, bounds: GrammarBounds, work: Work): boolean {
  const { low, high, multiples, against, except, broken, whole } = spec
  const isPlain = multiples.length + against.length + except.length === 0 && !broken
  const isWide = low === undefined || high === undefined || high.value - low.value > (whole ? 2 : 0)
  if (isPlain && isWide) return true
  const texts = numberTexts(spec, bounds, work)
  return texts.type === 'automaton' || texts.values.length > 0
}

/** All of them, where they are whole numbers of a short range. */
export function wholeNumbers(spec: NumberSpec): readonly number[] | undefined {
  const { whole, low, high } = spec
  if (!whole || low === undefined || high === undefined || high.value - low.value > MAX_LISTED)
    return undefined
  const first = Math.ceil(low.value)
  const count = Math.max(0, Math.floor(high.value) - first + 1)
  return Array.from({ length: count }, (_, index) => first + index).filter((value) =>
    admitsNumber(spec, value),
  )
}

const MAX_LISTED = 64

function isAbove(low: Limit | undefined, value: number): boolean {
  return low === undefined || (low.open ? value > low.value : value >= low.value)
}

function isBelow(high: Limit | undefined, value: number): boolean {
  return high === undefined || (high.open ? value < high.value : value <= high.value)
}

/** Decimals of so many digits are read as doubles that are written the same way again (IEEE 754, `DBL_DIG`). */
const SAFE_DIGITS = 15

/**
 * True where a multiple may be none any more once it is read: a text of more than 15 digits is rounded. Steps of 0.1,
 * 0.01 and so on have no such texts, since no rounded number is written with more digits than its text had.
 */
export function isRoundedOff({ multiples, low, high }: NumberSpec): boolean {
  return multiples.map(decimalOf).some((step) => {
    if (step.units === 1n || isDyadic(step)) return false
    const most = 10 ** (SAFE_DIGITS - step.scale)
    return !(low !== undefined && low.value > -most && high !== undefined && high.value < most)
  })
}

/** The texts of a set of numbers: by an automaton, or one by one. */
export type NumberTexts =
  | { readonly type: 'automaton'; readonly dfa: Dfa }
  | { readonly type: 'values'; readonly values: readonly number[] }

/** Digits behind the point that are tried where a range lies between two numbers of fewer. */
const FINER = [12, 20, 32]

/** An empty set gives no values. Numbers are written without an exponent. */
export function numberTexts(spec: NumberSpec, bounds: GrammarBounds, work: Work): NumberTexts {
  const coarse = gridOf(spec, bounds)
  const finer = spec.whole || spec.multiples.length > 0 ? [] : FINER.filter((scale) => scale > coarse)
  for (const scale of [coarse, ...finer]) {
    const [low, high] = rangeOf(spec, scale, bounds)
    if (low > high) continue
    const texts = textsBetween({ spec, low, high, scale, bounds, work })
    if (texts.type === 'automaton' ? !isEmpty(texts.dfa) : texts.values.length > 0) return texts
  }
  return { type: 'values', values: exactLimits(spec) }
}

/** A range that holds nothing but its own limit, which may need an exponent. */
function exactLimits(spec: NumberSpec): readonly number[] {
  const limits = [spec.low?.value, spec.high?.value].filter((value) => value !== undefined)
  return [...new Set(limits)].filter((value) => admitsNumber(spec, value))
}

/** Digits more than those of a limit, so that something lies between two of them. */
const BETWEEN = 2

function gridOf(spec: NumberSpec, bounds: GrammarBounds): number {
  if (spec.whole) return 0
  const most = FINER.at(-1) ?? 0
  const scales = (values: readonly number[]): number[] => values.map((value) => decimalOf(value).scale)
  if (spec.multiples.length > 0) return Math.min(most, Math.max(...scales(spec.multiples)))
  const limits = [spec.low?.value, spec.high?.value].filter((value) => value !== undefined)
  const needed = scales(limits).map((scale) => scale + BETWEEN)
  return Math.max(bounds.fractionDigits, ...needed.filter((scale) => scale <= most))
}

/** The least and the greatest, in units of the grid. */
function rangeOf(spec: NumberSpec, scale: number, bounds: GrammarBounds): readonly [bigint, bigint] {
  const unit = 10n ** BigInt(scale)
  const span = (10n ** BigInt(bounds.integerDigits) - 1n) * unit
  const low =
    spec.low === undefined ? undefined : within(ceilAt(decimalOf(spec.low.value), scale), 1n, scale, spec)
  const high =
    spec.high === undefined ? undefined : within(floorAt(decimalOf(spec.high.value), scale), -1n, scale, spec)
  return [low ?? least(high, span), high ?? -least(low === undefined ? undefined : -low, span)]
}

function least(high: bigint | undefined, span: bigint): bigint {
  return high === undefined || high > -span ? -span : 10n * high
}

/** Moves a limit inwards until the double that it is read as is inside. */
function within(limit: bigint, step: 1n | -1n, scale: number, spec: NumberSpec): bigint {
  let at = limit
  for (let stride = step as bigint; ; stride *= 2n) {
    const value = doubleOf(at, scale)
    if (step > 0 ? isAbove(spec.low, value) : isBelow(spec.high, value)) return at
    at += stride
  }
}

interface Range {
  readonly spec: NumberSpec
  /** In units of 10^−scale. */
  readonly low: bigint
  readonly high: bigint
  readonly scale: number
  readonly bounds: GrammarBounds
  readonly work: Work
}

function textsBetween(range: Range): NumberTexts {
  const { spec, low, high, scale, bounds, work } = range
  const step = stepOf(spec.multiples, scale)
  // The last resort: an automaton for each step would cost too much.
  if (step > 1n && bounds.patternRules === 0) return { type: 'values', values: listed(range, step) }
  const residues: Residues[] = []
  for (const [modulus, wanted] of [
    [step, true] as const,
    ...spec.against.map((other) => [stepOf([other], scale), false] as const),
  ]) {
    if (modulus === 1n && wanted) continue
    const found = residuesOf(modulus, wanted, work)
    if (found === undefined) return { type: 'values', values: listed(range, step) }
    residues.push(found)
  }
  try {
    const dfa = digitsBetween({ low, high, scale: spec.whole ? 0 : scale, residues }, work)
    return { type: 'automaton', dfa: excepted(dfa, spec, scale, work) }
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error
    return { type: 'values', values: listed(range, step) }
  }
}

/** The least common multiple of all steps, in units of the grid. */
function stepOf(multiples: readonly number[], scale: number): bigint {
  let step = 1n
  for (const multiple of multiples) {
    const decimal: Decimal = decimalOf(multiple)
    // A step that is finer than the grid: whole units that are multiples of units / 10^(scale − at).
    const units =
      unitsAt(decimal, scale) ??
      decimal.units / greatestDivisor(decimal.units, 10n ** BigInt(decimal.scale - scale))
    step = (step / greatestDivisor(step, units)) * units
  }
  return step
}

/** Multiples one by one, those nearest to zero first, no more than the bound. */
function listed({ spec, low, high, scale, bounds, work }: Range, step: bigint): number[] {
  const first = low > 0n ? ceilAt({ units: low, scale: 0 }, 0) : high < 0n ? high : 0n
  const up = first % step === 0n || first < 0n ? (first / step) * step : (first / step + 1n) * step
  const values: number[] = []
  let above = up
  let below = up - step
  for (let tried = 0; tried < bounds.listedNumbers && (above <= high || below >= low); tried++) {
    work.spend(4)
    const next = below < low || (above <= high && above <= -below) ? above : below
    if (next === above) above += step
    else below -= step
    const value = doubleOf(next, scale)
    if (next >= low && next <= high && admitsNumber(spec, value)) values.push(value)
  }
  return values
}

function excepted(dfa: Dfa, spec: NumberSpec, scale: number, work: Work): Dfa {
  const patterns = spec.except.flatMap((value) => {
    const units = unitsAt(decimalOf(value), scale)
    if (units === undefined) return []
    const { whole, fraction } = digitsOf(units, scale)
    const kept = fraction.replace(/0+$/, '')
    const sign = units < 0n ? '-' : ''
    return [kept === '' ? `^${sign}${whole}(\\.0+)?$` : `^${sign}${whole}\\.${kept}0*$`]
  })
  if (spec.broken) patterns.push('^-?\\d+(\\.0*)?$')
  let rest = dfa
  for (const pattern of patterns) {
    const language = languageOf(pattern, work)
    if (language.type === 'language') rest = without(rest, language.dfa, work)
  }
  return rest
}
