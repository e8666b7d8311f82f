import * as z from 'zod'
import type { Caller } from '../../contract/caller.ts'
import type { Feedback, Keep } from '../../contract/entry.ts'
import { isRefusal, type Refusal, refuse } from '../../contract/problem.ts'
import { type Route, route } from '../../contract/route.ts'
import { assert } from '../../lib/assert.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { Fair } from './fair.ts'
import { Judging } from './judging.ts'
import {
  eventParameters,
  eventsOf,
  listOf,
  listParameters,
  oneOf,
  oneParameters,
  usageOf,
  usageParameters,
} from './parameters.ts'
import type { Query, Reply, ReplyTo } from './query.ts'
import { eventList, type RequestDetail, requestDetail, requestList, searchList, usageReply } from './wire.ts'

/** What the routes need of the threads and rooms around them. */
export interface IndexPorts {
  /** Asks the projections, in the follower's thread. */
  ask(query: Query, signal: AbortSignal): Promise<Reply>
  /** Resolves once the projections hold every entry that was appended before the call. */
  caughtUp(): Promise<void>
  /** Appends to the log, and keeps the text beside it; resolves once it is as durable as configured. */
  record(entry: Feedback, keep?: Keep): Promise<void>
  /** The name of a subject, for whom a correction is then kept; undefined where it was erased. */
  nameOf(subject: string): string | undefined
  /** False where no texts are kept at all. */
  readonly keepsTexts: boolean
  readonly clock: Pick<Clock, 'now'>
}

/** Judgements of one request; more say nothing new. */
const FEEDBACK_MAX = 100
/** The projections are a tenth of a second or so behind. */
const JUDGE_AGAIN_MS = 1_000

const MAX_TEXT_CHARS = 65_536

/** Questions of one key that may wait at once. */
const ASKING_PER_KEY_MAX = 8

const feedbackBody = z
  .strictObject({
    request_id: z.string().min(1).max(128).meta({ description: 'As the answer’s `x-request-id` said.' }),
    score: z.number().min(-1).max(1).optional().meta({ description: '−1 (useless) to 1 (right).' }),
    correction: z
      .string()
      .min(1)
      .max(MAX_TEXT_CHARS)
      .optional()
      .meta({ description: 'What would have been right.' }),
    comment: z.string().min(1).max(MAX_TEXT_CHARS).optional(),
  })
  .refine((body) => body.score !== undefined || body.correction !== undefined, {
    message: 'give a score, a correction, or both',
  })

const feedbackReply = z.object({ id: z.string() })

