import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROOF_RULES } from '../../src/route/proof/segment.ts'
import { type Summary, summarise } from './uplift-gates.ts'
import { runWorld, truthOf, WORLDS, type World } from './uplift-world.ts'

const RUNS = 8

function named(name: string): World {
  const world = WORLDS.find((one) => one.name === name)
  assert.ok(world)
  return world
}

function trial(name: string, rules = PROOF_RULES): Summary {
  const world = named(name)
  return summarise(
    world,
    Array.from({ length: RUNS }, (_, run) => runWorld(world, run, rules)),
  )
}

test('the gains of the segments are what their names say', () => {
  const nets = WORLDS.map((world) => [world.name, Math.round(truthOf(world.gains(0)).netMicros)])
  assert.deepEqual(nets, [
    ['paying', 2_800],
    ['paying, single runs at 30 %', 2_800],
    ['losing', -4_600],
    ['zero', 0],
    ['rare', 560],
    ['drifting', 2_800],
  ])
})

test('the same seed makes the same run', () => {
  assert.deepEqual(runWorld(named('losing'), 7), runWorld(named('losing'), 7))
})

test('a losing segment passes under the rules, and intervals that are too narrow are caught', () => {
  assert.deepEqual(trial('losing').missed, [])
  const narrow = trial('losing', { ...PROOF_RULES, alpha: 0.999 })
  assert.match(narrow.missed.join('; '), /covered at all times in .* must be 93\.0 %/)
})

test('each gate is missed by runs that miss it', () => {
  const run = {
    labels: 500,
    epochs: 1,
    state: 'unknown',
    netCovered: true,
    partsCovered: true,
    pays: undefined,
    off: undefined,
  } as const
  const off = { labels: 200, day: 3 }
  const missedBy = (name: string, made: object): string =>
    summarise(named(name), [{ ...run, ...made }]).missed.join('; ')
  assert.match(missedBy('paying', { off }), /never switched off in 0\.0 %/)
  assert.match(missedBy('losing', { off }), /off within 150 labels in 0\.0 %/)
  assert.match(missedBy('losing', { off: { labels: 9, day: 1 }, pays: off }), /never said to pay in 0\.0 %/)
  assert.match(missedBy('zero', { pays: off }), /no verdict in 0\.0 %/)
  assert.match(missedBy('drifting', { off }), /within 35 days of the turn/)
  assert.match(missedBy('rare', { partsCovered: false }), /yield are covered at all times in 0\.0 %/)
  assert.match(summarise(named('zero'), []).missed.join('; '), /no run was made/)
  assert.equal(missedBy('drifting', { off: { labels: 200, day: 50 } }), '')
})
