import type { Ask, Way } from '../contract/ask.ts'
import type { ChatMessage, ChatRequest } from '../contract/chat.ts'
import type { Attempted } from '../contract/entry.ts'
import type { Batch } from '../contract/event.ts'
import type { Plan } from '../contract/plan.ts'
import { isRefusal, type Problem, type ProblemCode, problemRow, type Refusal } from '../contract/problem.ts'
import { pause } from '../lib/clock.ts'
import { Bill } from './bill.ts'
import type { AttemptPorts, Lease, Need } from './ports.ts'
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
  let next: { request: ChatRequest; cause: Attempted['cause'] } = { request: ask.request, cause: 'first' }
  let problem: Problem | undefined
  budget.request()

  for (let turn = 1; turn <= bounds.turns; turn++) {
    const lease = await lend(ports, ask, plan, failed, deadline)
    if (isRefusal(lease)) {
      // Where a replica has already failed, its reason says more than that none is left.
      yield [{ type: 'answer-error', problem: problem ?? lease.problem, ...bill.total() }]
      return
    }
    const end = yield* oneTurn({ ports, ask, plan, lease, turn, deadline, bill, ...next })
    if (end.type === 'done') return
    problem = end.problem
    if (end.type === 'repair') {
      next = { request: withAdvice(next.request, end.answer, end.advice), cause: 'repair' }
      continue
    }
    failed.add(lease.replica)
    const more = turn < bounds.turns && mayRetry(problem) && !ask.signal.aborted && budget.take()
    const again = more ? await retryCause(ports, ask, plan, failed, problem, turn, deadline) : undefined
    if (again === undefined) break
    next = { request: next.request, cause: again }
  }
  yield [{ type: 'answer-error', problem: problem ?? exhausted(bounds.turns), ...bill.total() }]
}

interface TurnInput {
  readonly ports: AttemptPorts
  readonly ask: Ask
  readonly plan: Plan
  readonly lease: Lease
  readonly turn: number
  readonly deadline: number
  readonly bill: Bill
  readonly request: ChatRequest
  readonly cause: Attempted['cause']
}

/** One lease, one dispatch, one settlement: whatever happens in between. */
async function* oneTurn(input: TurnInput): AsyncGenerator<Batch, End> {
  const { ports, ask, plan, turn, cause, bill } = input
  await using lease = input.lease
  const screened = lease.model.offMachine ? ports.outbound(input.request) : undefined
  if (screened !== undefined && isRefusal(screened)) {
    lease.settle(screened.problem.code, undefined)
    return yield* refusedTurn(screened.problem)
  }
  const request = screened?.request ?? input.request
  await ports.record.append({
    type: 'attempt',
    id: ask.id,
    turn,
    model: lease.model.id,
    engine: lease.model.engine,
    replica: lease.replica,
    offMachine: lease.model.offMachine,
    cause,
    ...(lease.heldMicros === undefined ? {} : { heldMicros: lease.heldMicros }),
  })
  const check = ports.check(request, plan, lease.model.enforcesSchema)
  const verdicts = [...(screened?.verdicts ?? []), ...(cause === 'repair' ? [REPAIRED] : [])]
  const running = new Turn({ ports, ask, plan, lease, turn, check, request, bill, verdicts, cause })
  try {
    return yield* running.run(input.deadline)
  } finally {
    await running.settle('client_closed', undefined)
  }
}

const REPAIRED = { check: 'answer-shape', outcome: 'repaired' } as const

async function* refusedTurn(problem: Problem): AsyncGenerator<Batch, End> {
  yield [{ type: 'answer-error', problem }]
  return { type: 'done' }
}

function lend(
  ports: AttemptPorts,
  ask: Ask,
  plan: Plan,
  failed: ReadonlySet<string>,
  deadline: number,
): Promise<Lease | Refusal> {
  const need: Need = {
    id: ask.id,
    candidates: plan.candidates,
    failed,
    promptTokensBound: promptTokensBound(ask),
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
  const code: ProblemCode = 'upstream_failed'
  return {
    code,
    message: `No answer after ${turns} attempts. See \`upshift doctor\` for the engines' health.`,
  }
}

/** The one repair: the model sees its own answer and what was wrong with it. */
function withAdvice(request: ChatRequest, answer: string, advice: string): ChatRequest {
  const turns: ChatMessage[] = [
    { role: 'assistant', content: answer },
    { role: 'user', content: advice },
  ]
  return { ...request, messages: [...request.messages, ...turns] }
}
