import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ask } from '../../contract/ask.ts'
import type { Draw } from '../../contract/escalation.ts'
import type { ModelView } from '../../contract/model.ts'
import { section } from '../config.ts'
import { PROOF_RULES } from '../proof/segment.ts'
import { Segments } from '../proof/segments.ts'
import { Lots } from './draw.ts'

const NOON = Date.UTC(2026, 10, 22, 12)
const NOTHING = { day: 0, requests: 0, drawn: 0, micros: 0 }

function model(id: string, usdPerMillion: number): ModelView {
  const micros = usdPerMillion * 1_000_000
  return {
    id,
    engine: id,
    name: id,
    tier: 'fast',
    kind: 'chat',
    offMachine: false,
    allowed: true,
    available: true,
    contextTokens: undefined,
    price: { inputPerMillion: micros, outputPerMillion: micros },
    enforcesSchema: false,
  }
}

/** Of 400 requests of one day, those that a lot chose. */
function drawnOf(usdPerDay: number, evaluator: ModelView | undefined): readonly Draw[] {
  const lots = new Lots('seed', new Segments(PROOF_RULES), NOTHING)
  const config = section.schema.parse({ escalation: { explore: { share: 1, usdPerDay } } })
  return Array.from({ length: 400 }, (_, nth) => {
    const ask: Ask = {
      id: `req_${nth}`,
      origin: { type: 'wire', credential: undefined },
      request: { model: 'auto', messages: [{ role: 'user', content: 'Hi.' }] },
      bytes: 100,
      receivedAt: NOON,
      signal: new AbortController().signal,
    }
    const caller = { key: 'key_a', name: 'a', owner: false, scope: { engines: 'any' } } as const
    const drawing = { ask, caller, segment: 'fast>expert prose', low: model('low', 0.1) }
    return lots.draw(config, { ...drawing, high: model('high', 1), maxOutputTokens: 100, evaluator }, NOON)
  }).filter((draw) => draw !== undefined)
}

test('what the evaluator may cost is held against the money of the day, beside the strong model', () => {
  const strong = 200
  // 2,048 bytes around three texts of which the question has 100 bytes, and 1,024 tokens of verdict.
  const evaluator = 2_048 + 100 + 48_000 + 1_024
  const [without, beside] = [drawnOf(100, undefined), drawnOf(100, model('judge', 1))]
  assert.ok(without.length > 10 && beside.length === without.length)
  assert.ok(without.every(({ heldMicros }) => heldMicros === strong))
  assert.ok(beside.every(({ arm, heldMicros }) => arm === 'both' && heldMicros === strong + evaluator))
  const enough = 3 * (strong + evaluator)
  assert.equal(drawnOf(enough / 1_000_000, model('judge', 1)).length, 3)
  assert.equal(drawnOf((enough - 1) / 1_000_000, model('judge', 1)).length, 2)
})
