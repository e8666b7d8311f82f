import type { ModelState } from '../engine/llama/engine.ts'
import type { FleetGauges, Gauges, KeyGauge, LlamaGauge, RecordGauges } from '../observe/gauges.ts'
import { parseCheckpoint } from '../record/tree/checkpoint.ts'
import { parseNote } from '../record/tree/note.ts'
import type { UsedPrior } from '../route/escalate/used-prior.ts'
import type { Parts } from './parts.ts'

/** The state of a server as its metrics tell it. */
export function gaugesOf(parts: Parts, prior: Pick<UsedPrior, 'state'>): Gauges {
  return {
    fleet: () => fleetGauges(parts),
    record: () => recordGauges(parts),
    llama: () => parts.engines.llama.states().map(llamaGauge),
    retrieval: () => parts.library.stages.counts,
    keys: () => keyGauges(parts),
    routing: () => ({ prior: prior.state.type }),
  }
}

function fleetGauges(parts: Parts): FleetGauges {
  const { engines, queue } = parts.fleet.snapshot()
  const replicas = engines.flatMap((engine) =>
    engine.replicas.map((replica) => ({
      replica: replica.id,
      up: engine.available && replica.reach.state !== 'down' && replica.breaker !== 'open',
      inFlight: replica.inFlight,
    })),
  )
  const spend = engines.flatMap(({ name, spend: day }) =>
    day === undefined
      ? []
      : [{ engine: name, spentMicros: day.spentMicros + day.heldMicros, capMicros: day.capMicros }],
  )
  return { replicas, waiting: queue.waiting, spend }
}

function recordGauges({ record: { log, follower } }: Parts): RecordGauges {
  return {
    entries: log.nextSeq,
    lagEntries: Math.max(0, log.nextSeq - follower.reached),
    following: follower.broken === undefined,
    checkpointSize: sizeOf(follower.newest),
  }
}

function llamaGauge({ name, state, bytes, restarts, gauges }: ModelState): LlamaGauge {
  const { slots = 0, running = 0, waiting = 0, kvTokens = 0, kvCapacityTokens = 0 } = gauges ?? {}
  const { requests = 0, promptTokens = 0, cachedTokens = 0, completionTokens = 0 } = gauges ?? {}
  const { evictions = 0, warmLoads = 0, warmSaves = 0, warmBytes = 0, waitMs = 0 } = gauges ?? {}
  const now = { slots, running, waiting, kvTokens, kvCapacityTokens, warmBytes }
  const counted = { requests, promptTokens, cachedTokens, completionTokens, evictions, warmLoads, warmSaves }
  return { model: name, up: state === 'ready', restarts, memoryBytes: bytes, ...now, ...counted, waitMs }
}

/** Entries that a signed note of ours covers; 0 where there is none. */
function sizeOf(note: string | undefined): number {
  return parseCheckpoint(parseNote(note ?? '')?.text ?? '')?.size ?? 0
}

function keyGauges({ keys, ledger }: Parts): KeyGauge[] {
  const views = new Map(ledger.views().map((view) => [view.key, view]))
  const budgeted = keys.list().filter(({ state, limits }) => {
    const { microsPerDay, microsPerMonth } = limits
    return state === 'active' && (microsPerDay !== undefined || microsPerMonth !== undefined)
  })
  const all = new Set([...views.keys(), ...budgeted.map(({ id }) => id)])
  return [...all].map((key) => {
    const view = views.get(key) ?? ledger.view(key)
    const { microsPerDay, microsPerMonth } = keys.limitsOf(key)
    return {
      key,
      spentTodayMicros: view.today.spentMicros,
      spentThisMonthMicros: view.thisMonth.spentMicros,
      heldMicros: view.heldMicros,
      unknownMicros: view.thisMonth.unknownMicros,
      overshootMicros: view.thisMonth.overshootMicros,
      ...(microsPerDay === undefined ? {} : { dayBudgetMicros: microsPerDay }),
      ...(microsPerMonth === undefined ? {} : { monthBudgetMicros: microsPerMonth }),
    }
  })
}
