import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { blocksOf } from './markdown.ts'
import { sentencesOf } from './sentences.ts'

/** Markdown that a person might write, and some that nobody would. */
export const markdown = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '# Title',
        '## Part two ##',
        'Under\n===',
        '- an item. And more.',
        '1. first',
        '> quoted',
        '```',
      ),
      fc.constantFrom(
        '```sh\nrun it\n```',
        '| a | b |\n|---|---|\n| 1 | 2 |',
        '<!-- a note -->',
        '<!--',
        '\ttab',
      ),
      fc.constantFrom(
        '',
        '',
        ' ',
        'One sentence. Another one? Yes, e.g. this. `code` begins one.',
        'wrapped\nprose',
      ),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
    ),
    { maxLength: 30 },
  )
  .chain((lines) => fc.constantFrom('\n', '\n\n', '\r\n', '\r').map((separator) => lines.join(separator)))

test('blocks are in order, do not overlap, and leave only white space between them', () => {
  fc.assert(
    fc.property(markdown, (text) => {
      let at = 0
      for (const block of blocksOf(text)) {
        assert.equal(text.slice(at, block.start).trim(), '')
        assert.ok(block.end > block.start)
        at = block.end
      }
      assert.equal(text.slice(at).trim(), '')
    }),
  )
})

test('headings of both kinds, listings, tables, items and comments are told apart', () => {
  const text =
    '# One #\n\nTwo\n---\n\nProse\ngoes on.\n- item\n  goes on\n- item\n\n| a |\n|---|\n\n```ts\n# no heading\n```\n<!-- a\nnote -->\nEnd'
  assert.deepEqual(
    blocksOf(text).map((block) => [
      block.type,
      block.level,
      block.title || text.slice(block.start, block.end),
    ]),
    [
      ['heading', 1, 'One'],
      ['heading', 2, 'Two'],
      ['paragraph', 0, 'Prose\ngoes on.'],
      ['item', 0, '- item\n  goes on'],
      ['item', 0, '- item'],
      ['table', 0, '| a |\n|---|'],
      ['code', 0, '```ts\n# no heading\n```'],
      ['comment', 0, 'a note'],
      ['paragraph', 0, 'End'],
    ],
  )
})

test('sentences are slices of the text, in order, and never of a heading or a comment', () => {
  fc.assert(
    fc.property(markdown, (text) => {
      let at = 0
      for (const sentence of sentencesOf(text)) {
        assert.ok(sentence.start >= at && sentence.end > sentence.start)
        assert.notEqual(text.slice(sentence.start, sentence.end).trim(), '')
        at = sentence.end
      }
    }),
  )
})

test('a sentence ends at its full stop, not at an abbreviation, a version or a file name', () => {
  const text = 'Use a tier, e.g. Fast. Version 1.2 reads upshift.yaml. Is it so? `code` may begin one.'
  assert.deepEqual(
    sentencesOf(text).map((one) => text.slice(one.start, one.end)),
    ['Use a tier, e.g. Fast.', 'Version 1.2 reads upshift.yaml.', 'Is it so?', '`code` may begin one.'],
  )
})

test('a small table is one piece and a large one is quoted by the row', () => {
  const row = `| ${'x'.repeat(100)} |`
  assert.equal(sentencesOf('| a |\n|---|\n| 1 |').length, 1)
  assert.equal(
    sentencesOf(['| a |', '|---|', ...Array.from({ length: 10 }, () => row)].join('\n')).length,
    11,
  )
})

test('long hostile lines are read in linear time', () => {
  for (const piece of ['# ', '.)', '| ', '` ', '- ', ' #', '. "']) blocksOf(piece.repeat(50_000))
  for (const piece of ['. ', '.)', '. "', '. *']) sentencesOf(piece.repeat(20_000))
})
