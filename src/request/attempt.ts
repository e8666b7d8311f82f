import type { Ask, Way, Work } from '../contract/ask.ts'
import type { ChatMessage, ChatRequest } from '../contract/chat.ts'
import type { Attempted, Settlement } from '../contract/entry.ts'
import type { Batch } from '../contract/event.ts'
import type { ModelView } from '../contract/model.ts'
import type { Need } from '../contract/need.ts'
import type { Plan } from '../contract/plan.ts'
import { isRefusal, type Problem, type ProblemCode, problemRow, type Refusal } from '../contract/problem.ts'
import { pause } from '../lib/clock.ts'
import { asSpoken } from './native.ts'
import type { Admitted, AttemptPorts, Lease } from './ports.ts'
import { backoffMs, RetryBudget } from './retry.ts'
import { Turn } from './turn.ts'
import { cacheLifeOf, promptTokensBound } from './worst-case.ts'

/**
 * The way `direct`: a bounded loop of attempts. Each turn takes a lease on a replica, sends the request, checks
 * what comes back and judges: done, another replica, the same one after a pause, or one repair. Each turn
 * stands in the record with its own cost. Once a byte has left there is no next turn: what fails then is the
 * terminal event.
 */
export function createDirect(ports: AttemptPorts): Way {
  const budget = new RetryBudget(ports.bounds.retryShare)
  return (work) => attempts(ports, budget, work)
}

async function* attempts(ports: AttemptPorts, budget: RetryBudget, work: Work): AsyncGenerator<Batch> {
  const { bounds } = ports
  const { ask, plan, bill } = work
  const deadline = ports.elapsed() + plan.deadlineMs
  const failed = new Set<string>()
  let next: Next = { request: ask.request, bytes: ask.bytes, cause: 'first', repaired: false }
  let problem: Problem | undefined
  budget.request()

  for (let turn = 1; turn <= bounds.turns; turn++) {
    const lent = lend(ports, work, next, failed, deadline)
    const lease = lent instanceof Promise ? await lent : lent
    if (isRefusal(lease)) {
      // Where a replica has failed, its reason says more than that none is left; but who has left, has left.
      const why = ask.signal.aborted ? lease.problem : (problem ?? lease.problem)
      yield [{ type: 'answer-error', problem: why, ...bill.total() }]
      return
    }
    const running = await begin({ ports, work, lease, turn, ...next })
    if (isRefusal(running)) {
      yield [{ type: 'answer-error', problem: running.problem, ...bill.total() }]
      return
    }
    const end = yield* running.run(deadline)
    if (end.type === 'done') return
    problem = end.problem
    if (end.type === 'repair') {
      next = repairOf(next, end.answer, end.advice)
      continue
    }
    failed.add(lease.replica)
    const more = turn < bounds.turns && mayRetry(problem) && !ask.signal.aborted && budget.take()
    const again = more ? await retryCause(ports, ask, plan, failed, problem, turn, deadline) : undefined
    if (again === undefined) break
    next = { ...next, cause: again }
  }
  yield [{ type: 'answer-error', problem: problem ?? exhausted(bounds.turns), ...bill.total() }]
}

/** What the next turn sends, and why there is one. */
interface Next {
  readonly request: ChatRequest
  /** Size of the request's JSON, with what a repair has added to it. */
  readonly bytes: number
  readonly cause: Attempted['cause']
  /** The one repair has been made, by this turn or by one before it. */
  readonly repaired: boolean
}

interface TurnInput extends Next {
  readonly ports: AttemptPorts
  readonly work: Work
  readonly lease: Lease
  readonly turn: number
}

/** A turn that stands in the record, ready to dispatch; or the refusal of what may not leave the machine. */
async function begin(input: TurnInput): Promise<Turn | Refusal> {
  const { ports, work, turn, lease, repaired } = input
  const screened = screenFor(ports, input.request, lease.model)
  if (isRefusal(screened)) {
    giveBack(lease, screened.problem.code)
    return screened
  }
  const { request } = screened
  try {
    await ports.record.append(attempted(input, work.bill.take()))
    // Written before this one, and so known by now.
    await work.opened
  } catch (unrecorded) {
    // Nothing was sent, so nothing stays spent of what was held for it.
    giveBack(lease, 'record_unavailable')
    throw unrecorded
  }
  const check = ports.check(request, work.plan, lease.model.enforcesSchema)
  const verdicts = [...screened.verdicts, ...(repaired ? [REPAIRED] : [])]
  return new Turn({ ports, work, lease, turn, check, request, verdicts, repaired })
}

