import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Entry } from '../../../contract/entry.ts'
import { answered, ask, feed, opened, ref, START, scratch, stamped } from '../log.fixture.ts'
import type { KeptText, ResponseChain, ResponseQuery } from '../query.ts'

const made: ReturnType<typeof scratch>[] = []
after(() => {
  for (const one of made) one.remove()
})

const ALL: ResponseQuery = {
  id: 'req_3',
  key: 'key_a',
  kept: { count: 100, bytes: 1_000_000, since: 0 },
  links: 100,
  bytes: 1_000_000,
}

/** A request that is kept as a response: its prompt lies at its number, its answer one behind. Each has 100 bytes. */
function response(number: number, previous?: number, key = 'key_a'): Entry[] {
  const mark = previous === undefined ? {} : { previous: `req_${previous}` }
  const head = { key, prompt: ref(number * 10), response: mark }
  return answered(`req_${number}`, head).map((entry) =>
    entry.type === 'closed' ? { ...entry, answer: ref(number * 10 + 1) } : entry,
  )
}

const CHAIN = [...response(1), ...response(2, 1), ...response(3, 2)]

/** What is asked of a log, with texts that name their place. */
function chain(
  entries: readonly Entry[],
  query: Partial<ResponseQuery> = {},
  textAt: (at: number) => KeptText = (at) => ({ type: 'text', text: Buffer.from(`text ${at}`) }),
): ResponseChain {
  const place = scratch((_subject, { at }) => textAt(at))
  made.push(place)
  const projection = place.open()
  feed(projection, stamped(entries))
  const answer = ask(projection, { type: 'response', ...ALL, ...query })
  projection.close()
  return answer
}

function numbers({ links }: ResponseChain): string[] {
  return links.map(({ request }) => request.id)
}

test('a chain is read from its newest link to its first, with the texts of each', () => {
  const found = chain(CHAIN)
  assert.equal(found.end, 'whole')
  assert.deepEqual(numbers(found), ['req_3', 'req_2', 'req_1'])
  assert.deepEqual(
    found.links.map(({ prompt, answer, previous }) => [prompt, answer, previous]),
    [
      ['text 30', 'text 31', 'req_2'],
      ['text 20', 'text 21', 'req_1'],
      ['text 10', 'text 11', null],
    ],
  )
  assert.deepEqual(found.links[0]?.usage, { promptTokens: 100, completionTokens: 20 })
})

test('another key’s response, a request that is none, one that is open and one that was deleted are all unknown', () => {
  const unknown = { links: [], end: 'unknown', at: 'req_3' }
  const asked = (entries: readonly Entry[]) => {
    const { links, end, at } = chain(entries)
    return { links, end, at }
  }
  assert.deepEqual(asked(response(3, undefined, 'key_b')), unknown)
  assert.deepEqual(asked(answered('req_3', { prompt: ref(1) })), unknown)
  assert.deepEqual(asked([opened('req_3', { prompt: ref(1), response: {} })]), unknown)
  const deletion = { type: 'response-deleted', id: 'req_3', key: 'key_a' } as const
  assert.deepEqual(asked([...CHAIN, deletion]), unknown)
  assert.deepEqual(numbers(chain([...CHAIN, { ...deletion, key: 'key_b' }])).length, 3)
})

test('a chain ends where a link was deleted or belongs to another key', () => {
  const gap = chain([...CHAIN, { type: 'response-deleted', id: 'req_1', key: 'key_a' }])
  assert.deepEqual([numbers(gap), gap.end, gap.at], [['req_3', 'req_2'], 'unknown', 'req_1'])
  const foreign = chain([...response(1, undefined, 'key_b'), ...response(2, 1), ...response(3, 2)])
  assert.deepEqual([foreign.end, foreign.at], ['unknown', 'req_1'])
})

test('only the newest of a key are kept: so many, so many bytes, and none from before a moment', () => {
  const kept = { count: 100, bytes: 1_000_000, since: 0 }
  const reach = (more: Partial<typeof kept>) => {
    const { end, at, links } = chain(CHAIN, { kept: { ...kept, ...more } })
    return [links.length, end, at]
  }
  assert.deepEqual(reach({ count: 2 }), [2, 'expired', 'req_1'])
  assert.deepEqual(reach({ count: 0 }), [0, 'expired', 'req_3'])
  // 200 bytes each.
  assert.deepEqual(reach({ bytes: 400 }), [2, 'expired', 'req_1'])
  assert.deepEqual(reach({ bytes: 399 }), [1, 'expired', 'req_2'])
  assert.deepEqual(reach({ bytes: 199 }), [0, 'expired', 'req_3'])
  assert.deepEqual(reach({ since: START + 1 }), [2, 'expired', 'req_1'])
})

test('what other keys keep takes nothing of a key’s bounds', () => {
  const others = [4, 5, 6].flatMap((number) => response(number, undefined, 'key_b'))
  const kept = { count: 3, bytes: 600, since: 0 }
  assert.equal(chain([...CHAIN, ...others], { kept }).end, 'whole')
})

test('a question reads no more links and bytes than it asks for, but always the one that it names', () => {
  assert.deepEqual(numbers(chain(CHAIN, { links: 1 })), ['req_3'])
  assert.deepEqual(
    [chain(CHAIN, { links: 2 })].map(({ end, at }) => [end, at]),
    [['links', 'req_1']],
  )
  const short = chain(CHAIN, { bytes: 399 })
  assert.deepEqual([numbers(short), short.end, short.at], [['req_3'], 'bytes', 'req_2'])
  assert.equal(numbers(chain(CHAIN, { bytes: 1 })).length, 1)
})

test('a text that is gone ends the chain with the reason, its subject’s erasure too', () => {
  for (const gone of ['expired', 'erased', 'damaged'] as const) {
    const found = chain(CHAIN, {}, (at) =>
      at === 20 ? { type: gone } : { type: 'text', text: Buffer.from('x') },
    )
    assert.deepEqual([numbers(found), found.end, found.at], [['req_3'], gone, 'req_2'])
  }
  const erased = chain([...CHAIN, { type: 'erasure-begun', id: 'era_1', subject: 'sub_a', by: 'key_a' }])
  assert.deepEqual([erased.links, erased.end], [[], 'erased'])
})

test('a response whose entries have expired is unknown', () => {
  const expired: Entry = {
    type: 'expired',
    what: 'entries',
    files: [],
    first: 0,
    last: 2,
    before: 0,
    checkpoint: '',
  }
  const found = chain([...CHAIN, expired])
  assert.deepEqual([numbers(found), found.end, found.at], [['req_3', 'req_2'], 'unknown', 'req_1'])
})
