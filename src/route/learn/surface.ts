import { BLANK, boundedText, DIGIT, kindOf, MARK } from './terms.ts'

/** What a prompt looks like from outside, in the order of `surfaceOf`. */
export const SURFACE_NAMES = [
  'its length',
  'its number of words',
  'its share of digits',
  'its numbers',
  'its share of marks',
  'its lines',
  'its backslashes',
] as const

const NEWLINE = 10
const BACKSLASH = 92

/** Figures of one prompt, each of the order of one; looks at no more characters than the terms do. */
export function surfaceOf(text: string): Float64Array {
  const looked = boundedText(text)
  const counts = { words: 0, digits: 0, numbers: 0, marks: 0, lines: 1, backslashes: 0 }
  let before: number = BLANK
  for (let at = 0; at < looked.length; at++) {
    const code = looked.charCodeAt(at)
    const kind = kindOf(code)
    if (kind === DIGIT) counts.digits++
    if (kind === MARK) counts.marks++
    if (kind !== BLANK && before === BLANK) counts.words++
    if (kind === DIGIT && before !== DIGIT) counts.numbers++
    if (code === NEWLINE) counts.lines++
    if (code === BACKSLASH) counts.backslashes++
    before = kind
  }
  const chars = Math.max(1, looked.length)
  return Float64Array.of(
    Math.log1p(text.length) - 5,
    Math.log1p(counts.words) - 3.5,
    (10 * counts.digits) / chars,
    Math.log1p(counts.numbers) - 1.5,
    (10 * counts.marks) / chars,
    Math.log(counts.lines),
    Math.log1p(counts.backslashes),
  )
}
