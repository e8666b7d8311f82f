import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '../../lib/clock.ts'
import { DEFAULT_SETTINGS } from '../retrieve/settings.ts'
import { sequence } from '../tune/known-items.ts'
import { semanticsOf, tuneCollection } from '../tune/tune-collection.ts'
import { Collections } from './collections.ts'
import type { ReadDocument } from './document.ts'
import { createSearchPool } from './search-pool.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-collections-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** A document whose paragraphs are its chunks. */
function documentOf(source: string, version: string, ...paragraphs: readonly string[]): ReadDocument {
  const text = paragraphs.join('\n\n')
  const chunks = paragraphs.map((paragraph) => {
    const start = text.indexOf(paragraph)
    return { start, end: start + paragraph.length, kind: 'paragraph', headings: [] }
  })
  return { source, version, mediaType: 'text/plain', title: '', bytes: text.length, text, chunks }
}

function search(collections: Collections, question: string): string[] {
  return collections
    .searcher('shelf')
    .search(question, DEFAULT_SETTINGS, 10)
    .map(({ text }) => text)
}

test('a passage is found with its document, its place and its very words', () => {
  using collections = new Collections(join(folder, 'found.db'), systemClock)
  collections.put('shelf', [documentOf('a.txt', 'v1', 'Gears want oil.', 'Pumps want water.')])
  const [hit] = collections.searcher('shelf').search('water for pumps', DEFAULT_SETTINGS, 1)
  assert.ok(hit)
  assert.deepEqual([hit.source, hit.version, hit.start, hit.end], ['a.txt', 'v1', 17, 34])
  assert.equal(hit.text, 'Pumps want water.')
})

test('a changed document takes the place of its old version, and many small changes leave few segments', () => {
  using collections = new Collections(join(folder, 'changed.db'), systemClock)
  for (let number = 0; number < 70; number++) {
    collections.put('shelf', [documentOf(`${number}.txt`, 'v1', `part${number} of it`, 'and so on')])
  }
  collections.put('shelf', [documentOf('7.txt', 'v2', 'another story')])
  assert.deepEqual(search(collections, 'part7'), [])
  assert.deepEqual(search(collections, 'story'), ['another story'])
  for (const number of [0, 6, 8, 69])
    assert.deepEqual(search(collections, `part${number}`), [`part${number} of it`])
  const { documents, chunks, segments } = collections.figures('shelf')
  assert.deepEqual([documents, chunks], [70, 139])
  assert.ok(segments < 16, `${segments} segments`)
})

test('a document that another process has put there in the same version is left alone, and counted so', () => {
  const path = join(folder, 'shared.db')
  using one = new Collections(path, systemClock)
  using other = new Collections(path, systemClock)
  const batch = [documentOf('a.txt', 'v1', 'oil', 'water'), documentOf('b.txt', 'v1', 'gears')]
  assert.deepEqual(one.put('shelf', batch), { added: 2, replaced: 0, unchanged: 0, chunks: 3 })
  const generation = one.generation('shelf')
  assert.deepEqual(other.put('shelf', batch), { added: 0, replaced: 0, unchanged: 2, chunks: 0 })
  assert.equal(one.generation('shelf'), generation)
  const changed = [documentOf('a.txt', 'v2', 'steam'), documentOf('c.txt', 'v1', 'belts')]
  assert.deepEqual(other.put('shelf', changed), { added: 1, replaced: 1, unchanged: 0, chunks: 2 })
})

