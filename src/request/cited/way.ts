import type { Answer, Ask, Batches, Way, Work } from '../../contract/ask.ts'
import type { ChatChunk } from '../../contract/chat.ts'
import {
  type AnswerError,
  type AnswerFinish,
  type AnswerStart,
  type Batch,
  isTerminal,
  type Verdict,
} from '../../contract/event.ts'
import type { Citation, Found, Passage } from '../../contract/passage.ts'
import { isRefusal, type Problem, type Refusal } from '../../contract/problem.ts'
import { lastQuestion } from '../../contract/text.ts'
import { assert } from '../../lib/assert.ts'
import { textOf } from '../content.ts'
import { check } from './check.ts'
import { askOver, leftOut } from './prompt.ts'
import { claimsIn } from './read.ts'
import { declineText, placeOf, type Rendered, renderCarried, renderQuoted } from './render.ts'

/** What answering from collections needs from outside. */
export interface CollectionPorts {
  /** What a collection holds for a question, as far as its caller may read it. */
  find(
    collection: string,
    question: string,
    ask: Ask,
    caller: Work['caller'],
    purse: Work['purse'],
  ): Promise<Found | Refusal>
  /** True where what is cited still stands in its collection, and its caller may read it. */
  stands(citation: Citation, caller: Work['caller']): boolean
  /** True for a model that quotes and writes nothing of its own. */
  quotes(model: string): boolean
}

/**
 * Answers from a collection: passages, a child request over them, and every citation of what it says checked against
 * them. The whole answer is held: nothing leaves before it was checked. What was removed from the collection meanwhile
 * is not cited: that is looked at in the very step in which the answer goes to the record.
 */
export async function* answerCited(
  ports: CollectionPorts,
  { ask, caller, plan, purse, complete }: Parameters<Way>[0],
  collection: string,
  childId: string,
): Batches {
  const question = lastQuestion(ask.request)
  const found = await ports.find(collection, question, ask, caller, purse)
  if (isRefusal(found)) return [failed(found.problem)]
  const [model = plan.requested] = plan.candidates
  const quoting = ports.quotes(model)
  if (found.passages.length === 0) return yield* nothingFound(ask, model, plan.tier, collection, found)
  const depth = ask.origin.type === 'child' ? ask.origin.depth : 0
  const upshift = { mode: 'direct' as const }
  const request = quoting
    ? { ...ask.request, stream: false, model, upshift }
    : { ...askOver(ask.request, found.passages, childId.slice(-FENCE)), model: modelOf(plan), upshift }
  const answer = await complete({
    id: childId,
    origin: { type: 'child', parent: ask.id, caller, depth: depth + 1, purse },
    request,
    // What the passages add is reserved for too.
    bytes: quoting ? ask.bytes : Buffer.byteLength(JSON.stringify(request)),
    receivedAt: ask.receivedAt,
    signal: ask.signal,
    passages: found.passages,
    question,
  })
  if (isRefusal(answer)) return [failed(answer.problem)]
  const { start, text, end } = await gathered(answer)
  yield [start]
  if (end.type === 'answer-error') return [{ chargedTo: childId, ...end }]
  const made = composed(ports, caller, { collection, question, found, quoting, text, end })
  return [...contentOf(ask, start, made.text, end), finishOf(made, end, childId, ask, quoting)]
}

/** No model is asked about nothing. */
async function* nothingFound(
  ask: Ask,
  model: string,
  tier: AnswerStart['tier'],
  collection: string,
  { verdicts }: Found,
): Batches {
  const start: AnswerStart = {
    type: 'answer-start',
    model,
    engine: model.slice(0, Math.max(0, model.indexOf('/'))),
    tier,
    replica: 'none',
    offMachine: false,
    attempt: 0,
    why: 'nothing was found, and no model was asked',
  }
  yield [start]
  const end: AnswerFinish = { type: 'answer-finish', costMicros: 0, verdicts, citations: [], declined: true }
  return [...contentOf(ask, start, declineText(collection, []), end), end]
}

/** Letters of the child's id that no document can hold: they were drawn after it was read. */
const FENCE = 12

/** `auto` where the answer may go up; the tier where it has several models, so that another may step in; else the one model. */
function modelOf(plan: Work['plan']): string {
  if (plan.upward === true) return 'auto'
  const [only = plan.requested, ...others] = plan.candidates
  return others.length > 0 ? plan.tier : only
}

function failed(problem: Problem): AnswerError {
  return { type: 'answer-error', problem }
}

interface Gathered {
  readonly start: AnswerStart
  readonly text: string
  readonly end: AnswerFinish | AnswerError
}

async function gathered(answer: Answer): Promise<Gathered> {
  await using held = answer
  const batches: Batch[] = []
  let end: AnswerFinish | AnswerError | undefined
  for await (const batch of held.events) {
    batches.push(batch)
    const last = batch.at(-1)
    if (isTerminal(last)) end = last
  }
  assert(end !== undefined, 'an answer ends with a terminal event')
  return { start: held.start, text: textOf(batches), end }
}

