import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { fill, run, scratchFolder } from './run.fixture.ts'

const scratch = scratchFolder()

async function sources(home: string): Promise<string[]> {
  const { documents } = (await run(home, 'list', [], { collection: 'default' })).json
  return documents.map(({ source }: { source: string }) => source)
}

test('a document whose file has vanished from the folder leaves the collection, and is kept where that is wished', async () => {
  const [home, path] = [join(scratch, 'home'), join(scratch, 'shelf')]
  fill(path, { 'a.md': 'alpha', 'b.md': 'beta', 'deep/c.md': 'gamma' })
  fill(join(scratch, 'shelf-2'), { 'd.md': 'delta' })
  await run(home, 'add', [path, join(scratch, 'shelf-2')])
  rmSync(join(path, 'a.md'))
  rmSync(join(path, 'deep'), { recursive: true })
  rmSync(join(scratch, 'shelf-2/d.md'))
  assert.equal((await run(home, 'add', [path], { 'keep-missing': true })).json.removed, 0)
  const { json } = await run(home, 'add', [path])
  assert.deepEqual([json.removed, json.unchanged], [2, 1])
  // The other folder, whose name begins alike, was not named.
  assert.deepEqual(await sources(home), [join(scratch, 'shelf-2/d.md'), join(path, 'b.md')].sort())
  assert.deepEqual((await run(home, 'search', ['gamma'])).json.hits, [])
})

test('a folder that is all empty takes nothing away, and a file that was only named does not either', async () => {
  const [home, path] = [join(scratch, 'mounted'), join(scratch, 'disk')]
  fill(path, { 'a.md': 'alpha', 'b.md': 'beta' })
  await run(home, 'add', [path])
  rmSync(join(path, 'a.md'))
  await run(home, 'add', [join(path, 'b.md')])
  assert.equal((await sources(home)).length, 2)
  rmSync(join(path, 'b.md'))
  const { json, err } = await run(home, 'add', [path])
  assert.equal(json.removed, 0)
  assert.deepEqual(json.emptied, [{ path, documents: 2 }])
  assert.match(err, /is its disk mounted\? Its 2 documents stay/)
})

test('a changed file that cannot be read keeps its earlier version, and that is said', async () => {
  const [home, path] = [join(scratch, 'kept'), join(scratch, 'broken')]
  fill(path, { 'a.json': '{"valve":"stuck"}' })
  await run(home, 'add', [path])
  fill(path, { 'a.json': '{"valve":' })
  assert.match((await run(home, 'add', [path])).err, /JSON.*; its earlier version stays/)
  assert.equal((await run(home, 'search', ['valve'])).json.hits.length, 1)
})

test('a watched folder keeps the collection current: new, replaced as editors do, in new folders, vanished', async () => {
  const [home, path] = [join(scratch, 'watching'), join(scratch, 'watched')]
  fill(path, { 'a.md': 'alpha', 'z.md': 'omega' })
  const abort = new AbortController()
  const [out, err] = [new PassThrough(), new PassThrough()]
  const running = run(home, 'add', [path], { watch: true }, { out, err, signal: abort.signal })
  const rounds = createInterface({ input: out })[Symbol.asyncIterator]()
  const round = async () => JSON.parse(String((await rounds.next()).value))
  assert.equal((await round()).added, 2)
  for await (const line of createInterface({ input: err })) if (/Watching/.test(line)) break

  writeFileSync(join(path, '.a.md.swp'), 'alpha is new')
  renameSync(join(path, '.a.md.swp'), join(path, 'a.md'))
  assert.equal((await round()).replaced, 1)
  assert.equal((await run(home, 'search', ['new'])).json.hits.length, 1)

  mkdirSync(join(path, 'deep/er'), { recursive: true })
  writeFileSync(join(path, 'deep/er/b.md'), 'beta')
  assert.equal((await round()).added, 1)

  rmSync(join(path, 'a.md'))
  assert.equal((await round()).removed, 1)
  assert.deepEqual(await sources(home), [join(path, 'deep/er/b.md'), join(path, 'z.md')])
  abort.abort()
  assert.equal((await running).code, 0)
})
