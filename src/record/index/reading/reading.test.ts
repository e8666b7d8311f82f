import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { Stamped } from '../../../contract/entry.ts'
import { answered, ask, feed, opened, ref, START, scratch, stamped, variedLog } from '../log.fixture.ts'
import type { Projection } from '../projection.ts'
import { type Cursor, decodeCursor, encodeCursor, type Filter, type KeptText } from '../query.ts'

const made: ReturnType<typeof scratch>[] = []
after(() => {
  for (const one of made) one.remove()
})

function built(entries: readonly Stamped[], readText?: () => KeptText): Projection {
  const place = scratch(readText)
  made.push(place)
  const projection = place.open()
  feed(projection, entries)
  return projection
}

function many(count: number): Stamped[] {
  return stamped(
    Array.from({ length: count }, (_, at) => answered(`req_${String(at).padStart(4, '0')}`)).flat(),
  )
}

function ids(projection: Projection, filter: Filter): string[] {
  return ask(projection, { type: 'requests', filter, limit: 1_000 }).data.map(({ id }) => id)
}

test('pages by cursor hold every request once, newest first, while new ones arrive', () => {
  const entries = many(40)
  const projection = built(entries.slice(0, 60))
  const seen: string[] = []
  let cursor: Cursor | undefined
  let fedTo = 60
  do {
    const page = ask(projection, { type: 'requests', filter: {}, limit: 3, ...(cursor ? { cursor } : {}) })
    seen.push(...page.data.map(({ id }) => id))
    cursor = page.nextCursor === null ? undefined : decodeCursor(page.nextCursor)
    feed(projection, entries.slice(fedTo, fedTo + 9))
    fedTo += 9
  } while (cursor !== undefined)
  const expected = Array.from({ length: 20 }, (_, at) => `req_${String(19 - at).padStart(4, '0')}`)
  assert.deepEqual(seen, expected)
  projection.close()
})

test('following from a list on shows every request that ends later once, in the order of their ends', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 99_999 }), fc.integer({ min: 0, max: 300 }), (seed, cut) => {
      const entries = variedLog(80, seed)
      const projection = built(entries.slice(0, cut))
      const first = ask(projection, { type: 'requests', filter: { finished: true }, limit: 1_000 })
      const seen = first.data.map(({ id }) => id)
      let cursor = decodeCursor(first.tailCursor)
      for (let at = cut; at < entries.length + 40; at += 13) {
        feed(projection, entries.slice(at, at + 13))
        assert.ok(cursor)
        const page = ask(projection, { type: 'requests', filter: {}, limit: 2, cursor })
        seen.push(...page.data.map(({ id }) => id))
        cursor = decodeCursor(page.nextCursor ?? '')
      }
      for (let more = true; more; ) {
        assert.ok(cursor)
        const page = ask(projection, { type: 'requests', filter: {}, limit: 2, cursor })
        seen.push(...page.data.map(({ id }) => id))
        cursor = decodeCursor(page.nextCursor ?? '')
        more = page.data.length > 0
      }
      const all = ids(projection, { finished: true })
      assert.deepEqual([...seen].sort(), [...all].sort())
      projection.close()
    }),
    { numRuns: 15 },
  )
})

test('each filter keeps what fits and nothing else', () => {
  const entries = variedLog(200)
  const projection = built(entries)
  const { data } = ask(projection, { type: 'requests', filter: {}, limit: 1_000 })
  const [sample] = data.filter(({ model }) => model !== null)
  assert.ok(sample?.model && sample.tier)
  const subject = data.find((one) => one.subject !== null)?.subject ?? ''
  const since = sample.at - 3_600_000
  const kept = (fits: (one: (typeof data)[number]) => boolean): string[] =>
    data.filter(fits).map(({ id }) => id)
  const { key, model, tier, at } = sample
  assert.deepEqual(
    ids(projection, { key }),
    kept((one) => one.key === key),
  )
  assert.deepEqual(
    ids(projection, { model }),
    kept((one) => one.model === model),
  )
  assert.deepEqual(
    ids(projection, { key, tier }),
    kept((one) => one.key === key && one.tier === tier),
  )
  assert.deepEqual(
    ids(projection, { subject }),
    kept((one) => one.subject === subject),
  )
  assert.deepEqual(
    ids(projection, { outcome: 'lost' }),
    kept((one) => one.outcome === 'lost'),
  )
  assert.deepEqual(
    ids(projection, { code: 'guard_refused' }),
    kept((one) => one.code === 'guard_refused'),
  )
  assert.deepEqual(
    ids(projection, { since, until: at }),
    kept((one) => one.at >= since && one.at < at),
  )
  assert.deepEqual(
    ids(projection, { id: 'req_0001' }),
    kept((one) => one.id.startsWith('req_0001')),
  )
  assert.deepEqual(ids(projection, { model: 'nobody/none' }), [])
  projection.close()
})

