import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelView } from '../contract/model.ts'
import { looseAliases, looseWords } from './aliases.ts'
import { section } from './config.ts'

const small: ModelView = {
  id: 'ollama/small',
  engine: 'ollama',
  name: 'small',
  tier: 'fast',
  kind: 'chat',
  offMachine: false,
  allowed: false,
  available: false,
  contextTokens: undefined,
  price: undefined,
  enforcesSchema: false,
}

test('an alias leads somewhere by tier, auto, id or name, also where the engine is off, and else is named', () => {
  const aliases = { a: 'auto', b: 'mid', c: 'ollama/small', d: 'small', x: 'nowhere', y: 'a' }
  const loose = looseAliases(section.schema.parse({ aliases }), [small])
  assert.deepEqual(loose, [
    { alias: 'x', target: 'nowhere' },
    { alias: 'y', target: 'a' },
  ])
  assert.match(loose.map(looseWords).join('\n'), /^The alias "x" .* leads nowhere: .* a model "nowhere"\.\n/)
})