test('what is removed is found no more, and no byte of it is left in the file', () => {
  const path = join(folder, 'removed.db')
  const bytes = (): Buffer =>
    Buffer.concat(
      readdirSync(folder)
        .filter((name) => name.startsWith('removed.db'))
        .map((name) => readFileSync(join(folder, name))),
    )
  {
    using collections = new Collections(path, systemClock)
    collections.put('shelf', [
      ...library(60),
      documentOf('x.txt', 'v', 'the zanzibar affair of word1', 'zanzibar again of word2'),
    ])
    const model = semanticsOf(collections.searcher('shelf').segments)
    assert.ok(model?.terms.has('zanzibar'))
    const figures = { chosenBy: 0, heldOut: 0, before: 0, after: 0 }
    collections.keepTuning('shelf', { settings: { ...DEFAULT_SETTINGS, dense: 0.2 }, ...figures }, model)
    const before = collections.searcher('shelf')
    assert.equal(collections.remove('shelf', ['x.txt', 'never-there.txt']), 1)
    assert.deepEqual(search(collections, 'zanzibar affair'), [])
    // Who read the index before finds nothing where the document was.
    assert.deepEqual(before.search('zanzibar', DEFAULT_SETTINGS, 10), [])
    assert.equal(search(collections, 'word0 word1').length, 10)
  }
  assert.ok(bytes().length > 0)
  assert.equal(bytes().includes('zanzibar'), false)
})

test('a batch with a fault leaves the collection as it was', () => {
  using collections = new Collections(join(folder, 'fault.db'), systemClock)
  collections.put('shelf', [documentOf('a.txt', 'v1', 'first words')])
  const twice = [documentOf('a.txt', 'v2', 'second words'), documentOf('a.txt', 'v3', 'third words')]
  assert.throws(() => collections.put('shelf', twice), /UNIQUE/)
  assert.deepEqual(search(collections, 'words'), ['first words'])
})

test('a collection that is not there, and a name that cannot be one, are refused with what to do', () => {
  using collections = new Collections(join(folder, 'none.db'), systemClock)
  assert.throws(() => collections.searcher('shelf'), /knowledge list/)
  assert.throws(() => collections.put('../shelf', []), /small letters/)
})

/** Documents of many sentences, each about a thing of its own with words that the others share. */
function library(count: number): ReadDocument[] {
  const chance = sequence(9)
  const words = Array.from({ length: 400 }, (_, at) => `word${at}`)
  const sentence = () =>
    `${Array.from({ length: 7 }, () => words[Math.floor(chance() ** 2 * words.length)]).join(' ')}.`
  return Array.from({ length: count }, (_, at) =>
    documentOf(`${at}.txt`, 'v', Array.from({ length: 6 }, () => `thing${at} ${sentence()}`).join(' ')),
  )
}

test('a collection tunes itself, keeps what came out, and comes to the same again', () => {
  using collections = new Collections(join(folder, 'tuned.db'), systemClock)
  collections.put('shelf', library(60))
  const tuned = tuneCollection(collections, 'shelf')
  assert.equal(tuned.chosenBy + tuned.heldOut, 120)
  assert.ok(tuned.after >= tuned.before)
  assert.deepEqual(collections.tuning('shelf'), tuned)
  assert.deepEqual({ ...tuneCollection(collections, 'shelf'), at: 0 }, { ...tuned, at: 0 })
})

test('a collection of few passages keeps the default settings, and says why', () => {
  using collections = new Collections(join(folder, 'few.db'), systemClock)
  collections.put('shelf', library(5))
  const tuned = tuneCollection(collections, 'shelf')
  assert.deepEqual([tuned.kept, tuned.settings], ['too-few-queries', DEFAULT_SETTINGS])
})

test('a search off the event loop sees each change', async () => {
  const path = join(folder, 'pool.db')
  using collections = new Collections(path, systemClock)
  collections.put('shelf', [documentOf('a.txt', 'v1', 'gears want oil')])
  const pool = createSearchPool(path)
  try {
    const texts = async () =>
      (await pool.search({ collection: 'shelf', question: 'oil', limit: 5 }, [])).hits.map(({ text }) => text)
    assert.deepEqual(await texts(), ['gears want oil'])
    collections.put('shelf', [documentOf('b.txt', 'v1', 'oil is dear')])
    assert.equal((await texts()).length, 2)
    collections.remove('shelf', ['a.txt'])
    assert.deepEqual(await texts(), ['oil is dear'])
    await assert.rejects(pool.search({ collection: 'none', question: 'x', limit: 1 }, []), /no collection/)
  } finally {
    await pool.close()
  }
})
