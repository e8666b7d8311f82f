import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { sees } from '../../contract/caller.ts'
import type { DocumentFilter } from '../../contract/filter.ts'
import { findIn } from '../answer/find.ts'
import { DEFAULT_SETTINGS, type Settings } from '../retrieve/settings.ts'
import { sequence } from '../tune/known-items.ts'
import { semanticsOf, tuneCollection } from '../tune/tune-collection.ts'
import { Collections } from './collections.ts'
import type { ReadDocument } from './document.ts'
import { filterOf, matches } from './filter.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-labels-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const NOON = Date.UTC(2026, 0, 1, 12)
const DAY = 86_400_000
const WORDS = ['oil', 'pump', 'gear', 'water', 'pipe', 'valve', 'salary', 'merger', 'audit', 'seven']
const LABELS = ['finance', 'board', 'legal']
const QUESTIONS = ['how much oil for the pump', 'salary after the merger', 'gear seven valve audit']

/** A document whose paragraphs are its chunks. */
function documentOf(source: string, paragraphs: readonly string[]): ReadDocument {
  const text = paragraphs.join('\n\n')
  let start = 0
  const chunks = paragraphs.map((paragraph) => {
    const at = { start, end: start + paragraph.length, kind: 'paragraph', headings: [] }
    start = at.end + 2
    return at
  })
  const mediaType = source.endsWith('.md') ? 'text/markdown' : 'text/plain'
  return { source, version: `v-${text}`, mediaType, title: '', bytes: text.length, text, chunks }
}

/** A step in the life of a collection. Sources are few, so that documents are replaced and removed. */
interface Step {
  readonly documents: readonly (readonly [source: number, paragraphs: readonly string[]])[]
  readonly removes: number | undefined
}

const paragraph = fc
  .array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 8 })
  .map((words) => `${words.join(' ')}.`)
const step: fc.Arbitrary<Step> = fc.record({
  documents: fc.uniqueArray(
    fc.tuple(fc.nat({ max: 11 }), fc.array(paragraph, { minLength: 1, maxLength: 4 })),
    { selector: ([source]) => source, maxLength: 4 },
  ),
  removes: fc.option(fc.nat({ max: 11 }), { nil: undefined }),
})
const lives = fc.record({
  /** Of each source. */
  labels: fc.array(fc.subarray(LABELS), { minLength: 12, maxLength: 12 }),
  steps: fc.array(step, { minLength: 1, maxLength: 10 }),
  held: fc.subarray([...LABELS, 'other']),
})
const nameOf = (source: number): string => `${source % 3}/${source}.${source % 2 === 0 ? 'md' : 'txt'}`

let made = 0

/** Lives through the steps with the sources for which `has` is true, each labelled before it is read. */
function live(
  { labels, steps }: { labels: readonly string[][]; steps: readonly Step[] },
  has: (own: readonly string[]) => boolean,
): Collections {
  let day = NOON
  const clock = { now: () => day, elapsed: () => 0 }
  const collections = new Collections(join(folder, `${made++}.db`), clock)
  const isHere = (source: number): boolean => has(labels[source] ?? [])
  for (const [source, own] of labels.entries()) {
    if (isHere(source)) collections.label('shelf', [nameOf(source)], own)
  }
  collections.put('shelf', [])
  for (const { documents, removes } of steps) {
    day += DAY
    const batch = documents.filter(([source]) => isHere(source))
    collections.put(
      'shelf',
      batch.map(([source, paragraphs]) => documentOf(nameOf(source), paragraphs)),
    )
    // With their labels remembered, as for a file that vanished and comes back.
    if (removes !== undefined && isHere(removes)) collections.remove('shelf', [nameOf(removes)], true)
  }
  return collections
}

const settingsOf: readonly Settings[] = [
  DEFAULT_SETTINGS,
  { ...DEFAULT_SETTINGS, document: 0 },
  { ...DEFAULT_SETTINGS, feedback: 0.4 },
]

/** All that a search says, but for the number of the source, which counts over all that a home ever held. */
function found(collections: Collections, held: readonly string[], filter?: DocumentFilter): unknown[] {
  const searcher = collections.searcher('shelf').seenBy(held)
  return QUESTIONS.flatMap((question) =>
    settingsOf.map((settings) => {
      const hits = searcher
        .search(question, settings, 20, { filter })
        .map(({ origin: _, ...rest }) => ({ ...rest }))
      const { passages, conflicts, verdicts } = findIn(searcher, settings, {
        collection: 'shelf',
        question,
        limit: 5,
        filter,
      })
      const supports = passages.map(({ document, start, support, text }) => ({
        document,
        start,
        support,
        text,
      }))
      return { hits, supports, verdicts, conflicts: conflicts.map(({ by }) => by) }
    }),
  )
}

