import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Folds, foldsFrom } from './folds.ts'

const position = { seq: 7, segment: '000000000000-20261121.log', offset: 900 }

test('a snapshot of these folds is gone on from, and one of another form is as good as none', () => {
  const good = { version: 1 as const, position, newestAt: 5, folds: new Folds().state() }
  assert.deepEqual(foldsFrom(good).snapshot, good)
  const strange = { ...good, folds: { ...good.folds, ledger: { from: 'another version' } } }
  const { snapshot, unusable } = foldsFrom(strange)
  assert.deepEqual([snapshot, unusable], [undefined, 'of another form'])
  assert.equal(foldsFrom({ unusable: 'missing' }).unusable, 'missing')
})

test('an attempt that nobody settled counts whole for its engine and its key, also through a snapshot', () => {
  const folds = new Folds()
  const at = Date.UTC(2026, 10, 21, 12)
  const plan = { mode: 'direct', requested: 'auto', tier: 'fast', candidates: [], effort: 'fast' } as const
  const rest = {
    output: 'scan',
    maxOutputTokens: 1,
    capImposed: false,
    deadlineMs: 1,
    reasons: [],
    rejected: [],
  } as const
  folds.visit({ type: 'opened', id: 'req_1', key: 'key_1', bytes: 1, plan: { ...plan, ...rest }, seq: 0, at })
  const sent = { model: 'e/m', engine: 'e', replica: 'e', offMachine: true, cause: 'first' } as const
  folds.visit({ type: 'attempt', id: 'req_1', turn: 1, ...sent, heldMicros: 50, heldTokens: 9, seq: 1, at })
  const again = new Folds(JSON.parse(JSON.stringify(folds.state())))
  again.visit({ type: 'started', version: '0', seq: 2, at })
  assert.deepEqual([...again.spend.byEngine(at)], [['e', 50]])
  assert.equal(again.ledger.state().accounts[0]?.today.unknownMicros, 50)
})
