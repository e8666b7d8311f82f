/**
 * English words without their endings, so that "decides" and "decided" meet. The algorithm is M. F. Porter,
 * "An algorithm for suffix stripping", Program 14(3), 1980: the one that SQLite's `porter` tokenizer runs,
 * so what full-text search finds is what this finds. Expects one lower-case word; other scripts pass as they are.
 */
export function stem(word: string): string {
  if (word.length < 3 || word.length > MAX_WORD || !/^[a-z]+$/.test(word)) return word
  let text = plural(word)
  text = pastAndGerund(text)
  if (text.endsWith('y') && hasVowel(text.slice(0, -1))) text = `${text.slice(0, -1)}i`
  text = replaceEnding(text, STEP_2, (base) => measure(base) > 0)
  text = replaceEnding(text, STEP_3, (base) => measure(base) > 0)
  text = replaceEnding(text, STEP_4, (base) => measure(base) > 1)
  return finalLetters(text)
}

/** Longer runs of letters are no English words. */
const MAX_WORD = 40

type Endings = readonly (readonly [ending: string, replacement: string])[]

const STEP_2: Endings = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['izer', 'ize'],
  ['logi', 'log'],
  ['bli', 'ble'],
  ['alli', 'al'],
  ['entli', 'ent'],
  ['eli', 'e'],
  ['ousli', 'ous'],
  ['ization', 'ize'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['iveness', 'ive'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['aliti', 'al'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
]

const STEP_3: Endings = [
  ['icate', 'ic'],
  ['ative', ''],
  ['alize', 'al'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
]

const STEP_4: Endings = (
  'al ance ence er ic able ible ant ement ment ent sion tion ou ism ate iti ous ive ize'.split(
    ' ',
  ) as string[]
).map((ending) => [ending, ending === 'sion' ? 's' : ending === 'tion' ? 't' : ''])

/** The longest ending that fits is the only one tried. */
function replaceEnding(text: string, endings: Endings, allowed: (base: string) => boolean): string {
  let best: readonly [string, string] | undefined
  for (const row of endings) {
    if (text.endsWith(row[0]) && (best === undefined || row[0].length > best[0].length)) best = row
  }
  if (best === undefined) return text
  const kept = text.slice(0, text.length - best[0].length) + best[1]
  return allowed(best[0].endsWith('ion') && best[0].length === 4 ? kept : text.slice(0, -best[0].length))
    ? kept
    : text
}

function plural(text: string): string {
  if (text.endsWith('sses') || text.endsWith('ies')) return text.slice(0, -2)
  return text.endsWith('s') && !text.endsWith('ss') ? text.slice(0, -1) : text
}

function pastAndGerund(text: string): string {
  if (text.endsWith('eed')) return measure(text.slice(0, -3)) > 0 ? text.slice(0, -1) : text
  const base = text.endsWith('ed') ? text.slice(0, -2) : text.endsWith('ing') ? text.slice(0, -3) : undefined
  if (base === undefined || !hasVowel(base)) return text
  if (/(?:at|bl|iz)$/.test(base)) return `${base}e`
  if (/([^aeiouylsz])\1$/.test(base)) return base.slice(0, -1)
  return measure(base) === 1 && endsShort(base) ? `${base}e` : base
}

function finalLetters(text: string): string {
  let result = text
  if (result.endsWith('e')) {
    const base = result.slice(0, -1)
    const size = measure(base)
    if (size > 1 || (size === 1 && !endsShort(base))) result = base
  }
  return result.endsWith('ll') && measure(result) > 1 ? result.slice(0, -1) : result
}

function isConsonant(text: string, index: number): boolean {
  const letter = text[index]
  if (letter === undefined || 'aeiou'.includes(letter)) return false
  return letter !== 'y' || index === 0 || !isConsonant(text, index - 1)
}

/** Porter's m: how often a vowel is followed by a consonant. */
function measure(text: string): number {
  let count = 0
  for (let index = 1; index < text.length; index++) {
    if (isConsonant(text, index) && !isConsonant(text, index - 1)) count++
  }
  return count
}

function hasVowel(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (!isConsonant(text, index)) return true
  return false
}

/** Consonant, vowel, consonant, and the last is not w, x or y: "hop", not "snow". */
function endsShort(text: string): boolean {
  const last = text.length - 1
  if (last < 2 || 'wxy'.includes(text[last] ?? '')) return false
  return isConsonant(text, last) && !isConsonant(text, last - 1) && isConsonant(text, last - 2)
}
