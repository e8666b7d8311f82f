import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EVERY_LABEL, mayUse, sees } from './caller.ts'

const local = { id: 'ollama/qwen3:8b', engine: 'ollama', tier: 'fast', offMachine: false } as const
const cloud = { id: 'openai/gpt-5', engine: 'openai', tier: 'expert', offMachine: true } as const

test('a scope without lists covers everything, and `local` nothing off the machine', () => {
  assert.equal(mayUse({ engines: 'any' }, local), true)
  assert.equal(mayUse({ engines: 'any' }, cloud), true)
  assert.equal(mayUse({ engines: 'local' }, local), true)
  assert.match(String(mayUse({ engines: 'local' }, cloud)), /openai is off it/)
})

test('a list of tiers covers only these', () => {
  assert.equal(mayUse({ engines: 'any', tiers: ['fast', 'mid'] }, local), true)
  assert.match(String(mayUse({ engines: 'any', tiers: ['fast', 'mid'] }, cloud)), /openai\/gpt-5 is expert/)
})

test('a list of models covers exact names and whole engines, never a prefix of a name', () => {
  for (const models of [['ollama/*'], ['ollama/qwen3:8b'], ['openai/gpt-5', 'ollama/*']]) {
    assert.equal(mayUse({ engines: 'any', models }, local), true)
  }
  for (const models of [['openai/*'], ['ollama/qwen3'], ['oll*'], ['*'], []]) {
    assert.match(String(mayUse({ engines: 'any', models }, local)), /is none of them/)
  }
})

test('a document with labels is seen by who holds them all, and one without by everybody', () => {
  assert.ok(sees([], []))
  assert.ok(sees(['board'], []))
  assert.ok(sees(['board', 'finance', 'legal'], ['finance', 'board']))
  assert.ok(sees([EVERY_LABEL], ['finance', 'board']))
  for (const held of [[], ['board'], ['finance'], ['financ', 'board']])
    assert.ok(!sees(held, ['finance', 'board']))
})
