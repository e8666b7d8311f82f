import { minuteText } from '../../lib/utc.ts'
import { usdText } from '../usd.ts'
import type { SegmentReport } from './segment.ts'

export interface VerdictContext {
  readonly alpha: number
  readonly explore: number
  readonly blocked: string | undefined
  /** When the verdict is looked at anew, milliseconds since the epoch. */
  readonly retestAt: number | undefined
}

/** The state of a segment in words and numbers: for the record, the head and the report. */
export function verdictWords(report: SegmentReport, context: VerdictContext): string {
  const { netMicros, labels, clipped } = report
  const measured =
    netMicros.estimate === undefined
      ? 'no label yet'
      : `net ${usdText(netMicros.estimate)} a request (${percent(1 - context.alpha)} at any time: ` +
        `${usdText(netMicros.low)} to ${usdText(netMicros.high)}; ${labels} labels` +
        `${clipped > 0 ? `, ${clipped} costs above the bound counted as the bound` : ''})`
  const parts = [`${meaning(report)}: ${measured}`, drawn(context)]
  if (!report.retesting && report.state !== 'unknown' && context.retestAt !== undefined)
    parts.push(`looked at anew from ${minuteText(context.retestAt)}`)
  return parts.join('; ')
}

function meaning({ state, retesting }: SegmentReport): string {
  if (state === 'unknown') return 'it is not known whether escalation pays here, so the prior governs'
  const verdict =
    state === 'pays' ? 'escalation pays here' : 'escalation does not pay here and is switched off'
  return retesting ? `${verdict} (an earlier verdict, looked at anew)` : verdict
}

function drawn({ explore, blocked }: VerdictContext): string {
  return blocked === undefined
    ? `drawn for a trial with ${percent(explore)}`
    : `not drawn for a trial: ${blocked}`
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`
}
