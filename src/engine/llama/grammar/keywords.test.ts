import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { isCurrent } from '../../generate.ts'
import { compileSchema } from './compile.ts'
import { PROBES, supportOf } from './keywords.ts'
import { Matcher } from './match.fixture.ts'
import { validatorOf } from './validator.fixture.ts'

const matcher = await Matcher.open()
after(() => matcher[Symbol.asyncDispose]())

test('docs/schema-keywords.md says what the compiler does; `npm run docs` writes it anew', () => {
  assert.ok(isCurrent())
})

describe('what the table calls enforced is enforced', () => {
  for (const probe of PROBES) {
    if (supportOf(probe).type !== 'enforced') continue
    test(`${probe.keyword} ${probe.use}`, () => {
      const compiled = compileSchema(probe.schema)
      assert.ok(compiled.type === 'compiled')
      const fits = matcher.read(compiled.gbnf)
      const validate = validatorOf(probe.schema)
      assert.deepEqual([validate(probe.meets), validate(probe.fails)], [true, false])
      assert.deepEqual([fits(JSON.stringify(probe.meets)), fits(JSON.stringify(probe.fails))], [true, false])
    })
  }
})

test('a keyword that is only checked keeps nothing valid from being printed', () => {
  for (const probe of PROBES) {
    const compiled = compileSchema(probe.schema)
    if (compiled.type === 'refused') continue
    assert.ok(matcher.read(compiled.gbnf)(JSON.stringify(probe.meets)), `${probe.keyword} ${probe.use}`)
  }
})

test('type, enum, const, limits, pattern, anyOf, oneOf, $ref and required are never refused for what they are', () => {
  const kept = ['type', 'enum', 'const', 'maximum', 'multipleOf', 'anyOf', 'oneOf', 'items', 'properties']
  for (const probe of PROBES.filter(({ keyword }) => kept.includes(keyword))) {
    assert.notEqual(supportOf(probe).type, 'refused', probe.use)
  }
})
