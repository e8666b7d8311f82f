import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseHtml } from '../ingest/parse/html.ts'
import { parseMarkdown } from '../ingest/parse/markdown.ts'
import { parseJson, parseJsonLines, parseRows } from '../ingest/parse/records.ts'
import { parseCode, parseText } from '../ingest/parse/text.ts'
import { cut, type Parsed } from './cut.ts'

const SIZES = { target: 120, max: 200 }
const texts = (parsed: Parsed) => cut(parsed, SIZES).map(({ start, end }) => parsed.text.slice(start, end))

test('a chunk begins with the headings above it and knows the whole path', () => {
  const parsed = parseMarkdown(
    `# Pump\n\n## Oil\n\n${'Change the oil. '.repeat(9)}\n\n## Water\n\n${'Keep it cold. '.repeat(9)}`,
  )
  const chunks = cut(parsed, SIZES)
  assert.equal(parsed.title, 'Pump')
  assert.match(parsed.text.slice(chunks[0]?.start, chunks[0]?.end), /^# Pump\n\n## Oil/)
  const water = chunks.find(({ headings }) => headings.at(-1) === 'Water')
  assert.deepEqual(water?.headings, ['Pump', 'Water'])
  assert.match(parsed.text.slice(water?.start, water?.end), /^## Water/)
})

test('a table is cut between its rows only', () => {
  const rows = Array.from({ length: 30 }, (_, at) => `| part ${at} | ${at * 7} pieces |`)
  for (const chunk of texts(parseMarkdown(rows.join('\n')))) {
    for (const line of chunk.split('\n')) assert.ok(rows.includes(line), line)
  }
})

test('source code is cut before declarations, with the comments that belong to them', () => {
  const parsed = parseCode(
    'import a\n\n// Adds.\nfunction add() {\n  one\n\n  two\n}\n\nfunction other() {\n  x\n}\n',
  )
  const blocks = parsed.blocks.map(({ start, end }) => parsed.text.slice(start, end))
  assert.deepEqual(blocks, [
    'import a',
    '// Adds.\nfunction add() {\n  one\n\n  two\n}',
    'function other() {\n  x\n}',
  ])
})

test('the first row of a table of values heads every chunk of it', () => {
  const csv = `name,note\n${Array.from({ length: 40 }, (_, at) => `part ${at},"first\nsecond"`).join('\n')}`
  const chunks = cut(parseRows(csv), SIZES)
  assert.ok(chunks.length > 3)
  for (const { headings } of chunks) assert.deepEqual(headings, ['name,note'])
})

test('JSON is cut between the members of its outermost value, and what is no JSON is refused', () => {
  const parsed = parseJson('{"a": "x, }", "b": [1, {"c": 2}],\n "d": null}')
  const records = parsed.blocks.map(({ start, end }) => parsed.text.slice(start, end))
  assert.deepEqual(records, ['"a": "x, }"', '"b": [1, {"c": 2}]', '"d": null'])
  assert.throws(() => parseJson('{"a": '), SyntaxError)
})

test("a page's words come without its scripts, styles and navigation, in its structure", () => {
  const parsed = parseHtml(
    '<html><head><title>Pumps &amp; pipes</title><style>p{}</style></head><body><nav>Home</nav><h1>Pump</h1>' +
      '<script>if (a < b) alert("</p>")</script><p>Change <b>the</b>\n oil&nbsp;now &#8212; or later.<ul><li>one<li>two</ul>' +
      '<table><tr><th>part<th>count<tr><td>gear<td>7</table><pre>a\n  b</pre></body>',
  )
  assert.equal(parsed.title, 'Pumps & pipes')
  const blocks = parsed.blocks.map(({ kind, start, end }) => [kind, parsed.text.slice(start, end)])
  assert.deepEqual(blocks, [
    ['heading', 'Pump'],
    ['paragraph', 'Change the oil now — or later.'],
    ['item', 'one'],
    ['item', 'two'],
    ['table', 'part | count\ngear | 7'],
    ['code', 'a\n  b'],
  ])
})

test('whatever is parsed, chunks are in order, within bounds, and miss nothing but white space', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '# A\n',
      '\n\n',
      '- item\n',
      '| a | b |\n',
      '```\n',
      'Word word. ',
      '<p>',
      '<h2>',
      '</h2>',
      '"',
      ',',
      '\r\n',
      '😀',
    ),
    fc.string({ maxLength: 300 }),
  )
  const parsers = [parseMarkdown, parseText, parseCode, parseHtml, parseRows, parseJsonLines]
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.constantFrom(...parsers), (pieces, parser) => {
      const parsed = parser(pieces.join(''))
      const skipped = parsed.blocks.filter(({ kind }) => kind === 'comment')
      let last = 0
      let outside = ''
      for (const { start, end } of cut(parsed, SIZES)) {
        assert.ok(start >= last && end > start && end - start <= SIZES.max)
        outside += parsed.text.slice(last, start)
        last = end
      }
      outside += parsed.text.slice(last)
      const comments = skipped.map(({ start, end }) => parsed.text.slice(start, end)).join('')
      assert.equal(outside.replace(/\s+/g, '').length, comments.replace(/\s+/g, '').length)
    }),
  )
})
