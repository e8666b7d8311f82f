import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isRefusal } from '../src/contract/problem.ts'
import { selectQuotations, verify } from '../src/engine/extractive/select.ts'
import { Library } from '../src/knowledge/answer/library.ts'
import { Collections } from '../src/knowledge/collection/collections.ts'
import { systemClock } from '../src/lib/clock.ts'
import { SPACELESS_TEXTS } from './languages-spaceless.ts'
import { type Shelved, SPACED } from './languages-texts.ts'

/** Questions in other languages than English, over collections of a few sentences, answered by quotations alone. */

const folder = mkdtempSync(join(tmpdir(), 'upshift-languages-'))
const path = join(folder, 'collections.db')
const library = new Library(path, systemClock)
after(async () => {
  await library.close()
  rmSync(folder, { recursive: true, force: true })
})

const SCOPE = { engines: 'any' } as const
const { signal } = new AbortController()

function documentOf(text: string, number: number) {
  const head = { source: `${number}.txt`, version: `v${number}`, mediaType: 'text/plain', title: '' }
  const chunk = { start: 0, end: text.length, kind: 'paragraph', headings: [] }
  return { ...head, bytes: Buffer.byteLength(text), text, chunks: [chunk] }
}

function shelve(collection: string, sentences: readonly string[]): void {
  using collections = new Collections(path, systemClock)
  collections.put(collection, sentences.map(documentOf))
}

/** What is quoted for a question; every quotation is checked as it is before it leaves. */
async function quoted(collection: string, question: string): Promise<string> {
  const found = await library.find({ collection, question, limit: 6 }, SCOPE, signal)
  assert.ok(!isRefusal(found), JSON.stringify(found))
  const quotations = selectQuotations(question, found.passages)
  assert.ok(quotations.every((one) => verify(one, found.passages)))
  return quotations.map(({ quote }) => quote).join('\n')
}

const languages: readonly Shelved[] = [...SPACED, ...SPACELESS_TEXTS]
for (const { language, sentences, answered, declined } of languages) {
  const name = language.toLowerCase().replace(/\W+/g, '-')
  shelve(name, sentences)

  test(`questions in ${language} are answered from a text that answers them`, async () => {
    for (const [question, holds] of answered) {
      const quote = await quoted(name, question)
      assert.ok(quote.includes(holds), `${question} → ${quote || 'declined'}`)
    }
  })

  test(`questions in ${language} that are only near a text are declined`, async () => {
    for (const question of declined) assert.equal(await quoted(name, question), '', question)
  })
}

test('a single character of a script without spaces is found, wherever it stands', async () => {
  for (const [collection, character, holds] of [
    ['japanese', '油', '油は毎年'],
    ['japanese', '換', '油は毎年'],
    ['japanese', '松', '浜松'],
    ['chinese-simplified', '网', '滤网'],
    ['chinese-traditional', '廠 台', '工廠位於台中'],
  ] as const) {
    const found = await library.search({ collection, question: character, limit: 3 }, SCOPE, signal)
    assert.ok(!isRefusal(found))
    assert.ok(found.hits[0]?.text.includes(holds), `${character} → ${found.hits[0]?.text ?? 'nothing'}`)
    assert.ok(found.hits.every(({ text }) => [...character].some((one) => text.includes(one))))
  }
})

test('a citation of a text without spaces ends between its sentences', async () => {
  shelve('paragraph', [
    '工場は浜松にあります。油は毎年交換します。部品は三日以内に届きます。ネジの直径は12ミリです。ランプは赤く点滅します。',
  ])
  const quote = await quoted('paragraph', '油はいつ交換しますか？')
  assert.ok(quote.includes('油は毎年交換します。'))
  assert.match(quote, /。$/)
})

test('German is answered in a collection that is mostly English, and English as before', async () => {
  const english = [
    'The oil is changed every 9,000 miles.',
    'In the die casting works nobody was hurt.',
    'The warranty of the pump lasts three years.',
  ]
  shelve('mixed', [...english, ...(SPACED[0]?.sentences ?? [])])
  assert.match(await quoted('mixed', 'Wann wird das Öl gewechselt?'), /^Das Öl wird alle 15\.000/)
  assert.match(await quoted('mixed', 'How often is the oil changed?'), /^The oil is changed every 9,000/)
  assert.match(await quoted('mixed', 'Was anybody hurt in the die casting works?'), /die casting/)
  assert.equal(await quoted('mixed', 'How often is the filter of the pump changed?'), '')
})
