import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BANS, bans, names } from './tidy/bans.ts'
import { rooms } from './tidy/rooms.ts'
import { FILE_LINES, FUNCTION_LINES, size } from './tidy/size.ts'
import { importsOf, type Rule, readSources, type Violation } from './tidy/source.ts'
import { gitPaths, readTree } from './tidy/tree.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Fewer files than this means that the checker looks in the wrong place, not that the project shrank. */
const LEAST_FILES = 60

/** These two plant violations, as text. */
const PLANTED = ['test/tidy.test.ts', 'test/tidy/bans.ts']

describe('the tree', () => {
  const files = readTree(ROOT)
  const paths = Object.keys(files)
  const sources = readSources(Object.entries(files))

  test('every code file is seen and parsed', () => {
    const git = gitPaths(ROOT)
    if (git) assert.deepEqual(paths.toSorted(), git.toSorted())
    assert.equal(sources.length, paths.length)
    assert.ok(sources.length >= LEAST_FILES, `only ${sources.length} files were seen`)
  })

  const rules: Readonly<Record<string, Rule>> = {
    'imports keep to the table of rooms': rooms,
    'files and functions are of a readable size': size,
    'nothing banned is written': (source) =>
      bans(source).filter(
        (one) => !(PLANTED.includes(one.path) && ['unfinished', 'machine-path'].includes(one.rule)),
      ),
    'names say what is inside': names,
  }
  for (const [name, rule] of Object.entries(rules)) {
    test(name, () => {
      const found = listed(sources.flatMap(rule))
      if (found) assert.fail(`\n${found}\n`)
    })
  }

  test('every dependency of the package is imported by its owner', () => {
    const manifest = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'))
    const used = new Set(sources.filter(({ path }) => path.startsWith('src/')).flatMap(specifiers))
    for (const name of Object.keys(manifest.dependencies))
      assert.ok(used.has(name), `${name} is imported nowhere`)
  })
})