test('whoever may not see some documents gets hits, order and scores as if these had never been there', () => {
  fc.assert(
    fc.property(lives, (life) => {
      using whole = live(life, () => true)
      using visible = live(life, (own) => sees(life.held, own))
      assert.deepEqual(found(whole, life.held), found(visible, ['*']))
      assert.deepEqual(whole.figures('shelf', life.held), visible.figures('shelf'))
    }),
    { numRuns: 60 },
  )
})

test('a filter leaves of the whole ranking what it covers, in its order', () => {
  const filters = fc.record(
    {
      source: fc.constantFrom('0/', '*.md', '?/1*'),
      mediaType: fc.constantFrom('text/plain', 'text/*', 'application/pdf'),
      label: fc.constantFrom(...LABELS),
      addedAfter: fc.constantFrom('2026-01-03', '2026-01-04T12:00:00Z'),
      addedBefore: fc.constantFrom('2026-01-05', '2026-01-08T13:00:00+01:00'),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(lives, filters, (life, filter) => {
      using collections = live(life, () => true)
      const searcher = collections.searcher('shelf').seenBy(life.held)
      const wanted = new Set(
        collections
          .documents('shelf')
          .filter(filterOf(filter as DocumentFilter))
          .map(({ source }) => source),
      )
      for (const question of QUESTIONS) {
        const all = searcher.search(question, DEFAULT_SETTINGS, 100)
        assert.deepEqual(
          searcher.search(question, DEFAULT_SETTINGS, 100, { filter: filter as DocumentFilter }),
          all.filter(({ source }) => wanted.has(source)),
        )
      }
    }),
    { numRuns: 40 },
  )
})

test('what a filter leaves out lends no words to the question', () => {
  using collections = live({ labels: [], steps: [] }, () => true)
  collections.put('shelf', [
    documentOf('a.md', ['oil oil merger', 'oil merger salary']),
    documentOf('b.txt', ['merger', 'oil']),
  ])
  const settings = { ...DEFAULT_SETTINGS, feedback: 0.5, document: 0 }
  const texts = (filter?: DocumentFilter): string[] =>
    collections
      .searcher('shelf')
      .search('oil', settings, 10, { filter })
      .map(({ text }) => text)
  assert.ok(texts().includes('merger'))
  assert.deepEqual(texts({ source: 'b' }), ['oil'])
})

test('neither tuning nor semantics are made of what has a label', () => {
  const chance = sequence(7)
  const word = (): string => WORDS[Math.floor(chance() * WORDS.length)] ?? ''
  const lines = (): string =>
    Array.from({ length: 4 }, () => `${Array.from({ length: 7 }, word).join(' ')} here.`).join('\n')
  const many = (prefix: string): ReadDocument[] =>
    Array.from({ length: 70 }, (_, at) => documentOf(`${prefix}${at}.md`, [lines(), lines()]))
  const [open, secret] = [many('open'), many('secret')]
  const filled = (hidden: readonly ReadDocument[]): Collections => {
    const collections = live({ labels: [], steps: [] }, () => true)
    for (let at = 0; at < open.length; at += 7) {
      collections.label(
        'shelf',
        hidden.slice(at, at + 7).map(({ source }) => source),
        ['board'],
      )
      // In one batch with the others.
      collections.put('shelf', [...hidden.slice(at, at + 7), ...open.slice(at, at + 7)])
    }
    const tuned = tuneCollection(collections, 'shelf')
    const model = semanticsOf(collections.searcher('shelf').seenBy([]).segments)
    collections.keepTuning('shelf', { ...tuned, settings: { ...tuned.settings, dense: 0.5 } }, model)
    return collections
  }
  using whole = filled(secret)
  using visible = filled([])
  assert.equal(whole.figures('shelf').documents, 140)
  assert.deepEqual(whole.tuning('shelf'), visible.tuning('shelf'))
  assert.ok((whole.tuning('shelf')?.chosenBy ?? 0) > 40)
  const hits = (collections: Collections) =>
    QUESTIONS.map((question) =>
      collections
        .searcher('shelf')
        .seenBy([])
        .search(question, collections.tuning('shelf')?.settings ?? DEFAULT_SETTINGS, 20)
        .map(({ source, start, score }) => ({ source, start, score })),
    )
  assert.deepEqual(hits(whole), hits(visible))
  const all = whole.searcher('shelf').search('oil pump', { ...DEFAULT_SETTINGS, dense: 1 }, 140)
  assert.ok(all.some(({ source }) => source.startsWith('secret')))
})

test('a label that is set or taken later holds from then on, and drops what was tuned of the document', () => {
  using collections = live({ labels: [], steps: [] }, () => true)
  collections.put('shelf', [
    documentOf('a.md', ['oil for the pump', 'water']),
    documentOf('b.md', ['oil of the gear']),
  ])
  tuneCollection(collections, 'shelf')
  const seen = (held: readonly string[]): string[] =>
    collections
      .searcher('shelf')
      .seenBy(held)
      .search('oil', DEFAULT_SETTINGS, 10)
      .map(({ source }) => source)
      .toSorted()
  assert.deepEqual(seen([]), ['a.md', 'b.md'])
  const before = collections.generation('shelf')
  collections.label('shelf', ['a.md'], ['finance', 'board'])
  assert.ok(collections.generation('shelf') > before)
  assert.equal(collections.tuning('shelf'), undefined)
  assert.deepEqual(
    [seen([]), seen(['finance']), seen(['board', 'finance'])],
    [['b.md'], ['b.md'], ['a.md', 'b.md']],
  )
  assert.deepEqual([collections.figures('shelf', []).chunks, collections.figures('shelf').chunks], [1, 3])
  collections.put('shelf', [documentOf('a.md', ['another oil'])])
  assert.deepEqual(seen(['finance']), ['b.md'])
  collections.remove('shelf', ['a.md'], true)
  collections.put('shelf', [documentOf('a.md', ['oil again'])])
  assert.deepEqual(seen([]), ['b.md'])
  collections.label('shelf', ['a.md'], [])
  assert.deepEqual(seen([]), ['a.md', 'b.md'])
})

test('what was tuned before a label was set is not kept after it, and brings no hidden word back', () => {
  using collections = live({ labels: [], steps: [] }, () => true)
  const all = Array.from({ length: 40 }, (_, nth) => documentOf(`${nth}.md`, [`zanzibar ${WORDS[nth % 10]}`]))
  collections.put('shelf', all)
  const generation = collections.generation('shelf')
  const model = semanticsOf(collections.searcher('shelf').segments)
  const tuned = { settings: DEFAULT_SETTINGS, chosenBy: 0, heldOut: 0, before: 0, after: 0 }
  collections.label('shelf', ['3.md'], ['board'])
  assert.equal(collections.keepTuning('shelf', tuned, model, generation), undefined)
  assert.equal(collections.tuning('shelf'), undefined)
  assert.ok(collections.keepTuning('shelf', tuned, undefined, collections.generation('shelf')))
})

test('many documents that are labelled at once make segments of bounded size, and are found as before', () => {
  using collections = live({ labels: [], steps: [] }, () => true)
  const paragraphs = Array.from({ length: 3_000 }, (_, nth) => `oil ${nth}`)
  for (let nth = 0; nth < 4; nth++) collections.put('shelf', [documentOf(`${nth}.md`, paragraphs)])
  const found = (): string[] =>
    collections
      .searcher('shelf')
      .search('oil 2999', DEFAULT_SETTINGS, 4)
      .map(({ source, text }) => `${source} ${text}`)
      .toSorted()
  const before = found()
  collections.label('shelf', ['0.md', '1.md', '2.md', '3.md'], ['board'])
  assert.deepEqual(found(), before)
  assert.equal(before.length, 4)
  const sizes = collections.searcher('shelf').segments.map(({ size }) => size)
  assert.ok(
    sizes.every((size) => size <= 8_192),
    sizes.join(', '),
  )
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    12_000,
  )
})

test('labels have a form and a bound, and a wrong one changes nothing', () => {
  using collections = live({ labels: [], steps: [] }, () => true)
  assert.throws(() => collections.label('shelf', ['a.md'], ['Not so']), /small letters/)
  assert.throws(() => collections.label('shelf', ['a.md'], ['*']), /small letters/)
  const many = Array.from({ length: 17 }, (_, at) => `l${at}`)
  assert.throws(() => collections.label('shelf', ['a.md'], many), /17 labels/)
  for (let at = 0; at < 256; at++) collections.label('shelf', [`${at}.md`], [`l${at}`])
  assert.throws(() => collections.label('shelf', ['one-more.md'], ['new']), /256 different sets/)
  collections.label('shelf', ['one-more.md'], ['l7'])
})

test('a pattern covers a whole text, and one that is made to take long does not', () => {
  const cases: [string, string, boolean][] = [
    ['*', '', true],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbcd', false],
    ['?b*', 'abc', true],
    ['*.md', 'x/y.md', true],
    ['', 'a', false],
  ]
  for (const [pattern, text, covers] of cases) assert.equal(matches(pattern, text), covers, pattern)
  assert.equal(matches(`${'*a'.repeat(100)}*b`, 'a'.repeat(4_000)), false)
})
