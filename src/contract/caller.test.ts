import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayUse } from './caller.ts'

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
