import type { Ask, Count, Counted } from '../contract/ask.ts'
import type { Visit } from '../contract/budget.ts'
import type { Caller } from '../contract/caller.ts'
import type { Attempted, Closed, Opened, Settlement } from '../contract/entry.ts'
import type { Plan } from '../contract/plan.ts'
import { isRefusal, type Refusal } from '../contract/problem.ts'
import { screenFor } from './attempt.ts'
import { refused, subjectOf } from './handle.ts'
import { asSpoken } from './native.ts'
import type { AttemptPorts, HandlePorts, Lease } from './ports.ts'
import { promptTokensBound } from './worst-case.ts'

export interface CountPorts
  extends Pick<HandlePorts, 'authenticate' | 'enter' | 'admit' | 'plan' | 'record' | 'elapsed'>,
    Pick<AttemptPorts, 'acquire' | 'outbound'> {
  /** Whether the engine of this exact model counts tokens itself. */
  counts(model: string): boolean
}

/**
 * Counts the tokens of a request for the model that would answer it. Where its engine counts, the prompt goes there,
 * and so through the same stages as one that is answered: the guard's rules for what leaves this machine, a lease,
 * and a record with the prompt. It costs nothing. Elsewhere nothing is sent and nothing is recorded: the answer is
 * the upper bound that budgets reserve by.
 */
export function createCount(ports: CountPorts): Count {
  return async (ask, body) => {
    const { origin } = ask
    const caller = origin.type === 'wire' ? ports.authenticate(origin) : origin.caller
    if (isRefusal(caller)) return caller
    const visit = ports.enter(caller)
    if (isRefusal(visit)) return refused(ports, ask, caller, visit)
    try {
      const admitted = await ports.admit(ask.request, ask.bytes)
      if (isRefusal(admitted)) return await refused(ports, ask, caller, admitted)
      const screened: Ask = { ...ask, request: admitted.request }
      const plan = await ports.plan(screened, caller)
      if (isRefusal(plan)) return await refused(ports, ask, caller, plan)
      const able = plan.mode === 'direct' ? plan.candidates.filter((model) => ports.counts(model)) : []
      const [first] = plan.candidates
      // The model that would answer first is the one whose tokens are asked for.
      if (first === undefined || first !== able[0]) return estimate(screened, first ?? plan.requested)
      return await countBy({ ports, ask: screened, caller, visit, plan: { ...plan, candidates: able } }, body)
    } finally {
      visit.leave()
    }
  }
}

function estimate({ request, bytes }: Ask, model: string): Counted {
  return { type: 'counted', tokens: promptTokensBound({ request, bytes }), model, estimated: true }
}

interface Counting {
  readonly ports: CountPorts
  readonly ask: Ask
  readonly caller: Caller
  readonly visit: Visit
  readonly plan: Plan
}

async function countBy(counting: Counting, body: Uint8Array | undefined): Promise<Counted | Refusal> {
  const { ports, ask, caller, plan } = counting
  const startedAt = ports.elapsed()
  // What routing counts is requests that are answered.
  const { escalation: _, decided: __, ...planned } = plan
  const opened: Opened = {
    type: 'opened',
    id: ask.id,
    key: caller.key,
    bytes: ask.bytes,
    plan: { ...planned, reasons: [...plan.reasons, 'only its tokens were counted'] },
  }
  const keep = body === undefined ? undefined : { subject: subjectOf(ask, caller), text: body }
  await ports.record.append(opened, keep)
  const done = await leased(counting)
  const closed: Closed = {
    type: 'closed',
    id: ask.id,
    ...endOf(done.counted),
    costMicros: 0,
    chargedMicros: 0,
    totalMs: Math.round(ports.elapsed() - startedAt),
    ...(done.settled === undefined ? {} : { settled: [done.settled] }),
  }
  await ports.record.append(closed)
  return done.counted
}

function endOf(counted: Counted | Refusal): Pick<Closed, 'outcome' | 'code' | 'model'> {
  if (!isRefusal(counted)) return { outcome: 'answered', model: counted.model }
  const { code } = counted.problem
  return { outcome: code === 'client_closed' ? 'aborted' : 'failed', code }
}

interface Done {
  readonly counted: Counted | Refusal
  /** Absent where nothing was sent. */
  readonly settled?: Settlement
}

async function leased({ ports, ask, caller, visit, plan }: Counting): Promise<Done> {
  const startedAt = ports.elapsed()
  const deadline = startedAt + plan.deadlineMs
  const { candidates } = plan
  // Counting is free: nothing is held for it.
  const nothing = { promptTokensBound: 0, maxOutputTokens: 0, choices: 1 }
  const need = { id: ask.id, candidates, failed: new Set<string>(), ...nothing, deadline, purse: visit }
  const lease = await ports.acquire({ ...need, signal: ask.signal })
  if (isRefusal(lease)) return { counted: lease }
  using held = lease
  const { model } = held
  const screened = screenFor(ports, { spoken: asSpoken }, ask.request, model)
  const settle = (outcome: Settlement['outcome']): Settlement => {
    held.settle({ outcome, usage: { promptTokens: 0, completionTokens: 0 }, contentSeen: false })
    const { engine, id, tier } = model
    return {
      turn: 1,
      engine,
      model: id,
      tier,
      outcome,
      costMicros: 0,
      totalMs: Math.round(ports.elapsed() - startedAt),
    }
  }
  if (isRefusal(screened)) {
    settle(screened.problem.code)
    return { counted: screened }
  }
  await ports.record.append(attempted(ask, held))
  const call = { id: ask.id, caller: caller.key, request: screened.request, maxOutputTokens: 0, passages: [] }
  const tokens = await held.count({ ...call, deadline, signal: ask.signal })
  if (typeof tokens === 'number') {
    const counted = { type: 'counted', tokens, model: model.id, estimated: false } as const
    return { counted, settled: settle('ok') }
  }
  return { counted: tokens, settled: settle(tokens.problem.code) }
}

function attempted(ask: Ask, { model, replica }: Lease): Attempted {
  const { id, engine, offMachine } = model
  const held = { cause: 'first', heldMicros: 0, heldTokens: 0 } as const
  return { type: 'attempt', id: ask.id, turn: 1, model: id, engine, replica, offMachine, ...held }
}
