import type { SQLInputValue } from 'node:sqlite'
import type { Query } from '../query.ts'
import { type Columns, number, text } from '../rows.ts'
import { hourOf, hourStart, SUM_COLUMNS } from '../sums.ts'
import type { Dimension, Sums, UsageReply } from '../wire.ts'
import type { Source } from './reading.ts'

/** Rows of one answer; the totals hold the rest too. */
const ROWS_MAX = 10_000

const GROUPS: Readonly<Record<Dimension, string>> = {
  key: 'key',
  model: 'model',
  tier: 'tier',
  day: 'hour / 24',
}

/** Sums over whole UTC hours: `since` is rounded down and `until` up, and the answer says to what. */
export function usage({ store }: Source, query: Extract<Query, { type: 'usage' }>): UsageReply {
  const { by } = query
  const first = query.since === undefined ? null : hourOf(query.since)
  const end = query.until === undefined ? null : hourOf(query.until - 1) + 1
  const { where, values } = conditions(first, end, query.key)
  const sums = [...SUM_COLUMNS.map((name) => `sum(${name}) AS ${name}`), TOKENS].join(', ')
  const totals = sumsOf(store.prepare(`SELECT ${sums} FROM usage ${where}`).get(...values) ?? {})
  const groups = by.map((name) => `${GROUPS[name]} AS "${name}"`).join(', ')
  const order = by.includes('day') ? 'day DESC, tokens DESC, requests DESC' : 'tokens DESC, requests DESC'
  const rows = store
    .prepare(
      `SELECT ${groups === '' ? '' : `${groups}, `}${sums} FROM usage ${where}
       ${groups === '' ? '' : `GROUP BY ${by.map((_, at) => at + 1).join(', ')} ORDER BY ${order}`} LIMIT ?`,
    )
    .all(...values, by.length === 0 ? 0 : ROWS_MAX + 1)
  const tiers = store
    .prepare(`SELECT tier, ${TOKENS} FROM usage ${where} GROUP BY tier ORDER BY tokens DESC`)
    .all(...values)
  const share = (tokens: number): number => (totals.tokens === 0 ? 0 : tokens / totals.tokens)
  return {
    since: first === null ? null : hourStart(first),
    until: end === null ? null : hourStart(end),
    by: [...by],
    data: rows.slice(0, ROWS_MAX).map((columns) => {
      const summed = sumsOf(columns)
      return { ...groupOf(columns, by), ...summed, tokenShare: share(summed.tokens) }
    }),
    truncated: rows.length > ROWS_MAX,
    totals,
    tiers: tiers.map((columns) => {
      const tokens = number(columns, 'tokens')
      return { tier: text(columns, 'tier'), tokens, tokenShare: share(tokens) }
    }),
  }
}

const TOKENS = 'sum(prompt_tokens + completion_tokens) AS tokens'

function conditions(
  first: number | null,
  end: number | null,
  key: string | undefined,
): { where: string; values: SQLInputValue[] } {
  const parts: string[] = []
  const values: SQLInputValue[] = []
  for (const [part, value] of [
    ['hour >= ?', first],
    ['hour < ?', end],
    ['key = ?', key ?? null],
  ] as const) {
    if (value === null) continue
    parts.push(part)
    values.push(value)
  }
  return { where: parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`, values }
}

function groupOf(columns: Columns, by: readonly Dimension[]): { [Name in Dimension]?: string } {
  const group: { [Name in Dimension]?: string } = {}
  for (const name of by) group[name] = name === 'day' ? dayName(number(columns, 'day')) : text(columns, name)
  return group
}

function dayName(day: number): string {
  return new Date(hourStart(day * 24)).toISOString().slice(0, 10)
}

function sumsOf(columns: Columns): Sums {
  return {
    requests: number(columns, 'requests'),
    answered: number(columns, 'answered'),
    declined: number(columns, 'declined'),
    failed: number(columns, 'failed'),
    aborted: number(columns, 'aborted'),
    refused: number(columns, 'refused'),
    lost: number(columns, 'lost'),
    turns: number(columns, 'turns'),
    promptTokens: number(columns, 'prompt_tokens'),
    completionTokens: number(columns, 'completion_tokens'),
    tokens: number(columns, 'tokens'),
    cachedTokens: number(columns, 'cached_tokens'),
    reasoningTokens: number(columns, 'reasoning_tokens'),
    costMicros: number(columns, 'cost_micros'),
    chargedMicros: number(columns, 'charged_micros'),
    unknownMicros: number(columns, 'unknown_micros'),
    unknownTurns: number(columns, 'unknown_turns'),
    unpricedTurns: number(columns, 'unpriced_turns'),
    uncountedTurns: number(columns, 'uncounted_turns'),
    estimatedTurns: number(columns, 'estimated_turns'),
  }
}
