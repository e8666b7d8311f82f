import type { Citation, Passage } from '../../contract/passage.ts'
import { languageOf } from '../../lib/text/language.ts'
import { sentencesOf } from '../../lib/text/sentences.ts'
import { wordsOf } from '../../lib/text/words.ts'
import { type Thought, thoughtOf } from './thought.ts'

/**
 * DESIGN. Which passages to quote. They come judged: support says whether one is worth quoting, and `focus`
 * where its support was found; thought.ts says which sentences around the focus belong together. Other
 * passages are added where they are nearly as well supported and say the words of the question that the first
 * quotation says: support that rests on other words for them is enough to be first, not to be second.
 * Quotations are slices of the passage, so they cannot differ from it; `verify` compares them all the same
 * before anything leaves.
 */

/** From here a passage is worth quoting (contract/passage.ts). */
const WORTH_QUOTING = 0.5
/** Sentences in one answer; what a sentence announces counts with it. */
export const MAX_SENTENCES = 4
const MAX_PASSAGES = 3
/** Another passage is quoted when its support comes this near to the best one's. */
const OTHERS_WITHIN = 0.1
/** Sentences that one passage may take while another is waiting. */
const FIRST_SHARE = 3

/** At most MAX_PASSAGES quotations of together at most MAX_SENTENCES sentences, best first; none where nothing supports one. */
export function selectQuotations(question: string, passages: readonly Passage[]): Citation[] {
  const asked = tellingStems(question)
  const worthy = passages
    .filter((passage) => passage.support >= WORTH_QUOTING && passage.text.trim() !== '')
    .toSorted((a, b) => b.support - a.support)
  const [best, ...others] = worthy.filter(
    (passage) => wholeThought(asked, passage, MAX_SENTENCES, MAX_SENTENCES) !== undefined,
  )
  if (best === undefined) return []
  const hinges = hingesOf(asked, best)
  const near = others.filter(
    (passage) =>
      passage.support >= best.support - OTHERS_WITHIN &&
      holdsAll(wholeThought(asked, passage, FIRST_SHARE, FIRST_SHARE), passage, hinges),
  )
  const chosen = [best, ...near].slice(0, MAX_PASSAGES)
  const quotations: Citation[] = []
  let left = MAX_SENTENCES
  for (const [index, passage] of chosen.entries()) {
    if (left === 0) break
    const share = index + 1 < chosen.length ? Math.min(left, FIRST_SHARE) : left
    const thought = wholeThought(asked, passage, share, left)
    if (thought === undefined) continue
    if (index > 0 && !holdsAll(thought, passage, hinges)) continue
    left -= thought.count
    quotations.push(citationOf(passage, thought.start, thought.end))
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
    ...(passage.collection === undefined ? {} : { collection: passage.collection }),
    ...(passage.page === undefined ? {} : { page: passage.page }),
    ...(passage.readAt === undefined ? {} : { readAt: passage.readAt }),
  }
}

/** At most `share` sentences; up to `most` where that finishes the paragraph instead of breaking off. */
function wholeThought(
  asked: ReadonlySet<string>,
  passage: Passage,
  share: number,
  most: number,
): Thought | undefined {
  const focus = focusOf(asked, passage)
  const generous = thoughtOf(passage.text, focus, most)
  if (generous === undefined || generous.count <= share) return generous
  return generous.finished ? generous : thoughtOf(passage.text, focus, share)
}

/** Where in the passage's text the answer is; where no focus was given, the sentence that shares the most telling words. */
function focusOf(
  asked: ReadonlySet<string>,
  { text, focus, start }: Passage,
): { start: number; end: number } {
  if (focus !== undefined) return { start: focus.start - start, end: focus.end - start }
  let best = { start: 0, end: 1, shared: -1 }
  for (const sentence of sentencesOf(text)) {
    const stems = stemsOf(text.slice(sentence.start, sentence.end))
    const shared = [...asked].filter((stem) => stems.has(stem)).length
    if (shared > best.shared) best = { start: sentence.start, end: sentence.end, shared }
  }
  return best
}

/** The question's telling words that the best passage's quotation says. */
function hingesOf(asked: ReadonlySet<string>, best: Passage): readonly string[] {
  const thought = wholeThought(asked, best, MAX_SENTENCES, MAX_SENTENCES)
  const said = stemsOf(best.text.slice(thought?.start, thought?.end))
  return [...asked].filter((stem) => said.has(stem))
}

function holdsAll(thought: Thought | undefined, passage: Passage, hinges: readonly string[]): boolean {
  if (thought === undefined || hinges.length === 0) return false
  const said = stemsOf(passage.text.slice(thought.start, thought.end))
  return hinges.every((stem) => said.has(stem))
}

/** Words that say what a question is about: neither empty nor of the kind that says how one speaks. */
function tellingStems(question: string): Set<string> {
  const words = wordsOf(question.slice(0, MAX_QUESTION_SIZE))
  const { isEmpty, isFaint } = languageOf(question)
  return new Set(words.flatMap(({ raw, stem }) => (isEmpty(raw) || isFaint(raw) ? [] : [stem])))
}

/** What is read of a question, in UTF-16 units. */
const MAX_QUESTION_SIZE = 2_000

function stemsOf(text: string): Set<string> {
  return new Set(wordsOf(text).map((word) => word.stem))
}