interface Material {
  readonly collection: string
  readonly question: string
  readonly found: Found
  readonly quoting: boolean
  readonly text: string
  readonly end: AnswerFinish
}

interface Made extends Rendered {
  readonly declined: boolean
  readonly verdicts: readonly Verdict[]
}

function composed(ports: CollectionPorts, caller: Work['caller'], material: Material): Made {
  const stands = (citation: Citation): boolean => ports.stands(citation, caller)
  const { collection, found, quoting } = material
  const conflicts = found.conflicts.filter(({ one, other }) => stands(one) && stands(other))
  const passages = found.passages.map((one) => (stands({ ...one, quote: '' }) ? one : GONE))
  const { verdicts, rendered } = quoting
    ? quotedBy(stands, material, conflicts)
    : writtenBy(material, passages, conflicts)
  const all = [...found.verdicts, ...verdicts]
  if (rendered !== undefined) return { ...rendered, declined: false, verdicts: all }
  const near = passages.filter(({ support }) => support >= WORTH_NAMING).map(placeOf)
  const text = declineText(collection, [...new Set(near)].slice(0, MAX_NAMED))
  return { text, citations: [], declined: true, verdicts: all }
}

/** In the place of a passage whose document has gone meanwhile, so that the numbers of the others hold. */
const GONE: Passage = {
  id: '',
  document: '',
  headings: [],
  version: '',
  start: 0,
  end: 0,
  text: '',
  support: 0,
}
/** A passage below this support is not even worth naming as a place to look. */
const WORTH_NAMING = 0.15
const MAX_NAMED = 3

interface Judged {
  readonly verdicts: readonly Verdict[]
  readonly rendered: Rendered | undefined
}

function quotedBy(
  stands: (citation: Citation) => boolean,
  { text, end }: Material,
  conflicts: Found['conflicts'],
): Judged {
  const citations = end.citations ?? []
  const gone = citations.filter((one) => !stands(one)).length
  if (end.declined === true || citations.length === 0) return { verdicts: [], rendered: undefined }
  if (gone === 0) return { verdicts: [], rendered: renderQuoted(text, citations, conflicts) }
  const detail = `${gone} of ${citations.length} quotations were of documents that went meanwhile`
  return { verdicts: [{ check: 'citation.standing', outcome: 'failed', detail }], rendered: undefined }
}

function writtenBy(
  { text, question }: Material,
  passages: readonly Passage[],
  conflicts: Found['conflicts'],
): Judged {
  const claims = claimsIn(text)
  const { carried, misquoted, unsupported } = check(claims, passages, question)
  const removed = misquoted + unsupported
  const detail = `${carried.length} of ${claims.length} sentences stay; ${misquoted} quotations did not stand where they were said to`
  const verdict: Verdict = {
    check: 'citation.verbatim',
    outcome: removed === 0 ? 'passed' : carried.length > 0 ? 'repaired' : 'failed',
    detail,
  }
  const rendered = carried.length === 0 ? undefined : renderCarried(carried, conflicts)
  return { verdicts: [verdict], rendered }
}

function finishOf(made: Made, end: AnswerFinish, child: string, ask: Ask, quoting: boolean): AnswerFinish {
  const ignored = quoting ? [] : leftOut(ask.request)
  const detail = `an answer with checked citations does not apply: ${ignored.join(', ')}`
  const fields: Verdict = { check: 'engine.request_fields', outcome: 'skipped', detail }
  return {
    chargedTo: child,
    ...end,
    citations: made.citations,
    declined: made.declined,
    verdicts: [...end.verdicts, ...made.verdicts, ...(ignored.length === 0 ? [] : [fields])],
  }
}

function contentOf(ask: Ask, { model }: AnswerStart, text: string, { usage }: AnswerFinish): Batch {
  const head = { id: `chatcmpl-${ask.id}`, created: Math.floor(ask.receivedAt / 1_000), model }
  const counted =
    usage === undefined
      ? undefined
      : {
          prompt_tokens: usage.promptTokens,
          completion_tokens: usage.completionTokens,
          total_tokens: usage.promptTokens + usage.completionTokens,
        }
  if (ask.request.stream !== true) {
    const choices = [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ]
    return [
      {
        type: 'answer-whole',
        completion: { ...head, object: 'chat.completion', choices, ...(counted && { usage: counted }) },
      },
    ]
  }
  const frame = { ...head, object: 'chat.completion.chunk' }
  const chunks: ChatChunk[] = [
    { ...frame, choices: [{ index: 0, delta: { role: 'assistant', content: text }, finish_reason: null }] },
    { ...frame, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    ...(counted !== undefined && ask.request.stream_options?.include_usage === true
      ? [{ ...frame, choices: [], usage: counted }]
      : []),
  ]
  return chunks.map((chunk) => ({ type: 'chunk-delta', chunk }))
}
