import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Clone, createClone, PINNED } from './launch/clone.ts'
import { ROOT } from './task.ts'

let clone: Clone
before(() => {
  clone = createClone()
})
after(() => clone[Symbol.dispose]())

const LAUNCHER = 'bin/upshift.mjs'
const SETUP = 'bin/setup.mjs'
const installed = (path: string): string => join(clone.root, 'node_modules', path)
const uninstall = (): void => rmSync(installed(''), { recursive: true, force: true })

test('the first start installs, with all chatter on stderr, and the second one says nothing', async () => {
  const first = await clone.launch(LAUNCHER, ['ask', '--json', 'a b'])
  assert.equal(first.code, 0, first.err)
  assert.match(first.err, /^upshift: first start, installing the locked packages/)
  assert.deepEqual(JSON.parse(first.out).argv, ['ask', '--json', 'a b'])
  assert.ok(!existsSync(installed('a-tool')), 'a start needs no development tool')
  const second = await clone.launch(LAUNCHER, ['again'])
  assert.deepEqual([second.code, second.err], [0, ''])
})

test('a Node that is new enough runs the program itself; an old one hands over with the same end', async () => {
  assert.equal(JSON.parse((await clone.launch(LAUNCHER, [])).out).entry, join(clone.root, 'src/main.ts'))
  const failed = await clone.launch(LAUNCHER, ['fail'], { old: true })
  assert.equal(failed.code, 3)
  assert.deepEqual(JSON.parse(failed.out).argv, ['fail'])
  const crashed = await clone.launch(LAUNCHER, ['crash'], { old: true })
  assert.equal(crashed.signal, 'SIGKILL')
})

test('a SIGTERM to the launcher reaches the program that it handed over to', async () => {
  const watch = (child: { kill(signal: 'SIGTERM'): boolean }, out: string): void => {
    if (out.includes('\n')) child.kill('SIGTERM')
  }
  assert.equal((await clone.launch(LAUNCHER, ['wait'], { old: true, watch })).code, 7)
})

test('a full install satisfies a start, an install without tools does not satisfy the tests', async () => {
  const full = await clone.launch(SETUP, [])
  assert.match(full.err, /packages have changed, installing/)
  assert.ok(existsSync(installed('a-tool/package.json')))
  assert.equal((await clone.launch(SETUP, ['--omit=dev'])).err, '')
})

test('under an npm that only tries something out, what is missing is installed all the same', async () => {
  uninstall()
  const ran = await clone.launch(SETUP, [], { env: { npm_config_dry_run: 'true' } })
  assert.deepEqual([ran.code, existsSync(installed('a-tool'))], [0, true], ran.err)
})

test('an install made by hand is recognised by npm’s own account of it', async () => {
  rmSync(installed('.upshift-setup.json'))
  const verified = await clone.launch(SETUP, [])
  assert.deepEqual([verified.code, verified.err], [0, ''])
  assert.ok(existsSync(installed('.upshift-setup.json')))
})

test('a package that was lost, or a lockfile that has moved on, is installed again', async () => {
  rmSync(installed('a-tool'), { recursive: true })
  rmSync(installed('.upshift-setup.json'))
  assert.match(
    (await clone.launch(SETUP, [])).err,
    /installing the locked packages \(a-tool is not in its place\)/,
  )
  rmSync(installed('.package-lock.json'))
  rmSync(installed('.upshift-setup.json'))
  assert.match((await clone.launch(SETUP, [])).err, /installing the locked packages/)
  assert.equal((await clone.launch(SETUP, [])).err, '')
})

test('of two set-ups at once one installs and the other waits for it', async () => {
  uninstall()
  const both = await Promise.all([clone.launch(SETUP, []), clone.launch(SETUP, [])])
  assert.deepEqual(
    both.map((one) => one.code),
    [0, 0],
  )
  const said = both.map((one) => one.err).join('')
  assert.equal(said.match(/installing the locked packages/g)?.length, 1, said)
  assert.ok(!existsSync(join(clone.root, '.cache/setup.lock')))
})

