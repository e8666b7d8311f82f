import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Entry, Opened, Settled, Settlement, Stamped, TextRef } from '../../contract/entry.ts'
import type { Plan } from '../../contract/plan.ts'
import type { Tier } from '../../contract/tier.ts'
import { openProjection, type Projection } from './projection.ts'
import type { Query, ReadText, ReplyTo } from './query.ts'

/** 2026-11-02T22:00:00Z, two hours before a day's end. */
export const START = Date.UTC(2026, 10, 2, 22)

export function plan(more: Partial<Plan> = {}): Plan {
  return {
    mode: 'direct',
    requested: 'auto',
    tier: 'fast',
    candidates: ['ollama/small', 'ollama/other'],
    effort: 'fast',
    output: 'scan',
    maxOutputTokens: 1024,
    capImposed: true,
    deadlineMs: 60_000,
    reasons: ['auto: short question'],
    rejected: [{ option: 'mid', why: 'not needed' }],
    ...more,
  }
}

export function opened(id: string, more: Partial<Opened> = {}): Opened {
  return { type: 'opened', id, key: 'key_a', subject: 'sub_a', bytes: 400, plan: plan(), ...more }
}

export function settlement(turn: number, more: Partial<Settlement> = {}): Settlement {
  return {
    turn,
    engine: 'ollama',
    model: 'ollama/small',
    tier: 'fast',
    outcome: 'ok',
    usage: { promptTokens: 100, completionTokens: 20 },
    costMicros: 50,
    totalMs: 900,
    ...more,
  }
}

export function attempt(id: string, turn: number, more: Partial<Extract<Entry, { type: 'attempt' }>> = {}) {
  return {
    type: 'attempt',
    id,
    turn,
    model: 'ollama/small',
    engine: 'ollama',
    replica: 'r1',
    offMachine: false,
    cause: turn === 1 ? 'first' : 'failover',
    heldMicros: 500,
    ...more,
  } as const
}

export function ref(at: number): TextRef {
  return { file: 1, at, bytes: 100, sha256: `hash${at}` }
}

/** Gives entries their places in a log, one second apart. */
export function stamped(entries: readonly (Entry | Settled)[], from = 0, start = START): Stamped[] {
  return entries.map((entry, index) => ({ ...entry, seq: from + index, at: start + (from + index) * 1_000 }))
}

/** A request that one turn answers. */
export function answered(id: string, more: Partial<Opened> = {}): Entry[] {
  return [
    opened(id, more),
    attempt(id, 1),
    {
      type: 'closed',
      id,
      outcome: 'answered',
      model: 'ollama/small',
      usage: { promptTokens: 100, completionTokens: 20 },
      costMicros: 50,
      chargedMicros: 50,
      firstTokenMs: 200,
      totalMs: 900,
      settled: [settlement(1)],
    },
  ]
}

/**
 * A long and varied log, the same for the same seed: requests that interleave, retries, children, refusals,
 * aborts, crashes, feedback, erasures, entries of format 1. Times pass over several days.
 */
export function variedLog(count: number, seed = 1): Stamped[] {
  let state = seed
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
  const waiting: (Entry | Settled)[][] = []
  const entries: (Entry | Settled)[] = []
  const generations = new Map<string, number>()
  for (let made = 0; made < count || waiting.length > 0; ) {
    if (made < count && (waiting.length < 8 || random(2) === 0)) waiting.push(story(made++, random))
    const at = random(waiting.length)
    const next = waiting[at]?.shift()
    if (next !== undefined) entries.push(renamed(next, generations))
    if (waiting[at]?.length === 0) waiting.splice(at, 1)
    if (random(400) === 0) {
      // The process dies: what is under way never goes on.
      waiting.length = 0
      entries.push({ type: 'started', version: '1.0.0' })
    }
  }
  return entries.map((entry, seq) => ({ ...entry, seq, at: START + seq * 60_000 }))
}

/** Who was erased is somebody new when seen again, as in the vault. */
function renamed(entry: Entry | Settled, generations: Map<string, number>): Entry | Settled {
  if (!('subject' in entry) || entry.subject === undefined) return entry
  const generation = generations.get(entry.subject) ?? 0
  if (entry.type === 'erasure-begun') generations.set(entry.subject, generation + 1)
  return { ...entry, subject: `${entry.subject}_${generation}` }
}

const TIERS: readonly Tier[] = ['fast', 'mid', 'expert']

