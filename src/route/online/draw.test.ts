import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Draw } from '../../contract/escalation.ts'
import type { ModelView } from '../../contract/model.ts'
import { section } from '../config.ts'
import { PROOF_RULES } from '../proof/segment.ts'
import { Segments } from '../proof/segments.ts'
import { Lots } from './draw.ts'
import { drawing, NOON, priced } from './drawing.fixture.ts'

const NOTHING = { day: 0, requests: 0, drawn: 0, micros: 0 }

/** Of 400 requests of one day, those that a lot chose. */
function drawnOf(usdPerDay: number, evaluator: ModelView | undefined): readonly Draw[] {
  const lots = new Lots('seed', new Segments(PROOF_RULES), NOTHING)
  const config = section.schema.parse({ escalation: { explore: { share: 1, usdPerDay } } })
  return Array.from({ length: 400 }, (_, nth) => {
    return lots.draw(config, drawing(`req_${nth}`, 'fast>expert prose', evaluator), NOON)
  }).filter((draw) => draw !== undefined)
}

test('what the evaluator may cost is held against the money of the day, beside the strong model', () => {
  const strong = 200
  // 2,048 bytes around texts: a conversation of 100 bytes, question and all, and two answers, and 1,024 tokens of verdict.
  const evaluator = 2_048 + 100 + 48_000 + 1_024
  const [without, beside] = [drawnOf(100, undefined), drawnOf(100, priced('judge', 1))]
  assert.ok(without.length > 10 && beside.length === without.length)
  assert.ok(without.every(({ heldMicros }) => heldMicros === strong))
  assert.ok(beside.every(({ arm, heldMicros }) => arm === 'both' && heldMicros === strong + evaluator))
  const enough = 3 * (strong + evaluator)
  assert.equal(drawnOf(enough / 1_000_000, priced('judge', 1)).length, 3)
  assert.equal(drawnOf((enough - 1) / 1_000_000, priced('judge', 1)).length, 2)
})
