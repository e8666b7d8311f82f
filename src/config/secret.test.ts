import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UpshiftError } from '../contract/problem.ts'
import { readSecretFile, resolveSecret } from './secret.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-secret-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function file(text: string | Buffer, mode = 0o600): string {
  const path = join(folder, `secret-${Math.random()}`)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

test('a secret comes from a variable or a file, without the white space around it', () => {
  assert.deepEqual(resolveSecret({ env: 'KEY' }, { KEY: ' abc\n' }, readSecretFile), {
    secret: 'abc',
    warning: undefined,
  })
  assert.equal(resolveSecret({ file: file('abc\r\n') }, {}, readSecretFile).secret, 'abc')
})

test('a file that every user can read still counts, with a warning that holds the fix', () => {
  const path = file('abc', 0o644)
  const { secret, warning } = resolveSecret({ file: path }, {}, readSecretFile)
  assert.equal(secret, 'abc')
  assert.ok(warning?.includes(`chmod 600 '${path}'`))
  assert.equal(resolveSecret({ file: file('abc', 0o640) }, {}, readSecretFile).warning, undefined)
})

test('what is not there, empty, too long or more than a line is refused by its place, unprinted', () => {
  const cases: [Parameters<typeof resolveSecret>[0], RegExp][] = [
    [{ env: 'GONE' }, /GONE is not set/],
    [{ env: 'EMPTY' }, /EMPTY is empty/],
    [{ env: 'LINES' }, /LINES must hold one line/],
    [{ env: 'LONG' }, /LONG is too long/],
    [{ file: join(folder, 'gone') }, /gone, which cannot be read: ENOENT/],
    [{ file: folder }, /not a file/],
    [{ file: file('hunter2'.repeat(10_000)) }, /longer than 65536 bytes/],
    [{ file: file('hunter2\nhunter2') }, /must hold one line/],
  ]
  const env = { EMPTY: '  ', LINES: 'hunter2\nhunter2', LONG: 'hunter2'.repeat(2_000) }
  for (const [reference, says] of cases) {
    assert.throws(
      () => resolveSecret(reference, env, readSecretFile),
      (error: unknown) => {
        assert.ok(error instanceof UpshiftError)
        assert.match(error.message, says)
        assert.ok(!error.message.includes('hunter2'))
        return true
      },
    )
  }
})
