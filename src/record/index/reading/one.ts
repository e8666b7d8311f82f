import type { TextRef } from '../../../contract/entry.ts'
import type { Judgement } from '../../../contract/escalation.ts'
import type { Turn } from '../course.ts'
import type { KeptText, Query, SubjectPage } from '../query.ts'
import { type Columns, number, numberOrNull, readDetail, readRef, text, textOrNull } from '../rows.ts'
import type { FeedbackView, RequestDetail, RequestView, TextView, TurnView } from '../wire.ts'
import { reached, WINDOW_SEQS } from './filter.ts'
import type { Source } from './reading.ts'
import { viewOf } from './view.ts'

/** Children and judgements that one request is shown with. */
const SHOWN_MAX = 100

/** One request with everything its entries say; null where there is none, or it is another key's. */
export function requestOf(
  source: Source,
  { id, key, text: withText }: Extract<Query, { type: 'request' }>,
): RequestDetail | null {
  const columns = source.store
    .prepare('SELECT * FROM request JOIN detail USING (seq) WHERE id = ? AND seq > ?')
    .get(id, source.floor())
  if (columns === undefined || (key !== undefined && columns['key'] !== key)) return null
  const detail = detailOf(source, columns, withText)
  if (!withText) return detail
  const { prompt, answer } = refsOf(columns)
  const subject = textOrNull(columns, 'subject')
  return {
    ...detail,
    prompt: textOf(source, subject, prompt, detail.erased),
    answer: textOf(source, subject, answer, detail.erased),
  }
}

function detailOf(source: Source, columns: Columns, withText: boolean): RequestDetail {
  const view = viewOf(columns)
  const { bytes, plan, turns, verdicts, sources, rule, judged } = readDetail(columns)
  return {
    ...view,
    bytes: bytes ?? null,
    rule: rule ?? null,
    erased: columns['erased'] === 1,
    plan:
      plan === undefined
        ? null
        : {
            ...plan,
            candidates: [...plan.candidates],
            reasons: [...plan.reasons],
            rejected: plan.rejected.map((one) => ({ ...one })),
          },
    attempts: turns.map(turnOf),
    verdicts: [...(verdicts ?? [])],
    sources: [...(sources ?? [])],
    judged: judged === undefined ? null : judgedView(judged),
    children: childrenOf(source, view.id),
    feedback: feedbackOf(source, view.id, withText),
  }
}

/** Figures as they stand in the record: what was foreseen and seen, whatever of it there was. */
function judgedView({ evidence, drawn, compared, ...told }: Judgement): RequestDetail['judged'] {
  return {
    ...told,
    evidence: evidence === undefined ? null : { ...evidence },
    drawn: drawn === undefined ? null : { ...drawn, terms: { ...drawn.terms } },
    compared: compared === undefined ? null : { ...compared },
  }
}

function turnOf({ turn, cause, model, engine, replica, offMachine, heldMicros, end }: Turn): TurnView {
  return {
    turn,
    cause,
    model,
    tier: end?.tier ?? null,
    engine,
    replica,
    offMachine,
    outcome: end?.outcome ?? null,
    promptTokens: end?.usage?.promptTokens ?? null,
    completionTokens: end?.usage?.completionTokens ?? null,
    costMicros: end?.costMicros ?? null,
    heldMicros: heldMicros ?? null,
    estimated: end?.estimated === true,
    firstTokenMs: end?.firstTokenMs ?? null,
    totalMs: end?.totalMs ?? null,
    cachedTokens: end?.usage?.cachedTokens ?? null,
    engineStats: end?.engineStats ?? null,
  }
}

function childrenOf({ store }: Source, id: string): RequestView[] {
  return store
    .prepare('SELECT * FROM request WHERE parent = ? ORDER BY seq LIMIT ?')
    .all(id, SHOWN_MAX)
    .map(viewOf)
}

export function feedbackOf(source: Source, request: string, withText: boolean): FeedbackView[] {
  return source.store
    .prepare('SELECT * FROM feedback WHERE request = ? ORDER BY seq LIMIT ?')
    .all(request, SHOWN_MAX)
    .map((columns) => feedbackView(source, columns, withText))
}

function feedbackView(source: Source, columns: Columns, withText: boolean): FeedbackView {
  const ref = readRef(columns['correction'])
  return {
    id: text(columns, 'id'),
    at: number(columns, 'at'),
    request: text(columns, 'request'),
    key: text(columns, 'key'),
    score: numberOrNull(columns, 'score'),
    corrected: ref !== undefined,
    ...(withText && ref !== undefined
      ? { correction: textOf(source, textOrNull(columns, 'subject'), ref, false) }
      : {}),
  }
}

function textOf(source: Source, subject: string | null, ref: TextRef | undefined, erased: boolean): TextView {
  if (ref === undefined || subject === null) return { state: erased ? 'erased' : 'none' }
  return textView(source.readText(subject, ref))
}

function textView(kept: KeptText): TextView {
  return kept.type === 'text'
    ? { state: 'text', text: Buffer.from(kept.text).toString('utf8') }
    : { state: kept.type }
}

/**
 * Requests of a subject, children too, and what was said about them, in the order of the log. A page looks through
 * one window of the log at most, so it may be empty and still have a next one.
 */
export function subjectOf(source: Source, query: Extract<Query, { type: 'subject' }>): SubjectPage {
  const { store } = source
  const after = Math.max(query.after ?? -1, source.floor())
  const through = after + WINDOW_SEQS
  const of = 'WHERE subject = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?'
  const values = [query.subject, after, through, query.limit]
  const requests = store.prepare(`SELECT * FROM request JOIN detail USING (seq) ${of}`).all(...values)
  const feedback = store.prepare(`SELECT * FROM feedback ${of}`).all(...values)
  const seqs = [...requests, ...feedback].map((columns) => number(columns, 'seq')).sort((a, b) => a - b)
  const full = seqs.length >= query.limit
  const last = full ? (seqs[query.limit - 1] ?? through) : through
  const within = (columns: Columns): boolean => number(columns, 'seq') <= last
  return {
    requests: requests
      .filter(within)
      .map((columns) => ({ ...detailOf(source, columns, false), refs: refsOf(columns) })),
    feedback: feedback.filter(within).map((columns) => {
      const ref = readRef(columns['correction'])
      return { ...feedbackView(source, columns, false), ...(ref === undefined ? {} : { ref }) }
    }),
    next: full || reached(source) - 1 > through ? last : null,
  }
}

export function refsOf(columns: Columns): { readonly prompt?: TextRef; readonly answer?: TextRef } {
  const prompt = readRef(columns['prompt'])
  const answer = readRef(columns['answer'])
  return { ...(prompt === undefined ? {} : { prompt }), ...(answer === undefined ? {} : { answer }) }
}
