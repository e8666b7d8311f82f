import type { Need } from '../contract/need.ts'
import { isRefusal, type Problem, type Refusal, refuse } from '../contract/problem.ts'
import { kept } from '../lib/kept.ts'
import { worstCase } from './cost.ts'
import type { Engine } from './engine.ts'
import { dollars } from './engines.ts'
import { HeldLease, type Holds, type LeaseHost } from './lease.ts'
import type { Hold } from './spend.ts'
import type { ModelEntry, ModelTable, Place } from './table.ts'

/** `busy`: a replica that could serve is there, and full. */
export type Placed = HeldLease | Refusal | { readonly type: 'busy'; readonly model: string }

/** Candidates beyond this are not looked at. */
const CANDIDATES = 64
/** When to ask again while a half-open breaker's probe is on its way. */
const PROBE_MS = 1_000

interface Obstacle {
  readonly model: string
  readonly problem: Problem
}

/**
 * Puts a request on a replica: the first candidate that has a working replica decides, and of its replicas the
 * one with the least work in flight, ties by chance. A candidate that is denied, capped out or down is passed
 * over for the next; the refusal, where none is left, names why for each.
 */
export function place(need: Need, table: ModelTable, host: LeaseHost, random: () => number): Placed {
  const now = host.elapsed()
  const obstacles: Obstacle[] = []
  let looked = 0
  for (const model of need.candidates) {
    if (++looked > CANDIDATES) break
    const entry = table.entries.get(model)
    const obstacle = entry ? barred(entry) : unknown(model)
    if (!entry || obstacle) {
      obstacles.push({ model, problem: obstacle ?? unknown(model) })
      continue
    }
    const usable = kept(entry.places, (at) => !need.failed.has(at.replica.id) && at.replica.usable(now))
    if (usable.length === 0) {
      obstacles.push({ model, problem: down(entry, need, now) })
      continue
    }
    const free = kept(usable, (at) => at.replica.free)
    const held = hold(entry, need, now)
    if ('code' in held) {
      obstacles.push({ model, problem: held })
      continue
    }
    const chosen = leastBusy(free, random)
    if (chosen !== undefined) return new HeldLease(entry, chosen, held, host, now)
    // It fits, and must wait: nothing stays reserved for a place in line.
    release(entry, held)
    return { type: 'busy', model }
  }
  return { type: 'refusal', problem: summary(obstacles) }
}

/** The place with the least work in flight; among equals any, so that replicas do not fill in step. */
function leastBusy(places: readonly Place[], random: () => number): Place | undefined {
  let least = Number.POSITIVE_INFINITY
  for (const { replica } of places) least = Math.min(least, replica.inFlight)
  const equals = kept(places, ({ replica }) => replica.inFlight === least)
  return equals[Math.min(equals.length - 1, Math.floor(random() * equals.length))]
}

/** Reserves the worst case in the engine's day, under its cap where it has one, and the caller's purse: both or none. */
function hold(entry: ModelEntry, need: Need, now: number): Holds | Problem {
  const { engine } = entry
  const worst = worstCase(entry, need, now)
  let capped: Hold | undefined
  if (engine?.spec.offMachine === true) {
    if (worst.micros === undefined) return unbounded(entry, engine)
    capped = engine.spend.reserve(worst.micros, engine.capMicros)
    if (capped === undefined) return overCap(engine, worst.micros)
  } else if (worst.micros !== undefined) {
    // Nothing caps an engine on this machine; what it costs is counted all the same.
    capped = engine?.spend.reserve(worst.micros, Number.POSITIVE_INFINITY)
  }
  const purse = need.purse.reserve(worst)
  if (!isRefusal(purse)) return { worst, engine: capped, purse }
  if (capped !== undefined) engine?.spend.settle(capped, 0)
  return purse.problem
}

function release(entry: ModelEntry, holds: Holds): void {
  if (holds.engine !== undefined) entry.engine?.spend.settle(holds.engine, 0)
  holds.purse.settle({ costMicros: 0, tokens: 0 })
}

function barred(entry: ModelEntry): Problem | undefined {
  const engine = entry.engine
  if (!engine || engine.allowed) return undefined
  const why = engine.moved ? 'its address has changed since it was allowed' : 'its owner has not allowed it'
  return problem(
    'engine_not_allowed',
    `The engine "${engine.name}" is off this machine and ${why}. Nothing was sent. To allow it under a daily ` +
      `cap: \`upshift engines allow ${engine.name}\``,
  )
}