describe('the rules can fail', () => {
  const planted: readonly (readonly [rule: Rule, path: string, text: string, finds: readonly string[]])[] = [
    // Rooms
    [rooms, 'src/guard/a.ts', `import { b } from '../caller/b.ts'`, ['rooms']],
    [rooms, 'src/guard/a.ts', `import type { B } from '../caller/b.ts'`, ['rooms']],
    [rooms, 'src/guard/a.ts', `export * from '../route/plan.ts'`, ['rooms']],
    [rooms, 'src/guard/a.ts', `const b = await import('../route/plan.ts')`, ['rooms']],
    [rooms, 'src/guard/a.ts', `let b: import('../route/plan.ts').B`, ['rooms']],
    [rooms, 'src/guard/a.ts', `import { b } from '../lib/ids.ts'\nimport { c } from '../store/open.ts'`, []],
    [rooms, 'src/contract/a.ts', `import { b } from '../lib/ids.ts'`, ['rooms']],
    [rooms, 'src/request/a.ts', `import { b } from '../observe/metrics.ts'`, ['rooms']],
    [rooms, 'src/config/a.ts', `import { s } from '../guard/config.ts'`, []],
    [rooms, 'src/config/a.ts', `import { s } from '../guard/input.ts'`, ['rooms']],
    [rooms, 'src/cli/a.ts', `const v = () => import('../caller/verbs.ts')`, []],
    [rooms, 'src/cli/a.ts', `import { verbs } from '../caller/verbs.ts'`, ['rooms']],
    [rooms, 'src/cli/a.ts', `const v = () => import('../caller/keys.ts')`, ['rooms']],
    [rooms, 'src/assemble/a.ts', `import { runCli } from '../cli/shell.ts'`, ['rooms']],
    [rooms, 'src/assemble/a.ts', `import { handle } from '../request/handle.ts'`, []],
    [rooms, 'src/engine/a.ts', `import type { Lease } from '../request/ports.ts'`, ['rooms']],
    [rooms, 'src/engine/a.ts', `import { call } from '../request/ports.ts'`, ['rooms']],
    [rooms, 'src/novel/a.ts', `import { b } from '../lib/ids.ts'`, ['rooms']],
    [rooms, 'src/lib/a.ts', `import { b } from '../../test/tree.ts'`, ['rooms']],
    [rooms, 'src/lib/a.ts', `import { b } from './b.test.ts'`, ['rooms']],
    [rooms, 'src/lib/a.ts', `import './b.ts'`, ['rooms']],
    [rooms, 'src/lib/a.ts', `import { b } from './b'`, ['rooms']],
    [rooms, 'src/route/a.ts', `import Fastify from 'fastify'`, ['rooms']],
    [rooms, 'src/route/a.ts', `import type { Pool } from 'undici'`, ['rooms']],
    [rooms, 'src/route/a.ts', `import x from '@scope/thing/deep.js'`, ['rooms']],
    [rooms, 'src/route/a.ts', `import * as z from 'zod'\nimport { join } from 'node:path'`, []],
    [rooms, 'src/route/a.ts', `import { join } from 'path'`, ['rooms']],
    [rooms, 'src/route/a.test.ts', `import * as check from 'fast-check'`, []],
    [rooms, 'bin/a.mjs', `import { z } from 'zod'`, ['rooms']],
    [rooms, 'bin/a.mjs', `import { newId } from '../src/lib/ids.ts'`, ['rooms']],
    // Size
    [size, 'src/lib/a.ts', '\n'.repeat(FILE_LINES), []],
    [size, 'src/lib/a.ts', '\n'.repeat(FILE_LINES + 1), ['file-lines']],
    [size, 'src/lib/a.ts', functionOf(FUNCTION_LINES), []],
    [size, 'src/lib/a.ts', functionOf(FUNCTION_LINES + 1), ['function-lines']],
    [
      size,
      'src/lib/a.ts',
      `class A {\n  ${functionOf(FUNCTION_LINES + 1).replace('function ', '')}}`,
      ['function-lines'],
    ],
    [size, 'src/lib/a.ts', `const a = () => {${'\n'.repeat(FUNCTION_LINES)}}`, ['function-lines']],
    [size, 'src/lib/a.test.ts', `describe('a', () => {${'\n'.repeat(FUNCTION_LINES)}})`, []],
    // Names
    [names, 'src/lib/string-utils.ts', '', ['empty-name']],
    [names, 'src/helpers/a.ts', '', ['empty-name']],
    [names, 'src/lib/a.ts', 'class KeyManager {}', ['empty-name']],
    [names, 'src/lib/clock.ts', 'class KeyRing {}', []],
    // Bans
    [bans, 'src/lib/a.ts', `await fetch('http://a')`, ['global-fetch']],
    [bans, 'src/lib/a.ts', `globalThis.fetch('http://a')`, ['global-fetch']],
    [bans, 'src/lib/a.ts', `client.fetch('http://a'); const x = { fetch: 1 } // fetch('x')`, []],
    [bans, 'src/lib/a.ts', 'new ReadableStream()', ['web-streams']],
    [
      bans,
      'src/lib/a.ts',
      `import { ReadableStream as R } from 'node:stream/web'`,
      ['web-streams', 'web-streams'],
    ],
    [bans, 'src/lib/a.ts', 'let x: any', ['any']],
    [bans, 'src/lib/a.ts', `const any = 'any' // any`, []],
    [bans, 'src/lib/a.ts', `// @ts-ignore\nlet x = 1`, ['compiler-silencer']],
    [bans, 'src/lib/a.ts', `const x = 1 as unknown as string`, ['double-assertion']],
    [bans, 'src/lib/a.ts', `// The table forgets it.\nconst x = 1 as unknown as string`, []],
    [bans, 'src/lib/a.ts', `console.error('x')`, ['console']],
    [bans, 'src/lib/a.ts', 'const x = process.env.HOME', ['environment']],
    [bans, 'src/lib/a.ts', `const x = process['env']`, ['environment']],
    [bans, 'src/lib/a.ts', 'const { env } = process', ['environment']],
    [bans, 'src/lib/a.ts', `import { env } from 'node:process'`, ['environment']],
    [bans, 'src/config/a.ts', 'const x = process.env.HOME', []],
    [bans, 'src/http/a.ts', 'process.exit(1)', ['exit']],
    [bans, 'src/lib/a.ts', `eval('1')`, ['code-from-text']],
    [bans, 'src/lib/a.ts', `new Function('return 1')`, ['code-from-text']],
    [bans, 'test/a.ts', `import { exec } from 'node:child_process'`, ['shell']],
    [bans, 'test/a.ts', `spawn('ls', [], { shell: true })`, ['shell']],
    [bans, 'test/a.ts', `import { execFile } from 'node:child_process'; /x/.exec('x')`, []],
    [bans, 'src/route/a.ts', 'Date.now()', ['clock']],
    [bans, 'src/route/a.ts', 'new Date()', ['clock']],
    [bans, 'src/route/a.ts', 'new Date(0); Math.max(1)', []],
    [bans, 'src/route/a.ts', 'Math.random() + performance.now()', ['clock', 'clock']],
    [bans, 'src/lib/clock.ts', 'Date.now()', []],
    [bans, 'src/lib/a.ts', '/* later\n TODO */', ['unfinished']],
    [bans, 'src/lib/a.ts', 'const x = `// TODO` // a todo-list is a noun, for' + ' now', ['unfinished']],
    [bans, 'src/lib/a.ts', "const x = /[/]/; const y = '/* FIXME */'", []],
    [bans, 'src/lib/a.test.ts', `test.only('x', () => {})`, ['focused-test']],
    [bans, 'src/lib/a.test.ts', `it('x', { skip: 'flaky' }, () => {})`, ['focused-test']],
    [bans, 'src/lib/a.test.ts', `it('x', { skip: platform !== 'linux' }, () => {})`, []],
    [bans, 'src/lib/a.ts', `const x = '/${'root'}/.cache'`, ['machine-path']],
    [bans, 'src/lib/a.ts', `const x = 'https://a.example/${'work'}/x'`, []],
  ]
  const sources = readSources(planted.map(([, path, text]) => [path, text]))
  for (const [index, [rule, path, text, finds]] of planted.entries()) {
    const verdict = finds.length === 0 ? 'passes' : `trips ${finds.join(' and ')}`
    test(`${path}: ${text.slice(0, 70).replaceAll('\n', '⏎')} ${verdict}`, () => {
      const source = sources[index]
      assert.ok(source)
      assert.deepEqual(
        rule(source).map((one) => one.rule),
        finds,
      )
    })
  }

  test('every ban has a planted violation', () => {
    const tripped = new Set(planted.flatMap(([, , , finds]) => finds))
    for (const { name } of BANS) assert.ok(tripped.has(name), `${name} is never seen to fail`)
  })

  test('a file that does not parse is an error, not a file without violations', () => {
    assert.throws(() => readSources([['src/lib/a.ts', 'const = (']]), /a\.ts does not parse/)
  })

  test('a violation names the line, past characters of several bytes', () => {
    const [source] = readSources([['src/lib/a.ts', `// ä 😀\nconst s = 'é'\nlet x: any`]])
    assert.ok(source)
    assert.deepEqual(
      bans(source).map((one) => one.line),
      [3],
    )
  })
})

function specifiers(source: Parameters<Rule>[0]): string[] {
  return importsOf(source).map((one) => one.specifier)
}

function functionOf(lines: number): string {
  return `function long() {${'\n'.repeat(lines - 1)}}`
}

function listed(violations: readonly Violation[]): string {
  return violations.map((one) => `${one.path}:${one.line}  ${one.rule}: ${one.message}`).join('\n')
}