test('usage by day counts a request in the UTC day in which it was opened, and ranges are whole hours', () => {
  const late = START + 2 * 3_600_000 - 1_000
  const projection = built([...stamped(answered('req_1'), 0, late), ...stamped(answered('req_2'), 3, late)])
  const { data, totals } = ask(projection, { type: 'usage', by: ['day'] })
  assert.deepEqual(
    data.map(({ day, requests, tokens, tokenShare }) => [day, requests, tokens, tokenShare]),
    [
      ['2026-11-03', 1, 120, 0.5],
      ['2026-11-02', 1, 120, 0.5],
    ],
  )
  assert.equal(totals.requests, 2)
  const hour = ask(projection, { type: 'usage', by: [], since: late - 10, until: late + 500 })
  assert.deepEqual([hour.since, hour.until, hour.totals.requests], [START + 3_600_000, START + 7_200_000, 1])
  projection.close()
})

test('usage of one key is that key’s alone', () => {
  const projection = built(
    stamped([...answered('req_1', { key: 'key_a' }), ...answered('req_2', { key: 'key_b' })]),
  )
  const { data, totals } = ask(projection, { type: 'usage', by: ['key'], key: 'key_b' })
  assert.deepEqual([data.length, data[0]?.key, totals.requests], [1, 'key_b', 1])
  projection.close()
})

test('a request shows its texts, or why they cannot be shown', () => {
  const states = ['text', 'erased', 'expired', 'damaged'] as const
  for (const type of states) {
    const projection = built(
      stamped([
        opened('req_1', { prompt: ref(0) }),
        { type: 'closed', id: 'req_1', outcome: 'answered', totalMs: 1 },
      ]),
      () => (type === 'text' ? { type, text: Buffer.from('grüezi') } : { type }),
    )
    const one = ask(projection, { type: 'request', id: 'req_1', text: true }).request
    assert.deepEqual(one?.prompt, type === 'text' ? { state: 'text', text: 'grüezi' } : { state: type })
    assert.deepEqual(one?.answer, { state: 'none' })
    assert.equal(ask(projection, { type: 'request', id: 'req_1', text: false }).request?.prompt, undefined)
    projection.close()
  }
})

test('a request of another key is not there', () => {
  const projection = built(stamped(answered('req_1', { key: 'key_a' })))
  assert.equal(ask(projection, { type: 'request', id: 'req_1', key: 'key_b', text: false }).request, null)
  assert.equal(
    ask(projection, { type: 'request', id: 'req_1', key: 'key_a', text: false }).request?.id,
    'req_1',
  )
  projection.close()
})

test('a search finds all words in what was said, without regard to case, and counts what it cannot read', () => {
  const texts = new Map([
    [0, '{"model":"auto","messages":[{"role":"user","content":"Wie hoch ist der S\\u00e4ntis?"}]}'],
    [
      100,
      '{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"The Eiger, please"}]}]}',
    ],
  ])
  const place = scratch((_subject, { at }) => {
    const text = texts.get(at)
    return text === undefined ? { type: 'expired' } : { type: 'text', text: Buffer.from(text) }
  })
  made.push(place)
  const projection = place.open()
  feed(projection, stamped([0, 100, 200].flatMap((at) => answered(`req_${at}`, { prompt: ref(at) }))))
  const found = (...words: string[]) => ask(projection, { type: 'search', words, filter: {}, limit: 10 })
  assert.deepEqual(
    found('säntis', 'HOCH').data.map(({ request, where, snippet }) => [request.id, where, snippet]),
    [['req_0', 'prompt', 'user: Wie hoch ist der Säntis?']],
  )
  assert.deepEqual(found('eiger', 'säntis').data, [])
  assert.deepEqual(found('role').data, [])
  assert.deepEqual(found('eiger').unreadable, { erased: 0, expired: 1, damaged: 0 })
  assert.equal(found('eiger').nextCursor, null)
  projection.close()
})

