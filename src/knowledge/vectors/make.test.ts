import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Problem } from '../../contract/problem.ts'
import { systemClock } from '../../lib/clock.ts'
import { Collections } from '../collection/collections.ts'
import { EMBED_TEXTS_MAX } from './embedder.ts'
import { makeVectors } from './make.ts'
import { scriptedEmbedder, Topics } from './topics.fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-make-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const { signal } = new AbortController()

/** A collection of so many documents, a passage each, with a model named for it. */
function filled(name: string, documents: number) {
  const collections = new Collections(join(folder, `${name}.db`), systemClock)
  const topics = new Topics()
  collections.put(
    'shelf',
    Array.from({ length: documents }, (_, topic) => topics.document(topic)),
  )
  collections.vectors.choose('shelf', 'box/vectors')
  return { collections, topics, by: (text: string) => topics.byTopic(text) }
}

test('where vectors change their length within a run each batch is still made, and one that never settles is told', async () => {
  const { collections, topics } = filled('unsteady', 2 * EMBED_TEXTS_MAX + 10)
  using _held = collections
  let calls = 0
  const changing = (dimensionsOf: (call: number) => number) => {
    calls = 0
    return scriptedEmbedder((text) => topics.byTopic(text, dimensionsOf(calls)), {
      refuse: () => void calls++,
    })
  }
  // The second batch takes the first one's place, the third one's the second's: the next pass makes those two again.
  const once = await makeVectors(
    collections,
    'shelf',
    changing((call) => (call === 2 ? 16 : 32)),
    { signal },
  )
  assert.deepEqual([once.left, once.stopped, calls], [0, undefined, 5])
  collections.vectors.choose('shelf', undefined)
  collections.vectors.choose('shelf', 'box/vectors')
  const never = await makeVectors(
    collections,
    'shelf',
    changing((call) => (call % 2 === 0 ? 16 : 32)),
    { signal },
  )
  assert.ok(never.left > 0)
  assert.match(never.stopped ?? '', /box\/vectors makes changed its model or its length again and again/)
})

test('a text that an engine rejects alone in its batch is that text’s fault where others were embedded', async () => {
  const { collections, topics, by } = filled('alone', EMBED_TEXTS_MAX)
  using _held = collections
  const bad = topics.document(90)
  collections.put('shelf', [bad])
  let gone = false
  const refuse = (texts: readonly string[]): Problem | undefined =>
    gone || texts.some((text) => text.includes(bad.text))
      ? { code: 'upstream_rejected', message: 'not this one' }
      : undefined
  const embedder = scriptedEmbedder(by, { refuse })
  const refused = { passages: 1, why: 'not this one' }
  const first = await makeVectors(collections, 'shelf', embedder, { signal })
  assert.deepEqual(first, { made: EMBED_TEXTS_MAX, left: 1, refused })
  // The next run has no other text to ask about.
  assert.deepEqual(await makeVectors(collections, 'shelf', embedder, { signal }), {
    made: 0,
    left: 1,
    refused,
  })
  gone = true
  const { stopped } = await makeVectors(collections, 'shelf', embedder, { signal })
  assert.equal(stopped, 'not this one', 'an engine that takes nothing any more')
})
