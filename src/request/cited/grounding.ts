import type { ChatRequest } from '../../contract/chat.ts'
import type { Passage } from '../../contract/passage.ts'
import { taskOf } from '../../contract/task.ts'
import { textsOf } from '../../contract/text.ts'
import { isForeignTo } from '../../lib/text/language.ts'
import { sentencesOf } from '../../lib/text/sentences.ts'
import { check, figuresIn, stemsOf } from './check.ts'
import { NOT_THERE } from './prompt.ts'
import { claimsIn } from './read.ts'

/** Of a context and of an answer, what is looked at: UTF-16 units, pieces and sentences. */
const CONTEXT_CHARS = 32_000
const TEXTS_MAX = 64
/** Of messages, what is looked through for context: UTF-16 units. */
const SCANNED_CHARS = 128_000
/** Of a question, from its beginning and its end together. */
const QUESTION_CHARS = 4_000
const PIECE_CHARS = 600
const PIECES_MAX = 200
const ANSWER_CHARS = 16_000
const SENTENCES_MAX = 60
/** A shorter context is a remark, and no material to answer from. */
const CONTEXT_MIN_CHARS = 200
/** `Context:` often begins a sentence or two about the asker. */
const HEADED_MIN_CHARS = 400
/** Share of a sentence's own telling words that one piece of the context must hold. */
const SAID = 0.5

/** What an answer was made from, beside what its model knows. */
export interface Material {
  readonly request: ChatRequest
  /** What the user asked, whose words carry nothing. */
  readonly question: string
  readonly passages?: readonly Passage[] | undefined
}

/**
 * The share of an answer's sentences that stand in what it was made from, 0–1. Over passages that were found: those that
 * a quotation carries, as the check of citations will have it. Over the caller's own context, which is what tools have
 * said and what a message holds under a heading or between marks that call it so: those whose figures, and half of
 * whose telling words that are not the question's, stand in one piece of it. Undefined where there is nothing to be
 * grounded in, or more than is looked at, or nothing said beyond the question, or all of it in another language. What a
 * sentence concludes from its words is beyond code.
 */
export function groundingOf(answer: string, { request, question, passages }: Material): number | undefined {
  const said = answer.slice(0, ANSWER_CHARS)
  // To say that it is not there is right as often as it is wrong.
  if (said.trim() === '' || said.includes(NOT_THERE)) return undefined
  if (passages !== undefined) {
    const claims = claimsIn(said)
    return claims.length === 0
      ? undefined
      : check(claims, passages, endsOf(question)).carried.length / claims.length
  }
  const texts = contextOf(request)
  if (texts === undefined) return undefined
  const context = texts.join('\n\n')
  if (context.length < CONTEXT_MIN_CHARS || isForeignTo(said, context)) return undefined
  // A question that brings its own context ends where that begins.
  const asked = texts.reduce((rest, text) => rest.split(text).join(' '), question.slice(0, SCANNED_CHARS))
  return shareIn(said, piecesOf(context), stemsOf(endsOf(asked)))
}

function endsOf(question: string): string {
  if (question.length <= QUESTION_CHARS) return question
  return `${question.slice(0, QUESTION_CHARS / 2)}\n${question.slice(-QUESTION_CHARS / 2)}`
}

interface Piece {
  readonly stems: ReadonlySet<string>
  readonly figures: ReadonlySet<string>
}

function shareIn(answer: string, pieces: readonly Piece[], asked: ReadonlySet<string>): number | undefined {
  let [grounded, told] = [0, 0]
  for (const { start, end, type } of sentencesOf(answer).slice(0, SENTENCES_MAX)) {
    if (type === 'code') continue
    const sentence = answer.slice(start, end)
    const own = [...stemsOf(sentence)].filter((stem) => !asked.has(stem))
    if (own.length === 0) continue
    const figures = figuresIn(sentence)
    told += 1
    if (pieces.some((piece) => stands(own, figures, piece))) grounded += 1
  }
  return told === 0 ? undefined : grounded / told
}

function stands(own: readonly string[], figures: readonly string[], piece: Piece): boolean {
  if (figures.some((figure) => !piece.figures.has(figure))) return false
  let known = 0
  for (const stem of own) if (piece.stems.has(stem)) known += 1
  return known / own.length >= SAID
}

/** Paragraphs, short ones joined with what follows, so that a sentence may rest on neighbouring lines. */
function piecesOf(context: string): readonly Piece[] {
  const texts: string[] = []
  let open = ''
  for (const block of context.split(/\n\s*\n/)) {
    open = open === '' ? block : `${open}\n${block}`
    if (open.length < PIECE_CHARS) continue
    texts.push(open)
    open = ''
  }
  if (open !== '') texts.push(open)
  return texts
    .slice(0, PIECES_MAX)
    .map((text) => ({ stems: stemsOf(text), figures: new Set(figuresIn(text)) }))
}

/** `<context>…</context>`, `<document index="1">…`. */
const OPENING = /<(context|documents?|passages?|sources?|search_results?|results?)\b[^>\n]{0,200}>/gi
/** What stands under `Context:` up to the question. */
const HEADED =
  /(?:^|\n)[#*\s]{0,6}(?:context|documents?|passages?|sources?|search results|retrieved[^\n:]{0,40})\*{0,3}[ \t]*:\*{0,3}([\s\S]*?)(?=\n[#*\s]{0,6}(?:question|query|task|instructions?|answer)\*{0,3}[ \t]*:|$)/gi

/** Undefined where there is more than is looked at: what an answer rests on may stand in the rest. */
function contextOf(request: ChatRequest): readonly string[] | undefined {
  const texts: string[] = []
  let [left, unseen] = [CONTEXT_CHARS, SCANNED_CHARS]
  const holds = (text: string): boolean => {
    if (text.trim() === '') return true
    left -= text.length
    if (left < 0 || texts.length === TEXTS_MAX) return false
    texts.push(text)
    return true
  }
  const begin = taskOf(request)?.begin ?? request.messages.length
  for (const message of request.messages.slice(begin).toReversed())
    if (message.role === 'tool' && !holds(textsOf(message).join('\n'))) return undefined
  for (const message of request.messages.toReversed()) {
    if (message.role === 'assistant' || message.role === 'tool') continue
    for (const text of textsOf(message)) {
      unseen -= text.length
      if (unseen < 0 || !namedIn(text, message.role).every(holds)) return undefined
    }
  }
  return texts
}

/** What a text itself calls context. A system prompt has headings of its own: there only marks count. */
function namedIn(text: string, role: string): readonly string[] {
  const marked = markedIn(text)
  if (marked.length > 0 || role !== 'user') return marked
  return [...text.matchAll(HEADED)].flatMap(([, inside = '']) =>
    inside.length < HEADED_MIN_CHARS ? [] : inside,
  )
}

/** Looks for each end from where the last one was, so that ends that are missing cost no more than those that are there. */
function markedIn(text: string): readonly string[] {
  let lower: string | undefined
  const endless = new Set<string>()
  const found: string[] = []
  let after = 0
  for (const opening of text.matchAll(OPENING)) {
    const name = (opening[1] ?? '').toLowerCase()
    if (opening.index < after || endless.has(name)) continue
    const begin = opening.index + opening[0].length
    // Letter by letter, so that places stay what they are.
    lower ??= text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
    const end = lower.indexOf(`</${name}`, begin)
    if (end < 0) endless.add(name)
    else {
      const inside = text.slice(begin, end)
      if (inside.trim() !== '') found.push(inside)
      // One more than is taken shows that there are more.
      if (found.length > TEXTS_MAX) break
      after = end
    }
  }
  return found
}