test('a search stops after its slice of time and goes on from its cursor to the end', () => {
  const place = scratch(() => ({ type: 'text', text: Buffer.from('needle') }))
  made.push(place)
  let now = 0
  const projection = place.open(() => (now += 60))
  feed(
    projection,
    stamped(Array.from({ length: 20 }, (_, at) => answered(`req_${at}`, { prompt: ref(at) })).flat()),
  )
  const seen: string[] = []
  let cursor: Cursor | undefined
  let pages = 0
  do {
    const page = ask(projection, {
      type: 'search',
      words: ['needle'],
      filter: {},
      limit: 100,
      ...(cursor ? { cursor } : {}),
    })
    seen.push(...page.data.map(({ request }) => request.id))
    cursor = page.nextCursor === null ? undefined : decodeCursor(page.nextCursor)
    pages += 1
  } while (cursor !== undefined)
  assert.equal(new Set(seen).size, 20)
  assert.equal(seen.length, 20)
  assert.ok(pages > 4)
  projection.close()
})

test('everything of a subject comes page by page in the order of the log, judgements too', () => {
  const entries = stamped([
    ...answered('req_1', { prompt: ref(1) }),
    { type: 'feedback', id: 'fb_1', request: 'req_1', key: 'key_a', subject: 'sub_a', correction: ref(9) },
    ...answered('req_2', { subject: 'sub_b' }),
    ...answered('req_3', { prompt: ref(3) }),
  ])
  const projection = built(entries)
  const seen: string[] = []
  let after: number | undefined
  do {
    const page = ask(projection, {
      type: 'subject',
      subject: 'sub_a',
      limit: 1,
      ...(after === undefined ? {} : { after }),
    })
    seen.push(...page.requests.map(({ id, refs }) => `${id}@${refs.prompt?.at}`))
    seen.push(...page.feedback.map(({ id, ref: text }) => `${id}@${text?.at}`))
    after = page.next ?? undefined
  } while (after !== undefined)
  assert.deepEqual(seen, ['req_1@1', 'fb_1@9', 'req_3@3'])
  projection.close()
})

test('what is no request is listed as events, newest first', () => {
  const projection = built(
    stamped([
      { type: 'started', version: '1.0.0' },
      { type: 'key-changed', key: 'key_a', change: 'created', by: 'key_owner' },
      { type: 'policy-changed', what: 'engine openai', to: 'allowed', by: 'key_owner' },
    ]),
  )
  const first = ask(projection, { type: 'events', limit: 2 })
  assert.deepEqual(
    first.data.map(({ type }) => type),
    ['policy-changed', 'key-changed'],
  )
  assert.deepEqual(first.data[1]?.data, { key: 'key_a', change: 'created', by: 'key_owner' })
  const cursor = decodeCursor(first.nextCursor ?? '')
  assert.ok(cursor)
  assert.deepEqual(
    ask(projection, { type: 'events', limit: 2, cursor }).data.map(({ type }) => type),
    ['started'],
  )
  projection.close()
})

test('a cursor is read back as it was made, and anything else is none', () => {
  for (const cursor of [
    { type: 'older', seq: 12 },
    { type: 'newer', doneSeq: -1, seq: Number.MAX_SAFE_INTEGER },
  ] as const) {
    assert.deepEqual(decodeCursor(encodeCursor(cursor)), cursor)
  }
  for (const text of ['', 'x', '12', Buffer.from('o.1.2').toString('base64url')]) {
    assert.equal(decodeCursor(text), undefined)
  }
})

test('a filter that hardly anything fits looks through the log in parts, and its cursors lead to what fits', () => {
  const refused = Array.from({ length: 20_100 }, (_, at) => {
    return { type: 'refused', id: `req_r${at}`, key: 'key_a', code: 'rate_limited' } as const
  })
  const projection = built([
    ...stamped(answered('req_1')),
    ...stamped(refused, 3),
    // Far away in the log, as if other keys had written between.
    ...stamped(answered('req_2', { key: 'key_b' }), 3_000_000),
  ])
  for (const filter of [
    { model: 'ollama/small', key: 'key_a' },
    { model: 'ollama/small', until: START + 4_000 },
  ]) {
    const seen: string[] = []
    let cursor: Cursor | undefined
    let pages = 0
    do {
      const page = ask(projection, { type: 'requests', filter, limit: 10, ...(cursor ? { cursor } : {}) })
      seen.push(...page.data.map(({ id }) => id))
      cursor = page.nextCursor === null ? undefined : decodeCursor(page.nextCursor)
      pages += 1
    } while (cursor !== undefined)
    assert.deepEqual(seen, ['req_1'])
    assert.ok(pages < 5)
  }
  const first = ask(projection, { type: 'requests', filter: { model: 'no/such' }, limit: 10 })
  assert.equal(first.data.length, 0)
  assert.notEqual(first.nextCursor, null)
  projection.close()
})
