import { type Sentence, sentencesOf } from '../../lib/text/sentences.ts'

/**
 * DESIGN. Which sentences of a text belong together, so that a quotation can be read alone. It begins at the
 * focus, takes in what leads to it and goes on to the end of the thought: the next sentences of the paragraph.
 * A sentence that ends with a colon announces something (a listing, a table, a list), and without it is
 * worthless: it is quoted with all of that, or not at all.
 */

/** A span of the text, in UTF-16 offsets. */
export interface Thought {
  readonly start: number
  readonly end: number
  /** Its sentences; what a sentence announces counts with it. */
  readonly count: number
  /** It ends where its paragraph does. */
  readonly finished: boolean
}

interface Run {
  readonly first: number
  readonly last: number
}

/** A thought is not continued by further sentences beyond this size, in UTF-16 units. */
const CONTINUED_SIZE = 900
/** Nor is what a sentence announces added beyond this one; the sentence is then left out. */
const ANNOUNCED_SIZE = 1_600

/** The focus and what belongs to it, at most `limit` sentences; undefined where nothing can be quoted alone. */
export function thoughtOf(
  text: string,
  focus: { readonly start: number; readonly end: number },
  limit: number,
): Thought | undefined {
  const sentences = sentencesOf(text)
  const inFocus = sentences.flatMap((one, index) =>
    one.end > focus.start && one.start < focus.end ? [index] : [],
  )
  let first = inFocus[0] ?? 0
  let last = Math.min(Math.max(first, inFocus.at(-1) ?? 0), first + limit - 1)
  while (last - first + 1 < limit && leadsIn(text, sentences, first, last)) first--
  while (last - first + 1 < limit && goesOn(sentences, first, last)) last++
  const run = withAnnounced(text, sentences, { first, last })
  const begin = run === undefined ? undefined : sentences[run.first]
  const end = run === undefined ? undefined : sentences[run.last]
  if (run === undefined || begin === undefined || end === undefined) return undefined
  const after = sentences[run.last + 1]
  return {
    start: begin.start,
    end: end.end,
    count: countOf(text, sentences, run),
    finished: end.type !== 'item' && after?.block !== end.block,
  }
}

/** The sentence before belongs to it: it is of the same paragraph, announces a list, or is the listing spoken of. */
function leadsIn(text: string, sentences: readonly Sentence[], first: number, last: number): boolean {
  const before = sentences[first - 1]
  const here = sentences[first]
  const end = sentences[last]
  if (before === undefined || here === undefined || end === undefined) return false
  if (end.end - before.start > CONTINUED_SIZE) return false
  return (
    announces(text, before) ||
    before.type === 'code' ||
    (before.block === here.block && before.type !== 'table')
  )
}

function goesOn(sentences: readonly Sentence[], first: number, last: number): boolean {
  const here = sentences[last]
  const next = sentences[last + 1]
  const begin = sentences[first]
  if (here === undefined || next === undefined || begin === undefined) return false
  if (next.end - begin.start > CONTINUED_SIZE) return false
  if (here.block === next.block) return here.type !== 'table'
  // A list goes on where the sentence before it is quoted too; a single item stands for itself.
  return here.type === 'item' && next.type === 'item' && begin.type !== 'item'
}

/** The run with all that its sentences announce, or without the sentences whose announced part has no room. */
function withAnnounced(text: string, sentences: readonly Sentence[], run: Run): Run | undefined {
  let { first, last } = run
  for (let at = first; at <= last; at++) {
    if (!announces(text, sentences[at])) continue
    const reach = reachOf(text, sentences, at)
    const size = (sentences[reach ?? at]?.end ?? 0) - (sentences[first]?.start ?? 0)
    if (reach !== undefined && size <= ANNOUNCED_SIZE) {
      last = Math.max(last, reach)
      at = reach
    } else if (at > first) {
      return { first, last: at - 1 }
    } else {
      first = at + 1
    }
  }
  return first <= last ? { first, last } : undefined
}

/**
 * The last sentence of what the one at `at` announces: the next listing, table or list to its end, or else the
 * next sentence. Undefined where the text ends before that.
 */
function reachOf(text: string, sentences: readonly Sentence[], at: number): number | undefined {
  let reach = at + 1
  const next = sentences[reach]
  if (next === undefined) return undefined
  const belongs = (one: Sentence | undefined): boolean =>
    next.type === 'item' ? one?.type === 'item' : next.type === 'table' && one?.block === next.block
  while (belongs(sentences[reach + 1])) reach++
  return announces(text, sentences[reach]) ? reachOf(text, sentences, reach) : reach
}

function countOf(text: string, sentences: readonly Sentence[], { first, last }: Run): number {
  let count = 0
  for (let at = first; at <= last; at++) {
    count++
    if (announces(text, sentences[at])) at = reachOf(text, sentences, at) ?? at
  }
  return count
}

function announces(text: string, sentence: Sentence | undefined): boolean {
  return sentence !== undefined && text[sentence.end - 1] === ':'
}