function story(number: number, random: (below: number) => number): (Entry | Settled)[] {
  const id = `req_${String(number).padStart(6, '0')}`
  const key = `key_${random(3)}`
  const subject = `sub_${random(5)}`
  const tier = TIERS[random(3)] ?? 'fast'
  const model = `engine${random(2)}/${tier}`
  const head = { key, subject, prompt: ref(number * 1_000) }
  switch (random(9)) {
    case 0:
      return [{ type: 'refused', id, key, code: 'guard_refused', rule: 'secrets' }]
    case 1:
      return format1(id, { ...head, plan: plan({ tier }) }, model)
    case 2:
      return withChild(id, head, model, tier)
    case 3:
      return [{ type: 'erasure-begun', id: `era_${number}`, subject, by: 'key_owner' }]
    case 5: {
      const response =
        random(2) === 0 ? {} : { previous: `req_${String(random(number + 1)).padStart(6, '0')}` }
      const taken = random(3) === 0 ? [{ type: 'response-deleted' as const, id, key }] : []
      return [...answered(id, { ...head, response }), ...taken]
    }
    case 4:
      return [
        ...answered(id, head),
        { type: 'feedback', id: `fb_${number}`, request: id, key, subject, score: -1, correction: ref(7) },
      ]
    default:
      return retried(id, { ...head, plan: plan({ tier }) }, model, tier, random)
  }
}

function retried(
  id: string,
  head: Partial<Opened>,
  model: string,
  tier: Tier,
  random: (below: number) => number,
): Entry[] {
  const failed: Settlement = {
    turn: 1,
    engine: 'ollama',
    model: 'ollama/small',
    tier: 'fast',
    outcome: 'upstream_timeout',
    totalMs: 5,
  }
  const aborted = random(4) === 0
  const last = settlement(2, { model, tier, ...(random(3) === 0 ? { estimated: true } : {}) })
  return [
    opened(id, head),
    attempt(id, 1),
    attempt(id, 2, { model, offMachine: random(2) === 0, settled: [failed] }),
    {
      type: 'closed',
      id,
      outcome: aborted ? 'aborted' : 'answered',
      model,
      chargedMicros: 40,
      totalMs: 1_000,
      ...(aborted ? { code: 'client_closed' as const } : { answer: ref(5) }),
      settled: [last],
    },
  ]
}

export function format1(id: string, head: Partial<Opened>, model: string): (Entry | Settled)[] {
  return [
    opened(id, head),
    attempt(id, 1, { model }),
    {
      type: 'settled',
      id,
      turn: 1,
      engine: 'ollama',
      outcome: 'ok',
      usage: { promptTokens: 30, completionTokens: 3 },
      costMicros: 7,
      totalMs: 80,
    },
    {
      type: 'closed',
      id,
      outcome: 'answered',
      model,
      usage: { promptTokens: 30, completionTokens: 3 },
      costMicros: 7,
      totalMs: 90,
    },
  ]
}

export function withChild(id: string, head: Partial<Opened>, model: string, tier: Tier): Entry[] {
  const child = `${id}_child`
  const usage = { promptTokens: 200, completionTokens: 40 }
  return [
    opened(id, { ...head, plan: plan({ mode: 'retrieve', tier }) }),
    opened(child, { ...(head.key === undefined ? {} : { key: head.key }), parent: id, plan: plan({ tier }) }),
    attempt(child, 1, { model, offMachine: true }),
    {
      type: 'closed',
      id: child,
      outcome: 'answered',
      model,
      usage,
      costMicros: 90,
      chargedMicros: 90,
      totalMs: 500,
      settled: [settlement(1, { model, tier, usage, costMicros: 90 })],
    },
    { type: 'closed', id, outcome: 'answered', model, usage, totalMs: 600, sources: ['cite_1'] },
  ]
}

/** A projection in a folder of its own. */
export function scratch(readText: ReadText = () => ({ type: 'erased' })) {
  const folder = mkdtempSync(join(tmpdir(), 'upshift-index-'))
  const path = join(folder, 'index.db')
  const open = (elapsed: () => number = () => performance.now()): Projection =>
    openProjection({ path, readText, elapsed })
  return { folder, path, open, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export function feed(projection: Projection, entries: readonly Stamped[], batch = 50): void {
  for (const [index, entry] of entries.entries()) {
    projection.visit(entry)
    if (index % batch === batch - 1) projection.commit()
  }
  projection.commit()
}

export function ask<Type extends Query['type']>(
  projection: Projection,
  query: Extract<Query, { type: Type }>,
): ReplyTo<Type> {
  // The reply's type is the question's: the compiler cannot follow that through the union.
  return projection.query(query) as ReplyTo<Type>
}

/** Every row of every table that answers are made from. */
export function dump(path: string): Readonly<Record<string, unknown[]>> {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const tables = ['request', 'detail', 'usage', 'feedback', 'event', 'response']
    return Object.fromEntries(
      tables.map((table) => [table, database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2, 3, 4`).all()]),
    )
  } finally {
    database.close()
  }
}
