import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LONG_CHINESE, MAIN_BODY } from './cases.ts'
import type { Measured, Row } from './measure.ts'
import { figuresOf, gatesOf, type Run, ratiosOf } from './summary.ts'
import type { Name } from './targets.ts'

const ZERO: Measured = {
  perSecond: 0,
  p50Ms: 0,
  p95Ms: 0,
  p99Ms: 0,
  firstMs: 0,
  cpuUs: 1,
  busy: 1,
  clientBusy: 0,
  engineBusy: 0,
  othersBusy: 0,
  loopP99Ms: 1,
  loopMaxMs: 1,
}

function row(kind: Row['case']['kind'], body: Row['case']['body'], connections: number, speeds: Speeds): Row {
  const rounds: Partial<Record<Name, readonly Measured[]>> = {}
  const medians: Partial<Record<Name, Measured>> = {}
  for (const [name, [perSecond, firstMs]] of Object.entries(speeds)) {
    // A parser: the entries of a record of names.
    const key = name as Name
    // The machine was twice as fast in the second round: a ratio within a round does not see it.
    rounds[key] = [1, 2].map((factor) => ({ ...ZERO, perSecond: perSecond * factor, firstMs }))
    medians[key] = { ...ZERO, perSecond, firstMs }
  }
  return { case: { kind, body, connections }, medians, rounds }
}

type Speeds = Partial<Record<Name, readonly [number, number]>>

function runWith(speeds: Speeds, upshiftMiB: number): Run {
  const peaks = { upshift: peak(upshiftMiB), ...('portkey' in speeds ? { portkey: peak(250) } : {}) }
  const main = [1, 16, 64].map((connections) => row('json', MAIN_BODY, connections, speeds))
  const streams = (['burst', 'paced'] as const).map((kind) => row(kind, MAIN_BODY, 16, speeds))
  return { rows: [...main, ...streams, row('json', LONG_CHINESE, 64, speeds)], peaks, coldStart: undefined }
}

function peak(mib: number) {
  return { mainRow: mib * 1_048_576, wholeRun: mib * 1_048_576 }
}

const FAST: Speeds = {
  direct: [50_000, 1],
  proxy: [20_000, 1.2],
  upshift: [9_000, 1.5],
  portkey: [1_000, 30],
}

test('a fast Upshift meets every gate, by ratios within a round', () => {
  const run = runWith(FAST, 200)
  assert.equal(ratiosOf(run).rpsVsPortkey16, 9)
  assert.equal(ratiosOf(run).rpsVsProxy64, 0.45)
  assert.equal(ratiosOf(run).addedTtftMs, 0.5)
  assert.ok(gatesOf(run).every(({ met }) => met === true))
  assert.equal(figuresOf(run, 'upshift').rps.c16, 9_000)
})

test('a slow, large Upshift misses them', () => {
  const gates = gatesOf(runWith({ ...FAST, upshift: [900, 3] }, 300))
  assert.deepEqual(
    gates.map(({ met }) => met),
    [false, false, false, false, false, false, false, true],
  )
})

test('without Portkey its figures are null and its gates unknown, and the others still stand', () => {
  const { portkey, ...rest } = FAST
  assert.ok(portkey !== undefined)
  const run = runWith(rest, 200)
  assert.equal(ratiosOf(run).rpsVsPortkey16, null)
  assert.equal(ratiosOf(run).rssVsPortkey, null)
  const unknown = gatesOf(run).filter(({ met }) => met === null)
  assert.equal(unknown.length, 4)
  assert.ok(gatesOf(run).every(({ met }) => met !== false))
})
