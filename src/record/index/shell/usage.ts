import { UsageError, type VerbContext } from '../../../contract/verb.ts'
import { textTable } from '../../../lib/table.ts'
import { secondText } from '../../../lib/utc.ts'
import { dimensionsOf } from '../parameters.ts'
import { DIMENSIONS, type UsageReply, usageReply } from '../wire.ts'
import { checkMoment, checkPublicId, get, textOf } from './asking.ts'
import { bar, dollars, percent, whole } from './print.ts'

const DEFAULT_SINCE = '30d'

/** What was used and what it cost. */
export async function usage(context: VerbContext): Promise<0> {
  const parameters = new URLSearchParams()
  const by = textOf(context.flags, 'by') ?? 'day'
  if (dimensionsOf(by) === undefined) {
    throw new UsageError(
      `--by takes some of ${DIMENSIONS.join(', ')}, separated by commas, each once, not "${by}"`,
    )
  }
  parameters.set('by', by)
  for (const name of ['since', 'until', 'key']) {
    const value = textOf(context.flags, name) ?? (name === 'since' ? DEFAULT_SINCE : undefined)
    if (value === undefined) continue
    checkMoment(name, value)
    checkPublicId(name, value)
    parameters.set(name, value)
  }
  const reply = await get(context, await context.server(), '/v1/usage', parameters, usageReply)
  if (context.json) context.out.write(`${JSON.stringify(reply)}\n`)
  else print(context, reply)
  return 0
}

function print(context: VerbContext, reply: UsageReply): void {
  const from = reply.since === null ? 'the beginning' : secondText(reply.since)
  const to = reply.until === null ? 'now' : secondText(reply.until)
  context.err.write(`From ${from} to ${to}, in whole hours of UTC.\n`)
  if (reply.totals.requests === 0 && reply.totals.turns === 0) {
    context.err.write(
      'Nothing was used in that time. Look further back (--since 90d), or ask something first.\n',
    )
    return
  }
  context.out.write(table(reply))
  const tiers = reply.tiers.filter(({ tokens }) => tokens > 0)
  if (tiers.length > 0) context.out.write(`\nTokens by tier\n${bars(tiers)}`)
  for (const note of notes(reply)) context.err.write(`${note}\n`)
}

function table({ by, data, totals }: UsageReply): string {
  const head = [
    ...by.map((name) => name.toUpperCase()),
    'REQUESTS',
    'FAILED',
    'TOKENS',
    'SHARE',
    'COST',
    'CHARGED',
    'UNKNOWN',
  ]
  const figures = (row: UsageReply['totals'], share: number): string[] => [
    whole(row.requests),
    whole(row.failed + row.lost),
    whole(row.tokens),
    percent(share),
    dollars(row.costMicros),
    dollars(row.chargedMicros),
    dollars(row.unknownMicros),
  ]
  const rows = data.map((row) => [...by.map((name) => row[name] || '-'), ...figures(row, row.tokenShare)])
  const total = by.map((_, at) => (at === 0 ? 'total' : ''))
  return textTable(head, [...rows, [...total, ...figures(totals, totals.tokens === 0 ? 0 : 1)]])
}

function bars(tiers: UsageReply['tiers']): string {
  const width = Math.max(...tiers.map(({ tier }) => tier.length))
  return tiers
    .map(({ tier, tokens, tokenShare }) => `  ${tier.padEnd(width)}  ${bar(tokenShare)}  ${whole(tokens)}\n`)
    .join('')
}

function notes({ totals, truncated }: UsageReply): string[] {
  const said: string[] = []
  if (truncated) said.push('There are more rows than are shown; the total holds them all.')
  if (totals.refused > 0)
    said.push(`Requests that were refused before any dispatch: ${whole(totals.refused)}.`)
  if (totals.unknownTurns > 0) {
    said.push(
      `UNKNOWN: attempts that ended without a stated cost, and count with their worst case: ${whole(totals.unknownTurns)}.`,
    )
  }
  if (totals.unpricedTurns > 0)
    said.push(`Attempts on models without a price: ${whole(totals.unpricedTurns)}.`)
  if (totals.uncountedTurns > 0) said.push(`Attempts that stated no tokens: ${whole(totals.uncountedTurns)}.`)
  if (totals.estimatedTurns > 0)
    said.push(`Attempts with estimated figures: ${whole(totals.estimatedTurns)}.`)
  return said
}
