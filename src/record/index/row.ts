import type { Closed, Refused, ResponseMark, Stamped, TextRef } from '../../contract/entry.ts'
import type { Plan } from '../../contract/plan.ts'
import type { Usage } from '../../contract/usage.ts'
import {
  addFigures,
  addTurn,
  type Below,
  type Course,
  type Figures,
  noFigures,
  servedBy,
  type Turn,
} from './course.ts'
import type { Outcome } from './wire.ts'

/** A row of `request` with its row of `detail`: what is kept of one request. */
export interface Row {
  readonly seq: number
  readonly doneSeq: number | null
  readonly at: number
  readonly id: string
  readonly parent: string | null
  readonly key: string
  readonly subject: string | null
  readonly requested: string | null
  readonly tierAsked: string | null
  readonly tier: string | null
  readonly model: string | null
  readonly engine: string | null
  readonly replica: string | null
  readonly mode: string | null
  readonly offMachine: boolean
  readonly outcome: Outcome
  readonly code: string | null
  /** Its own turns and its children's. */
  readonly figures: Figures
  readonly chargedMicros: number | null
  readonly firstTokenMs: number | null
  readonly totalMs: number | null
  readonly erased: boolean
  readonly prompt: TextRef | undefined
  readonly answer: TextRef | undefined
  readonly detail: Detail
}

/** The JSON in `detail.data`. */
export interface Detail {
  readonly bytes?: number
  readonly plan?: Omit<Plan, 'mode' | 'requested' | 'tier'>
  /** Its own turns, never its children's. */
  readonly turns: readonly Turn[]
  readonly verdicts?: Closed['verdicts']
  readonly sources?: Closed['sources']
  readonly rule?: string
  /** What was made of its cheap answer. */
  readonly judged?: Closed['judged']
  readonly response?: ResponseMark
  /** Of a response: what it told its caller, which is the delivered turn's. */
  readonly usage?: Usage
  /** While it is open: what its children have done so far. */
  readonly below?: Below
}

/** How a request's entries end: by its own, by a later start that finds it open, or not yet. */
export type End =
  | { readonly type: 'closed'; readonly entry: Stamped<Closed> }
  | { readonly type: 'lost'; readonly seq: number }
  | { readonly type: 'open' }

export function rowOf(course: Course, end: End): Row {
  const { opened, below } = course
  const { plan } = opened
  const closed = end.type === 'closed' ? end.entry : undefined
  const figures = noFigures()
  addFigures(figures, below.figures)
  for (const turn of course.turns) addTurn(figures, turn)
  const served = servedBy(course, closed?.model)
  return {
    seq: opened.seq,
    doneSeq: closed?.seq ?? (end.type === 'lost' ? end.seq : null),
    at: opened.at,
    id: opened.id,
    parent: opened.parent ?? null,
    key: opened.key,
    subject: course.subject ?? null,
    requested: plan.requested,
    tierAsked: plan.tier,
    tier: served?.tier ?? null,
    model: closed?.model ?? served?.model ?? null,
    engine: served?.engine ?? null,
    replica: served?.replica ?? null,
    mode: plan.mode,
    offMachine: below.offMachine || course.turns.some((turn) => turn.offMachine),
    outcome: closed?.outcome ?? (end.type === 'lost' ? 'lost' : 'open'),
    code: closed?.code ?? null,
    figures,
    chargedMicros: closed?.chargedMicros ?? below.chargedMicros,
    firstTokenMs: closed?.firstTokenMs ?? null,
    totalMs: closed?.totalMs ?? null,
    erased: course.erased,
    prompt: course.prompt,
    answer: course.erased ? undefined : closed?.answer,
    detail: detailOf(course, closed, end.type === 'open'),
  }
}

function detailOf({ opened, turns, below }: Course, closed: Closed | undefined, open: boolean): Detail {
  const { mode: _mode, requested: _requested, tier: _tier, ...plan } = opened.plan
  return {
    bytes: opened.bytes,
    plan,
    turns,
    ...(closed?.verdicts === undefined ? {} : { verdicts: closed.verdicts }),
    ...(closed?.sources === undefined ? {} : { sources: closed.sources }),
    ...(closed?.judged === undefined ? {} : { judged: closed.judged }),
    ...(opened.response === undefined ? {} : { response: opened.response }),
    ...(opened.response === undefined || closed?.usage === undefined ? {} : { usage: closed.usage }),
    ...(open ? { below } : {}),
  }
}

/** A request that was refused before any dispatch. */
export function refusedRow(entry: Stamped<Refused>): Row {
  return {
    seq: entry.seq,
    doneSeq: entry.seq,
    at: entry.at,
    id: entry.id,
    parent: entry.parent ?? null,
    key: entry.key,
    subject: null,
    requested: null,
    tierAsked: null,
    tier: null,
    model: null,
    engine: null,
    replica: null,
    mode: null,
    offMachine: false,
    outcome: 'refused',
    code: entry.code,
    figures: noFigures(),
    chargedMicros: null,
    firstTokenMs: null,
    totalMs: null,
    erased: false,
    prompt: undefined,
    answer: undefined,
    detail: { turns: [], ...(entry.rule === undefined ? {} : { rule: entry.rule }) },
  }
}

/** What a child's row adds to its parent's. */
export function fold(below: Below, child: Row): void {
  addFigures(below.figures, child.figures)
  if (child.chargedMicros !== null) below.chargedMicros = (below.chargedMicros ?? 0) + child.chargedMicros
  below.offMachine ||= child.offMachine
  const { model, engine, replica, tier } = child
  if (model !== null && engine !== null && replica !== null && tier !== null)
    below.served = { model, engine, replica, tier }
}
