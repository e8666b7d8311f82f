import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import type { DocumentFilter } from '../../contract/filter.ts'
import type { Problem } from '../../contract/problem.ts'
import { systemClock } from '../../lib/clock.ts'
import { Collections } from '../collection/collections.ts'
import { DEFAULT_SETTINGS } from '../retrieve/settings.ts'
import { sequence } from '../tune/known-items.ts'
import { tuneCollection } from '../tune/tune-collection.ts'
import { tuneVectors } from '../tune/tune-vectors.ts'
import { EMBED_TEXTS_MAX } from './embedder.ts'
import { decodeVector, encodeVector, unitVector } from './encode.ts'
import { makeVectors } from './make.ts'
import { prefixesOf } from './prefix.ts'
import { scriptedEmbedder, Topics } from './topics.fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-vectors-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const signal = new AbortController().signal

/** A collection of so many documents, a passage each, with a model named for it. */
function filled(name: string, documents: number, wanted = 'box/vectors') {
  const path = join(folder, `${name}.db`)
  const collections = new Collections(path, systemClock)
  const topics = new Topics()
  collections.put(
    'shelf',
    Array.from({ length: documents }, (_, topic) => topics.document(topic)),
  )
  collections.vectors.choose('shelf', wanted)
  return { collections, topics, path, by: (text: string) => topics.byTopic(text) }
}

const state = (collections: Collections) => collections.vectors.state('shelf')

function found(
  collections: Collections,
  question: string,
  vector: Float32Array,
  model = state(collections)?.made?.model ?? '',
): string[] {
  const asked = { model, vector: unitVector(vector), weight: 0.5 }
  return collections
    .searcher('shelf')
    .search(question, DEFAULT_SETTINGS, 3, { asked })
    .map(({ source }) => source)
}

test('a vector of 384 random numbers keeps its direction when it is stored in bytes, and its length is 1', () => {
  const chance = sequence(5)
  const random = () => Float32Array.from({ length: 384 }, () => 9 * (chance() + chance() - 1))
  for (let nth = 0; nth < 20; nth++) {
    const vector = random()
    const back = new Float32Array(384)
    assert.ok(decodeVector(encodeVector(vector), 384, back, 0))
    const unit = unitVector(vector)
    const dot = (a: Float32Array, b: Float32Array) =>
      a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)
    assert.ok(dot(unit, back) / Math.sqrt(dot(back, back)) > 0.9999)
    assert.ok(Math.abs(dot(back, back) - 1) < 0.01)
  }
  assert.equal(decodeVector(encodeVector(random()), 383, new Float32Array(383), 0), false)
  const zeros = new Float32Array(2).fill(7)
  assert.ok(decodeVector(encodeVector(new Float32Array(2)), 2, zeros, 0))
  assert.deepEqual([...zeros], [0, 0])
})

test('a passage that shares no word with the question is found by its vector', async () => {
  const { collections, topics, by } = filled('found', 30)
  using _held = collections
  const report = await makeVectors(collections, 'shelf', scriptedEmbedder(by), { signal })
  assert.deepEqual(report, { made: 30, left: 0 })
  const question = topics.question(17)
  assert.deepEqual(collections.searcher('shelf').search(question, DEFAULT_SETTINGS, 3), [])
  assert.equal(found(collections, question, by(question))[0], '17.txt')
  // A vector of another length, or of another model, is no vector of this collection.
  assert.deepEqual(found(collections, question, by(question), 'box/other'), [])
  assert.deepEqual(found(collections, question, topics.byTopic(question, 31)), [])
})

test('vectors are read for the first search while another connection writes', async () => {
  const { collections, topics, by, path } = filled('written', 30)
  using _held = collections
  await makeVectors(collections, 'shelf', scriptedEmbedder(by), { signal })
  using fresh = new Collections(path, systemClock)
  const writer = new DatabaseSync(path)
  try {
    writer.exec('BEGIN IMMEDIATE')
    const question = topics.question(17)
    assert.equal(found(fresh, question, by(question))[0], '17.txt')
  } finally {
    writer.close()
  }
})

