import { sentencesOf } from '../../lib/text/sentences.ts'

/** What a model claims: one sentence, and the quotations that are to carry it. */
export interface Claim {
  readonly sentence: string
  readonly quotations: readonly Quotation[]
}

interface Quotation {
  /** Number of the passage, from 1, as the model says. */
  readonly passage: number
  readonly words: string
}

/** `[3 "words"]`, with straight or curly marks, a colon or comma if need be. */
const MARK = /\[\s*(?:passage\s*)?(\d{1,3})\s*[:,]?\s*["“]([^\n]{1,1000}?)["”]\s*\]/gi
/** Claims of one answer that are looked at. */
const MAX_CLAIMS = 200
/** White space and full stops alone are no sentence of their own. */
const NOTHING = /^[\s.;,]*$/

/**
 * The claims of an answer, in order. A citation carries the sentence right before it; other sentences before that one
 * carry none.
 */
export function claimsIn(answer: string): Claim[] {
  const claims: { sentence: string; quotations: Quotation[] }[] = []
  let from = 0
  for (const mark of answer.matchAll(MARK)) {
    const between = answer.slice(from, mark.index)
    from = mark.index + mark[0].length
    const quotation = { passage: Number(mark[1]), words: mark[2] ?? '' }
    const last = claims.at(-1)
    if (NOTHING.test(between) && last !== undefined) last.quotations.push(quotation)
    else claims.push(...sentences(between), { sentence: '', quotations: [quotation] })
    if (claims.length > MAX_CLAIMS) break
  }
  claims.push(...sentences(answer.slice(from)))
  return carried(claims).slice(0, MAX_CLAIMS)
}

function sentences(text: string): { sentence: string; quotations: Quotation[] }[] {
  // A full stop after the citation before belongs to it.
  const own = text.replace(/^\s*[.;,]+\s/, ' ')
  return sentencesOf(own).flatMap(({ start, end }) => {
    const sentence = own.slice(start, end).trim()
    return NOTHING.test(sentence) ? [] : [{ sentence, quotations: [] }]
  })
}

/** A citation after a sentence is that sentence's. */
function carried(claims: readonly { sentence: string; quotations: Quotation[] }[]): Claim[] {
  const found: { sentence: string; quotations: Quotation[] }[] = []
  for (const claim of claims) {
    const last = found.at(-1)
    if (claim.sentence === '' && last !== undefined && last.quotations.length === 0)
      last.quotations = claim.quotations
    else if (claim.sentence !== '') found.push({ ...claim })
  }
  return found
}
