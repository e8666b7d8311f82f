import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ChatRequest } from '../../contract/chat.ts'
import type { Passage } from '../../contract/passage.ts'
import { groundingOf } from './grounding.ts'

const GUIDE = `The pump is oiled every 500 hours with mineral oil of grade 46.

Its inlet fitting is tightened by hand, and a whistling sound means that it draws air.

The housing is opened only by the maker, who also keeps the seals and sends them on demand.

The motor runs on three phases and is cooled by the water that it lifts, so that it must never stand dry for longer than a minute. In winter the water is let out through the plug below the housing.`
const TRUE = 'The pump is oiled every 500 hours. A whistling sound means it draws air.'
const HALF = 'The pump is oiled every 300 hours. A whistling sound means it draws air.'

const request = (...messages: ChatRequest['messages']): ChatRequest => ({ model: 'auto', messages })
const asks = (content: string): ChatRequest => request({ role: 'user', content })
const shareOf = (answer: string, of: ChatRequest, question = 'What does the keeper do?') =>
  groundingOf(answer, { request: of, question })

const FORMS: readonly string[] = [
  `Context:\n${GUIDE}\n\nQuestion: What does the keeper do?`,
  `## Context:\n\n${GUIDE}\n\n## Question: What does the keeper do?`,
  `**Sources:**\n${GUIDE}\n\n**Question:** What does the keeper do?`,
  `What does the keeper do?\n\n<documents>\n<document index="1">\n${GUIDE}\n</document>\n</documents>`,
  `<context>${GUIDE}</context> What does the keeper do?`,
]
for (const form of FORMS) {
  test(`context is known by what it is called: ${JSON.stringify(form.slice(0, 24))}`, () => {
    assert.equal(shareOf(TRUE, asks(form), form), 1)
    assert.equal(shareOf(HALF, asks(form), form), 0.5, 'a figure of its own is not grounded')
  })
}

test('what a tool has said is context, and what was only asked is none', () => {
  const tool_calls = [{ id: 'c', type: 'function' as const, function: { name: 'read', arguments: '{}' } }]
  const step = request(
    { role: 'user', content: 'What does the keeper do?' },
    { role: 'assistant', tool_calls },
    { role: 'tool', tool_call_id: 'c', content: GUIDE },
  )
  assert.equal(shareOf(HALF, step), 0.5)
  assert.equal(shareOf(HALF, asks(`${GUIDE}\n\nWhat does the keeper do?`)), undefined)
  assert.equal(shareOf(HALF, asks(`Context: ${GUIDE.slice(0, 300)}\nQuestion: What now?`)), undefined)
  const rules = `Be brief.\n\nSources:\n${GUIDE}`
  const system = request({ role: 'system', content: rules }, { role: 'user', content: 'What now?' })
  assert.equal(shareOf(HALF, system), undefined, 'a system prompt has headings of its own')
})

const call: ChatRequest['messages'][number] = {
  role: 'assistant',
  tool_calls: [{ id: 'c', type: 'function', function: { name: 'read', arguments: '{}' } }],
}
const told = (content: string) => ({ role: 'tool', tool_call_id: 'c', content }) as const

test('what tools said in earlier steps of the task is context too', () => {
  const steps = request({ role: 'user', content: 'What now?' }, call, told(GUIDE), call, told('Saved.'))
  assert.equal(shareOf(HALF, steps), 0.5)
  const older = request(...steps.messages.slice(0, 3), { role: 'assistant', content: 'Done.' })
  const next = request(...older.messages, { role: 'user', content: 'More.' }, call, told('Saved.'))
  assert.equal(shareOf(HALF, next), undefined, 'those of an older task are not')
})

