import { isEmptyWord, isFaintWord, wordsOf } from '../lib/text/words.ts'
import { type Alternative, SYNONYMS } from './synonyms.ts'

/** One telling word of a question. */
export interface Term {
  readonly raw: string
  readonly stem: string
  /** Words that may stand for it. */
  readonly alternatives: readonly Alternative[]
  /** A word of every day: it weighs less. */
  readonly faint: boolean
  /** Looks like a name or a number: has a digit, or a capital that does not begin the question. */
  readonly named: boolean
}

/** What is read of a question: longer ones are cut, in UTF-16 units and in terms. */
export const MAX_QUESTION_SIZE = 2_000
export const MAX_TERMS = 32

/** The telling words of a question in order, each once; at most MAX_TERMS of them. */
export function termsOf(question: string): Term[] {
  const terms = new Map<string, Term>()
  const words = wordsOf(question.slice(0, MAX_QUESTION_SIZE))
  for (const [index, word] of words.entries()) {
    if (terms.size >= MAX_TERMS) break
    if (isEmptyWord(word.raw) || terms.has(word.stem)) continue
    terms.set(word.stem, {
      raw: word.raw,
      stem: word.stem,
      alternatives: SYNONYMS.get(word.stem) ?? [],
      faint: isFaintWord(word.raw),
      named: /\p{N}/u.test(word.raw) || (index > 0 && /^\p{Lu}/u.test(word.raw)),
    })
  }
  return [...terms.values()]
}

/**
 * The same words as a full-text query. Every word is a quoted string, so nothing in a question can act as
 * FTS5 syntax. Null where there is nothing to look for.
 */
export function matchExpression(terms: readonly Term[]): string | null {
  const words = new Set(
    terms.flatMap((term) => [term.raw.toLowerCase(), ...term.alternatives.map((one) => one.raw)]),
  )
  return words.size === 0 ? null : [...words].map((word) => `"${word.replaceAll('"', '""')}"`).join(' OR ')
}