test('who does not hold a document’s labels does not find it by its vector, and it is not counted', async () => {
  const { collections, topics, by } = filled('labelled', 30)
  using _held = collections
  await makeVectors(collections, 'shelf', scriptedEmbedder(by), { signal })
  collections.label('shelf', ['17.txt'], ['board'])
  const question = topics.question(17)
  const asked = { model: 'box/vectors', vector: unitVector(by(question)), weight: 0.5 }
  const seen = (labels: readonly string[], filter?: DocumentFilter) =>
    collections
      .searcher('shelf')
      .seenBy(labels)
      .search(question, DEFAULT_SETTINGS, 30, { asked, filter })
      .map(({ source }) => source)
  assert.equal(seen(['board'])[0], '17.txt')
  assert.ok(!seen([]).includes('17.txt'))
  assert.ok(seen([]).length > 0, 'the others are near by chance')
  assert.deepEqual(seen(['board'], { source: '17.*' }), ['17.txt'])
  assert.deepEqual(seen([], { source: '17.*' }), [])
  const counted = (labels: readonly string[]) => {
    const { embedded, passages } = collections.vectors.state('shelf', labels) ?? {}
    return { embedded, passages }
  }
  assert.deepEqual(counted([]), { embedded: 29, passages: 29 })
  assert.deepEqual(counted(['board']), { embedded: 30, passages: 30 })
})

test('a weight that was tuned on a document is chosen anew when the document is labelled', async () => {
  const { collections, by } = filled('retuned', 60)
  using _held = collections
  const embedder = scriptedEmbedder(by)
  await makeVectors(collections, 'shelf', embedder, { signal })
  await tuneVectors(collections, 'shelf', embedder, signal)
  assert.equal(state(collections)?.tuning?.chunks, 60)
  collections.label('shelf', ['3.txt'], ['board'])
  assert.equal(state(collections)?.tuning, undefined)
  await tuneVectors(collections, 'shelf', embedder, signal)
  assert.equal(state(collections)?.tuning?.chunks, 59)
})

test('a run that an engine breaks off keeps what was made, and the next one embeds only the rest', async () => {
  const { collections, by } = filled('broken', 200)
  using _held = collections
  const down: Problem = { code: 'upstream_unreachable', message: 'nothing listens there' }
  let calls = 0
  const failing = scriptedEmbedder(by, { refuse: () => (calls++ === 2 ? down : undefined) })
  const lefts: number[] = []
  const first = await makeVectors(collections, 'shelf', failing, {
    signal,
    progress: (left) => lefts.push(left),
  })
  assert.deepEqual(first, { made: 2 * EMBED_TEXTS_MAX, left: 72, stopped: 'nothing listens there' })
  assert.deepEqual(lefts, [136, 72])
  const generation = collections.generation('shelf')
  const second = scriptedEmbedder(by)
  assert.deepEqual(await makeVectors(collections, 'shelf', second, { signal }), { made: 72, left: 0 })
  assert.ok(collections.generation('shelf') > generation, 'a server reads what is new')
  const asked = [...failing.texts, ...second.texts].flat()
  assert.equal(new Set(asked).size, 200)
  assert.equal(asked.length, 200)
  const third = scriptedEmbedder(by)
  assert.equal((await makeVectors(collections, 'shelf', third, { signal })).made, 0)
  assert.deepEqual(third.texts, [])
})

test('another model, or another length, takes the place of all that was there', async () => {
  const { collections, topics, by } = filled('other', 100)
  using _held = collections
  await makeVectors(collections, 'shelf', scriptedEmbedder(by), { signal })
  collections.vectors.choose('shelf', 'box/vectors')
  assert.equal(state(collections)?.embedded, 100, 'the same model changes nothing')
  collections.vectors.choose('shelf', 'box/other')
  assert.deepEqual(state(collections), { wanted: 'box/other', embedded: 0, passages: 100 })
  const other = { wanted: 'box/other', model: 'box/other' }
  // It makes 32 numbers at first, and 16 from the second batch on.
  let calls = 0
  const changing = scriptedEmbedder((text) => topics.byTopic(text, calls > 1 ? 16 : 32), {
    ...other,
    refuse: () => void calls++,
  })
  const report = await makeVectors(collections, 'shelf', changing, { signal })
  assert.equal(report.left, 0)
  assert.deepEqual(state(collections)?.made, { model: 'box/other', dimensions: 16 })
  assert.equal(state(collections)?.embedded, 100)
  const question = topics.question(3)
  assert.equal(found(collections, question, topics.byTopic(question, 16))[0], '3.txt')
  collections.vectors.choose('shelf', undefined)
  assert.equal(state(collections), undefined)
})

