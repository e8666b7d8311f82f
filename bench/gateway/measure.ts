import { Connection } from '../process/connection.ts'
import { load, median, quantile } from '../process/load.ts'
import { type Case, isAnswer, PACE_MS } from './cases.ts'
import { STREAM_EVENTS } from './engine.ts'
import { beginLoopDelay, busySeconds, cpuSeconds, endLoopDelay, machineTicks } from './measured.ts'
import type { Name, Target } from './targets.ts'

/** One target in one case. Times are milliseconds; `busy` is a share of one core. */
export interface Measured {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  /** To the first byte of the body, at the median. */
  readonly firstMs: number
  /** CPU time of the target's process for each request, microseconds, all threads. */
  readonly cpuUs: number
  readonly busy: number
  readonly clientBusy: number
  readonly engineBusy: number
  /** What processes used that are no part of this: they disturb. */
  readonly othersBusy: number
  readonly loopP99Ms: number | null
  readonly loopMaxMs: number | null
}

export interface Row {
  readonly case: Case
  readonly medians: Readonly<Partial<Record<Name, Measured>>>
  /** Round by round, for ratios within a round. */
  readonly rounds: Readonly<Partial<Record<Name, readonly Measured[]>>>
}

export interface Pace {
  readonly rounds: number
  readonly sliceMs: number
  readonly warmUpMs: number
}

/**
 * A case with every target in turn, each round beginning with another one. Throws at a wrong answer.
 *
 * @param beforeSlice - what is done before each slice, whichever target's
 */
export async function measureCase(
  one: Case,
  targets: readonly Target[],
  enginePid: number,
  pace: Pace,
  beforeSlice: () => void,
): Promise<Row> {
  const seen = new Map<Name, Measured[]>(targets.map(({ name }) => [name, []]))
  for (const target of targets) {
    await mustAnswer(target, one)
    await load(target.port, target.request(one), one.connections, pace.warmUpMs, staggerMs(one))
  }
  for (let round = 0; round < pace.rounds; round++) {
    for (let turn = 0; turn < targets.length; turn++) {
      const target = targets[(turn + round) % targets.length]
      if (target === undefined) continue
      beforeSlice()
      seen.get(target.name)?.push(await slice(target, one, enginePid, pace.sliceMs))
    }
  }
  return {
    case: one,
    medians: Object.fromEntries([...seen].map(([name, all]) => [name, middle(all)])),
    rounds: Object.fromEntries(seen),
  }
}

async function mustAnswer(target: Target, one: Case): Promise<void> {
  const connection = await Connection.open(target.port)
  const { status, body } = await connection.send(target.request(one))
  connection.destroy()
  const text = Buffer.from(body, 'latin1').toString('utf8')
  if (status !== 200 || !isAnswer(one, text))
    throw new Error(
      `${target.name} answered ${status} and something else than the engine: ${text.slice(0, 600)}`,
    )
}

async function slice(target: Target, one: Case, enginePid: number, sliceMs: number): Promise<Measured> {
  const request = target.request(one)
  if (target.probe !== undefined) await beginLoopDelay(target.probe)
  const before = usedUp(target.pid, enginePid)
  const seen = await load(target.port, request, one.connections, sliceMs, staggerMs(one))
  const after = usedUp(target.pid, enginePid)
  const late = target.probe === undefined ? undefined : await endLoopDelay(target.probe)
  const { requests, seconds, firstMs, totalMs } = seen
  const targetSeconds = after.target - before.target
  const clientSeconds = after.client - before.client
  const engineSeconds = after.engine - before.engine
  // The engine is its own target where the way is direct.
  const own = clientSeconds + engineSeconds + (target.pid === enginePid ? 0 : targetSeconds)
  return {
    perSecond: requests / seconds,
    p50Ms: quantile(totalMs, 0.5),
    p95Ms: quantile(totalMs, 0.95),
    p99Ms: quantile(totalMs, 0.99),
    firstMs: quantile(firstMs, 0.5),
    cpuUs: (targetSeconds * 1e6) / requests,
    busy: targetSeconds / seconds,
    clientBusy: clientSeconds / seconds,
    engineBusy: engineSeconds / seconds,
    othersBusy: Math.max(0, busySeconds(before.machine, after.machine) - own) / seconds,
    loopP99Ms: late?.p99Ms ?? null,
    loopMaxMs: late?.maxMs ?? null,
  }
}

/** Paced streams that all began at once would stay in step, and each would wait for all the others' beginnings. */
function staggerMs(one: Case): number {
  return one.kind === 'paced' ? (STREAM_EVENTS * PACE_MS) / one.connections : 0
}

function usedUp(target: number, engine: number) {
  const { user, system } = process.cpuUsage()
  return {
    target: cpuSeconds(target),
    engine: cpuSeconds(engine),
    client: (user + system) / 1e6,
    machine: machineTicks(),
  }
}

function middle(all: readonly Measured[]): Measured {
  const of = (pick: (one: Measured) => number): number => median(all.map(pick))
  const orNull = (pick: (one: Measured) => number | null): number | null => {
    const known = all.flatMap((one) => pick(one) ?? [])
    return known.length === 0 ? null : median(known)
  }
  return {
    perSecond: of((one) => one.perSecond),
    p50Ms: of((one) => one.p50Ms),
    p95Ms: of((one) => one.p95Ms),
    p99Ms: of((one) => one.p99Ms),
    firstMs: of((one) => one.firstMs),
    cpuUs: of((one) => one.cpuUs),
    busy: of((one) => one.busy),
    clientBusy: of((one) => one.clientBusy),
    engineBusy: of((one) => one.engineBusy),
    othersBusy: of((one) => one.othersBusy),
    loopP99Ms: orNull((one) => one.loopP99Ms),
    loopMaxMs: orNull((one) => one.loopMaxMs),
  }
}

/** The median over the rounds of a figure that compares two targets within a round; null where one is missing. */
export function compared(
  row: Row | undefined,
  left: Name,
  right: Name,
  figure: (left: Measured, right: Measured) => number,
): number | null {
  const others = row?.rounds[right]
  const each = row?.rounds[left]?.flatMap((one, round) => {
    const other = others?.[round]
    return other === undefined ? [] : [figure(one, other)]
  })
  return each === undefined || each.length === 0 ? null : median(each)
}