test('where there is more context than is looked at, nothing is known', () => {
  const filler = (chars: number) => 'word '.repeat(chars / 5)
  assert.equal(shareOf(TRUE, asks(`<context>${GUIDE}\n\n${filler(20_000)}</context>`)), 1)
  assert.equal(shareOf(TRUE, asks(`<context>${GUIDE}\n\n${filler(40_000)}</context>`)), undefined)
  const user = { role: 'user' as const, content: 'What now?' }
  assert.equal(shareOf(TRUE, request(user, call, told(filler(40_000)), call, told(GUIDE))), undefined)
  const many = (count: number) => asks(`<context>${GUIDE}</context>${'<source>x</source>'.repeat(count)}`)
  assert.deepEqual([shareOf(TRUE, many(63)), shareOf(TRUE, many(64))], [1, undefined])
  const before = (chars: number) =>
    request({ role: 'system', content: filler(chars) }, ...asks(FORMS[4] ?? '').messages)
  assert.deepEqual([shareOf(TRUE, before(100_000)), shareOf(TRUE, before(200_000))], [1, undefined])
})

test('of a long question its beginning and its end are what was asked', () => {
  const rest = 'word '.repeat(2_000)
  const form = `${FORMS[4]} ${rest} The pump is oiled every 500 hours. ${rest} A whistling sound means it draws air?`
  assert.equal(shareOf('A whistling sound means it draws air.', asks(form), form), undefined)
  assert.equal(shareOf('The pump is oiled every 500 hours.', asks(form), form), 1)
})

test('an answer that says nothing beyond its question is no evidence', () => {
  const of = asks(FORMS[0] ?? '')
  assert.equal(shareOf('', of), undefined)
  assert.equal(shareOf('The keeper, yes.', of), undefined)
})

test('over passages that were found, what counts is what a true quotation carries', () => {
  const passage: Passage = {
    id: 'pumps@abc:0-10',
    document: 'pumps.md',
    headings: [],
    version: '',
    start: 0,
    end: GUIDE.length,
    text: GUIDE,
    support: 1,
  }
  const of = (answer: string) =>
    groundingOf(answer, { request: asks('x'), question: 'How often is it oiled?', passages: [passage] })
  const carried = 'It is oiled every 500 hours [1 "The pump is oiled every 500 hours"].'
  assert.equal(of(carried), 1)
  assert.equal(of(`${carried} It also sings at night.`), 0.5)
  assert.equal(of('It is oiled every 300 hours [1 "The pump is oiled every 300 hours"].'), 0)
  assert.equal(of('NOT IN THE PASSAGES'), undefined, 'that is right as often as it is wrong')
})

test('it is a share whatever comes, and marks without an end cost no more than those with one', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 400 }),
      fc.string({ maxLength: 400 }),
      (answer, more) => {
        const share = shareOf(answer, asks(`Context:\n${GUIDE}\n${more}`))
        assert.ok(share === undefined || (share >= 0 && share <= 1))
      },
    ),
  )
  assert.equal(shareOf(TRUE, asks('<context>'.repeat(10_000))), undefined)
  assert.equal(shareOf(TRUE, asks('<context>'.repeat(100_000))), undefined)
})

test('an answer in another language than all of its context is not judged by its words', () => {
  const german = 'Die Pumpe wird alle 500 Stunden geölt. Ein Pfeifen bedeutet, dass sie Luft zieht.'
  assert.equal(shareOf(german, asks(FORMS[0] ?? '')), undefined)
  const both = `${GUIDE}\n\nDie Pumpe wird alle 500 Stunden mit Öl der Klasse 46 geölt, und das Pfeifen bedeutet, dass sie Luft zieht. ${'Der Motor wird von dem Wasser gekühlt, das er hebt. '.repeat(12)}`
  assert.equal(shareOf(german, asks(`Context:\n${both}\n\nQuestion: Was nun?`)), 1)
  const table = Array.from({ length: 40 }, (_, row) => `pumpe ${row} | stunden ${500 + row} | öl 46`).join(
    '\n',
  )
  assert.equal(shareOf('Die Pumpe 3 hat 777 Stunden.', asks(`Context:\n${table}\n\nQuestion: Was nun?`)), 0)
})
