import type {
  Attempted,
  Closed,
  Opened,
  Settled,
  Settlement,
  Stamped,
  TextRef,
} from '../../contract/entry.ts'

/** One turn as its entries tell it: how it began, and how it ended where that is known. */
export interface Turn extends Omit<Attempted, 'type' | 'id' | 'settled'> {
  end?: Omit<Settlement, 'turn' | 'engine' | 'model' | 'tier'> & { readonly tier?: string }
}

/** What turns add up to. */
export interface Figures {
  turns: number
  /** Turns whose tokens were stated. */
  counted: number
  promptTokens: number
  completionTokens: number
  cachedTokens: number
  reasoningTokens: number
  /** Turns whose cost was stated. */
  priced: number
  costMicros: number
  unknownMicros: number
  unknownTurns: number
  unpricedTurns: number
  /** Turns that answered, or were never told the end of, without stating tokens. */
  uncountedTurns: number
  estimatedTurns: number
}

/** Where the answer came from. */
export interface Served {
  readonly model: string
  readonly engine: string
  readonly replica: string
  readonly tier: string
}

/** What a request's children did for it. */
export interface Below {
  readonly figures: Figures
  chargedMicros: number | null
  offMachine: boolean
  served: Served | null
}

/** A request that has not ended, gathered from its entries. */
export interface Course {
  readonly opened: Stamped<Opened>
  readonly turns: Turn[]
  readonly below: Below
  subject: string | undefined
  prompt: TextRef | undefined
  erased: boolean
  /** Its row is there, as it stood at some commit. */
  written: boolean
  /** It has changed since its row was last written. */
  changed: boolean
}

export function begin(opened: Stamped<Opened>): Course {
  return {
    opened,
    turns: [],
    below: { figures: noFigures(), chargedMicros: null, offMachine: false, served: null },
    subject: opened.subject,
    prompt: opened.prompt,
    erased: false,
    written: false,
    changed: true,
  }
}

export function attempted(course: Course, entry: Stamped<Attempted>): void {
  for (const one of entry.settled ?? []) settled(course, one)
  course.turns.push({
    turn: entry.turn,
    model: entry.model,
    engine: entry.engine,
    replica: entry.replica,
    offMachine: entry.offMachine,
    cause: entry.cause,
    ...(entry.heldMicros === undefined ? {} : { heldMicros: entry.heldMicros }),
  })
  course.changed = true
}

/** Format 1 told the end of a turn without its model: its attempt has that. */
export function settled(course: Course, entry: Settlement | Settled): void {
  const turn = course.turns.findLast((one) => one.turn === entry.turn)
  if (turn === undefined) return
  const { outcome, totalMs, usage, costMicros, estimated, firstTokenMs } = entry
  const engineStats = 'engineStats' in entry ? entry.engineStats : undefined
  turn.end = {
    outcome,
    totalMs,
    ...('tier' in entry ? { tier: entry.tier } : {}),
    ...(usage === undefined ? {} : { usage }),
    ...(costMicros === undefined ? {} : { costMicros }),
    ...(estimated === undefined ? {} : { estimated }),
    ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
    ...(engineStats === undefined ? {} : { engineStats }),
  }
  course.changed = true
}

export function settledAtEnd(course: Course, entry: Closed): void {
  for (const one of entry.settled ?? []) settled(course, one)
}

/** The subject's texts are gone: nothing points to them any more. */
export function erase(course: Course): void {
  course.subject = undefined
  course.prompt = undefined
  course.erased = true
  course.changed = true
}

export function noFigures(): Figures {
  return {
    turns: 0,
    counted: 0,
    promptTokens: 0,
    completionTokens: 0,
    cachedTokens: 0,
    reasoningTokens: 0,
    priced: 0,
    costMicros: 0,
    unknownMicros: 0,
    unknownTurns: 0,
    unpricedTurns: 0,
    uncountedTurns: 0,
    estimatedTurns: 0,
  }
}

/** A turn whose cost nobody stated counts with its whole hold, as in the budgets. */
export function addTurn(sum: Figures, { end, heldMicros }: Turn): void {
  sum.turns += 1
  const usage = end?.usage
  if (usage !== undefined) {
    sum.counted += 1
    sum.promptTokens += usage.promptTokens
    sum.completionTokens += usage.completionTokens
    sum.cachedTokens += usage.cachedTokens ?? 0
    sum.reasoningTokens += usage.reasoningTokens ?? 0
  } else if (end === undefined || end.outcome === 'ok') sum.uncountedTurns += 1
  if (end?.costMicros !== undefined) {
    sum.priced += 1
    sum.costMicros += end.costMicros
  } else if (heldMicros !== undefined) {
    sum.unknownMicros += heldMicros
    sum.unknownTurns += 1
  } else sum.unpricedTurns += 1
  if (end?.estimated === true) sum.estimatedTurns += 1
}

export function addFigures(sum: Figures, more: Figures): void {
  sum.turns += more.turns
  sum.counted += more.counted
  sum.promptTokens += more.promptTokens
  sum.completionTokens += more.completionTokens
  sum.cachedTokens += more.cachedTokens
  sum.reasoningTokens += more.reasoningTokens
  sum.priced += more.priced
  sum.costMicros += more.costMicros
  sum.unknownMicros += more.unknownMicros
  sum.unknownTurns += more.unknownTurns
  sum.unpricedTurns += more.unpricedTurns
  sum.uncountedTurns += more.uncountedTurns
  sum.estimatedTurns += more.estimatedTurns
}

/** The turn that was delivered, or the last one: of a model where its name is known. */
export function servedBy(course: Course, model: string | undefined): Served | undefined {
  const own =
    course.turns.findLast((turn) => model === undefined || turn.model === model) ?? course.turns.at(-1)
  if (own === undefined) return course.below.served ?? undefined
  const { engine, replica } = own
  return { model: own.model, engine, replica, tier: own.end?.tier ?? course.opened.plan.tier }
}
