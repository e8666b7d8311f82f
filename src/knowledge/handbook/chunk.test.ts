import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chunksOf, MAX_SIZE } from './chunk.ts'

const markdown = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '# Title',
        '## Part',
        '### Deeper',
        '- item',
        '```\ncode\n\nmore\n```',
        '| a |\n|---|\n| 1 |',
      ),
      fc.constantFrom(
        '<!-- a note -->',
        '',
        'A sentence. Another one.',
        '😀'.repeat(900),
        'word '.repeat(700),
      ),
      fc.constantFrom('| row of a long table |\n'.repeat(120), 'A sentence of a long paragraph. '.repeat(90)),
      fc.string({ unit: 'grapheme', maxLength: 60 }),
    ),
    { maxLength: 20 },
  )
  .chain((parts) => fc.constantFrom('\n\n', '\r\n\r\n', '\n').map((separator) => parts.join(separator)))

test('chunks are exact slices in order, bounded in size, and never cut a surrogate pair', () => {
  fc.assert(
    fc.property(markdown, (document) => {
      let at = 0
      for (const chunk of chunksOf(document)) {
        const text = document.slice(chunk.start, chunk.end)
        assert.ok(chunk.start >= at && chunk.end <= document.length)
        assert.ok(text.trim() !== '' && text.length <= MAX_SIZE)
        assert.equal(text.isWellFormed(), document.isWellFormed() || text.isWellFormed())
        at = chunk.end
      }
    }),
  )
})

test('no word is lost except those of headings and comments', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{3,9}$/), { minLength: 1, maxLength: 200 }), (words) => {
      const document = `# Top\n\n${words.join(' ')}\n\n<!-- secret -->\n\n- ${words.join('\n- ')}\n`
      const kept = chunksOf(document)
        .map((chunk) => document.slice(chunk.start, chunk.end))
        .join(' ')
      for (const word of words) assert.ok(kept.includes(word))
      assert.ok(!kept.includes('secret'))
    }),
  )
})

test('what a colon announces stays with it beyond the usual size', () => {
  const filler = 'A sentence of some length stands here. '.repeat(23).trim()
  for (const block of [
    '```sh\nrun this now\n'.concat('and this too\n'.repeat(14), '```'),
    '- an item\n'.repeat(20),
  ]) {
    const document = `# Top\n\n${filler}\n\nDo it like this:\n\n${block.trim()}\n\nAfter. ${filler}\n`
    const texts = chunksOf(document).map((chunk) => document.slice(chunk.start, chunk.end))
    assert.ok(texts.some((text) => text.includes(`Do it like this:\n\n${block.trim()}`)))
    assert.equal(texts.length, 2)
  }
})

test('a chunk knows the headings above it and the words by which it is asked for', () => {
  const document = '# Top\n\nIntro.\n\n## A\n\nBody.\n\n### Deep\n\nMore.\n\n## B\n\nLast.\n'
  assert.deepEqual(
    chunksOf(document, [{ start: 'Bo', phrases: 'how big' }]).map((chunk) => [
      chunk.headings.join('/'),
      chunk.asked,
      document.slice(chunk.start, chunk.end),
    ]),
    [
      ['Top', '', 'Intro.'],
      ['Top/A', 'how big', 'Body.'],
      ['Top/A/Deep', '', 'More.'],
      ['Top/B', '', 'Last.'],
    ],
  )
})
