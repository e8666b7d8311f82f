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

/** Figures of one prompt, each of the order of one; looks at no more characters than the terms do. */
export function surfaceOf(text: string): Float64Array {
  const looked = boundedText(text)
  const counts = { words: 0, digits: 0, numbers: 0, marks: 0, lines: 1, backslashes: 0 }
  for (const [pair, count] of pairsOf(looked).entries()) {
    const kind = pair % KINDS
    const before = (pair - kind) / KINDS
    if (kind === DIGIT) counts.digits += count
    if (kind === MARK || kind === BACKSLASH) counts.marks += count
    if (!isBlank(kind) && isBlank(before)) counts.words += count
    if (kind === DIGIT && before !== DIGIT) counts.numbers += count
    if (kind === NEWLINE) counts.lines += count
    if (kind === BACKSLASH) counts.backslashes += count
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

function isBlank(kind: number): boolean {
  return kind === BLANK || kind === NEWLINE
}

/** Beside the kinds that the terms tell apart: a blank and a mark that are counted for themselves. */
const NEWLINE = 4
const BACKSLASH = 5
const KINDS = 6
/** From here on there are letters only. */
const FIRST_LETTERS = 0xc0
const KIND_OF_CODE = Uint8Array.from({ length: FIRST_LETTERS + 1 }, (_, code) => {
  if (code === 10) return NEWLINE
  return code === 92 ? BACKSLASH : kindOf(code)
})

/**
 * How often a character of one kind stands behind one of another, at `before * KINDS + kind`; a blank stands before the
 * first. No branch in the loop: no processor foresees where a word ends, and half the time went by on wrong guesses.
 */
function pairsOf(text: string): Uint32Array {
  const counts = new Uint32Array(KINDS * KINDS)
  let before: number = BLANK
  for (let at = 0; at < text.length; at++) {
    const kind = KIND_OF_CODE[Math.min(text.charCodeAt(at), FIRST_LETTERS)] as number // within its length
    const pair = before * KINDS + kind
    counts[pair] = (counts[pair] as number) + 1
    before = kind
  }
  return counts
}
