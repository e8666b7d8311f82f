import type { Citation, Passage } from '../../contract/passage.ts'
import { type Sentence, sentencesOf } from '../../lib/text/sentences.ts'
import { isEmptyWord, wordsOf } from '../../lib/text/words.ts'

/**
 * DESIGN. Which sentences to quote. The passages come judged: support says whether one is worth quoting, and
 * `focus` where its support was found. What is left is to make the quotation readable: begin at the focus,
 * go on to the end of the thought (the next sentences of the same paragraph, or the list or listing that a
 * colon announces), and add other passages where they are nearly as well supported. Quotations are slices of
 * the passage, so they cannot differ from it; `verify` compares them all the same before anything leaves.
 */

/** From here a passage is worth quoting (contract/passage.ts). */
const WORTH_QUOTING = 0.5
/** Sentences in one answer. */
export const MAX_SENTENCES = 4
const MAX_PASSAGES = 3
/** Another passage is quoted when its support comes this near to the best one's. */
const OTHERS_WITHIN = 0.2
/** Sentences that one passage may take while another is waiting. */
const FIRST_SHARE = 3
/** A quotation is not continued beyond this size, in UTF-16 units. */
const QUOTE_SIZE = 900

/** At most MAX_PASSAGES quotations of together at most MAX_SENTENCES sentences, best first; none where nothing supports one. */
export function selectQuotations(question: string, passages: readonly Passage[]): Citation[] {
  const worthy = passages
    .filter((passage) => passage.support >= WORTH_QUOTING && passage.text.trim() !== '')
    .toSorted((a, b) => b.support - a.support)
  const best = worthy[0]
  if (best === undefined) return []
  const chosen = worthy
    .filter((passage) => passage.support >= best.support - OTHERS_WITHIN)
    .slice(0, MAX_PASSAGES)
  const quotations: Citation[] = []
  let left = MAX_SENTENCES
  for (const [index, passage] of chosen.entries()) {
    const share = index + 1 < chosen.length ? Math.min(left, FIRST_SHARE) : left
    const run = wholeThought(question, passage, share, left)
    const first = run[0]
    const last = run.at(-1)
    if (first === undefined || last === undefined) continue
    left -= run.length
    quotations.push(citationOf(passage, first.start, last.end))
    if (left === 0) break
  }
  return quotations
}

/** True where the quotation stands, character for character, in the passage at the place that it names. */
export function verify(citation: Citation, passages: readonly Passage[]): boolean {
  return passages.some(
    (passage) =>
      passage.document === citation.document &&
      passage.version === citation.version &&
      passage.text.length === passage.end - passage.start &&
      citation.start >= passage.start &&
      citation.end <= passage.end &&
      citation.quote.length > 0 &&
      passage.text.slice(citation.start - passage.start, citation.end - passage.start) === citation.quote,
  )
}

function citationOf(passage: Passage, from: number, to: number): Citation {
  const start = passage.start + from
  const end = passage.start + to
  return {
    id: `${passage.id.slice(0, passage.id.lastIndexOf(':'))}:${start}-${end}`,
    document: passage.document,
    headings: passage.headings,
    version: passage.version,
    start,
    end,
    quote: passage.text.slice(from, to),
  }
}

/** At most `share` sentences; up to `most` where that finishes the paragraph instead of breaking off. */
function wholeThought(question: string, passage: Passage, share: number, most: number): readonly Sentence[] {
  const generous = sentencesToQuote(question, passage, most)
  if (generous.length <= share) return generous
  const last = generous.at(-1)
  const after = sentencesOf(passage.text).find((one) => last !== undefined && one.start >= last.end)
  const finished = after === undefined || after.block !== last?.block
  return finished && last?.type === 'paragraph' ? generous : sentencesToQuote(question, passage, share)
}

/** Neighbouring sentences of the passage, at most `limit`: the focus, and what belongs to it. */
function sentencesToQuote(question: string, passage: Passage, limit: number): readonly Sentence[] {
  const sentences = sentencesOf(passage.text)
  const focus = passage.focus
  const inFocus =
    focus === undefined
      ? [bestSentence(question, passage.text, sentences)]
      : sentences.flatMap((one, index) =>
          passage.start + one.end > focus.start && passage.start + one.start < focus.end ? [index] : [],
        )
  let first = inFocus[0] ?? 0
  let last = Math.min(Math.max(first, inFocus.at(-1) ?? 0), first + limit - 1)
  while (last - first + 1 < limit && leadsIn(passage.text, sentences, first, last)) first--
  while (last - first + 1 < limit && goesOn(passage.text, sentences, first, last)) last++
  return sentences.slice(first, last + 1)
}

/** The sentence before belongs to it: it is of the same paragraph, announces a list, or is the listing spoken of. */
function leadsIn(text: string, sentences: readonly Sentence[], first: number, last: number): boolean {
  const before = sentences[first - 1]
  const here = sentences[first]
  const end = sentences[last]
  if (before === undefined || here === undefined || end === undefined) return false
  if (end.end - before.start > QUOTE_SIZE) return false
  return (
    announces(text, before) ||
    before.type === 'code' ||
    (before.block === here.block && before.type !== 'table')
  )
}

function goesOn(text: string, sentences: readonly Sentence[], first: number, last: number): boolean {
  const here = sentences[last]
  const next = sentences[last + 1]
  const begin = sentences[first]
  if (here === undefined || next === undefined || begin === undefined) return false
  if (next.end - begin.start > QUOTE_SIZE) return false
  if (announces(text, here)) return true
  // A list goes on where the sentence that leads it in is quoted too; a single item stands for itself.
  if (here.type === 'item' && next.type === 'item') return begin.type !== 'item'
  return here.type === next.type && here.block === next.block && here.type !== 'table'
}

/** A sentence that ends with a colon: what follows belongs to it. */
function announces(text: string, sentence: Sentence | undefined): boolean {
  return sentence !== undefined && text[sentence.end - 1] === ':'
}

/** Where no focus was given: the sentence that shares the most telling words with the question. */
function bestSentence(question: string, text: string, sentences: readonly Sentence[]): number {
  const asked = new Set(wordsOf(question).flatMap((word) => (isEmptyWord(word.raw) ? [] : [word.stem])))
  let best = { index: 0, shared: -1 }
  for (const [index, sentence] of sentences.entries()) {
    const stems = new Set(wordsOf(text.slice(sentence.start, sentence.end)).map((word) => word.stem))
    const shared = [...asked].filter((stem) => stems.has(stem)).length
    if (shared > best.shared) best = { index, shared }
  }
  return best.index
}
