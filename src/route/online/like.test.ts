import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openStore, type Store } from '../../store/open.ts'
import { keptVector, LikeRequests, migrations, pairOf } from './like.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-like-'))
const stores: Store[] = []
after(() => {
  for (const store of stores) store.close()
  rmSync(folder, { recursive: true })
})

function open(): Store {
  const store = openStore(join(folder, `${stores.length}.db`), migrations)
  stores.push(store)
  return store
}

const [up, across] = [keptVector([1, 0.1, 0]), keptVector([0, 0.1, 1])]
assert.ok(up !== undefined && across !== undefined)
const meaning = (vector: Int8Array, model = 'ollama/vectors') => ({ model, vector })

const PAIR = pairOf({ id: 'a/small' }, { id: 'z/large' })

function learn(
  like: LikeRequests,
  request: string,
  vector: Int8Array,
  cheap: number,
  strong: number,
  subject = 'sub_a',
) {
  like.drawn(request, PAIR, meaning(vector))
  like.opened(request, subject)
  like.labelled(request, { cheap, strong })
}

test('labelled requests of like meaning say what going up was worth, the more the nearer and the more there are', () => {
  const like = new LikeRequests(open())
  assert.equal(like.near(PAIR, meaning(up)), undefined)
  learn(like, 'req_1', up, 0, 1)
  const one = like.near(PAIR, meaning(up))
  for (let nth = 2; nth < 12; nth++) learn(like, `req_${nth}`, up, 0, 1)
  for (let nth = 12; nth < 32; nth++) learn(like, `req_${nth}`, across, 1, 1)
  const many = like.near(PAIR, meaning(up))
  assert.deepEqual([one?.gain, many?.gain, like.near(PAIR, meaning(across))?.gain], [1, 1, 0])
  assert.ok((many?.weight ?? 0) > (one?.weight ?? 1) && (many?.weight ?? 1) < 1)
  assert.equal(
    like.near(PAIR, meaning(up, 'another/model')),
    undefined,
    'vectors of two models do not compare',
  )
})

test('a label of one model counts with those of the other, and alone says nothing', () => {
  const like = new LikeRequests(open())
  like.drawn('req_1', PAIR, meaning(up))
  like.opened('req_1', 'sub_a')
  like.labelled('req_1', { cheap: 0 })
  assert.equal(like.near(PAIR, meaning(up)), undefined)
  like.drawn('req_2', PAIR, meaning(up))
  like.opened('req_2', 'sub_a')
  like.labelled('req_2', { strong: 1 })
  assert.equal(like.near(PAIR, meaning(up))?.gain, 1)
})

test('what two models were worth is no evidence about two others, also after a restart', () => {
  const store = open()
  const other = pairOf({ id: 'a/small' }, { id: 'y/larger' })
  const like = new LikeRequests(store)
  learn(like, 'req_1', up, 0, 1)
  for (const known of [like, new LikeRequests(store)]) {
    assert.equal(known.near(other, meaning(up)), undefined)
    assert.equal(known.near(PAIR, meaning(up))?.gain, 1)
  }
})

test('pairs tell their difference by themselves, and requests on which one model answered shift none of it', () => {
  const like = new LikeRequests(open())
  const single = (request: string, label: { cheap: number } | { strong: number }) => {
    like.drawn(request, PAIR, meaning(up))
    like.opened(request, 'sub_a')
    like.labelled(request, label)
  }
  for (let nth = 0; nth < 10; nth++) learn(like, `req_a${nth}`, up, 0.5, 0.5)
  const before = like.near(PAIR, meaning(up))
  for (let nth = 0; nth < 10; nth++) single(`req_b${nth}`, { cheap: 1 })
  assert.equal(before?.gain, 0)
  assert.deepEqual(like.near(PAIR, meaning(up)), before, 'one model alone says nothing')
  for (let nth = 0; nth < 10; nth++) single(`req_c${nth}`, { strong: 0 })
  const joined = like.near(PAIR, meaning(up))
  assert.equal(joined?.gain.toFixed(6), '-0.500000', 'half of the weight is pairs, and half says −1')
  assert.ok(joined.weight > before.weight)
})

test('what was learned is there at the next start, and goes with its subject, also what waits for its label', () => {
  const store = open()
  const before = new LikeRequests(store)
  learn(before, 'req_1', up, 0, 1, 'sub_a')
  learn(before, 'req_2', across, 0, 1, 'sub_b')
  const like = new LikeRequests(store)
  assert.deepEqual(like.near(PAIR, meaning(up)), before.near(PAIR, meaning(up)))
  like.drawn('req_3', PAIR, meaning(up))
  like.opened('req_3', 'sub_a')
  like.forget('sub_a')
  like.labelled('req_3', { cheap: 0, strong: 1 })
  assert.deepEqual([like.near(PAIR, meaning(up)), like.size], [undefined, 1])
  assert.deepEqual(
    [new LikeRequests(store).near(PAIR, meaning(up)), new LikeRequests(store).size],
    [undefined, 1],
  )
})

test('what a request means may be known after a lot has chosen it, and without that nothing is kept', () => {
  const like = new LikeRequests(open())
  for (const [request, vector] of [
    ['req_1', up],
    ['req_2', undefined],
  ] as const) {
    like.drawn(request, PAIR, undefined)
    if (vector !== undefined) like.meant(request, meaning(vector))
    like.opened(request, 'sub_a')
    like.labelled(request, { cheap: 0, strong: 1 })
  }
  like.meant('req_3', meaning(up))
  like.opened('req_3', 'sub_a')
  like.labelled('req_3', { cheap: 1, strong: 0 })
  assert.deepEqual([like.size, like.near(PAIR, meaning(up))?.gain], [1, 1])
})

test('of a request that nobody could have erased nothing is kept', () => {
  const like = new LikeRequests(open())
  like.drawn('req_1', PAIR, meaning(up))
  like.opened('req_1', undefined)
  like.labelled('req_1', { cheap: 0, strong: 1 })
  assert.equal(like.size, 0)
})

test('the newest are kept, up to a bound', () => {
  const store = open()
  const like = new LikeRequests(store)
  store.transaction(() => {
    for (let nth = 0; nth < 2_052; nth++) learn(like, `req_${String(nth).padStart(5, '0')}`, up, 0, 1)
  })
  assert.equal(like.size, 2_048)
  assert.equal(new LikeRequests(store).size, 2_048)
})
