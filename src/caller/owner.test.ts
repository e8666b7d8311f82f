import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UpshiftError } from '../contract/problem.ts'
import { ownerKey, readOwnerKey, replaceOwnerKey } from './owner.ts'
import { SECRET_PATTERN } from './secret.ts'

const root = fs.mkdtempSync(join(tmpdir(), 'upshift-owner-'))
after(() => fs.rmSync(root, { recursive: true, force: true }))
let homes = 0
const newHome = (): string => join(root, `home-${homes++}`)
const open = (home: string, fromConfig?: string) => ownerKey({ home, fromConfig, randomBytes })
const modeOf = (path: string): number => fs.statSync(path).mode & 0o777

const says = (pattern: RegExp, never?: string) => (error: unknown) => {
  assert.ok(error instanceof UpshiftError)
  assert.match(error.message, pattern)
  assert.ok(never === undefined || !error.message.includes(never))
  return true
}

test('the first start writes a private key into a private home, and later starts read it', () => {
  const home = newHome()
  const first = open(home)
  assert.equal(first.created, true)
  assert.match(first.secret, SECRET_PATTERN)
  assert.equal(modeOf(home), 0o700)
  assert.equal(modeOf(join(home, 'owner.key')), 0o600)
  assert.deepEqual(fs.readdirSync(home), ['owner.key'])
  assert.deepEqual(open(home), { secret: first.secret, path: join(home, 'owner.key'), created: false })
  assert.equal(readOwnerKey(home), first.secret)
  assert.equal(readOwnerKey(newHome()), undefined)
})

test('a key from the configuration writes nothing', () => {
  const home = newHome()
  const secret = 'k'.repeat(32)
  assert.deepEqual(open(home, secret), { secret, path: undefined, created: false })
  assert.equal(fs.existsSync(home), false)
})

test('a key from the configuration that is short, long or not sendable is refused without being shown', () => {
  for (const secret of [
    '',
    'hunter2',
    'k'.repeat(31),
    'k'.repeat(257),
    `${'k'.repeat(40)} x`,
    'ü'.repeat(40),
  ]) {
    assert.throws(
      () => open(newHome(), secret),
      says(/32 to 256.*openssl rand -hex 32/s, secret || undefined),
    )
  }
})

test('a key file that others can read is refused, with the command that closes it', () => {
  const home = newHome()
  open(home)
  const path = join(home, 'owner.key')
  for (const mode of [0o640, 0o604, 0o666]) {
    fs.chmodSync(path, mode)
    assert.throws(() => open(home), says(new RegExp(`chmod 600 '${path}'`)))
    assert.throws(() => readOwnerKey(home), says(/chmod 600/))
  }
})

test('a home that others can write is refused, with the command that closes it', () => {
  const home = newHome()
  fs.mkdirSync(home)
  fs.chmodSync(home, 0o777)
  assert.throws(() => open(home), says(new RegExp(`chmod 700 '${home}'`)))
})

test('a key file that is empty, cut off, too long or a folder is refused, never replaced', () => {
  for (const content of ['', 'upk_short\n', 'x'.repeat(10_000)]) {
    const home = newHome()
    fs.mkdirSync(home, { mode: 0o700 })
    fs.writeFileSync(join(home, 'owner.key'), content, { mode: 0o600 })
    assert.throws(() => open(home), says(/moved aside|Move it aside/))
    assert.equal(fs.readFileSync(join(home, 'owner.key'), 'utf8'), content)
  }
  const home = newHome()
  fs.mkdirSync(join(home, 'owner.key'), { recursive: true, mode: 0o700 })
  assert.throws(() => open(home), says(/not a file/))
})

test('a home that cannot be made is named', () => {
  const home = newHome()
  fs.writeFileSync(home, '')
  assert.throws(() => open(join(home, 'below')), says(/cannot be made.*UPSHIFT_HOME/))
})

