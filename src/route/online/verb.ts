import { expectJson } from '../../contract/reply.ts'
import type { ExitCode, Verb, VerbContext } from '../../contract/verb.ts'
import { textTable } from '../../lib/table.ts'
import { minuteText } from '../../lib/utc.ts'
import { WEIGHT_NAMES } from '../escalate/posterior.ts'
import { usdText } from '../usd.ts'
import { backReply, type RoutingReply, routingReply } from './report.ts'

export const reportVerb: Verb = {
  name: 'route report',
  summary: 'Show what going up to a stronger tier was worth, by kind of traffic.',
  details:
    'CALLS were between two tiers: of these the prompt alone sent STRAIGHT UP and left DOWN, and the others were judged by their cheap answer. UP went up after that, and in a shadow WOULD would have. NET is what going up is worth less its price, a request, with an interval that holds at any time; WASTED are pairs in which both answers were right or both wrong, HARMFUL those in which only the cheap one was right. What is drawn, and how it is labelled, is under `route.escalation`; docs/escalation.md has the formulas.',
  examples: ['upshift route report', 'upshift route report --json'],
  run: report,
}

export const versionsVerb: Verb = {
  name: 'route versions',
  summary: 'List the weights of the evidence that were learned, and what a replay said of them.',
  details:
    'Weights are fitted anew after every 50 requests on which both models have answered. A version goes live only where a replay on them rules out that it does worse than the live one. Compare two of them by their figures: log odds for agreement, difference, a cut-off answer, sureness, what of it stands in its passages, a step that failed, a call that is made again, the number of steps, and labelled requests of like meaning.',
  examples: ['upshift route versions', 'upshift route versions --json'],
  run: versions,
}

export const rollbackVerb: Verb = {
  name: 'route rollback',
  summary: 'Go back to the weights that were live before.',
  examples: ['upshift route rollback'],
  run: rollback,
}

async function versions(context: VerbContext): Promise<ExitCode> {
  const { versions: all } = await learned(context)
  if (context.json) context.out.write(`${JSON.stringify({ versions: all }, null, 2)}\n`)
  else {
    const rows = all.map(({ id, live, madeAt, figures, note, replayed }) => [
      `${id}${live ? ' (live)' : ''}`,
      madeAt === 0 ? '-' : minuteText(madeAt),
      ...WEIGHT_NAMES.map((name) => (figures[name] ?? 0).toFixed(2)),
      replayed === null ? note : `${note}; ${replayed.reason}`,
    ])
    context.out.write(
      textTable(['VERSION', 'MADE', ...WEIGHT_NAMES.map((name) => name.toUpperCase()), 'WHY'], rows),
    )
  }
  return 0
}

async function rollback(context: VerbContext): Promise<ExitCode> {
  const server = await context.server()
  const reply = await server.call('POST', '/v1/admin/routing/rollback', {}, context.signal)
  const { live } = await expectJson(reply, backReply)
  context.out.write(context.json ? `${JSON.stringify({ live })}\n` : `Live again: ${live}.\n`)
  return 0
}

async function learned(context: VerbContext): Promise<RoutingReply> {
  const server = await context.server()
  const reply = await server.call('GET', '/v1/admin/routing', undefined, context.signal)
  return expectJson(reply, routingReply)
}

async function report(context: VerbContext): Promise<ExitCode> {
  const told = await learned(context)
  if (context.json) context.out.write(`${JSON.stringify(told, null, 2)}\n`)
  else if (told.segments.length > 0) context.out.write(tableOf(told))
  else {
    context.err.write(
      'Nothing has been decided between two tiers yet. `auto` decides between two tiers once a key may use models of both; see `upshift engines list --models`.\n',
    )
  }
  return 0
}

const HEAD = [
  'TRAFFIC',
  'STATE',
  'CALLS',
  'STRAIGHT UP',
  'DOWN',
  'UP',
  'WOULD',
  'COST',
  'EXPERT TOKENS',
  'LABELS',
  'WASTED',
  'HARMFUL',
  'NET A REQUEST (95 %)',
  'QUALITY PER $',
] as const

function tableOf({ segments }: RoutingReply): string {
  const rows = segments.map((one) => [
    one.segment,
    one.state,
    String(one.calls),
    String(one.straightUp),
    String(one.straightDown),
    String(one.escalated),
    String(one.wouldEscalate),
    usdText(one.costMicros),
    `${(100 * one.tokenShare.expert).toFixed(1)} %`,
    String(one.labels),
    String(one.wasted),
    String(one.harmful),
    rangeOf(one.netMicros, usdText),
    rangeOf(one.qualityPerUsd, (value) => value.toFixed(1)),
  ])
  return `${textTable(HEAD, rows)}\n${segments.map(({ segment, reason }) => `${segment}: ${reason}`).join('\n')}\n`
}

type Range = RoutingReply['segments'][number]['netMicros']

function rangeOf({ estimate, low, high }: Range, text: (value: number) => string): string {
  if (estimate === null) return '-'
  return `${text(estimate)} (${low === null ? 'no bound' : text(low)} to ${high === null ? 'no bound' : text(high)})`
}
