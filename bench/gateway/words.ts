import { PACE_MS } from './cases.ts'
import type { ColdStart } from './cold-start.ts'
import { STREAM_EVENTS } from './engine.ts'
import type { Measured, Row } from './measure.ts'
import { type Gate, type Run, ratiosOf } from './summary.ts'
import { NAMES } from './targets.ts'

/** The tables of a run. */
const MIB = 1_048_576
/** A process that uses this share of a core or more is what limits a case. */
const FULL_SHARE = 0.9
/** Of one core: what other processes may use without a word. */
const DISTURBED_SHARE = 0.15

export function tables(run: Run, gates: readonly Gate[]): string {
  const lines = [...run.rows.flatMap(rowLines), '', ...peakLines(run)]
  if (run.coldStart !== undefined) lines.push('', ...startLines(run.coldStart))
  const ratios = Object.entries(ratiosOf(run)).filter(([, value]) => value !== null)
  lines.push('', 'Upshift by the others, on the 4 KB row')
  for (const [name, value] of ratios) lines.push(`  ${name.padEnd(24)}${value?.toFixed(2)}`)
  lines.push('', 'Gates', ...gates.map(gateLine))
  return `${lines.join('\n')}\n`
}

function rowLines(row: Row): string[] {
  const { case: one, medians } = row
  const what = {
    json: 'whole answers',
    burst: `streams of ${STREAM_EVENTS} events in one write`,
    paced: `streams of ${STREAM_EVENTS} events ${PACE_MS} ms apart`,
  }[one.kind]
  const head = `${one.body.name}, ${one.connections} connection${one.connections === 1 ? '' : 's'}, ${what}`
  const columns =
    '                  /s   p50 ms   p95 ms   p99 ms first ms   CPU µs  busy  loop p99   max  (busy: client, engine, others)'
  const shown = NAMES.flatMap((name) => {
    const seen = medians[name]
    return seen === undefined ? [] : [`  ${name.padEnd(13)}${figures(seen)}${limit(name, seen)}`]
  })
  return ['', head, columns, ...shown]
}

function figures(one: Measured): string {
  const number = (value: number | null, width: number, digits: number): string =>
    (value === null ? '-' : value.toFixed(digits)).padStart(width)
  return [
    number(one.perSecond, 7, 0),
    number(one.p50Ms, 9, 2),
    number(one.p95Ms, 9, 2),
    number(one.p99Ms, 9, 2),
    number(one.firstMs, 9, 2),
    number(one.cpuUs, 9, 0),
    number(one.busy, 6, 2),
    number(one.loopP99Ms, 10, 1),
    number(one.loopMaxMs, 6, 0),
    `   ${number(one.clientBusy, 4, 2)} ${number(one.engineBusy, 4, 2)} ${number(one.othersBusy, 4, 2)}`,
  ].join('')
}

/** Says where a figure is the bench's own limit and not the target's. */
function limit(name: string, one: Measured): string {
  if (one.othersBusy > DISTURBED_SHARE) return '  DISTURBED by other processes'
  if (one.busy >= FULL_SHARE || one.clientBusy < FULL_SHARE) return ''
  return name === 'direct' ? '  (limited by the client)' : '  LIMITED BY THE CLIENT: the target could do more'
}

function peakLines({ peaks }: Run): string[] {
  const mib = (bytes: number): string => `${(bytes / MIB).toFixed(0).padStart(5)} MiB`
  const lines = NAMES.flatMap((name) => {
    const peak = peaks[name]
    return peak === undefined
      ? []
      : [`  ${name.padEnd(13)}${mib(peak.mainRow)} up to the 4 KB row, ${mib(peak.wholeRun)} in all`]
  })
  return ['Resident memory at most', ...lines]
}

function startLines(start: ColdStart): string[] {
  return [
    `Start over ${start.entries} entries (${(start.logBytes / MIB).toFixed(0)} MiB), from exec to the first 200 of /health`,
    `  from the log alone ${start.rebuiltMs.toFixed(0)} ms (what is derived from it caught up ${start.caughtUpMs.toFixed(0)} ms later; ` +
      `${(start.rebuiltPeakRssBytes / MIB).toFixed(0)} MiB at most), after an orderly end ${start.restartMs.toFixed(0)} ms`,
  ]
}

function gateLine({ name, value, bound, met }: Gate): string {
  const verdict = met === null ? 'UNKNOWN' : met ? 'met' : 'MISSED'
  return `  ${verdict.padEnd(8)}${name}: ${value === null ? 'not measured' : value.toFixed(2)} (${bound})`
}
