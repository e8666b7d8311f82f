import type { Asked, Batches, Work } from '../contract/ask.ts'
import type { Attempted, Settlement } from '../contract/entry.ts'
import type { Batch, Verdict } from '../contract/event.ts'
import type { ModelView } from '../contract/model.ts'
import type { Need } from '../contract/need.ts'
import { isRefusal, type Problem, type ProblemCode, problemRow, type Refusal } from '../contract/problem.ts'
import { pause } from '../lib/clock.ts'
import type { Continued } from './continuation.ts'
import type { Admitted, Lease, LoopPorts } from './ports.ts'
import { backoffMs, type RetryBudget } from './retry.ts'

/** What one kind of request brings to the loop: what a turn may cost, how it is said, and how it is run. */
export interface RequestKind<R extends Asked> {
  /** Upper bounds of what a turn may use. */
  worst(next: Next<R>): Pick<Need, 'promptTokensBound' | 'choices' | 'cache'>
  /** The request in words that the model's engine knows; a refusal of what it cannot be told. */
  spoken(request: R, model: ModelView): Admitted<R> | Refusal
  turn(parts: TurnParts<R>): Running<R>
}

/** What a turn sends, and why there is one. */
export interface Next<R> {
  readonly request: R
  /** Size of the request's JSON, with what a repair has added to it. */
  readonly bytes: number
  readonly cause: Attempted['cause']
  /** The one repair has been made, by this turn or by one before it. */
  readonly repaired: boolean
  /** The beginning of the answer has left already, from a replica that died. */
  readonly continued?: Continued
}

/** A turn that stands in the record and may dispatch. */
export interface TurnParts<R extends Asked> {
  readonly work: Work<R>
  readonly lease: Lease
  readonly turn: number
  /** As it may go where the lease leads. */
  readonly request: R
  readonly verdicts: readonly Verdict[]
  /** What it was made of: the request not yet screened. */
  readonly next: Next<R>
}

export interface Running<R> {
  /**
   * One dispatch, one settlement: whatever happens in between. The lease is free when it returns. A promise where
   * nothing leaves before the end.
   */
  run(deadline: number): AsyncGenerator<Batch, End<R>> | Promise<End<R>>
}

/**
 * How a turn ended: `done` with the last batch of the answer. `failed` and `repair` have let nothing leave; `broken` has,
 * and can be continued from there by the same model.
 */
export type End<R> =
  | { readonly type: 'done'; readonly last: Batch }
  | { readonly type: 'failed'; readonly problem: Problem }
  | { readonly type: 'repair' | 'broken'; readonly problem: Problem; readonly next: Next<R> }

/**
 * A bounded loop of attempts. Each turn takes a lease on a replica, sends the request, checks what comes back and
 * judges: done, another replica, the same one after a pause, or one repair. Each turn stands in the record with its
 * own cost. Once a byte has left there is a next turn only where the same model can go on from the text so far: what
 * fails otherwise is the terminal event.
 */
export async function* attempts<R extends Asked>(
  ports: LoopPorts<R>,
  budget: RetryBudget,
  kind: RequestKind<R>,
  work: Work<R>,
  cause: Attempted['cause'] = 'first',
): Batches {
  const { bounds } = ports
  const { ask, plan, bill } = work
  const deadline = ports.elapsed() + plan.deadlineMs
  const failed = new Set<string>()
  let next: Next<R> = { request: ask.request, bytes: ask.bytes, cause, repaired: false }
  let candidates = plan.candidates
  let problem: Problem | undefined
  budget.request()

  for (let turn = 1; turn <= bounds.turns; turn++) {
    const lent = lend(ports, kind, work, candidates, next, failed, deadline)
    const lease = lent instanceof Promise ? await lent : lent
    if (isRefusal(lease)) {
      // Where a replica has failed, its reason says more than that none is left; but who has left, has left.
      const why = ask.signal.aborted ? lease.problem : (problem ?? lease.problem)
      return [{ type: 'answer-error', problem: why, ...bill.total() }]
    }
    const running = await begin({ ports, kind, work, lease, turn: bill.turn(), next })
    if (isRefusal(running)) {
      return [{ type: 'answer-error', problem: running.problem, ...bill.total() }]
    }
    const run = running.run(deadline)
    const end = run instanceof Promise ? await run : yield* run
    if (end.type === 'done') return end.last
    problem = end.problem
    if (end.type === 'repair') {
      next = end.next
      continue
    }
    failed.add(lease.replica)
    const goesOn = end.type === 'broken'
    // What has begun to arrive is not given up to spare others a retry.
    const more = turn < bounds.turns && mayRetry(problem) && !ask.signal.aborted && (goesOn || budget.take())
    if (goesOn) candidates = [lease.model.id]
    const again = more
      ? await retryCause(ports, candidates, work, failed, problem, turn, deadline)
      : undefined
    if (again === undefined) break
    next = goesOn ? end.next : { ...next, cause: again }
  }
  return [{ type: 'answer-error', problem: problem ?? exhausted(bounds.turns), ...bill.total() }]
}

