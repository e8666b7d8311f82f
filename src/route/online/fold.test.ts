import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from '../../contract/entry.ts'
import type { Decided, Draw, Escalation } from '../../contract/escalation.ts'
import { section } from '../config.ts'
import { PROOF_RULES } from '../proof/segment.ts'
import { Segments } from '../proof/segments.ts'
import { Lots } from './draw.ts'
import { drawing, NOON } from './drawing.fixture.ts'
import { RoutingFold } from './fold.ts'

const SEGMENT = 'fast>expert prose'
const config = section.schema.parse({ escalation: { explore: { share: 0.05, usdPerDay: 100 } } })

function draw(lots: Lots, id: string): Draw | undefined {
  return lots.draw(config, drawing(id, SEGMENT), NOON)
}

/** As a plan says that only a lot could have let both models answer. */
function opened(id: string, drawn: Draw | undefined): Entry {
  const price = { segment: SEGMENT, gain: 0, extraMicros: 10, worthMicros: 10 }
  const decided: Decided = { ...price, to: 'cheap' }
  const bounds = { maxOutputTokens: 100, deadlineMs: 1_000 }
  const between: Escalation = {
    ...price,
    ...bounds,
    strong: ['high'],
    tier: 'expert',
    second: [],
    order: 'shadow',
  }
  const rest = {
    mode: 'direct',
    requested: 'auto',
    tier: 'fast',
    candidates: ['low'],
    effort: 'fast',
    output: 'scan',
    ...bounds,
    capImposed: false,
    reasons: [],
    rejected: [],
  } as const
  const plan = drawn === undefined ? { ...rest, decided } : { ...rest, escalation: { ...between, drawn } }
  return { type: 'opened', id, key: 'key_a', bytes: 100, plan }
}

test('a restart goes on with the lots of the day as if it had not been, also where prompts alone decide', () => {
  const fold = new RoutingFold()
  const segments = new Segments(PROOF_RULES)
  const live = new Lots('seed', segments, fold.explored)
  let before = 0
  for (let nth = 0; nth < 400; nth++) {
    const drawn = draw(live, `req_${nth}`)
    if (drawn !== undefined) before += 1
    fold.visit(opened(`req_${nth}`, drawn), NOON)
  }
  assert.deepEqual([fold.explored.requests, fold.explored.drawn], [400, before])
  const restarted = new Lots('seed', segments, fold.explored)
  const ids = Array.from({ length: 400 }, (_, nth) => `req_later_${nth}`)
  const [on, again] = [live, restarted].map((lots) => ids.filter((id) => draw(lots, id) !== undefined))
  assert.ok((on?.length ?? 0) > 0)
  assert.deepEqual(again, on)
})

test('a state of before requests were counted that the prompt alone decides is gone on from', () => {
  const fold = new RoutingFold()
  fold.tallies.decided({ costMicros: 5 }, { segment: SEGMENT, to: 'strong' })
  const { decided: _, tallies, ...rest } = fold.state()
  const { straightUp: __, straightDown: ___, ...sums } = tallies[SEGMENT] ?? {}
  const again = new RoutingFold(JSON.parse(JSON.stringify({ ...rest, tallies: { [SEGMENT]: sums } })))
  const [known] = again.tallies.all
  assert.deepEqual([known?.[1].calls, known?.[1].straightUp, known?.[1].straightDown], [1, 0, 0])
  assert.deepEqual(again.state().decided, {})
})
