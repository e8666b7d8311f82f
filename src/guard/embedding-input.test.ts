import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EmbedRequest } from '../contract/embed.ts'
import { isRefusal } from '../contract/problem.ts'
import { guardSchema } from './config.ts'
import { createInputGuard } from './input.ts'

const KEY = `ghp_${'a1B2c3D4e5'.repeat(3)}f6G7h8`
const CARD = '4111 1111 1111 1111'

function guard(config: Record<string, unknown> = {}) {
  return createInputGuard(guardSchema.parse({ bounds: {}, input: {}, output: {}, checks: {}, ...config }))
    .embedding
}

function request(input: EmbedRequest['input'], more: Partial<EmbedRequest> = {}): EmbedRequest {
  return { model: 'auto', input, ...more }
}

test('a secret in any input keeps the request on this machine, and the refusal names the rule and the place', () => {
  for (const [input, param] of [
    [`the key is ${KEY}`, 'input'],
    [['fine', `the key is ${KEY}`], 'input[1]'],
  ] as const) {
    const asked = request(input as EmbedRequest['input'])
    const refused = guard().outbound(asked)
    assert.ok(isRefusal(refused))
    assert.deepEqual(
      [refused.problem.code, refused.problem.rule, refused.problem.param],
      ['guard_refused', 'input.secret.github_token', param],
    )
    assert.doesNotMatch(refused.problem.message, /ghp_/)
    assert.deepEqual(
      guard().admit(asked, 100),
      { type: 'admitted', request: asked, verdicts: [] },
      'here it may stay',
    )
  }
})

test('personal data is redacted on its way out, in a copy, and said to be', () => {
  const asked = request(['plain', `card ${CARD}`, `again ${CARD}`])
  const screened = guard().outbound(asked)
  assert.ok(!isRefusal(screened))
  assert.deepEqual(screened.request.input, ['plain', 'card [card]', 'again [card]'])
  assert.deepEqual(screened.verdicts, [{ check: 'input.pii.card', outcome: 'redacted', detail: '2 times' }])
  assert.equal((asked.input as string[])[1], `card ${CARD}`)
})

test('a rule that holds everywhere holds before any replica is chosen', () => {
  const everywhere = { input: { pii: { card: { action: 'refuse', applies: 'everywhere' } } } }
  const refused = guard(everywhere).admit(request(CARD), 100)
  assert.equal(isRefusal(refused) && refused.problem.rule, 'input.pii.card')
})

test('tokens cannot be read by any rule: where one would apply the verdicts say that it was skipped', () => {
  const tokens = request([[1, 2], [3]])
  const screened = guard().outbound(tokens)
  assert.ok(!isRefusal(screened))
  assert.deepEqual(
    screened.verdicts.map(({ check, outcome }) => [check, outcome]),
    [['input', 'skipped']],
  )
  const near = guard().admit(tokens, 100)
  assert.deepEqual(!isRefusal(near) && near.verdicts, [], 'on this machine no rule applies')
})

test('other fields are looked at as well', () => {
  const refused = guard().outbound(request('fine', { instruction: KEY }))
  assert.equal(isRefusal(refused) && refused.problem.param, 'instruction')
})

test('a body and a text beyond their bounds are refused by name', () => {
  const small = guard({ bounds: { maxBodyBytes: 2_048, maxTextChars: 1_024 } })
  const refusal = (asked: EmbedRequest, bytes: number) => {
    const refused = small.admit(asked, bytes)
    assert.ok(isRefusal(refused))
    return [refused.problem.code, /guard\.bounds\.(\w+)/.exec(refused.problem.message)?.[1]]
  }
  assert.deepEqual(refusal(request('x'), 2_049), ['body_too_large', 'maxBodyBytes'])
  const texts = request(['x'.repeat(600), 'y'.repeat(600)])
  assert.deepEqual(refusal(texts, 1_300), ['body_too_large', 'maxTextChars'])
  assert.ok(!isRefusal(small.admit(request(['x'.repeat(1_024)]), 1_060)))
})
