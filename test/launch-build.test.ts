import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { ROOT } from './task.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'upshift-build-'))
})
after(() => rmSync(folder, { recursive: true, force: true }))

function project(name: string, files: Readonly<Record<string, string>>): string {
  const root = join(folder, name)
  cpSync(join(ROOT, 'bin'), join(root, 'bin'), { recursive: true })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function build(root: string) {
  const ran = spawnSync(process.execPath, [join(root, 'bin/build.mjs')], { encoding: 'utf8' })
  return { code: ran.status, err: ran.stderr }
}

test('the build strips types, points imports at what it built, and leaves lines where they were', () => {
  const root = project('good', {
    'package.json': '{ "type": "module" }',
    'src/main.ts': `import type { Name } from './deep/name.ts'
import { greet } from './deep/name.ts'
export { greet } from './deep/name.ts'
const name: Name = 'you'
const later = await import('./deep/later.ts')
const own = new URL('./deep/name.ts', import.meta.url)
console.log(greet(name), later.value, own.pathname.endsWith('.js'), new Error().stack?.match(/main\\.js:(\\d+)/)?.[1])
`,
    'src/deep/name.ts': `export type Name = string\nexport function greet(name: Name): string {\n  return \`hi \${name}\`\n}\n`,
    'src/deep/later.ts': 'export const value: number = 5\n',
    'src/deep/data.json': '{}',
    'src/deep/later.test.ts': 'throw new Error()',
    'src/deep/later.fixture.ts': 'throw new Error()',
  })
  assert.deepEqual(build(root), { code: 0, err: 'upshift: built dist/: 3 modules, 1 other files\n' })
  const ran = spawnSync(process.execPath, [join(root, 'dist/main.js')], { encoding: 'utf8' })
  assert.equal(ran.stdout, 'hi you 5 true 7\n')
  assert.ok(existsSync(join(root, 'dist/deep/data.json')))
  assert.ok(!existsSync(join(root, 'dist/deep/later.test.js')))
})

const faults: readonly (readonly [name: string, text: string, says: RegExp])[] = [
  [
    'an import that leads nowhere',
    `import { a } from './a.ts'`,
    /main\.js: imports \.\/a\.js, which is not built/,
  ],
  [
    'a path that still names TypeScript',
    `export const a = './worker.ts'`,
    /main\.js: '\.\/worker\.ts' still names TypeScript/,
  ],
  [
    'a module that is named without a dot',
    `export const a = new URL('child.ts', import.meta.url)`,
    /main\.js: new URL\('child\.ts' still names TypeScript/,
  ],
  ['syntax that cannot be stripped', 'enum A { b }', /src\/main\.ts: .*enum/],
]
for (const [name, text, says] of faults) {
  test(`${name} fails the build and leaves the last dist/ alone`, () => {
    const root = project(name.replaceAll(' ', '-'), { 'src/main.ts': text, 'dist/main.js': 'old' })
    const { code, err } = build(root)
    assert.equal(code, 1)
    assert.match(err, says)
    assert.equal(readFileSync(join(root, 'dist/main.js'), 'utf8'), 'old')
  })
}

test('our own source builds, and runs from under node_modules as an installed package does', () => {
  const root = join(folder, 'installed/node_modules/upshift')
  for (const path of ['bin', 'src', 'docs', 'package.json'])
    cpSync(join(ROOT, path), join(root, path), { recursive: true })
  const packages = join(ROOT, 'node_modules')
  symlinkSync(packages, join(root, 'node_modules'))
  const built = build(root)
  assert.equal(built.code, 0, built.err)
  rmSync(join(root, 'src'), { recursive: true })
  const home = join(folder, 'home')
  const run = (...args: readonly string[]) => {
    const words = [join(root, 'bin/upshift.mjs'), ...args, '--home', home]
    return spawnSync(process.execPath, words, { cwd: folder, encoding: 'utf8' })
  }
  const help = run('help')
  assert.match(help.stdout, /Usage: upshift \[COMMAND\]/, help.stderr)
  const answer = run('ask', '--json', 'How does Upshift decide to use the expert tier?')
  assert.equal(answer.status, 0, answer.stderr)
  assert.ok(JSON.parse(answer.stdout).citations.length > 0, answer.stdout)
})

test('`npm start` runs Node with the flags and settings of the launcher', () => {
  const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
  const [, flags = ''] = read('bin/pinned.mjs').match(/const FLAGS = \[(.+)\]/) ?? []
  const launcher = [...flags.matchAll(/'([^']+)'/g)].map(([, flag]) => flag)
  const { start } = JSON.parse(read('package.json')).scripts
  assert.deepEqual(start.match(/--\S+/g), launcher)
  const [, name = '', value = ''] =
    read('bin/pinned.mjs').match(/const SETTINGS = \{ (\w+): '(\w+)' \}/) ?? []
  assert.ok(name !== '' && start.startsWith(`${name}="\${${name}:-${value}}" `), start)
})
