import type { Answer, Ask, Asked, Handle, Way, Work } from '../contract/ask.ts'
import type { Visit } from '../contract/budget.ts'
import type { Caller } from '../contract/caller.ts'
import type { Keep, Opened } from '../contract/entry.ts'
import type { AnswerStart, Batch } from '../contract/event.ts'
import type { Mode, Plan } from '../contract/plan.ts'
import { isRefusal, type Refusal, refuse } from '../contract/problem.ts'
import { assert } from '../lib/assert.ts'
import { RequestBill } from './bill.ts'
import { Closing, failedInside } from './close.ts'
import type { HandlePorts, PathPorts } from './ports.ts'
import { Transcript, TranscriptRoom } from './transcript.ts'

/** How deep a request may nest children: retrieval is one deep; what nests deeper runs in circles. */
const DEPTH_MAX = 4

/**
 * The request path: authenticate → guard → plan → answer → record.
 *
 * Resolves to a refusal, or to an answer once its first content is at hand, so that status and head tell the
 * truth. A failure before that is a value; after it, the terminal event. The record is opened before the first
 * dispatch, and closed before anything that ends the answer leaves. Every kind of request has a handle of its own,
 * and all of them are this one.
 */
export function createHandle<R extends Asked, M extends Mode>(ports: HandlePorts<R, M>): Handle<R> {
  const room = new TranscriptRoom()
  const handle: Handle<R> = async (ask, body) => {
    const caller = authenticate(ports, ask)
    if (isRefusal(caller)) return caller

    const visit = enter(ports, ask, caller)
    if (isRefusal(visit)) return refused(ports, ask, caller, visit)
    let answering = false
    try {
      if (depthOf(ask) > DEPTH_MAX) return await refused(ports, ask, caller, tooDeep())

      const looked = ports.admit(ask.request, ask.bytes)
      const admitted = looked instanceof Promise ? await looked : looked
      if (isRefusal(admitted)) return await refused(ports, ask, caller, admitted)
      const same = admitted.request === ask.request
      const screened: Ask<R> = same ? ask : { ...ask, request: admitted.request }

      const planning = ports.plan(screened, caller)
      const plan = planning instanceof Promise ? await planning : planning
      if (isRefusal(plan)) return await refused(ports, ask, caller, plan)

      const bill = new RequestBill()
      const subject = subjectOf(ask, caller)
      const keep = body === undefined ? undefined : { subject, text: body }
      const opened = open(ports, screened, caller, plan, keep)
      const work = { ask: screened, caller, plan, purse: visit, bill, opened, complete: handle }
      const transcript = keep === undefined ? undefined : new Transcript(room)
      const verdicts =
        ask.verdicts === undefined ? admitted.verdicts : [...ask.verdicts, ...admitted.verdicts]
      const closing = { ports, ask: screened, bill, visit, subject, transcript, verdicts }
      const answered = await answer(ports.ways[plan.mode], work, new Closing(closing))
      answering = !isRefusal(answered)
      return answered
    } finally {
      // An answer under way leaves when its record is closed.
      if (!answering) visit.leave()
    }
  }
  return handle
}

/** A child spends from its parent's purse and takes no place of its own. */
function enter(ports: PathPorts, ask: Ask<Asked>, caller: Caller): Visit | Refusal {
  if (ask.origin.type === 'wire') return ports.enter(caller)
  const { purse } = ask.origin
  return { reserve: (worst) => purse.reserve(worst), leave: stays }
}

function stays(): void {}

function depthOf(ask: Ask<Asked>): number {
  return ask.origin.type === 'child' ? ask.origin.depth : 0
}

function tooDeep(): Refusal {
  return refuse(
    'invalid_request',
    `A request may nest ${DEPTH_MAX} deep; this one works for itself in a circle.`,
  )
}

function authenticate(ports: PathPorts, ask: Ask<Asked>): Caller | Refusal {
  return ask.origin.type === 'wire' ? ports.authenticate(ask.origin) : ask.origin.caller
}

/** Writes down that a known caller was refused, and gives the refusal back. */
export async function refused(
  ports: Pick<PathPorts, 'record'>,
  ask: Ask<Asked>,
  caller: Caller,
  refusal: Refusal,
): Promise<Refusal> {
  const { code, rule } = refusal.problem
  await ports.record.append({
    type: 'refused',
    id: ask.id,
    ...(ask.origin.type === 'child' ? { parent: ask.origin.parent } : {}),
    key: caller.key,
    code,
    ...(rule === undefined ? {} : { rule }),
  })
  return refusal
}

async function answer<R extends Asked>(
  way: Way<R>,
  work: Work<R>,
  closing: Closing,
): Promise<Answer | Refusal> {
  const { plan } = work
  const reading = way(work)
  let first: IteratorResult<Batch, Batch>
  try {
    first = await reading.next()
  } catch (bug) {
    await work.opened
    await closing.record(failedInside(bug))
    throw bug
  }
  await work.opened
  const [head, ...content] = first.value
  assert(head !== undefined, 'the first batch of a way is not empty')
  if (head.type === 'answer-error') {
    await closing.record(head)
    return { type: 'refusal', problem: head.problem }
  }
  assert(head.type === 'answer-start', 'an answer begins with answer-start')
  closing.begun(head)
  const rest = first.done === true ? undefined : reading
  return new Begun(plan, head, closing.through(content, rest), closing)
}

/**
 * Hands the entry to the log, with the prompt to keep for whom it is about, ahead of everything that the way will
 * write. The way waits for it before it dispatches: what runs without its record could not be told from what never ran.
 */
function open(
  ports: PathPorts,
  ask: Ask<Asked>,
  caller: Caller,
  plan: Plan,
  keep: Keep | undefined,
): Promise<void> {
  const entry: Opened = {
    type: 'opened',
    id: ask.id,
    ...(ask.origin.type === 'child' ? { parent: ask.origin.parent } : {}),
    key: caller.key,
    bytes: ask.bytes,
    plan,
    ...(ask.response === undefined ? {} : { response: ask.response }),
  }
  const opened = ports.record.append(entry, keep)
  // Whoever waits for it is told; where the way fails before it waits, nobody is.
  opened.catch(() => undefined)
  return opened
}

/**
 * Whom a request is about: its `user`, else the key. An empty `user` names nobody, and one that looks like a key's id
 * is marked, so that nobody's texts stand among those of another's key.
 */
export function subjectOf(ask: Ask<Asked>, caller: Caller): string {
  const { user } = ask.request
  if (!user) return caller.key
  return user.startsWith('key_') ? `user:${user}` : user
}

class Begun implements Answer {
  readonly type = 'answer'
  readonly plan: Plan
  readonly start: AnswerStart
  readonly events: AsyncIterable<Batch>
  readonly #closing: Closing

  constructor(plan: Plan, start: AnswerStart, events: AsyncIterable<Batch>, closing: Closing) {
    this.plan = plan
    this.start = start
    this.events = events
    this.#closing = closing
  }

  /** Where the consumer stopped early the ask's signal has aborted, so that the pending read ends at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.over) return
    const events = this.events[Symbol.asyncIterator]()
    for (let batch = await events.next(); batch.done !== true; batch = await events.next());
  }
}
