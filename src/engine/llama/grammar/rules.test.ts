import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { charSet } from './chars.ts'
import { Matcher } from './match.fixture.ts'
import { GivenUp, Work } from './outcome.ts'
import { EMPTY, oneOf, type Parts, Rules, text } from './rules.ts'

const matcher = await Matcher.open()
after(() => matcher[Symbol.asyncDispose]())

function printed(make: (rules: Rules) => Parts | undefined): {
  gbnf: string
  fits: (text: string) => boolean
} {
  const rules = new Rules(new Work())
  const gbnf = rules.print(make(rules) ?? assert.fail('nothing can be printed'))
  return { gbnf, fits: matcher.read(gbnf) }
}

test('what alternatives begin with in common is said once', () => {
  const words = ['interest', 'internal', 'international', 'into', 'in', '𝄞a', '𝄟b']
  const { gbnf, fits } = printed((rules) => rules.choice(words.map(text)))
  for (const word of words) assert.ok(fits(word), word)
  for (const word of ['inter', 'i', 'internat', '𝄞b', '']) assert.ok(!fits(word), word)
  assert.equal(gbnf.split('"in').length, 2, 'one literal begins with what all of them share')
})

test('any character can be written, in a literal and in a class', () => {
  const odd = '"\\\n\t\u0001\u007f[]^-é\u2028😀'
  assert.ok(printed((rules) => rules.choice([text(odd)])).fits(odd))
  const codes = [...odd].map((char) => char.codePointAt(0) ?? 0)
  const { fits } = printed(() => [oneOf(charSet(codes.map((code) => [code, code])))])
  for (const char of odd) assert.ok(fits(char), JSON.stringify(char))
  assert.ok(!fits('a') && !fits('_') && !fits('\\\\'))
})

test('an empty alternative does not swallow the rule that follows', () => {
  const { fits } = printed((rules) => {
    const space = rules.choice([text(' '), EMPTY]) ?? EMPTY
    return rules.choice([[...text('a'), ...space, ...text('b')]])
  })
  assert.ok(fits('ab') && fits('a b') && !fits('a  b'))
})

test('equal rules are one rule, and a choice of nothing is nothing', () => {
  const rules = new Rules(new Work())
  const make = (): Parts | undefined => rules.choice([text('a'), text('b'), undefined])
  assert.deepEqual(make(), make())
  assert.equal(rules.choice([undefined, undefined]), undefined)
  assert.equal(rules.choice([]), undefined)
})

test('the longest text is known from the rules', () => {
  const rules = new Rules(new Work())
  const digit = oneOf(charSet([[0x30, 0x39]]))
  const some = rules.choice([text('😀😀'), [digit, digit, digit], EMPTY]) ?? EMPTY
  assert.equal(rules.longest([...some, ...some]), 6)
})

test('a grammar beyond the limits is given up, with a way out', () => {
  const rules = new Rules(new Work())
  let rest: Parts = EMPTY
  for (let at = 0; at < 21_000; at++) rest = rules.choice([EMPTY, [...text(String(at)), ...rest]]) ?? EMPTY
  assert.throws(
    () => rules.print(rest),
    (error: unknown) => {
      return error instanceof GivenUp && error.size && /make the schema smaller/.test(error.message)
    },
  )
})