function unknown(model: string): Problem {
  return problem('unknown_model', `No engine has a model "${model}". See the list: GET /v1/models`)
}

function down(entry: ModelEntry, need: Need, now: number): Problem {
  if (entry.places.length === 0) return problem('no_model', 'its engine does not list it (any more)')
  const why = entry.places.map(({ replica }) => {
    const failed = need.failed.has(replica.id) ? 'it failed this request already' : undefined
    return `${replica.id}: ${replica.obstacle(now) ?? failed ?? 'it is not available'}`
  })
  const back = entry.places
    .filter(({ replica }) => replica.reach.state !== 'down')
    .map(({ replica }) => replica.backInMs(now))
    .filter((backInMs) => backInMs > 0)
  // A probe on its way decides soon; nothing else that time alone will mend has no hint.
  const probing = entry.places.some(({ replica }) => replica.probing(now))
  const retry =
    back.length > 0 ? { retryAfterMs: Math.min(...back) } : probing ? { retryAfterMs: PROBE_MS } : {}
  return { ...problem('no_model', why.join('; ')), ...retry }
}

function unbounded(entry: ModelEntry, engine: Engine): Problem {
  const { id, name } = entry.view
  if (entry.view.price && entry.long) {
    return problem(
      'spending_cap',
      `A prompt of more than ${entry.long.aboveTokens} tokens may cost more on ${id}, and that price is not ` +
        'known, so the cap cannot be kept. Shorten the prompt, or configure the price of long prompts as the ' +
        `price of the model under fleet.engines.${engine.name}.models.`,
    )
  }
  return problem(
    'spending_cap',
    `The price of ${id} is not known, so the daily cap of "${engine.name}" cannot be kept and nothing was sent. ` +
      'Add its price, in dollars per million tokens, to upshift.yaml:\n' +
      `fleet:\n  engines:\n    ${engine.name}:\n      models:\n        - name: ${JSON.stringify(name)}\n` +
      '          price: { input: 1.25, output: 10 }',
  )
}

function overCap(engine: Engine, worst: number): Problem {
  const { spentMicros, heldMicros } = engine.spend.view()
  const cap = engine.capMicros
  const raised = Math.ceil((spentMicros + heldMicros + worst) / 1_000_000)
  const never = worst > cap
  const text =
    `This request could cost up to ${dollars(worst)}, and the daily cap of ${dollars(cap)} for the engine ` +
    `"${engine.name}" leaves ${dollars(Math.max(0, cap - spentMicros - heldMicros))} ` +
    `(${dollars(spentMicros)} spent and ${dollars(heldMicros)} held today, UTC). ` +
    `Raise it: \`upshift engines allow ${engine.name} --cap ${raised}\`; or ` +
    (never ? 'ask for fewer tokens (max_tokens).' : 'wait until midnight UTC.')
  return { ...problem('spending_cap', text), ...(!never && { retryAfterMs: engine.spend.resetsInMs() }) }
}

/** One reason: that. Several of one kind: the first, which is the preferred. Mixed: `no_model`, naming each. */
function summary(obstacles: readonly Obstacle[]): Problem {
  const first = obstacles[0]
  if (!first) return problem('no_model', 'The plan named no model. Add an engine: `upshift engines list`')
  const waits = obstacles.flatMap(({ problem: { retryAfterMs } }) => retryAfterMs ?? [])
  const retry = waits.length > 0 ? { retryAfterMs: Math.min(...waits) } : {}
  const alike = obstacles.every(({ problem: { code } }) => code === first.problem.code)
  if (alike && first.problem.code !== 'no_model') return { ...first.problem, ...retry }
  const each = obstacles.map(({ model, problem: { message } }) => `${model}: ${message}`).join(' | ')
  const wait =
    retry.retryAfterMs === undefined ? '' : `Try again in ${Math.ceil(retry.retryAfterMs / 1_000)} s. `
  const text =
    `No model can take the request now. ${each.replace(/\.$/, '')}. ` +
    `${wait}\`upshift engines list\` and \`upshift doctor\` show the state of the engines.`
  return { ...problem('no_model', text), ...retry }
}

function problem(code: Problem['code'], message: string): Problem {
  return refuse(code, message).problem
}
