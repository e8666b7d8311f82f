import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { HomeError } from '../contract/problem.ts'
import { lockFile } from './lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-lock-'))
after(() => rmSync(folder, { recursive: true }))

test('a lock is held once, by this process too, and free again once it is released', () => {
  const path = join(folder, 'one')
  const held = lockFile(path)
  assert.ok(held)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(lockFile(path), undefined)
  held.release()
  using again = lockFile(path)
  assert.ok(again)
})

test('a file that is no lock, or cannot be one, is named with what to do', () => {
  const path = join(folder, 'garbage')
  writeFileSync(path, 'garbage '.repeat(1_000))
  // Of the words of a fault only SQLite's own say that a lock is held, and not those in a path.
  for (const one of [path, join(folder, 'locked', 'busy')]) {
    const named = (error: unknown): boolean =>
      error instanceof HomeError && error.message.includes(`The lock ${one} cannot be used`)
    assert.throws(() => lockFile(one), named)
  }
  rmSync(path)
  using mine = lockFile(path)
  assert.ok(mine)
})

test('a process that is killed leaves its lock to the next', async () => {
  const path = join(folder, 'killed')
  const script = `const { lockFile } = await import(${JSON.stringify(new URL('./lock.ts', import.meta.url).href)})
    const held = lockFile(${JSON.stringify(path)})
    process.stdout.write(held ? 'held' : 'refused')
    setInterval(() => held, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'pipe' })
  const [said] = await once(child.stdout, 'data')
  assert.equal(String(said), 'held')
  assert.equal(lockFile(path), undefined)
  child.kill('SIGKILL')
  await once(child, 'exit')
  using mine = lockFile(path)
  assert.ok(mine)
})
