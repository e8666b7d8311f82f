import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { upshift } from '../bench/process/command.ts'
import { mountDisk } from './process/disk.ts'
import { chat } from './process/send.ts'
import { startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import { respond, startUpstream } from './process/upstream.ts'

/** What commands write to a disk that takes no more; the record itself on such a disk is record.test.ts. */

const folder = mkdtempSync(join(tmpdir(), 'upshift-full-disk-'))
const disk = mountDisk(mkdtempSync(join(folder, 'disk-')))
const upstream = await startUpstream()
upstream.answer((response, request) => respond(response, request, ['one ', 'two']))
after(async () => {
  await upstream[Symbol.asyncDispose]()
  disk?.[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})

const PAGE_BYTES = 4_096
const onDisk = {
  timeout: 60_000,
  skip: disk === undefined ? 'this user may not mount a disk of its own' : false,
}
const ASK = { model: 'scripted/small', messages: [{ role: 'user', content: 'Hello?' }] }

test(
  'an export, a proof and a restore say so, and the export leaves its file as it was',
  onDisk,
  async () => {
    const home = join(folder, 'home')
    const copy = join(folder, 'copy-of-exported')
    const where = disk?.folder ?? ''
    const [checkpoints, filler] = [join(where, 'checkpoints'), join(where, 'filler')]
    await using server = await startServer({ home, config: configOf({ scripted: engineAt([upstream.url]) }) })
    const id = String((await chat(server, ASK)).headers['x-request-id'])
    await until('the first checkpoint is signed', () => existsSync(join(home, 'tree', 'checkpoint')))
    assert.equal((await upshift(home, ['backup', copy])).code, 0)
    assert.equal((await upshift(home, ['audit', 'export', checkpoints])).code, 0)
    // Up to the end of a page, which a full disk still has, there is room for half of the next one.
    const note = readFileSync(checkpoints, 'utf8')
    const before = `${'\n'.repeat(PAGE_BYTES - note.length - 100)}${note}`
    writeFileSync(checkpoints, before)
    assert.equal((await chat(server, ASK)).status, 200)
    await server.stop()
    disk?.fill(filler, 0)
    const exported = await upshift(home, ['audit', 'export', checkpoints])
    assert.deepEqual([exported.code, exported.out], [1, ''])
    assert.match(exported.err, /took no checkpoint: ENOSPC.*then export again/)
    assert.equal(readFileSync(checkpoints, 'utf8'), before)
    const proof = await upshift(home, ['audit', 'prove', id, '--out', join(where, 'proof.json')])
    const restored = await upshift(home, ['restore', copy, '--to', join(where, 'restored')])
    for (const { code, err } of [proof, restored]) {
      assert.equal(code, 1)
      assert.match(err, /^upshift: the disk took no more: ENOSPC/)
    }
    assert.ok(!existsSync(join(where, 'restored')))
    rmSync(filler)
    assert.equal((await upshift(home, ['audit', 'export', checkpoints])).code, 0)
    assert.equal((await upshift(home, ['audit', 'compare', checkpoints])).code, 0)
  },
)
