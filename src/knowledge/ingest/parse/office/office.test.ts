import assert from 'node:assert/strict'
import { test } from 'node:test'
import { docxOf, relationsOf, zipOf } from '../made.fixture.ts'
import { mediaTypeOf } from '../media.ts'
import { parse } from '../parse.ts'

const read = (name: string, bytes: Uint8Array) => parse(new Uint8Array(bytes), mediaTypeOf(name) ?? '')
const paragraph = (text: string, properties = '') =>
  `<w:p><w:pPr>${properties}</w:pPr><w:r><w:t>${text}</w:t></w:r></w:p>`

/** Each block's kind and text. */
async function blocks(name: string, bytes: Uint8Array): Promise<string[]> {
  const parsed = await read(name, bytes)
  return parsed.blocks.map(({ kind, start, end, page }) => {
    const own = `${kind}: ${parsed.text.slice(start, end)}`
    return page === undefined ? own : `${page} ${own}`
  })
}

test('a DOCX keeps headings, items, tables and notes, and leaves out what was deleted', async () => {
  const cell = (text: string) => `<w:tc>${paragraph(text)}</w:tc>`
  const body = [
    paragraph('Manual', '<w:pStyle w:val="Own"/>'),
    `<w:p><w:r><w:t>Open </w:t></w:r><w:del><w:r><w:delText>never </w:delText><w:t>shut</w:t></w:r></w:del><w:r><w:t>it &amp; wait</w:t><w:br/><w:t>a bit.</w:t></w:r></w:p>`,
    paragraph('first', '<w:numPr/>'),
    paragraph('second', '<w:numPr/>'),
    `<w:tbl><w:tr>${cell('Part')}${cell('Torque')}</w:tr><w:tr>${cell('Bolt')}${cell('12 Nm')}</w:tr></w:tbl>`,
  ]
  const footnotes = `<w:footnotes xmlns:w="w"><w:footnote>${paragraph('A note.')}</w:footnote></w:footnotes>`
  const bytes = docxOf(body.join(''), { 'word/footnotes.xml': footnotes })
  assert.equal((await read('a.docx', bytes)).title, 'Manual')
  assert.deepEqual(await blocks('a.docx', bytes), [
    'heading: Manual',
    'paragraph: Open it & wait\na bit.',
    'item: first',
    'item: second',
    'table: Part | Torque\nBolt | 12 Nm',
    'paragraph: A note.',
  ])
})

test('a slide of a PPTX is a page under its title, with its notes', async () => {
  const shape = (text: string, type = 'body') =>
    `<p:sp><p:nvPr><p:ph type="${type}"/></p:nvPr><p:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:txBody></p:sp>`
  const slide = (...shapes: readonly string[]) => `<p:sld xmlns:p="p" xmlns:a="a">${shapes.join('')}</p:sld>`
  const bytes = zipOf({
    '_rels/.rels': relationsOf(['r1', 'officeDocument', 'ppt/presentation.xml']),
    'ppt/presentation.xml':
      '<p:presentation><p:sldId id="256" r:id="b"/><p:sldId id="257" r:id="a"/></p:presentation>',
    'ppt/_rels/presentation.xml.rels': relationsOf(
      ['a', 'slide', 'slides/slide1.xml'],
      ['b', 'slide', 'slides/slide2.xml'],
    ),
    'ppt/slides/slide1.xml': slide(shape('It leaks.'), shape('7', 'sldNum'), shape('Why', 'title')),
    'ppt/slides/slide2.xml': slide(shape('Pumps', 'ctrTitle')),
    'ppt/slides/_rels/slide1.xml.rels': relationsOf(['n', 'notesSlide', '../notesSlides/notes1.xml']),
    'ppt/notesSlides/notes1.xml': slide(shape('Say it slowly.')),
  })
  assert.deepEqual(await blocks('a.pptx', bytes), [
    '1 heading: Pumps',
    '2 heading: Why',
    '2 paragraph: It leaks.',
    '2 paragraph: Say it slowly.',
  ])
})

test('rows of an XLSX are records under their sheet and its first row, dates are dates', async () => {
  const bytes = zipOf({
    '_rels/.rels': relationsOf(['r1', 'officeDocument', 'xl/workbook.xml']),
    'xl/workbook.xml': '<workbook><sheet name="Prices" sheetId="1" r:id="s"/></workbook>',
    'xl/_rels/workbook.xml.rels': relationsOf(
      ['s', 'worksheet', 'worksheets/sheet1.xml'],
      ['t', 'sharedStrings', 'sharedStrings.xml'],
      ['y', 'styles', 'styles.xml'],
    ),
    'xl/sharedStrings.xml':
      '<sst><si><t>Item</t></si><si><r><t>Wh</t></r><r><t>en</t></r><rPh><t>no</t></rPh></si></sst>',
    'xl/styles.xml':
      '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="yyyy\\-mm"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs></styleSheet>',
    'xl/worksheets/sheet1.xml':
      '<worksheet><row><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row><row><c r="A2" t="inlineStr"><is><t>Bolt</t></is></c><c r="B2"><f>1+1</f><v>2</v></c><c r="C2" s="1"><v>45352</v></c></row></worksheet>',
  })
  assert.deepEqual(await blocks('a.xlsx', bytes), [
    'heading: Prices',
    'heading: Item |  | When',
    'record: Bolt | 2 | 2024-03-01',
  ])
})

test('an archive that is a bomb, encrypted, broken or of another kind says so', async () => {
  const bomb = docxOf('', { 'word/document.xml': ' '.repeat(100 * 1024 * 1024) })
  assert.ok(bomb.length < 200_000)
  await assert.rejects(read('bomb.docx', bomb), /one part to more than 96 MiB/)
  const whole = docxOf(paragraph('words'))
  await assert.rejects(read('cut.docx', whole.subarray(0, whole.length - 40)), /damaged/)
  const flipped = Buffer.from(whole)
  const inside = flipped.indexOf('word/document.xml') + 30
  flipped.writeUInt8(flipped.readUInt8(inside) ^ 0xff, inside)
  await assert.rejects(read('flipped.docx', flipped), /damaged/)
  await assert.rejects(read('a.xlsx', whole.subarray(0, 10)), /damaged/)
  await assert.rejects(read('other.docx', zipOf({ 'readme.txt': 'x' })), /word\/document\.xml is missing/)
  await assert.rejects(read('locked.docx', zipOf({ 'word/document.xml': 'x' }, 1)), /encrypted/)
  await assert.rejects(read('old.docx', Buffer.from('d0cf11e0a1b11ae1', 'hex')), /before 2007/)
  await assert.rejects(read('open.docx', docxOf('<w:p><w:r>')), /not well-formed/)
  const laughs = '<!DOCTYPE x [<!ENTITY a "ha">]><w:document/>'
  await assert.rejects(read('laughs.docx', docxOf('', { 'word/document.xml': laughs })), /document type/)
})
