import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PII_KINDS, type PiiKind } from './config.ts'
import { findPii } from './pii.ts'

const CASES: Readonly<Record<PiiKind, readonly [yes: readonly string[], no: readonly string[]]>> = {
  card: [
    ['4111111111111111', '4111 1111 1111 1111', '5500-0000-0000-0004', '378282246310005', '6011111111111117'],
    [
      '4111111111111112',
      '1234567890123456',
      '9999999999999995',
      'A4111111111111111',
      '0.4111111111111111',
      '20240101120000',
    ],
  ],
  iban: [
    ['DE89 3704 0044 0532 0130 00', 'GB82WEST12345698765432', 'fr1420041010050500013m02606'],
    ['DE89 3704 0044 0532 0130 01', 'XX82WEST12345698765432', 'GB82WEST1234569876543', 'AB12 is a code'],
  ],
  ssn: [
    ['078-05-1120', '219 09 9999'],
    ['000-12-3456', '666-12-3456', '900-12-3456', '123-00-4567', '123-45-0000', '1078-05-1120', '123456789'],
  ],
  email: [
    ['jane.doe+x@mail.corp.io', "o'neil@a.co"],
    ['jane@example.com', '@handle', 'a@b', 'user@', 'npm i @types/node@26.6.6'],
  ],
  phone: [
    [
      '+41 (0)96 471 07 95',
      '+1-984-182-0190',
      '(579)888-3058',
      '463-612-6138x036',
      '07700 063 966',
      'call 467 3395',
      '60-56-85-91',
    ],
    [
      '467 3395',
      '2024-01-15',
      '12.5.2024 10',
      '1,234,567 items',
      'version 1.24.3',
      '1700000000',
      'order 4673395123',
    ],
  ],
  ip: [
    ['106.31.73.20', '2a02:1210:4c10::7', '6e40:4041:c617:e898:c11:40d2:c669:2eb4'],
    [
      '127.0.0.1',
      '10.1.2.3',
      '192.168.1.1',
      '203.0.113.9',
      '1.2.3',
      '256.1.1.1',
      '1.2.3.4.5',
      '::1',
      '12:30:45',
      'std::vector',
    ],
  ],
}

for (const kind of PII_KINDS) {
  test(`${kind}: what is valid is found whole, what only looks like it is not`, () => {
    const [yes, no] = CASES[kind]
    for (const text of yes) {
      const inside = `It is: ${text}, I think.`
      const found = findPii(inside, [kind])
      assert.equal(found.length, 1, text)
      const { start, end } = found[0] ?? assert.fail()
      const shown = inside.slice(start, end)
      assert.ok(text.endsWith(shown) && shown.length >= text.length - 'call '.length, `${text} → ${shown}`)
    }
    for (const text of no) assert.deepEqual(findPii(`It is: ${text}, I think.`, [kind]), [], text)
  })
}

test('where two kinds claim a place the checksummed one has it, and spans come in order', () => {
  const found = findPii('a@corp.io then 4111 1111 1111 1111 then 106.31.73.20', PII_KINDS)
  assert.deepEqual(
    found.map((one) => one.kind),
    ['email', 'card', 'ip'],
  )
})

test('long runs of digits, signs and letters take time in proportion to their length', () => {
  for (const unit of ['1', '1 ', '+1 ', '@a.', 'a.', '1.', 'f:', '(1', 'GB82 ']) {
    findPii(unit.repeat(20_000), PII_KINDS)
  }
})

test('a card or an IBAN is found right behind an escape of the JSON around it', () => {
  for (const escaped of ['\\n', '\\t', '\\r', '\\u000a', '\\u003A']) {
    for (const text of ['4111111111111111', 'DE89370400440532013000', '219-09-9999']) {
      const json = `{"text":"here:${escaped}${text}"}`
      const [found] = findPii(json, PII_KINDS)
      assert.equal(found && json.slice(found.start, found.end), text, json)
    }
  }
})
