import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findDamage } from './damage.ts'
import { encodeLine, HEADER } from './line.ts'

const ALL = Number.POSITIVE_INFINITY
const root = mkdtempSync(join(tmpdir(), 'upshift-damage-'))
after(() => rmSync(root, { recursive: true, force: true }))

function line(seq: number, code = 'internal'): string {
  return encodeLine({
    type: 'refused',
    id: `req_${seq}`,
    key: 'key_test',
    code: code as 'internal',
    seq,
    at: 1,
  })
}

/** A log of segments of so many lines; returns its folder, and where each segment lies. */
function written(...sizes: readonly number[]): { folder: string; paths: string[] } {
  const folder = mkdtempSync(join(root, 'log-'))
  let seq = 0
  const paths = sizes.map((size) => {
    const path = join(folder, `${String(seq).padStart(12, '0')}-20260101.log`)
    writeFileSync(path, HEADER + Array.from({ length: size }, () => line(seq++)).join(''))
    return path
  })
  return { folder, paths }
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

test('a sound log is sound, also where its last line is still being written', async () => {
  const { folder, paths } = written(3, 5)
  const sound = await findDamage(folder, ALL)
  assert.deepEqual([sound.damage, sound.whole], [undefined, true])
  assert.equal(
    sound.bytes,
    paths.reduce((sum, path) => sum + readFileSync(path).length, 0),
  )
  appendFileSync(paths[1] ?? '', line(8).slice(0, 20))
  assert.equal((await findDamage(folder, ALL)).damage, undefined)
})

test('a flipped bit anywhere in a segment names the line that it is in', async () => {
  for (const segment of [0, 1]) {
    const { folder, paths } = written(3, 5)
    const path = paths[segment] ?? ''
    const text = readFileSync(path, 'latin1')
    const starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)].slice(0, -1)
    // A last line that loses its line feed is one that is still being written.
    for (let at = HEADER.length; at < text.length - 1; at += 7) {
      flip(path, at)
      const { damage } = await findDamage(folder, ALL)
      assert.deepEqual(damage, { path, offset: starts.findLast((start) => start <= at) }, `byte ${at}`)
      flip(path, at)
    }
  }
})

test('damage is found beyond what is read at once, and in a line that is longer than that', async () => {
  const { folder, paths } = written(1)
  const path = paths[0] ?? ''
  writeFileSync(path, HEADER + Array.from({ length: 60_000 }, (_, seq) => line(seq)).join(''))
  appendFileSync(path, line(60_000, 'x'.repeat(9_000_000)))
  const last = readFileSync(path).length
  appendFileSync(path, line(60_001))
  assert.equal((await findDamage(folder, ALL)).damage, undefined)
  flip(path, last + 30)
  assert.deepEqual((await findDamage(folder, ALL)).damage, { path, offset: last })
})

test('beyond the bound older segments are left out, and that is told', async () => {
  const { folder, paths } = written(3, 5)
  flip(paths[0] ?? '', 40)
  const { whole, damage } = await findDamage(folder, 1)
  assert.deepEqual([whole, damage], [false, undefined])
})
