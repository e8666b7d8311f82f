import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { thoughtOf } from './thought.ts'

function quoted(text: string, focus: string, limit = 4): string | undefined {
  const start = text.indexOf(focus)
  const thought = thoughtOf(text, { start, end: start + focus.length }, limit)
  return thought && text.slice(thought.start, thought.end)
}

const LISTING = '```sh\nrun it\n\nthen this\n```'
const LIST = '- one. And more.\n- two\n- three\n- four\n- five'
const TABLE = '| a | b |\n|---|---|\n| 1 | 2 |'

test('a sentence that ends with a colon is quoted with the whole block that it announces', () => {
  for (const block of [LISTING, LIST, TABLE, 'A paragraph of one sentence.']) {
    const text = `First. Second. Do it like this:\n\n${block}\n\nSomething else.`
    for (const limit of [1, 2, 3, 4]) {
      assert.match(quoted(text, 'Do it', limit) ?? '', /Do it like this:\n\n/)
      assert.ok(quoted(text, 'Do it', limit)?.endsWith(block), block)
    }
    assert.ok(quoted(text, 'First. Second', 3)?.endsWith(block))
  }
})

test('what is announced counts with the sentence that announces it', () => {
  const text = `Do it like this:\n\n${LIST}\n`
  assert.equal(thoughtOf(text, { start: 0, end: 5 }, 1)?.count, 1)
})

test('without its block a sentence that ends with a colon is not quoted', () => {
  assert.equal(quoted('Do it like this:', 'Do it'), undefined)
  assert.equal(quoted('First. Do it like this:', 'Do it'), 'First.')
  assert.equal(quoted(`Do it like this:\n\n- ${'word '.repeat(400)}`, 'Do it'), undefined)
})

test('a listing in the focus is quoted with the sentence that announces it', () => {
  assert.equal(quoted(`Do it like this:\n\n${LISTING}`, 'run it'), `Do it like this:\n\n${LISTING}`)
})

test('one item of a list is quoted whole and alone', () => {
  assert.equal(quoted(LIST, 'one.'), '- one. And more.')
  assert.equal(quoted(LIST, 'three'), '- three')
})

test('no quotation ends in the middle of what it announces, whatever the text and the focus are', () => {
  const pieces = fc.constantFrom('One. Two. Three.', 'So:', '- a:', '- b', LISTING, LIST, TABLE, '# Head', '')
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 9 }),
      fc.nat(200),
      fc.nat(80),
      fc.integer({ min: 1, max: 4 }),
      (all, start, size, limit) => {
        const text = all.join('\n\n')
        const thought = thoughtOf(text, { start, end: start + size }, limit)
        if (thought === undefined) return
        assert.ok(thought.end > thought.start && thought.count >= 1)
        assert.ok(!text.slice(thought.start, thought.end).endsWith(':'))
      },
    ),
  )
})
