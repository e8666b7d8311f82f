import type { VerbContext } from '../../../contract/verb.ts'
import { textTable } from '../../../lib/table.ts'
import { secondText } from '../../../lib/utc.ts'
import { readable } from '../reading/readable.ts'
import { type RequestDetail, requestDetail, type TextView } from '../wire.ts'
import { get } from './asking.ts'
import { costOf, dollars, outcomeOf, printable, whole } from './print.ts'

/** One request with all that its record says. */
export async function show(context: VerbContext): Promise<0> {
  const server = await context.server()
  const parameters = new URLSearchParams(context.flags['text'] === true ? { text: 'true' } : {})
  const path = `/v1/requests/${encodeURIComponent(context.args[0] ?? '')}`
  const one = await get(context, server, path, parameters, requestDetail)
  context.out.write(context.json ? `${JSON.stringify(one)}\n` : shown(one))
  return 0
}

function shown(one: RequestDetail): string {
  const parts = [facts(one), attempts(one), children(one), judgements(one)]
  if (one.prompt !== undefined) parts.push(textPart('Prompt', one.prompt))
  if (one.answer !== undefined) parts.push(textPart('Answer', one.answer))
  return parts.filter((part) => part !== '').join('\n')
}

function facts(one: RequestDetail): string {
  const tokens = `${whole(one.promptTokens)} in, ${whole(one.completionTokens)} out`
  const rows: (readonly [string, string | null])[] = [
    ['id', one.id],
    ['made for', one.parent],
    ['opened', secondText(one.at)],
    ['key', one.key],
    ['subject', one.erased ? 'erased' : one.subject],
    ['asked for', one.requested && `${one.requested} (${one.tierAsked})`],
    ['served by', one.model && `${one.model} (${one.tier ?? 'no tier'}) on ${one.replica ?? 'no replica'}`],
    ['mode', one.mode],
    ['left machine', one.offMachine ? 'yes' : 'no'],
    ['outcome', outcomeOf(one)],
    ['rule', one.rule],
    ['tokens', tokens],
    ['cost', `${costOf(one)}, charged ${dollars(one.chargedMicros)}${one.estimated ? ', estimated' : ''}`],
    ['times', `first token ${milliseconds(one.firstTokenMs)}, whole ${milliseconds(one.totalMs)}`],
    ['because', one.plan?.reasons.join('; ') ?? null],
    ['judged', one.judged?.reason ?? null],
    ['evidence', evidenceOf(one.judged)],
    ['not', one.plan?.rejected.map(({ option, why }) => `${option}: ${why}`).join('; ') || null],
    ['checks', one.verdicts.map(({ check, outcome }) => `${check} ${outcome}`).join(', ') || null],
    ['quotes', one.sources.join(', ') || null],
  ]
  const told = rows.filter((row): row is readonly [string, string] => row[1] !== null && row[1] !== '')
  return told.map(([name, value]) => `${name.padEnd(13)}${printable(value).replaceAll('\n', ' ')}\n`).join('')
}

function evidenceOf(judged: RequestDetail['judged']): string | null {
  const parts = { ...judged?.evidence, ...judged?.compared }
  const told = Object.entries(parts).map(
    ([name, value]) =>
      `${name} ${typeof value === 'number' ? Number(value.toFixed(3)) : JSON.stringify(value)}`,
  )
  return told.length === 0 ? null : told.join(', ')
}

function milliseconds(ms: number | null): string {
  return ms === null ? '-' : `${whole(ms)} ms`
}

function attempts({ attempts: turns }: RequestDetail): string {
  if (turns.length === 0) return ''
  const head = ['TURN', 'WHY', 'MODEL', 'REPLICA', 'OUTCOME', 'TOKENS', 'COST', 'HELD', 'MS']
  const rows = turns.map((one) => [
    String(one.turn),
    one.cause ?? '-',
    one.model,
    one.replica ?? '-',
    one.outcome ?? 'never told',
    one.promptTokens === null ? '-' : whole(one.promptTokens + (one.completionTokens ?? 0)),
    dollars(one.costMicros),
    dollars(one.heldMicros),
    whole(one.totalMs),
  ])
  return textTable(head, rows)
}

function children({ children: made }: RequestDetail): string {
  if (made.length === 0) return ''
  const rows = made.map((one) => [one.id, one.model ?? '-', outcomeOf(one), costOf(one)])
  return textTable(['MADE FOR IT', 'MODEL', 'OUTCOME', 'COST'], rows)
}

function judgements({ feedback }: RequestDetail): string {
  if (feedback.length === 0) return ''
  const rows = feedback.map((one) => [
    one.id,
    secondText(one.at),
    one.score === null ? '-' : String(one.score),
    one.correction === undefined ? (one.corrected ? 'kept (--text shows it)' : '-') : plain(one.correction),
  ])
  return textTable(['FEEDBACK', 'AT', 'SCORE', 'TEXT'], rows)
}

function textPart(title: string, view: TextView): string {
  return `${title}\n${indented(printable(plain(view)))}\n`
}

const WHY_NOT: Readonly<Record<Exclude<TextView['state'], 'text'>, string>> = {
  none: 'No text was kept.',
  erased: 'Its subject was erased, and the text with it.',
  expired: 'The text has gone by the retention policy.',
  damaged: 'DAMAGED: what lies in the vault is not what the log says it was. Run `upshift audit verify`.',
}

function plain(view: TextView): string {
  return view.state === 'text' ? readable(view.text ?? '') : WHY_NOT[view.state]
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`.trimEnd())
    .join('\n')
}
