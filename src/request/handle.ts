import type { Answer, Ask, Handle } from '../contract/ask.ts'
import type { Caller } from '../contract/caller.ts'
import type { AnswerStart, Batch, Verdict } from '../contract/event.ts'
import type { Plan } from '../contract/plan.ts'
import { isRefusal, type Refusal, refuse } from '../contract/problem.ts'
import { assert } from '../lib/assert.ts'
import { Closing, failedInside } from './close.ts'
import type { HandlePorts } from './ports.ts'

/** How deep a request may nest children: retrieval is one deep; what nests deeper runs in circles. */
const DEPTH_MAX = 4

/**
 * The request path: authenticate → guard → plan → answer → record.
 *
 * Resolves to a refusal, or to an answer once its first content is at hand, so that status and head tell the
 * truth. A failure before that is a value; after it, the terminal event. The record is opened before the first
 * dispatch, and closed before anything that ends the answer leaves.
 */
export function createHandle(ports: HandlePorts): Handle {
  const handle: Handle = async (ask) => {
    const caller = authenticate(ports, ask)
    if (isRefusal(caller)) return caller

    if (depthOf(ask) > DEPTH_MAX) return refused(ports, ask, caller, tooDeep())

    const admitted = await ports.admit(ask.request, ask.bytes)
    if (isRefusal(admitted)) return refused(ports, ask, caller, admitted)
    const screened: Ask = { ...ask, request: admitted.request }

    const plan = ports.plan(screened, caller)
    if (isRefusal(plan)) return refused(ports, ask, caller, plan)

    const batches = ports.ways[plan.mode](screened, caller, plan, handle)
    return answer(ports, screened, caller, plan, batches, admitted.verdicts)
  }
  return handle
}

function depthOf(ask: Ask): number {
  return ask.origin.type === 'child' ? ask.origin.depth : 0
}

function tooDeep(): Refusal {
  return refuse(
    'invalid_request',
    `A request may nest ${DEPTH_MAX} deep; this one works for itself in a circle.`,
  )
}

function authenticate(ports: HandlePorts, ask: Ask): Caller | Refusal {
  return ask.origin.type === 'wire' ? ports.authenticate(ask.origin.credential) : ask.origin.caller
}

async function refused(ports: HandlePorts, ask: Ask, caller: Caller, refusal: Refusal): Promise<Refusal> {
  const { code, rule } = refusal.problem
  const entry = { type: 'refused', id: ask.id, key: caller.key, code } as const
  await ports.record.append(rule === undefined ? entry : { ...entry, rule })
  return refusal
}

async function answer(
  ports: HandlePorts,
  ask: Ask,
  caller: Caller,
  plan: Plan,
  batches: AsyncIterable<Batch>,
  verdicts: readonly Verdict[],
): Promise<Answer | Refusal> {
  const startedAt = ports.elapsed()
  // Before anything is begun: a way that runs without its record could not be told from one that never ran.
  await ports.record.append({
    type: 'opened',
    id: ask.id,
    ...(ask.origin.type === 'child' ? { parent: ask.origin.parent } : {}),
    key: caller.key,
    bytes: ask.bytes,
    plan,
  })
  const closing = new Closing(ports, ask, startedAt, verdicts)
  const reading = batches[Symbol.asyncIterator]()
  const first = await reading.next().catch(async (bug: unknown) => {
    await closing.record(failedInside(bug))
    throw bug
  })
  assert(first.done !== true && first.value[0] !== undefined, 'a way yields at least one event')
  const [head, ...content] = first.value
  if (head.type === 'answer-error') {
    await closing.record(head)
    return { type: 'refusal', problem: head.problem }
  }
  assert(head.type === 'answer-start', 'an answer begins with answer-start')
  closing.begun(head)
  return new Begun(plan, head, closing.through(content, reading), reading)
}

class Begun implements Answer {
  readonly type = 'answer'
  readonly plan: Plan
  readonly start: AnswerStart
  readonly events: AsyncIterable<Batch>
  readonly #reading: AsyncIterator<Batch>

  constructor(plan: Plan, start: AnswerStart, events: AsyncIterable<Batch>, reading: AsyncIterator<Batch>) {
    this.plan = plan
    this.start = start
    this.events = events
    this.#reading = reading
  }

  /** Where the consumer stopped early the ask's signal has aborted, so that the pending read ends at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    const events = this.events[Symbol.asyncIterator]()
    for (let batch = await events.next(); batch.done !== true; batch = await events.next());
    await this.#reading.return?.()
  }
}
