import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ANY_TEXT, accepts, both, isEmpty, spansOf, textsOf, textsWithin, without } from './dfa.ts'
import { languageOf } from './language.ts'
import { Work } from './outcome.ts'

const PATTERNS = [
  '^a+$',
  'foo',
  '^a|b$',
  '\\bfoo\\b',
  '\\Bx',
  '^(?=.*[A-Z])(?=.*\\d)(?!.*x).{3,8}$',
  '^\\p{L}+$',
  '^\\P{Lu}*$',
  '^[^a-c\\s]{2,3}$',
  '(ab|a)(bc)?$',
  '^(a*b?)*c$',
  '',
  '^$',
  '$^',
  '^\\uD83D\\uDE00$',
  '^[\\u{1F600}-\\u{1F64F}_]+$',
  '^(?:\\d{2}-)?\\d{1,2}$',
  '^.{0,3}$',
  'a{2}',
  '(?<year>a)b',
  '^[\\w.-]+@\\w+$',
  '\\b',
  '^\\B$',
  '^[\\d\\-x]*?$',
  '^(a|(b|(c|[^a-c])))$',
  '^\\x41\\cJ?\\0?$',
  '^[\\b\\]\\\\]*$',
  '^\\S\\W?\\D$',
]
const CHARS = [
  'a',
  'b',
  'c',
  'A',
  'x',
  'f',
  'o',
  'foo',
  ' ',
  '1',
  '2',
  '-',
  '\n',
  '😀',
  'é',
  '@',
  '.',
  '_',
  '\u2028',
  '\\',
  ']',
]

describe('a pattern takes the texts that the runtime finds it in', () => {
  const texts = fc.array(fc.constantFrom(...CHARS), { maxLength: 7 }).map((parts) => parts.join(''))
  for (const pattern of PATTERNS) {
    test(pattern === '' ? 'the empty pattern' : pattern, () => {
      const language = languageOf(pattern, new Work())
      assert.ok(language.type === 'language' && language.exact)
      const regex = new RegExp(pattern, 'u')
      const same = (text: string): void =>
        assert.equal(accepts(language.dfa, text), regex.test(text), JSON.stringify(text))
      fc.assert(fc.property(texts, same), { numRuns: 500, seed: 1 })
    })
  }
})

test('what no automaton can follow is named, and what is no pattern is refused in the words of the runtime', () => {
  const whyOf = (pattern: string): string => {
    const language = languageOf(pattern, new Work())
    assert.notEqual(language.type, 'language', pattern)
    return `${language.type}: ${language.type === 'language' ? '' : language.why}`
  }
  assert.match(whyOf('(a)\\1'), /^unsupported: a backreference/)
  assert.match(whyOf('(?<x>a)\\k<x>'), /^unsupported: a backreference/)
  assert.match(whyOf('(?<=a)b'), /^unsupported: a lookbehind/)
  assert.match(whyOf('a(?=b)'), /^unsupported: a lookahead that does not stand first/)
  assert.match(whyOf('(?i:a)'), /^unsupported: a group with modifiers/)
  assert.match(whyOf('(a|b)*a(a|b){30}'), /^unsupported: more states/)
  assert.match(whyOf('a{2,1}'), /^invalid: /)
  assert.match(whyOf('\\p{Nonsense}'), /^invalid: /)
  assert.match(whyOf('('.repeat(100) + ')'.repeat(100)), /^unsupported: groups nested/)
})

test('a quantifier too large for an automaton is cut, and the language is called a part', () => {
  const language = languageOf('^[ab]{0,100000}$', new Work())
  assert.ok(language.type === 'language' && !language.exact)
  assert.ok(accepts(language.dfa, 'ab'.repeat(100)))
})

test('languages can be intersected and subtracted, and emptiness is seen', () => {
  const work = new Work()
  const dfaOf = (pattern: string) => {
    const language = languageOf(pattern, work)
    assert.ok(language.type === 'language')
    return language.dfa
  }
  const letters = dfaOf('^[a-f]+$')
  const joined = both(letters, dfaOf('ad'), work)
  assert.ok(accepts(joined, 'cade') && !accepts(joined, 'cafe'))
  const left = without(letters, textsOf(['a', 'ab', 'zz'], work), work)
  assert.ok(accepts(left, 'abc') && !accepts(left, 'ab') && !accepts(left, 'a'))
  assert.ok(isEmpty(both(letters, dfaOf('^\\d'), work)))
  assert.ok(isEmpty(without(letters, ANY_TEXT, work)))
  assert.deepEqual(spansOf(joined)[joined.start], { least: 2, most: Infinity })
})

test('the texts of a small language can be listed', () => {
  const language = languageOf('^(x|y)[1-3]$|^$', new Work())
  assert.ok(language.type === 'language')
  assert.deepEqual(textsWithin(language.dfa, 7), ['', 'x1', 'x2', 'x3', 'y1', 'y2', 'y3'])
  assert.equal(textsWithin(language.dfa, 6), undefined)
  assert.equal(textsWithin(ANY_TEXT, 1_000_000), undefined)
})
