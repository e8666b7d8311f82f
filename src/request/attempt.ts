import type { Ask, Way } from '../contract/ask.ts'
import type { ChatMessage, ChatRequest } from '../contract/chat.ts'
import type { Attempted } from '../contract/entry.ts'
import type { Batch } from '../contract/event.ts'
import type { Need } from '../contract/need.ts'
import type { Plan } from '../contract/plan.ts'
import { isRefusal, type Problem, problemRow, type Refusal } from '../contract/problem.ts'
import { pause } from '../lib/clock.ts'
import { Bill } from './bill.ts'
import type { AttemptPorts, Lease } from './ports.ts'
import { backoffMs, RetryBudget } from './retry.ts'
import { type End, Turn } from './turn.ts'
import { promptTokensBound } from './worst-case.ts'

/**
 * The way `direct`: a bounded loop of attempts. Each turn takes a lease on a replica, sends the request, checks
 * what comes back and judges: done, another replica, the same one after a pause, or one repair. Each turn
 * stands in the record with its own cost. Once a byte has left there is no next turn: what fails then is the
 * terminal event.
 */
export function createDirect(ports: AttemptPorts): Way {
  const budget = new RetryBudget(ports.bounds.retryShare)
  return (ask, _caller, plan) => attempts(ports, budget, ask, plan)
}

async function* attempts(
  ports: AttemptPorts,
  budget: RetryBudget,
  ask: Ask,
  plan: Plan,
): AsyncGenerator<Batch> {
  const { bounds } = ports
  const deadline = ports.elapsed() + plan.deadlineMs
  const failed = new Set<string>()
  const bill = new Bill()
  let next: Next = { request: ask.request, bytes: ask.bytes, cause: 'first', repaired: false }
  let problem: Problem | undefined
  budget.request()

  for (let turn = 1; turn <= bounds.turns; turn++) {
    const lease = await lend(ports, ask, next, plan, failed, deadline)
    if (isRefusal(lease)) {
      // Where a replica has failed, its reason says more than that none is left; but who has left, has left.
      const why = ask.signal.aborted ? lease.problem : (problem ?? lease.problem)
      yield [{ type: 'answer-error', problem: why, ...bill.total() }]
      return
    }
    const end = yield* oneTurn({ ports, ask, plan, lease, turn, deadline, bill, ...next })
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
  readonly ask: Ask
  readonly plan: Plan
  readonly lease: Lease
  readonly turn: number
  readonly deadline: number
  readonly bill: Bill
}

/** One lease, one dispatch, one settlement: whatever happens in between. */
async function* oneTurn(input: TurnInput): AsyncGenerator<Batch, End> {
  const { ports, ask, plan, turn, cause, repaired, bill } = input
  await using lease = input.lease
  const screened = lease.model.offMachine ? ports.outbound(input.request) : undefined
  if (screened !== undefined && isRefusal(screened)) {
    lease.settle(screened.problem.code, undefined)
    yield [{ type: 'answer-error', problem: screened.problem, ...bill.total() }]
    return { type: 'done' }
  }
  const request = screened?.request ?? input.request
  try {
    await ports.record.append(attempted(ask, turn, lease, cause))
  } catch (unrecorded) {
    // Nothing was sent, so nothing stays spent of what was held for it.
    lease.settle('record_unavailable', undefined)
    throw unrecorded
  }
  const check = ports.check(request, plan, lease.model.enforcesSchema)
  const verdicts = [...(screened?.verdicts ?? []), ...(repaired ? [REPAIRED] : [])]
  const running = new Turn({ ports, ask, plan, lease, turn, check, request, bill, verdicts, repaired })
  try {
    return yield* running.run(input.deadline)
  } catch (bug) {
    await running.settle('internal', undefined)
    throw bug
  } finally {
    await running.settle('client_closed', undefined)
  }
}

function attempted(ask: Ask, turn: number, lease: Lease, cause: Attempted['cause']): Attempted {
  return {
    type: 'attempt',
    id: ask.id,
    turn,
    model: lease.model.id,
    engine: lease.model.engine,
    replica: lease.replica,
    offMachine: lease.model.offMachine,
    cause,
    ...(lease.heldMicros === undefined ? {} : { heldMicros: lease.heldMicros }),
  }
}

const REPAIRED = { check: 'answer-shape', outcome: 'repaired' } as const

function lend(
  ports: AttemptPorts,
  ask: Ask,
  next: Next,
  plan: Plan,
  failed: ReadonlySet<string>,
  deadline: number,
): Promise<Lease | Refusal> {
  const need: Need = {
    id: ask.id,
    candidates: plan.candidates,
    failed,
    promptTokensBound: promptTokensBound(next),
    maxOutputTokens: plan.maxOutputTokens,
    choices: ask.request.n ?? 1,
    deadline,
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
