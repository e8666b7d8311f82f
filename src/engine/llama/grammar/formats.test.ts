import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileSchema } from './compile.ts'
import { accepts } from './dfa.ts'
import { FORMAT_NAMES, formatTexts } from './formats.ts'
import { GrammarTexts } from './gbnf.fixture.ts'
import { chance, validatorOf } from './validator.fixture.ts'

describe('what is printed for a format is of that format', () => {
  for (const format of FORMAT_NAMES) {
    test(format, () => {
      const compiled = compileSchema({ type: 'string', format }, { stringChars: 60 })
      assert.ok(compiled.type === 'compiled' && compiled.checked.length === 0)
      const texts = new GrammarTexts(compiled.gbnf)
      const validate = validatorOf({ type: 'string', format })
      const random = chance(3)
      for (let count = 0; count < 300; count++) {
        const text = texts.say(random)
        assert.ok(validate(JSON.parse(text)), text)
      }
    })
  }
})

test('a date is a day that there is', () => {
  const dates = formatTexts('date')?.dfa
  assert.ok(dates !== undefined)
  // Every day of years that show all rules for leap years, and those that there never were.
  for (const year of [1900, 2000, 2023, 2024]) {
    for (let month = 0; month <= 13; month++) {
      for (let day = 0; day <= 32; day++) {
        const text = [year, month, day]
          .map((part, at) => String(part).padStart(at === 0 ? 4 : 2, '0'))
          .join('-')
        const time = Date.parse(`${text}T00:00:00Z`)
        const there = !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
        assert.equal(accepts(dates, text), there, text)
      }
    }
  }
})

test('usual forms are printed, not only safe ones', () => {
  const usual: Readonly<Record<string, readonly string[]>> = {
    time: ['23:59:59Z', '08:30:00+02:00', '08:30:00.5-11:30'],
    duration: ['P1Y', 'PT36H', 'P2DT3H4M', 'P6W'],
    email: ['ada@example.org', 'a.b+c_d@mail.example.co.uk'],
    hostname: ['localhost', 'a-b.example.org'],
    ipv6: ['::', '::1', '2001:db8::8a2e:370:7334', '1:2:3:4:5:6:7:8'],
    uri: ['https://example.org/a/b?c=d&e=%20#f', 'mailto:ada@example.org', 'urn:isbn:0451450523'],
    'uri-reference': ['../a/b', '/a?b=c', 'https://example.org'],
    'uri-template': ['/users/{id}/posts{?page,size}'],
    'relative-json-pointer': ['0', '1/a/b', '2#'],
    byte: ['', 'aGVsbG8=', 'YQ=='],
  }
  for (const [format, texts] of Object.entries(usual)) {
    for (const text of texts)
      assert.ok(accepts(formatTexts(format)?.dfa ?? { states: [], start: 0 }, text), text)
  }
})