/** The request in words that the model's engine knows, without what may not leave this machine. */
export function screenFor(
  ports: Pick<AttemptPorts, 'outbound'>,
  request: ChatRequest,
  model: ModelView,
): Admitted | Refusal {
  const spoken = asSpoken(request, model)
  if (isRefusal(spoken) || !model.offMachine) return spoken
  const screened = ports.outbound(spoken.request)
  if (isRefusal(screened)) return screened
  return { ...screened, verdicts: [...spoken.verdicts, ...screened.verdicts] }
}

function giveBack(lease: Lease, code: ProblemCode): void {
  lease.settle({ outcome: code, contentSeen: false })
  lease[Symbol.dispose]()
}

function attempted({ work, turn, lease, cause }: TurnInput, settled: readonly Settlement[]): Attempted {
  return {
    type: 'attempt',
    id: work.ask.id,
    turn,
    model: lease.model.id,
    engine: lease.model.engine,
    replica: lease.replica,
    offMachine: lease.model.offMachine,
    cause,
    ...(lease.heldMicros === undefined ? {} : { heldMicros: lease.heldMicros }),
    heldTokens: lease.heldTokens,
    ...(settled.length === 0 ? {} : { settled }),
  }
}

const REPAIRED = { check: 'answer-shape', outcome: 'repaired' } as const

function lend(
  ports: AttemptPorts,
  { ask, plan, purse }: Work,
  next: Next,
  failed: ReadonlySet<string>,
  deadline: number,
): Lease | Refusal | Promise<Lease | Refusal> {
  const need: Need = {
    id: ask.id,
    candidates: plan.candidates,
    failed,
    promptTokensBound: promptTokensBound(next),
    cache: cacheLifeOf(next.request),
    maxOutputTokens: plan.maxOutputTokens,
    choices: ask.request.n ?? 1,
    deadline,
    purse,
    signal: ask.signal,
  }
  return ports.acquire(need)
}

/**
 * Another replica at once where one is left; else the same ones after a pause. Undefined where the pause
 * would outlast the deadline.
 */
async function retryCause(
  ports: AttemptPorts,
  ask: Ask,
  plan: Plan,
  failed: Set<string>,
  problem: Problem,
  turn: number,
  deadline: number,
): Promise<Attempted['cause'] | undefined> {
  if (ports.hasOther(plan.candidates, failed)) return 'failover'
  const { backoffMs: base, backoffMaxMs } = ports.bounds
  const waitMs = Math.max(problem.retryAfterMs ?? 0, backoffMs(turn, base, backoffMaxMs, ports.random))
  if (waitMs > backoffMaxMs || ports.elapsed() + waitMs >= deadline) return undefined
  failed.clear()
  await pause(waitMs, ask.signal)
  return ask.signal.aborted ? undefined : 'retry'
}

function mayRetry(problem: Problem): boolean {
  return problemRow(problem.code).retryable
}

function exhausted(turns: number): Problem {
  return {
    code: 'upstream_failed',
    message: `No answer after ${turns} attempts. See \`upshift doctor\` for the engines' health.`,
  }
}

/** The one repair: the model sees its own answer and what was wrong with it; its worst case grows by both. */
function repairOf(last: Next, answer: string, advice: string): Next {
  const turns: ChatMessage[] = [
    { role: 'assistant', content: answer },
    { role: 'user', content: advice },
  ]
  return {
    request: { ...last.request, messages: [...last.request.messages, ...turns] },
    bytes: last.bytes + Buffer.byteLength(answer) + Buffer.byteLength(advice),
    cause: 'repair',
    repaired: true,
  }
}
