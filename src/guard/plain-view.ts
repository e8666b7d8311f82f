/**
 * DESIGN. The same text as a reader would take it: without characters that are not seen, with full-width
 * letters and unusual spaces as the plain ones, and with `\u0041` and `%41` decoded once. Rules look at it
 * beside the text as it stands, and `toOriginal` leads a finding back. Texts without any of these, nearly
 * all, cost one search. What it leaves as it is: letters of other alphabets that only look alike, styled
 * letters outside the full-width block, base64 and every other encoding.
 */
export interface PlainView {
  readonly text: string
  /** Where in the original the character stands that a place in `text` came from. */
  toOriginal(at: number): number
}

// Soft hyphen, zero-width and directional marks, tags: the common part of Unicode's Cf.
const UNSEEN = '\\u00ad\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff'
const SPACES = '\\u00a0\\u2000-\\u200a\\u202f\\u205f\\u3000'
const WIDE = '\\uff0b-\\uff0f\\uff10-\\uff19\\uff1d\\uff20-\\uff3a\\uff3f\\uff41-\\uff5a'
const UNUSUAL = new RegExp(
  `[${UNSEEN}]|\\udb40[\\udc00-\\udc7f]|[${SPACES}${WIDE}\\u2010\\u2011\\u2212]` +
    '|\\\\u00[2-7][0-9A-Fa-f]|%[2-7][0-9A-Fa-f]',
  'g',
)
const FULL_WIDTH_FIRST = 0xff01
const FULL_WIDTH_SHIFT = 0xfee0

/** Undefined where it would be the text itself. */
export function plainView(text: string): PlainView | undefined {
  if (isPlainAscii(text)) return undefined
  UNUSUAL.lastIndex = 0
  let match = UNUSUAL.exec(text)
  if (match === null) return undefined
  const pieces: string[] = []
  /** Where, in the view, the distance to the original grows, and to what. */
  const places: number[] = []
  const distances: number[] = []
  let from = 0
  let length = 0
  for (; match !== null; match = UNUSUAL.exec(text)) {
    const plain = plainOf(match[0])
    pieces.push(text.slice(from, match.index), plain)
    length += match.index - from + plain.length
    from = match.index + match[0].length
    if (plain.length === match[0].length) continue
    places.push(length)
    distances.push(from - length)
  }
  pieces.push(text.slice(from))
  return { text: pieces.join(''), toOriginal: (at) => at + distanceAt(at, places, distances) }
}

/** Of what is looked for only these two are ASCII. Asked in this way, an English text costs a twentieth of the search. */
function isPlainAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length && !text.includes('\\') && !text.includes('%')
}

function plainOf(unusual: string): string {
  const code = unusual.charCodeAt(0)
  if (unusual.length > 2) return String.fromCharCode(Number.parseInt(unusual.slice(-2), 16))
  if (unusual.length === 2) return ''
  if (code >= FULL_WIDTH_FIRST) return code === 0xfeff ? '' : String.fromCharCode(code - FULL_WIDTH_SHIFT)
  if (code === 0x2010 || code === 0x2011 || code === 0x2212) return '-'
  return new RegExp(`[${SPACES}]`).test(unusual) ? ' ' : ''
}

/** By bisection: a text may hold as many of these as characters. */
function distanceAt(at: number, places: readonly number[], distances: readonly number[]): number {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((places[middle] ?? 0) <= at) low = middle + 1
    else high = middle
  }
  return distances[low - 1] ?? 0
}
