import type { ChatChunk, ChatCompletion, ChatRequest } from '../../contract/chat.ts'
import type { AnswerFinish, Batch, Verdict } from '../../contract/event.ts'
import type { Citation, Passage } from '../../contract/passage.ts'
import { lastQuestion } from '../../contract/text.ts'
import type { Clock } from '../../lib/clock.ts'
import { answerPieces, declineText } from './render.ts'
import { selectQuotations, verify } from './select.ts'

/** The exact model id under which this engine is listed. */
export const EXTRACTIVE_MODEL = 'extractive/handbook'

/** What this engine reads of a call. */
export interface ExtractiveCall {
  readonly id: string
  readonly request: ChatRequest
  readonly maxOutputTokens: number
  readonly passages: readonly Passage[]
  readonly signal: AbortSignal
}

export interface ExtractiveEngine {
  generate(call: ExtractiveCall): AsyncIterable<Batch>
}

/**
 * An engine without weights: it answers only from the call's passages, by quoting one to four sentences word
 * for word, each with what it announces, or declines. It yields `chunk-delta`s where the request streams and one `answer-whole` otherwise,
 * then exactly one terminal event. Usage is absent, because nothing was tokenised; the cost is known, and zero.
 */
export function createExtractiveEngine(options: { readonly clock: Clock }): ExtractiveEngine {
  return { generate: (call) => generate(call, Math.floor(options.clock.now() / 1000)) }
}

async function* generate(call: ExtractiveCall, created: number): AsyncGenerator<Batch> {
  const answer = compose(call)
  const head = { id: `chatcmpl-${call.id}`, created, model: EXTRACTIVE_MODEL }
  if (call.request.stream === true) {
    for (const chunk of chunksOf(head, answer)) {
      if (call.signal.aborted) break
      yield [{ type: 'chunk-delta', chunk }]
    }
  } else if (!call.signal.aborted) {
    yield [{ type: 'answer-whole', completion: completionOf(head, answer) }]
  }
  yield call.signal.aborted ? [ABORTED] : [answer.finish]
}

const ABORTED = {
  type: 'answer-error',
  problem: { code: 'client_closed', message: 'The caller went away before the answer was complete.' },
} as const

interface Composed {
  readonly pieces: readonly string[]
  readonly reason: 'stop' | 'length'
  readonly finish: AnswerFinish
}

interface Head {
  readonly id: string
  readonly created: number
  readonly model: string
}

function compose(call: ExtractiveCall): Composed {
  const selected = selectQuotations(lastQuestion(call.request), call.passages)
  const verbatim = selected.filter((citation) => verify(citation, call.passages))
  const citations = withinLimit(verbatim, call.maxOutputTokens)
  const verdicts = [...ignoredFields(call.request), ...verbatimVerdict(selected.length, verbatim.length)]
  const finish = { type: 'answer-finish', costMicros: 0, verdicts } as const
  if (verbatim.length === 0) {
    const pieces = [declineText(call.passages)]
    return { pieces, reason: 'stop', finish: { ...finish, citations: [], declined: true } }
  }
  return {
    pieces: citations.length === 0 ? [] : answerPieces(citations),
    reason: citations.length < verbatim.length ? 'length' : 'stop',
    finish: { ...finish, citations, declined: false },
  }
}

/** UTF-16 units that count as one token towards the caller's limit: an estimate, as there is no tokenizer here. */
const UNITS_PER_TOKEN = 4

/** As many whole quotations, with their sources, as the caller's limit on output leaves room for: none is cut. */
function withinLimit(citations: readonly Citation[], maxOutputTokens: number): readonly Citation[] {
  for (let count = citations.length; count > 0; count--) {
    const kept = citations.slice(0, count)
    const size = answerPieces(kept).reduce((total, piece) => total + piece.length, 0)
    if (size <= maxOutputTokens * UNITS_PER_TOKEN) return kept
  }
  return []
}

function verbatimVerdict(selected: number, verbatim: number): readonly Verdict[] {
  if (selected === 0) return []
  const detail = `${verbatim} of ${selected} quotations stand word for word in their passages`
  return [{ check: 'citation.verbatim', outcome: verbatim === selected ? 'passed' : 'failed', detail }]
}

/** What a quoting engine cannot do is said, not passed over. */
function ignoredFields(request: ChatRequest): readonly Verdict[] {
  const ignored = [
    request.tools !== undefined && request.tools.length > 0 ? 'tools' : '',
    (request.n ?? 1) > 1 ? 'n' : '',
    request.response_format !== undefined && request.response_format.type !== 'text' ? 'response_format' : '',
    request.logprobs === true ? 'logprobs' : '',
    request.stop != null ? 'stop' : '',
  ].filter((name) => name !== '')
  if (ignored.length === 0) return []
  const detail = `the extractive engine only quotes and does not apply: ${ignored.join(', ')}`
  return [{ check: 'engine.request_fields', outcome: 'skipped', detail }]
}

function* chunksOf(head: Head, answer: Composed): Generator<ChatChunk> {
  const frame = { ...head, object: 'chat.completion.chunk' }
  yield { ...frame, choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] }
  for (const content of answer.pieces) {
    yield { ...frame, choices: [{ index: 0, delta: { content }, finish_reason: null }] }
  }
  yield { ...frame, choices: [{ index: 0, delta: {}, finish_reason: answer.reason }] }
}

function completionOf(head: Head, answer: Composed): ChatCompletion {
  const message = { role: 'assistant', content: answer.pieces.join(''), refusal: null }
  return {
    ...head,
    object: 'chat.completion',
    choices: [{ index: 0, message, logprobs: null, finish_reason: answer.reason }],
  }
}