test('the lock of a set-up that died is taken over', async () => {
  uninstall()
  const dead = 2 ** 22 + 1 // above the largest process id
  clone.write('.cache/setup.lock/note', `${dead} ${dead}`)
  assert.equal((await clone.launch(SETUP, [])).code, 0)
  assert.ok(existsSync(installed('a-tool')))
})

test('without npm the message says what to install', async () => {
  uninstall()
  const { code, out, err } = await clone.launch(LAUNCHER, [], { env: { PATH: clone.root } })
  assert.deepEqual([code, out], [1, ''])
  assert.match(err, /npm was not found, so the locked packages cannot be installed\. Install npm/)
})

test('without a network the message says so, and the next start with one works', async () => {
  uninstall()
  const lock = readFileSync(join(clone.root, 'package-lock.json'), 'utf8')
  clone.write(
    'package-lock.json',
    lock.replace('"file:a-tool-1.0.0.tgz"', '"http://127.0.0.1:9/a-tool-1.0.0.tgz"'),
  )
  const manifest = readFileSync(join(clone.root, 'package.json'), 'utf8')
  const env = {
    npm_config_offline: 'false',
    npm_config_fetch_retries: '0',
    npm_config_cache: join(clone.root, '.npm'),
  }
  clone.write(
    'package.json',
    manifest.replace('file:a-tool-1.0.0.tgz', 'http://127.0.0.1:9/a-tool-1.0.0.tgz'),
  )
  const without = await clone.launch(SETUP, [], { env })
  clone.write('package-lock.json', lock)
  clone.write('package.json', manifest)
  assert.equal(without.code, 1)
  assert.match(without.err, /upshift: npm could not reach its registry/)
  assert.equal((await clone.launch(SETUP, [])).code, 0)
})

test('a folder that cannot be written to is named', async () => {
  uninstall()
  rmSync(join(clone.root, '.cache'), { recursive: true })
  writeFileSync(join(clone.root, '.cache'), '')
  const { code, err } = await clone.launch(LAUNCHER, [])
  rmSync(join(clone.root, '.cache'))
  assert.equal(code, 1)
  assert.match(err, /^upshift: cannot write to .*\.cache: .* Give the folder the right owner/)
})

test('a pinned Node that does not run is told to an old Node, and replaced by a new one', async () => {
  assert.equal((await clone.launch(SETUP, [])).code, 0)
  writeFileSync(installed(`${PINNED}/bin/node`), '#!/bin/sh\necho wrong libc >&2\nexit 1\n')
  rmSync(installed('.upshift-setup.json'))
  const old = await clone.launch(LAUNCHER, [], { old: true })
  assert.equal(old.code, 1)
  assert.match(
    old.err,
    /needs Node 24 or newer; this is Node 20\.1\.0[\s\S]*does not run here: wrong libc[\s\S]*Install Node 24/,
  )
  const young = await clone.launch(LAUNCHER, ['x'])
  assert.equal(young.code, 0)
  assert.match(young.err, /the pinned Node does not run here \(wrong libc\); this Node .* serves/)
})

test('an installed package without its pinned Node says what to do on an old Node', async () => {
  rmSync(join(clone.root, 'src'), { recursive: true })
  uninstall()
  mkdirSync(join(clone.root, 'dist'))
  clone.write('dist/main.js', 'console.log("built")')
  const old = await clone.launch(LAUNCHER, [], { old: true })
  assert.equal(old.code, 1)
  assert.match(old.err, /The package .* is not installed \(were optional packages left out\?\)/)
  assert.equal((await clone.launch(LAUNCHER, [])).out, 'built\n')
})

test('our own lockfile holds every optional package of every platform, without which `npm ci` refuses it', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
  const wanted = Object.entries<{ optionalDependencies?: object }>(packages).flatMap(([place, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).map((name) => ({ place, name })),
  )
  assert.ok(wanted.length > 20, `saw ${wanted.length}`)
  for (const { place, name } of wanted) {
    const locked = packages[`${place}/node_modules/${name}`] ?? packages[`node_modules/${name}`]
    assert.ok(
      locked?.integrity,
      `${name} of ${place} is not locked: choose a version that the registry serves whole`,
    )
  }
})