test('what a model made that is no longer the named one is not kept', async () => {
  const { collections, by } = filled('late', 10)
  using _held = collections
  const slow = scriptedEmbedder(by, { refuse: () => void collections.vectors.choose('shelf', 'box/new') })
  const { made, stopped } = await makeVectors(collections, 'shelf', slow, { signal })
  assert.equal(made, 0)
  assert.match(stopped ?? '', /Another model has been named/)
  assert.equal(state(collections)?.embedded, 0)
})

test('a document that is removed or changed loses its vectors, and no byte of them is left in the file', async () => {
  const { collections, topics, by, path } = filled('removed', 40)
  const vector = by(topics.document(50).text)
  const bytes = Buffer.from(encodeVector(vector))
  const inFile = () =>
    readdirSync(folder)
      .filter((file) => file.startsWith('removed.db'))
      .some((file) => readFileSync(join(folder, file)).includes(bytes.subarray(4)))
  {
    using held = collections
    held.put('shelf', [topics.document(60), topics.document(61)])
    const same = scriptedEmbedder((text) => (text.length > 0 ? vector : vector))
    await makeVectors(held, 'shelf', same, { signal })
    assert.ok(held.scrub())
    assert.ok(inFile())
    held.remove('shelf', ['60.txt'])
    assert.equal(state(held)?.embedded, 41)
    // Another version: what stands there now has no vector yet.
    held.put('shelf', [topics.document(61, 7)])
    assert.deepEqual([state(held)?.embedded, state(held)?.passages], [40, 41])
    held.remove(
      'shelf',
      Array.from({ length: 40 }, (_, at) => `${at}.txt`),
    )
    assert.deepEqual([state(held)?.embedded, state(held)?.passages], [0, 1])
    assert.ok(held.scrub())
  }
  assert.ok(readFileSync(path).length > 0)
  assert.equal(inFile(), false)
})

test('vectors stay with their passages when segments merge', async () => {
  const { collections, topics, by } = filled('merged', 1)
  using _held = collections
  for (let topic = 1; topic < 70; topic++) collections.put('shelf', [topics.document(topic)])
  await makeVectors(collections, 'shelf', scriptedEmbedder(by), { signal })
  for (let topic = 70; topic < 140; topic++) collections.put('shelf', [topics.document(topic)])
  assert.deepEqual([state(collections)?.embedded, state(collections)?.passages], [70, 140])
  for (const topic of [0, 33, 69]) {
    const question = topics.question(topic)
    assert.equal(found(collections, question, by(question))[0], `${topic}.txt`)
  }
})

test('a passage that is too long for the model is embedded by its beginning, one that is refused by none', async () => {
  const { collections, topics, by } = filled('long', 20)
  using _held = collections
  const long = topics.document(90, 200)
  const secret = topics.document(91)
  collections.put('shelf', [long, secret])
  const refuse = (texts: readonly string[]): Problem | undefined => {
    if (texts.some((text) => text.includes(secret.text)))
      return { code: 'guard_refused', message: 'a secret' }
    if (texts.some(({ length }) => length > 1_000))
      return { code: 'context_length_exceeded', message: 'too long' }
    return undefined
  }
  const report = await makeVectors(collections, 'shelf', scriptedEmbedder(by, { refuse }), { signal })
  assert.deepEqual(report, { made: 21, left: 1, refused: { passages: 1, why: 'a secret' } })
  const question = topics.question(90)
  assert.equal(found(collections, question, by(question))[0], '90.txt')
})

test('an engine that rejects every text is not asked about each of them', async () => {
  const { collections, by } = filled('rejected', 200)
  using _held = collections
  let calls = 0
  const refuse = (): Problem => {
    calls++
    return { code: 'upstream_rejected', message: 'no embeddings here' }
  }
  const report = await makeVectors(collections, 'shelf', scriptedEmbedder(by, { refuse }), { signal })
  assert.deepEqual([report.made, report.left, report.stopped], [0, 200, 'no embeddings here'])
  assert.ok(calls < 2 * EMBED_TEXTS_MAX, `${calls} calls`)
})