interface TurnInput<R extends Asked> {
  readonly ports: LoopPorts<R>
  readonly kind: RequestKind<R>
  readonly work: Work<R>
  readonly lease: Lease
  readonly turn: number
  readonly next: Next<R>
}

/** A turn that stands in the record, ready to dispatch; or the refusal of what may not leave the machine. */
async function begin<R extends Asked>(input: TurnInput<R>): Promise<Running<R> | Refusal> {
  const { ports, kind, work, turn, lease, next } = input
  const screened = screenFor(ports, kind, next.request, lease.model)
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
  const verdicts = [...screened.verdicts, ...(next.repaired ? [REPAIRED] : [])]
  return kind.turn({ work, lease, turn, request, verdicts, next })
}

/** The request in words that the model's engine knows, without what may not leave this machine. */
export function screenFor<R extends Asked>(
  ports: Pick<LoopPorts<R>, 'outbound'>,
  kind: Pick<RequestKind<R>, 'spoken'>,
  request: R,
  model: ModelView,
): Admitted<R> | Refusal {
  const spoken = kind.spoken(request, model)
  if (isRefusal(spoken) || !model.offMachine) return spoken
  const screened = ports.outbound(spoken.request)
  if (isRefusal(screened)) return screened
  return { ...screened, verdicts: [...spoken.verdicts, ...screened.verdicts] }
}

function giveBack(lease: Lease, code: ProblemCode): void {
  lease.settle({ outcome: code, contentSeen: false })
  lease[Symbol.dispose]()
}

function attempted<R extends Asked>(
  { work, turn, lease, next }: TurnInput<R>,
  settled: readonly Settlement[],
): Attempted {
  return {
    type: 'attempt',
    id: work.ask.id,
    turn,
    model: lease.model.id,
    engine: lease.model.engine,
    replica: lease.replica,
    offMachine: lease.model.offMachine,
    cause: next.cause,
    ...(lease.heldMicros === undefined ? {} : { heldMicros: lease.heldMicros }),
    heldTokens: lease.heldTokens,
    ...(settled.length === 0 ? {} : { settled }),
  }
}

const REPAIRED = { check: 'answer-shape', outcome: 'repaired' } as const

function lend<R extends Asked>(
  ports: LoopPorts<R>,
  kind: RequestKind<R>,
  { ask, plan, purse }: Work<R>,
  candidates: readonly string[],
  next: Next<R>,
  failed: ReadonlySet<string>,
  deadline: number,
): Lease | Refusal | Promise<Lease | Refusal> {
  const need: Need = {
    id: ask.id,
    candidates,
    failed,
    ...kind.worst(next),
    maxOutputTokens: plan.maxOutputTokens,
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
async function retryCause<R extends Asked>(
  ports: LoopPorts<R>,
  candidates: readonly string[],
  { ask }: Work<R>,
  failed: Set<string>,
  problem: Problem,
  turn: number,
  deadline: number,
): Promise<Attempted['cause'] | undefined> {
  if (ports.hasOther(candidates, failed)) return 'failover'
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
