/**
 * Sets of Unicode scalar values: `[low, high, low, high, …]`, ascending, inclusive, with a gap between ranges.
 * Halves of surrogate pairs are in none of them, since no JSON text in UTF-8 can hold one.
 */
export type CharSet = readonly number[]

export const ALL_CHARS: CharSet = [0, 0xd7ff, 0xe000, 0x10ffff]
export const DIGITS: CharSet = [0x30, 0x39]
export const WORD_CHARS: CharSet = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a]
export const LINE_ENDS: CharSet = [0x0a, 0x0a, 0x0d, 0x0d, 0x2028, 0x2029]
/** ECMA-262's WhiteSpace and LineTerminator. */
export const SPACES: CharSet = [
  0x09, 0x0d, 0x20, 0x20, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f,
  0x205f, 0x3000, 0x3000, 0xfeff, 0xfeff,
]

/** From ranges in any order, overlapping or not. */
export function charSet(ranges: readonly (readonly [low: number, high: number])[]): CharSet {
  const sorted = [...ranges].sort(([left], [right]) => left - right)
  const merged: number[] = []
  for (const [low, high] of sorted) {
    const last = merged.at(-1)
    if (last === undefined || low > last + 1) merged.push(low, high)
    else merged[merged.length - 1] = Math.max(last, high)
  }
  return intersect(merged, ALL_CHARS)
}

export function charOf(code: number): CharSet {
  return [code, code]
}

function pairs(set: CharSet): [number, number][] {
  const found: [number, number][] = []
  for (let at = 0; at < set.length; at += 2) found.push([set[at] ?? 0, set[at + 1] ?? 0])
  return found
}

export function union(...sets: readonly CharSet[]): CharSet {
  const [only] = sets
  return sets.length === 1 && only !== undefined ? only : charSet(sets.flatMap(pairs))
}

export function intersect(left: CharSet, right: CharSet): CharSet {
  const found: number[] = []
  for (let one = 0, other = 0; one < left.length && other < right.length; ) {
    const leftHigh = left[one + 1] ?? 0
    const rightHigh = right[other + 1] ?? 0
    const low = Math.max(left[one] ?? 0, right[other] ?? 0)
    const high = Math.min(leftHigh, rightHigh)
    if (low <= high) found.push(low, high)
    if (leftHigh < rightHigh) one += 2
    else other += 2
  }
  return found
}

export function complement(set: CharSet): CharSet {
  const found: number[] = []
  let next = 0
  for (const [low, high] of pairs(set)) {
    if (low > next) found.push(next, low - 1)
    next = high + 1
  }
  if (next <= 0x10ffff) found.push(next, 0x10ffff)
  return intersect(found, ALL_CHARS)
}

export function minus(left: CharSet, right: CharSet): CharSet {
  return intersect(left, complement(right))
}

export function has(set: CharSet, code: number): boolean {
  let low = 0
  let high = set.length / 2
  while (low < high) {
    const middle = (low + high) >> 1
    if (code > (set[2 * middle + 1] ?? 0)) low = middle + 1
    else high = middle
  }
  const from = set[2 * low]
  return from !== undefined && from <= code
}

/** At most so many ranges: those within ASCII, and the largest of the others. */
export function narrow(set: CharSet, ranges: number): CharSet {
  if (set.length <= 2 * ranges) return set
  const size = ([low, high]: readonly [number, number]): number =>
    low < 0x80 ? Number.MAX_VALUE : high - low
  const kept = pairs(set)
    .sort((left, right) => size(right) - size(left))
    .slice(0, ranges)
  return charSet(kept)
}

const MAX_PROPERTIES = 64
const properties = new Map<string, CharSet>()
let everyChar: string | undefined

/** The characters of a Unicode property, as in `\p{…}`, by the tables of the runtime itself. */
export function propertyChars(name: string): CharSet {
  const known = properties.get(name)
  if (known !== undefined) return known
  everyChar ??= pairs(ALL_CHARS).map(textOfRange).join('')
  const found: [number, number][] = []
  for (const { 0: run } of everyChar.matchAll(new RegExp(`\\p{${name}}+`, 'gu'))) {
    const last = run.length > 1 && run.charCodeAt(run.length - 1) >= 0xdc00 ? run.length - 2 : run.length - 1
    found.push([run.codePointAt(0) ?? 0, run.codePointAt(last) ?? 0])
  }
  const set = charSet(found.flatMap(splitAtSurrogates))
  if (properties.size >= MAX_PROPERTIES) properties.clear()
  properties.set(name, set)
  return set
}

/** A run over U+D7FF and U+E000 looks unbroken, because nothing stands between them here. */
function splitAtSurrogates([low, high]: readonly [number, number]): [number, number][] {
  if (low > 0xd7ff || high < 0xe000) return [[low, high]]
  return [
    [low, 0xd7ff],
    [0xe000, high],
  ]
}

const CHUNK = 4_096

function textOfRange([low, high]: readonly [number, number]): string {
  const parts: string[] = []
  for (let from = low; from <= high; from += CHUNK) {
    const codes = Array.from({ length: Math.min(CHUNK, high + 1 - from) }, (_, index) => from + index)
    parts.push(String.fromCodePoint(...codes))
  }
  return parts.join('')
}
