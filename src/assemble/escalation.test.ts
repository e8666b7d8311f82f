import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelView } from '../contract/model.ts'
import { section } from '../route/config.ts'
import { needsPrior } from './escalation.ts'

function model(tier: ModelView['tier'], more: Partial<ModelView> = {}): ModelView {
  return {
    id: `a/${tier}`,
    engine: 'a',
    name: tier,
    tier,
    kind: 'chat',
    offMachine: false,
    allowed: true,
    available: true,
    contextTokens: undefined,
    price: undefined,
    enforcesSchema: false,
    ...more,
  }
}

test('the prior is read ahead only where chat models of two tiers may answer', () => {
  const needs = (models: readonly ModelView[], mode = 'on') =>
    needsPrior({ route: section.schema.parse({ escalation: { mode } }) }, models)
  const [fast, expert] = [model('fast'), model('expert')]
  assert.equal(needs([fast, expert]), true)
  assert.equal(needs([fast, expert], 'shadow'), true)
  assert.equal(needs([fast, expert], 'off'), false)
  assert.equal(needs([fast, model('fast', { id: 'b/fast' })]), false)
  assert.equal(needs([fast, model('expert', { kind: 'embedding' })]), false)
  assert.equal(needs([fast, model('expert', { allowed: false })]), false)
})
