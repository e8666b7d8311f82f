import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Plan } from '../contract/plan.ts'
import { answerHead, reasonText } from './head.ts'

const PLAN: Plan = {
  mode: 'direct',
  requested: 'auto',
  tier: 'fast',
  candidates: ['one/small'],
  effort: 'fast',
  output: 'scan',
  maxOutputTokens: 100,
  capImposed: true,
  deadlineMs: 5_000,
  reasons: ['it loses (−$0.004000 a request)'],
  rejected: [],
}
const START = {
  type: 'answer-start',
  model: 'one/kléin',
  engine: 'one',
  tier: 'fast',
  replica: 'one',
  offMachine: false,
  attempt: 1,
} as const

test('a loss is told as a loss in the head, and what a header cannot hold is marked', () => {
  const head = answerHead('req_1', PLAN, START)
  assert.equal(head[head.indexOf('x-upshift-reason') + 1], 'it loses (-$0.004000 a request)')
  assert.equal(head[head.indexOf('x-upshift-model') + 1], 'one/kl?in')
})

test('what was decided last stands first, and a long reason is cut', () => {
  const why = 'the first was busy'
  const plan = { ...PLAN, reasons: ['one', 'two'] }
  assert.equal(reasonText(plan, { ...START, why }), 'the first was busy; one; two')
  assert.equal(reasonText(plan, START), 'one; two')
  const long = reasonText({ ...PLAN, reasons: ['x'.repeat(500)] }, START)
  assert.equal(long, `${'x'.repeat(397)}...`)
})
