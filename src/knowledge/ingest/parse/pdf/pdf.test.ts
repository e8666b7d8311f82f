import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cut } from '../../../chunk/cut.ts'
import { pageOf, pdfOf } from '../made.fixture.ts'
import { parse } from '../parse.ts'

const read = (bytes: Uint8Array) => parse(new Uint8Array(bytes), 'application/pdf')

const PROSE = 'The pump is opened by hand and drained before the first frost of the year.'

test('a PDF is cut by its headings, larger or in a face of their own, and each passage lies on one page', async () => {
  const parsed = await read(
    pdfOf([
      pageOf([20, 700, 'Pump manual'], [10, 660, PROSE], [10, 648, PROSE]),
      pageOf([-10, 700, 'Starting it'], [10, 670, PROSE], [10, 658, 'It starts after a while.']),
    ]),
  )
  assert.equal(parsed.title, 'Pump manual')
  const chunks = cut(parsed).map((one) => ({ ...one, text: parsed.text.slice(one.start, one.end) }))
  assert.deepEqual(
    chunks.map(({ page, headings }) => [page, ...headings]),
    [
      [1, 'Pump manual'],
      [2, 'Pump manual', 'Starting it'],
    ],
  )
  assert.equal(chunks[0]?.text, `Pump manual\n\n${PROSE}\n${PROSE}`)
  assert.match(chunks[1]?.text ?? '', /^Starting it\n\n.*\nIt starts after a while\.$/)
})

test('what runs along the edge of the pages is left out of the passages, a divided word is joined', async () => {
  const pages = [1, 2, 3, 4].map((page) =>
    pageOf(
      [10, 780, 'Annual report'],
      [10, 700, `Chapter ${'abcd'[page - 1]} tells of the drain and its main-`],
      [10, 688, 'tenance, and maintenance is all there is to well-'],
      [10, 676, `known drains of kind ${'abcd'[page - 1]}.`],
      [10, 20, `Page ${page}`],
    ),
  )
  const parsed = await read(pdfOf(pages))
  const texts = cut(parsed).map(({ start, end }) => parsed.text.slice(start, end))
  assert.deepEqual(
    texts[1],
    'Chapter b tells of the drain and its maintenance, and maintenance is all there is to well-known drains of kind b.',
  )
  assert.equal(texts.length, 4)
})

test('rows of figures are a table, one line each', async () => {
  const rows = pageOf(
    [10, 700, PROSE],
    [10, 640, 'Net sales 10 20'],
    [10, 620, 'Cost 5 6'],
    [10, 600, 'Profit 5 14'],
  )
  const { text, blocks } = await read(pdfOf([rows]))
  const table = blocks.find(({ kind }) => kind === 'table')
  assert.equal(text.slice(table?.start, table?.end), 'Net sales 10 20\nCost 5 6\nProfit 5 14')
})

test('a PDF that cannot be read says why', async () => {
  const good = pdfOf([pageOf([10, 700, 'words'])])
  await assert.rejects(read(Buffer.from('no PDF at all')), /damaged, or no PDF/)
  await assert.rejects(read(pdfOf([''])), /no text; a scan/)
  await assert.rejects(read(pdfOf(Array.from({ length: 5_001 }, () => ''))), /5001 pages, and at most 5000/)
  const encrypted =
    '/Encrypt<</Filter/Standard/V 1/R 2/O<' +
    '41'.repeat(32) +
    '>/U<' +
    '42'.repeat(32) +
    '>/P -4>>/ID[<00><00>]'
  await assert.rejects(read(pdfOf([pageOf([10, 700, 'words'])], { trailer: encrypted })), /encrypted/)
  assert.equal((await read(good)).text, 'words')
})