test('replacing is whole, private and leaves nothing beside it, even over a draft that a kill left', () => {
  const home = newHome()
  const { path } = open(home)
  assert.ok(path)
  fs.writeFileSync(`${path}.fresh`, 'half a k')
  replaceOwnerKey(path, 'n'.repeat(40))
  assert.equal(readOwnerKey(home), 'n'.repeat(40))
  assert.equal(modeOf(path), 0o600)
  assert.deepEqual(fs.readdirSync(home), ['owner.key'])
})

test('drafts of killed processes are swept away at the next start', () => {
  const home = newHome()
  fs.mkdirSync(home, { mode: 0o700 })
  fs.writeFileSync(join(home, 'owner.key.new-1-00'), 'half a k')
  open(home)
  assert.deepEqual(fs.readdirSync(home), ['owner.key'])
})

function child(source: string): ChildProcess {
  const options = ['--input-type=module-typescript', '--disable-warning=ExperimentalWarning', '-e', source]
  return spawn(process.execPath, options, { cwd: import.meta.dirname, stdio: ['pipe', 'pipe', 'inherit'] })
}

const IMPORTS = `
  import { randomBytes } from 'node:crypto'
  import { writeSync } from 'node:fs'
  import { ownerKey } from './owner.ts'`

test('of several processes that start at once exactly one writes the key, and all use that one', async () => {
  const prefix = join(root, 'race-')
  // All children open the same 40 homes one after the other, from one starting shot.
  const source = `${IMPORTS}
    process.stdin.once('data', () => {
      for (let home = 0; home < 40; home++) {
        const { secret, created } = ownerKey({ home: ${JSON.stringify(prefix)} + home, fromConfig: undefined, randomBytes })
        writeSync(1, home + ' ' + secret + ' ' + created + '\\n')
      }
      process.exit()
    })
    writeSync(1, 'ready\\n')`
  const racers = [1, 2, 3].map(() => child(source))
  const texts = racers.map(() => '')
  const ready = racers.map(async (racer, index) => {
    racer.stdout?.on('data', (bytes: Buffer) => {
      texts[index] += bytes.toString()
    })
    await once(racer.stdout ?? racer, 'data')
  })
  await Promise.all(ready)
  const ends = racers.map((racer) => once(racer, 'close'))
  for (const racer of racers) racer.stdin?.write('go')
  for (const [code] of await Promise.all(ends)) assert.equal(code, 0)
  const lines = texts.flatMap((text) => text.trim().split('\n').slice(1))
  assert.equal(lines.length, 120)
  for (let home = 0; home < 40; home++) {
    const said = lines.filter((line) => line.startsWith(`${home} `)).map((line) => line.split(' '))
    const inFile = fs.readFileSync(`${prefix}${home}/owner.key`, 'utf8').trim()
    assert.deepEqual(new Set(said.map((line) => line[1])), new Set([inFile]))
    assert.equal(said.filter((line) => line[2] === 'true').length, 1)
    assert.deepEqual(fs.readdirSync(`${prefix}${home}`), ['owner.key'])
  }
})

test('kill -9 at any moment of the writing leaves no key or a whole one', async () => {
  const prefix = join(root, 'killed-')
  const source = `${IMPORTS}
    for (let home = 0; ; home++) {
      ownerKey({ home: ${JSON.stringify(prefix)} + process.pid + '-' + home, fromConfig: undefined, randomBytes })
      if (home === 3) writeSync(1, 'going')
    }`
  for (let kill = 0; kill < 4; kill++) {
    const writer = child(source)
    await once(writer.stdout ?? writer, 'data')
    writer.kill('SIGKILL')
    await once(writer, 'close')
  }
  const written = fs.readdirSync(root).filter((name) => name.startsWith('killed-'))
  assert.ok(written.length >= 16)
  for (const name of written) {
    const home = join(root, name)
    assert.match(open(home).secret, SECRET_PATTERN)
    assert.deepEqual(fs.readdirSync(home), ['owner.key'])
  }
})
