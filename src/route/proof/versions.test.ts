import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Declined, VERSIONS_MAX, type Version, VersionList, versionListStateSchema } from './versions.ts'

function version(id: string, against?: string, verdict: 'not-worse' | 'worse' = 'not-worse'): Version {
  const replayed = against === undefined ? null : { against, verdict, reason: 'as measured' }
  return { id, madeAt: 1, note: '', figures: { apgr: 0.6 }, replayed }
}

function done(result: VersionList | Declined): VersionList {
  assert.ok(result instanceof VersionList, result instanceof VersionList ? '' : result.why)
  return result
}

function why(result: unknown): string {
  return typeof result === 'object' && result !== null && 'why' in result ? String(result.why) : ''
}

test('a version goes live only after a replay against the live one found it not worse', () => {
  const list = done(VersionList.of(version('v1')).add(version('v2')))
  assert.match(why(list.promote('v2')), /v2 has not been replayed against v1/)
  const stale = done(list.replayed('v2', version('', 'v0').replayed))
  assert.match(why(stale.promote('v2')), /replayed against v0, but v1 is live/)
  const worse = done(list.replayed('v2', version('', 'v1', 'worse').replayed))
  assert.match(why(worse.promote('v2')), /v2 does not go live: as measured/)
  const good = done(list.replayed('v2', version('', 'v1').replayed))
  assert.equal(done(good.promote('v2')).live, 'v2')
  assert.equal(good.live, 'v1')
})

test('going back needs no replay, and ends at the first version', () => {
  const list = done(done(VersionList.of(version('v1')).add(version('v2', 'v1'))).promote('v2'))
  const back = done(list.rollBack())
  assert.equal(back.live, 'v1')
  assert.deepEqual(
    back.list().map(({ id, live }) => [id, live]),
    [
      ['v2', false],
      ['v1', true],
    ],
  )
  assert.match(why(back.rollBack()), /no version was live before/)
})

test('two versions are compared figure by figure', () => {
  const other = { ...version('v2'), figures: { apgr: 0.7, cpt80: 60 } }
  const list = done(VersionList.of(version('v1')).add(other))
  assert.deepEqual(list.compare('v1', 'v2'), [
    { name: 'apgr', one: 0.6, other: 0.7 },
    { name: 'cpt80', one: undefined, other: 60 },
  ])
  assert.match(why(list.compare('v1', 'v9')), /no version v9; there are v1, v2/)
})

test('the list is bounded, and never lets go of what is live or was live last', () => {
  let list = done(done(VersionList.of(version('v1')).add(version('v2', 'v1'))).promote('v2'))
  for (let index = 3; index < VERSIONS_MAX + 10; index++) list = done(list.add(version(`v${index}`)))
  const ids = list.list().map(({ id }) => id)
  assert.equal(ids.length, VERSIONS_MAX)
  assert.ok(ids.includes('v1') && ids.includes('v2') && !ids.includes('v3'))
  assert.equal(done(list.rollBack()).live, 'v1')
})

test('what cannot be done is declined by name, and the state is plain data', () => {
  const list = VersionList.of(version('v1'))
  assert.match(why(list.add(version('v1'))), /there is a version v1 already/)
  assert.match(why(list.promote('v1')), /live already/)
  assert.match(why(list.promote('v9')), /no version v9/)
  assert.match(why(list.replayed('v9', null)), /no version v9/)
  const state = versionListStateSchema.parse(JSON.parse(JSON.stringify(list.state())))
  assert.deepEqual(new VersionList(state).list(), list.list())
})
