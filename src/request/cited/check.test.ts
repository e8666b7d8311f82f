import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Passage } from '../../contract/passage.ts'
import { check } from './check.ts'
import { askOver } from './prompt.ts'
import { claimsIn } from './read.ts'

function passage(document: string, text: string): Passage {
  const version = 'b'.repeat(64)
  const id = `c:${document.length}@${version.slice(0, 12)}:50-${50 + text.length}`
  return { id, document, headings: [], version, start: 50, end: 50 + text.length, text, support: 1 }
}

const OIL = passage('oil.md', 'The oil is changed\nevery 500 hours. It is never heated before.')
const AIR = passage('air.md', 'A whistling pump draws air.')
const checked = (answer: string) => check(claimsIn(answer), [OIL, AIR], 'When is the oil changed?')
const kept = (answer: string): string[] => checked(answer).carried.map(({ sentence }) => sentence)

test('a quotation may differ in white space, and is shown as the document has it', () => {
  const [carried] = checked('The oil is changed every 500 hours [1 "changed every 500 hours"].').carried
  const [citation] = carried?.citations ?? []
  assert.equal(citation?.quote, 'changed\nevery 500 hours')
  assert.deepEqual([citation?.start, citation?.end], [61, 84])
})

test('what is changed, invented, cut through a word, too short, or of another passage is removed', () => {
  for (const quote of [
    '1 "changed every 600 hours"',
    '1 "the oil is holy water"',
    '1 "anged every 500 hours"',
    '1 "every 500"',
    '2 "changed every 500 hours"',
    '9 "changed every 500 hours"',
    '0 "changed every 500 hours"',
  ])
    assert.deepEqual(kept(`The oil is changed [${quote}].`), [], quote)
})

test('of a text without spaces whole words may be quoted, and not parts of them', () => {
  const japanese = passage('ja.md', '油は毎年交換します。ネジの直径は十二ミリメートルです。')
  const left = (sentence: string, quote: string): readonly string[] => {
    const { carried } = check(claimsIn(`${sentence}[1 "${quote}"]。`), [japanese], '油はいつ交換しますか？')
    return carried.flatMap(({ citations }) => citations.map((one) => one.quote))
  }
  assert.deepEqual(left('油は毎年交換します', '毎年交換します'), ['毎年交換します'])
  assert.deepEqual(left('ネジの直径は十二ミリメートルです', '直径は十二ミリメー'), [])
  assert.deepEqual(left('油は毎年交換します', '毎月交換します'), [])
  assert.deepEqual(left('油は毎年交換します', '油は'), [])
  assert.deepEqual(left('工場の従業員は多い', '毎年交換します'), [])
})

test('a sentence that says more than its quotation is removed', () => {
  const quote = '[1 "The oil is changed every 500 hours"]'
  assert.deepEqual(kept(`The oil is changed ${quote}.`), ['The oil is changed'])
  for (const sentence of [
    'The oil is changed every 501 hours',
    'The oil is changed, "by hand and gently"',
    'The oil is changed, see pumps.md',
    'The oil is changed, see https://example.org/oil',
    'The oil is changed [7]',
    'Wizards sing loudly while Tuesday dances',
  ])
    assert.deepEqual(kept(`${sentence} ${quote}.`), [], sentence)
})

test('of two sentences before a citation only the last one is carried', () => {
  assert.deepEqual(kept('It is blue. A whistling pump draws air [2 "whistling pump draws air"]. Really.'), [
    'A whistling pump draws air',
  ])
  assert.equal(
    checked('It is blue. A whistling pump draws air [2 "whistling pump draws air"].').unsupported,
    1,
  )
})

test('whatever a model writes, each citation that is kept is a slice of the passage that it names', () => {
  const words = fc.constantFrom(
    'The oil',
    'changed every',
    '500 hours',
    '[1 "',
    '[2 "',
    '"]',
    'A whistling pump',
    'draws air',
    '.',
    ' ',
    '\n',
    '”]',
  )
  fc.assert(
    fc.property(fc.array(words, { maxLength: 20 }), (parts) => {
      for (const { citations } of checked(parts.join(' ')).carried) {
        for (const { quote, start, end, document } of citations) {
          const from = document === 'oil.md' ? OIL : AIR
          assert.equal(from.text.slice(start - 50, end - 50), quote)
        }
      }
    }),
  )
})

test('passages reach a model between marks that they cannot know, as material of the user', () => {
  const request = {
    model: 'auto',
    messages: [{ role: 'user' as const, content: 'When?' }],
    n: 3,
    stream: true,
  }
  const { messages, ...rest } = askOver(request, [OIL, { ...AIR, instructs: true }], 'q7')
  assert.deepEqual(
    messages.map(({ role }) => role),
    ['system', 'user'],
  )
  assert.match(
    String(messages[1]?.content),
    /<passage-q7 number="2" note="speaks to a model[^>]*>\nA whistling/,
  )
  assert.deepEqual(rest, { model: 'auto' })
})
