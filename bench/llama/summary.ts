import type { LoopDelay } from '../gateway/measured.ts'
import type { Row, Turns } from './speed.ts'

export interface Gate {
  readonly name: string
  readonly value: number
  readonly bound: string
  /** Null: it could not be told. */
  readonly met: boolean | null
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly node: string
  /** Cores that processes used which are no part of this. */
  readonly othersBusy: number
  readonly stolenShare: number
  readonly seconds: number
}

export interface Report {
  readonly parameters: number
  readonly threads: number
  readonly contextTokens: number
  readonly rows: readonly Row[]
  readonly turns: Turns
  readonly loop: LoopDelay
  readonly gates: readonly Gate[]
  readonly machine: Machine
}

const SPEED_SHARE_MIN = 0.95
const SECOND_TURN_SHARE_MAX = 0.25
const LOOP_P99_MS_MAX = 10
/** Of one core: where others use more, a gate that is missed may be their doing. */
const DISTURBED_SHARE = 0.3

/** `expected`: the sequences that should have been measured. */
export function gatesOf(
  { rows, turns, loop, machine }: Omit<Report, 'gates'>,
  expected: readonly number[],
): readonly Gate[] {
  const missed = machine.othersBusy > DISTURBED_SHARE ? null : false
  const speeds = expected.map((sequences): Gate => {
    const ratio = rows.find((row) => row.sequences === sequences)?.ratio
    const name = `tokens a second, ${sequences} at once, by bare`
    const bound = `≥ ${SPEED_SHARE_MIN}`
    if (ratio === undefined) return { name, value: Number.NaN, bound, met: null }
    return { name, value: ratio, bound, met: ratio >= SPEED_SHARE_MIN || missed }
  })
  const atMost = (name: string, value: number, most: number): Gate => {
    return { name, value, bound: `≤ ${most}`, met: value <= most || missed }
  }
  return [
    ...speeds,
    atMost('first token of a second turn, by the first', turns.ratio, SECOND_TURN_SHARE_MAX),
    atMost('event loop of the gateway late, p99, ms', loop.p99Ms, LOOP_P99_MS_MAX),
  ]
}

export function table({
  parameters,
  threads,
  contextTokens,
  rows,
  turns,
  loop,
  gates,
  machine,
}: Report): string {
  const { cpu, cores, node, othersBusy, stolenShare } = machine
  const lines = [
    `${cores} × ${cpu}, Node ${node}; others used ${othersBusy.toFixed(1)} cores, the host took ${(100 * stolenShare).toFixed(1)} %`,
    `${(parameters / 1e6).toFixed(0)} M parameters in F32, threads: ${threads}, context ${contextTokens}`,
    '',
    'at once   tokens/s: ours    bare   ratio (lowest, highest)   CPU µs/token of the model: ours   bare',
    ...rows.map(rowLine),
    '',
    `first token: ${turns.firstMs.toFixed(0)} ms, in the second turn ${turns.secondMs.toFixed(0)} ms, ${turns.sharedTokens} tokens of it held`,
    `event loop late: p50 ${loop.p50Ms.toFixed(1)} ms, p99 ${loop.p99Ms.toFixed(1)} ms, at most ${loop.maxMs.toFixed(0)} ms`,
    '',
    ...gates.map(gateLine),
  ]
  return `${lines.join('\n')}\n`
}

function rowLine(row: Row): string {
  const number = (value: number, width: number): string => value.toFixed(0).padStart(width)
  const ratio = `${row.ratio.toFixed(3)} (${row.ratioLow.toFixed(2)}, ${row.ratioHigh.toFixed(2)})`
  return `${number(row.sequences, 7)}${number(row.ours, 17)}${number(row.bare, 8)}   ${ratio.padEnd(25)}${number(row.oursCpuUs, 32)}${number(row.bareCpuUs, 7)}`
}

function gateLine({ name, value, bound, met }: Gate): string {
  const word = met === null ? 'NOT MEASURED' : met ? 'met' : 'MISSED'
  const why = met === null ? ', other processes were too busy, or it did not run' : ''
  return `${word.padEnd(12)} ${name}: ${value.toFixed(3)} (${bound})${why}`
}