/** A key sees what it asked itself; the owner sees all. */
export function indexRoutes(ports: IndexPorts): readonly Route[] {
  const fairly = fair()
  const judging = new Judging()
  return [
    route({
      method: 'GET',
      path: '/v1/usage',
      access: 'key',
      summary: 'What was used and what it cost: by key, model, tier or day.',
      parameters: usageParameters,
      answers: usageReply,
      handle: async ({ query, caller, signal }) => {
        const asked = usageOf(query, known(caller), ports.clock.now())
        if (isRefusal(asked)) return asked
        return fairly(known(caller), () => reply(ports, { type: 'usage', ...asked }, signal))
      },
    }),
    route({
      method: 'GET',
      path: '/v1/requests',
      access: 'key',
      summary: 'Requests, newest first; with `q`, the owner searches their texts.',
      parameters: listParameters,
      answers: z.union([requestList, searchList]),
      handle: ({ query, caller, signal }) =>
        fairly(known(caller), () => list(ports, query, known(caller), signal)),
    }),
    route({
      method: 'GET',
      path: '/v1/requests/:id',
      access: 'key',
      summary: 'One request with all that its record says; with `text=true`, prompt and answer too.',
      parameters: oneParameters,
      answers: requestDetail,
      handle: async ({ params, query, caller, signal }) => {
        const asked = oneOf(query)
        if (isRefusal(asked)) return asked
        return fairly(known(caller), () => one(ports, params.id ?? '', known(caller), asked.text, signal))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/feedback',
      access: 'key',
      summary: 'Judges an answer: a score, a correction, or both.',
      body: feedbackBody,
      answers: feedbackReply,
      handle: ({ body, caller, signal }) =>
        fairly(known(caller), () => judge(ports, judging, body, known(caller), signal)),
    }),
    route({
      method: 'GET',
      path: '/v1/admin/events',
      access: 'owner',
      summary: 'Changes of keys and policies, erasures, expiries and starts, newest first.',
      parameters: eventParameters,
      answers: eventList,
      handle: async ({ query, signal }) => {
        const asked = eventsOf(query)
        if (isRefusal(asked)) return asked
        const { limit, cursor } = asked
        return reply(ports, { type: 'events', limit, ...(cursor === undefined ? {} : { cursor }) }, signal)
      },
    }),
  ]
}

/** Lets a key, but not the owner, have so many questions under way and no more. */
function fair() {
  const keys = new Fair(ASKING_PER_KEY_MAX)
  return <Value>(caller: Caller, question: () => Promise<Value>): Promise<Value | Refusal> =>
    caller.owner ? question() : keys.ask(caller.key, question)
}

function known(caller: Caller | null): Caller {
  assert(caller !== null, 'a route for keys was reached without one')
  return caller
}

/** The answer without its tag. */
async function reply<Type extends Query['type']>(
  ports: IndexPorts,
  query: Extract<Query, { type: Type }>,
  signal: AbortSignal,
): Promise<Omit<ReplyTo<Type>, 'type'>> {
  const answered = await ports.ask(query, signal)
  assert(answered.type === query.type, `a question of ${query.type} was answered by one of ${answered.type}`)
  const { type: _type, ...rest } = answered
  // The assertion above has compared the tags, which the compiler cannot follow through two unions.
  return rest as unknown as Omit<ReplyTo<Type>, 'type'>
}

async function list(
  ports: IndexPorts,
  query: Readonly<Record<string, string>>,
  caller: Caller,
  signal: AbortSignal,
): Promise<z.infer<typeof requestList> | z.infer<typeof searchList> | Refusal> {
  const asked = listOf(query, caller, ports.clock.now())
  if (isRefusal(asked)) return asked
  const { filter, limit, children, words, cursor } = asked
  const page = { filter, limit, ...(cursor === undefined ? {} : { cursor }) }
  if (words !== undefined) return reply(ports, { type: 'search', words, ...page }, signal)
  return reply(ports, { type: 'requests', children, ...page }, signal)
}

async function one(
  ports: IndexPorts,
  id: string,
  caller: Caller,
  text: boolean,
  signal: AbortSignal,
): Promise<RequestDetail | Refusal> {
  const query = { type: 'request', id, text, ...(caller.owner ? {} : { key: caller.key }) } as const
  const first = await reply(ports, query, signal)
  if (first.request !== null) return first.request
  // An answer that arrived a moment ago may not have reached the tables yet.
  await ports.caughtUp()
  const { request } = await reply(ports, query, signal)
  if (request !== null) return request
  const message = caller.owner
    ? 'There is no record of that request. `upshift logs tail` lists the newest; old entries go by the retention policy.'
    : `There is no request of that id by the key ${caller.key}. Take the id from the answer’s x-request-id.`
  return refuse('not_found', message)
}

async function judge(
  ports: IndexPorts,
  judging: Judging,
  body: z.infer<typeof feedbackBody>,
  caller: Caller,
  signal: AbortSignal,
): Promise<{ id: string } | Refusal> {
  const request = await one(ports, body.request_id, caller, false, signal)
  if (isRefusal(request)) return refuse('not_found', request.problem.message, { param: 'request_id' })
  const full = noRoom(request.feedback.length, judging.of(request.id))
  if (full !== undefined) return full
  const keep = keepOf(ports, body, request)
  if (isRefusal(keep)) return keep
  const id = newId('fb', ports.clock.now())
  const entry: Feedback = {
    type: 'feedback',
    id,
    request: request.id,
    key: caller.key,
    ...(request.subject === null ? {} : { subject: request.subject }),
    ...(body.score === undefined ? {} : { score: body.score }),
  }
  const recorded = ports.record(entry, keep)
  judging.count(
    request.id,
    recorded.then(() => ports.caughtUp()),
  )
  await recorded
  return { id }
}

function noRoom(kept: number, beingKept: number): Refusal | undefined {
  if (kept >= FEEDBACK_MAX) {
    const message = `That request has been judged ${FEEDBACK_MAX} times, which is all that is kept.`
    return refuse('conflict', message)
  }
  if (kept + beingKept < FEEDBACK_MAX) return undefined
  const message = `As many judgements of that request are being written as may be kept (${FEEDBACK_MAX}). Try again in a second.`
  return refuse('queue_full', message, { retryAfterMs: JUDGE_AGAIN_MS })
}

/** A correction speaks of the same person as the request does, and is kept, and erased, with theirs. */
function keepOf(
  ports: IndexPorts,
  { correction, comment }: z.infer<typeof feedbackBody>,
  request: RequestDetail,
): Keep | undefined | Refusal {
  if (correction === undefined && comment === undefined) return undefined
  if (!ports.keepsTexts) {
    const message =
      'This server is set to keep no texts (record.texts: none), so a correction cannot be kept. Send a score alone.'
    return refuse('conflict', message, { param: correction === undefined ? 'comment' : 'correction' })
  }
  const subject = request.subject === null ? undefined : ports.nameOf(request.subject)
  if (subject === undefined) {
    const message =
      'No texts are kept for that request (its subject was erased, or there were none). Send a score alone.'
    return refuse('conflict', message, { param: correction === undefined ? 'comment' : 'correction' })
  }
  return { subject, text: JSON.stringify({ correction, comment }) }
}
