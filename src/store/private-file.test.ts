import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UpshiftError } from '../contract/problem.ts'
import { readOrCreate } from './private-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-private-'))
after(() => {
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true })
})

/** Some user who is not root: root may write everywhere. */
const NOBODY = 65_534

test('where the user may not write, the refusal speaks of the permission and not of the disk', {
  skip: process.platform === 'win32' ? 'Windows has no modes' : false,
}, () => {
  chmodSync(folder, 0o555)
  const root = process.geteuid?.() === 0
  if (root) process.seteuid?.(NOBODY)
  let refused: unknown
  try {
    readOrCreate({ path: join(folder, 'owner.key'), what: "The owner's key" }, () => ({
      text: 'x',
      suffix: '1',
    }))
  } catch (error) {
    refused = error
  } finally {
    if (root) process.seteuid?.(0)
  }
  assert.ok(refused instanceof UpshiftError)
  const { code, message } = refused.problem
  assert.equal(code, 'conflict')
  assert.ok(message.includes(`may not write in ${folder}: see who owns it and its mode`), message)
  assert.ok(message.endsWith('or choose another home (UPSHIFT_HOME).'), message)
  assert.doesNotMatch(message, /local disk/)
})
