/**
 * Scripts that put no space between words: a run of them is cut by Node's own ICU, which has dictionaries for
 * Chinese, Japanese, Thai, Lao, Khmer and Burmese (Unicode Standard Annex 29, word boundaries).
 */
const SCRIPTS =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}'
/** The mark of a long vowel belongs to both kanas, so that Unicode gives it no script. */
const LONG_VOWEL = '\\u30fc\\uff70'

/** A character of such a script. */
const SPACELESS = new RegExp(`[${SCRIPTS}]`, 'u')
/** Where these scripts lie, and others: most texts have nothing here, and by code units that is soon seen. */
const NEAR = /[\u0e00-\u109f\u1780-\u17ff\u19e0-\u19ff\u2e80-\uffff]/
/** A character that stands alone among others: no word of such a script is around it. */
const LONE = new RegExp(`(?<![${SCRIPTS}${LONG_VOWEL}])[${SCRIPTS}](?![${SCRIPTS}${LONG_VOWEL}])`, 'gu')
/** In a text that has such a script: a run of it, or a word of another one. */
const RUNS = new RegExp(
  `(?<run>[${SCRIPTS}][${SCRIPTS}${LONG_VOWEL}]*)|(?:(?![${SCRIPTS}])[\\p{L}\\p{N}])+`,
  'gu',
)

/** Where a word stands (UTF-16 offsets) and what it says. */
interface Piece {
  readonly raw: string
  readonly start: number
}

/** Whether a text has a character of such a script. */
export function hasSpaceless(text: string): boolean {
  return NEAR.test(text) && SPACELESS.test(text)
}

/** Characters of such scripts that stand by themselves in a text. */
export function loneCharacters(text: string): readonly string[] {
  return hasSpaceless(text) ? (text.match(LONE) ?? []) : []
}

/** The words of a text in which such a script occurs, in order. */
export function* spacelessWords(text: string): Generator<Piece> {
  for (const match of text.matchAll(RUNS)) {
    if (match.groups?.['run'] === undefined) yield { raw: match[0], start: match.index }
    else yield* wordsOfRun(match[0], match.index)
  }
}

function* wordsOfRun(run: string, from: number): Generator<Piece> {
  // In parts: the segmenter keeps its place in a whole text by copying it.
  for (let at = 0; at < run.length; at += MAX_RUN) {
    for (const { segment, index, isWordLike } of segmenter().segment(run.slice(at, at + MAX_RUN))) {
      if (isWordLike === true) yield { raw: segment, start: from + at + index }
    }
  }
}

/** Text without a space or a mark that is cut at once, in UTF-16 units. */
const MAX_RUN = 2_000

let made: Intl.Segmenter | undefined

/** Made at the first use: it loads its dictionaries. The language is not looked at where a script has a dictionary. */
function segmenter(): Intl.Segmenter {
  made ??= new Intl.Segmenter('ja', { granularity: 'word' })
  return made
}
