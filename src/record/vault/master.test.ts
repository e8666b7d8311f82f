import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UpshiftError } from '../../contract/problem.ts'
import { deriveKeys, masterKey } from './master.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-master-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const freshHome = (): string => mkdtempSync(join(folder, 'home-'))
const says = (pattern: RegExp) => (error: unknown) =>
  error instanceof UpshiftError && pattern.test(error.message)

test('the first start writes a private key, and every later one reads it', () => {
  const home = freshHome()
  const key = masterKey({ home, configured: undefined, randomBytes })
  assert.equal(key.length, 32)
  assert.equal(statSync(join(home, 'vault.key')).mode & 0o777, 0o600)
  assert.equal(readFileSync(join(home, 'vault.key'), 'utf8'), `${key.toString('hex')}\n`)
  assert.deepEqual(masterKey({ home, configured: undefined, randomBytes }), key)
})

test('a configured key is taken in each of its forms, and nothing is written', () => {
  const home = freshHome()
  const key = randomBytes(32)
  const forms = [
    key.toString('hex'),
    key.toString('base64'),
    key.toString('base64url'),
    ` ${key.toString('hex')}\n`,
  ]
  for (const configured of forms) assert.deepEqual(masterKey({ home, configured, randomBytes }), key)
  assert.deepEqual(readdirSync(home), [])
})

test('what is no key is refused without being repeated', () => {
  for (const configured of ['', 'short', 'z'.repeat(64), 'a'.repeat(42), 'a'.repeat(45)]) {
    const told = says(/32 bytes.*openssl rand -hex 32/)
    assert.throws(() => masterKey({ home: freshHome(), configured, randomBytes }), told)
  }
  const secret = 'not-a-key-but-secret'
  assert.throws(
    () => masterKey({ home: freshHome(), configured: secret, randomBytes }),
    (error) => !String(error).includes(secret),
  )
})

test('a key that others can read is refused with the command that closes it', () => {
  const home = freshHome()
  masterKey({ home, configured: undefined, randomBytes })
  chmodSync(join(home, 'vault.key'), 0o644)
  assert.throws(() => masterKey({ home, configured: undefined, randomBytes }), says(/chmod 600/))
})

test('a home that has a vault and lost its key gets no new one', () => {
  const home = freshHome()
  writeFileSync(join(home, 'vault.db'), '')
  assert.throws(() => masterKey({ home, configured: undefined, randomBytes }), says(/not there.*backup/s))
  assert.deepEqual(readdirSync(home), ['vault.db'])
})

test('of processes that start at once all have the same key, and no draft stays', async () => {
  const home = freshHome()
  const code = `
    import { randomBytes } from 'node:crypto'
    import { masterKey } from ${JSON.stringify(new URL('./master.ts', import.meta.url).href)}
    process.stdout.write(masterKey({ home: ${JSON.stringify(home)}, configured: undefined, randomBytes }).toString('hex'))`
  const keys = await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let text = ''
      child.stdout.on('data', (chunk) => {
        text += String(chunk)
      })
      await once(child, 'close')
      return text
    }),
  )
  assert.equal(new Set(keys).size, 1)
  assert.equal(keys[0]?.length, 64)
  assert.deepEqual(readdirSync(home), ['vault.key'])
})

test('the keys that are derived differ from each other and from the master key', () => {
  const master = randomBytes(32)
  const { wrapping, tagging, check } = deriveKeys(master)
  const all = [master, wrapping, tagging, check].map((key) => key.subarray(0, 16).toString('hex'))
  assert.equal(new Set(all).size, 4)
  assert.deepEqual(deriveKeys(master).check, check)
})