test('every passage has the words before it that its model wants, also where an alias was named', async () => {
  const { collections, by } = filled('alias', 100, 'ours')
  using _held = collections
  const embedder = scriptedEmbedder(by, { wanted: 'ours', model: 'box/nomic-embed-text' })
  assert.equal((await makeVectors(collections, 'shelf', embedder, { signal })).left, 0)
  const kept = embedder.texts.slice(1).flat()
  assert.equal(kept.length, 100)
  assert.ok(kept.every((text) => text.startsWith('search_document: ')))
})

test('vectors get a weight where held-out queries say that they pay, and none where they say nothing', async () => {
  const { collections, by } = filled('tuned', 200)
  using _held = collections
  tuneCollection(collections, 'shelf')
  const good = scriptedEmbedder(by)
  await makeVectors(collections, 'shelf', good, { signal })
  const paying = await tuneVectors(collections, 'shelf', good, signal)
  assert.ok(paying !== undefined && paying.weight > 0, JSON.stringify(paying))
  assert.ok(paying.fused > paying.lexical + 0.3, JSON.stringify(paying))
  assert.deepEqual(state(collections)?.tuning, paying)
  collections.vectors.choose('shelf', 'box/noise')
  assert.equal(state(collections)?.tuning, undefined)
  const named = new Topics()
  collections.put(
    'shelf',
    Array.from({ length: 200 }, (_, topic) => named.document(topic, 5, true)),
  )
  const chance = sequence(3)
  const noise = scriptedEmbedder(() => Float32Array.from({ length: 8 }, () => chance() - 0.5), {
    wanted: 'box/noise',
    model: 'box/noise',
  })
  await makeVectors(collections, 'shelf', noise, { signal })
  const useless = await tuneVectors(collections, 'shelf', noise, signal)
  assert.deepEqual([useless?.weight, useless?.kept], [0, 'no-better-on-held-out'])
})

test('the tuning judges a passage by what is left of it when the sentence that asks is taken out', async () => {
  // A model that knows nothing but a text's own words would find each sentence's passage, had it seen the sentence.
  const { collections } = filled('cheat', 200)
  using _held = collections
  const words = (text: string): Float32Array => {
    const vector = new Float32Array(4_096)
    for (const word of text.match(/[a-z]+/g) ?? []) {
      const chance = sequence([...word].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e9, 7))
      vector[Math.floor(chance() * 4_096)] = 1
    }
    return vector
  }
  const embedder = scriptedEmbedder(words)
  await makeVectors(collections, 'shelf', embedder, { signal })
  const tuning = await tuneVectors(collections, 'shelf', embedder, signal)
  // With the sentence it would be 1; what is left is chance: words that share a place.
  assert.ok((tuning?.dense ?? 1) < 0.05, JSON.stringify(tuning))
})

test('a collection too small to be tuned uses what its owner named, and an engine that fails tunes nothing', async () => {
  const { collections, by } = filled('small', 5)
  using _held = collections
  await makeVectors(collections, 'shelf', scriptedEmbedder(by), { signal })
  const tuning = await tuneVectors(collections, 'shelf', scriptedEmbedder(by), signal)
  assert.deepEqual([tuning?.weight, tuning?.kept], [0.3, 'too-few-queries'])
  const large = filled('down', 100)
  using _large = large.collections
  await makeVectors(large.collections, 'shelf', scriptedEmbedder(large.by), { signal })
  const down = scriptedEmbedder(large.by, { refuse: () => ({ code: 'upstream_failed', message: 'gone' }) })
  await assert.rejects(tuneVectors(large.collections, 'shelf', down, signal), /gone/)
  assert.equal(state(large.collections)?.tuning, undefined)
  const other = scriptedEmbedder(large.by, { model: 'box/other' })
  await assert.rejects(tuneVectors(large.collections, 'shelf', other, signal), /Run the command again/)
})

test('families of models get the words that they were trained with, others the bare text', () => {
  assert.equal(prefixesOf('ollama/nomic-embed-text:latest').question, 'search_query: ')
  assert.equal(prefixesOf('hf/multilingual-e5-large').passage, 'passage: ')
  assert.equal(prefixesOf('hf/multilingual-e5-large-instruct').passage, '')
  assert.match(prefixesOf('local/bge-small-en-v1.5').question, /^Represent/)
  assert.deepEqual(prefixesOf('openai/text-embedding-3-small'), { question: '', passage: '' })
})
