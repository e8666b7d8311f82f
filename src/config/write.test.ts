import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as z from 'zod'
import { UpshiftError } from '../contract/problem.ts'
import { TIERS } from '../contract/tier.ts'
import { readConfig } from './load.ts'
import { section as server } from './server.ts'
import { writeConfig } from './write.ts'

const sections = {
  server,
  models: {
    name: 'models',
    summary: 'Models.',
    schema: z.strictObject({
      dir: z.string().optional().meta({ path: true }),
      tiers: z.record(z.string(), z.enum(TIERS)).default({}),
    }),
  },
}

const root = fs.mkdtempSync(join(tmpdir(), 'upshift-config-write-'))
after(() => fs.rmSync(root, { recursive: true, force: true }))
let places = 0

/** A folder to stand in, a user's home, and perhaps a project's file. */
function place(text?: string, env: Record<string, string> = {}) {
  places += 1
  const cwd = join(root, String(places))
  const homedir = join(cwd, 'home')
  fs.mkdirSync(homedir, { recursive: true })
  const project = join(cwd, 'upshift.yaml')
  if (text !== undefined) fs.writeFileSync(project, text, { mode: 0o640 })
  const around = { flags: {}, env, cwd, homedir }
  const write = (tier = 'mid', name = 'small.4b') =>
    writeConfig(sections, around, [{ path: ['models', 'tiers', name], value: tier }])
  const read = () => {
    const got = readConfig(sections, around)
    return got.type === 'loaded' ? got.config : assert.fail(JSON.stringify(got))
  }
  return { cwd, project, around, write, read, user: join(homedir, '.config', 'upshift', 'upshift.yaml') }
}

const text = (path: string): string => fs.readFileSync(path, 'utf8')

test('without any file the user’s is made, only for that user, and it counts', () => {
  const { write, read, user, project } = place()
  assert.deepEqual(write(), { file: user, changed: true })
  assert.equal(fs.existsSync(project), false)
  assert.match(text(user), /^# Written by Upshift.*\nmodels:\n {2}tiers:\n {4}small\.4b: mid\n$/)
  assert.equal(fs.statSync(user).mode & 0o777, 0o600)
  assert.deepEqual(read().models.tiers, { 'small.4b': 'mid' })
  assert.deepEqual(write(), { file: user, changed: false })
  assert.deepEqual(write('fast'), { file: user, changed: true })
  assert.deepEqual(read().models.tiers, { 'small.4b': 'fast' })
})

test('the project’s file keeps its comments, its order, its indentation, its mode and everything else', () => {
  const before = [
    '# Our gateway.',
    'models: # local ones',
    '    # where they lie',
    '    dir: ./weights',
    '',
    '# The listener:',
    'server:',
    '    port: 4100     # not the usual one',
    '    hosts: [a.example, "b.example"]',
    '',
  ].join('\n')
  const { write, read, project } = place(before)
  assert.deepEqual(write(), { file: project, changed: true })
  const now = text(project)
  const comments = before.match(/# .*/g) ?? []
  assert.deepEqual(now.match(/# .*/g), comments)
  assert.equal(comments.length, 5)
  assert.match(now, /\n {4}dir: \.\/weights\n {4}tiers:\n {8}small\.4b: mid\n/)
  assert.ok(now.indexOf('models:') < now.indexOf('server:'))
  assert.equal(fs.statSync(project).mode & 0o777, 0o640)
  assert.deepEqual([read().server.port, read().server.hosts], [4_100, ['a.example', 'b.example']])
  assert.deepEqual(fs.readdirSync(join(project, '..')).sort(), ['home', 'upshift.yaml'])
})

test('an empty file, an empty section and one of only comments take the value, and keep the comments', () => {
  for (const before of [
    '',
    '# only words\n',
    'models:\n',
    'models: # later\nserver:\n  port: 1\n',
    'models:\n  tiers:\n',
  ]) {
    const { write, read, project } = place(before)
    assert.equal(write().changed, true)
    assert.deepEqual(read().models.tiers, { 'small.4b': 'mid' })
    for (const comment of before.match(/# [a-z ]+/g) ?? [])
      assert.ok(text(project).includes(comment), text(project))
  }
})

test('a file that is a link stays one, and what it leads to is changed', () => {
  const { write, cwd, project } = place()
  fs.writeFileSync(join(cwd, 'real.yaml'), 'server: { port: 7 }\n')
  fs.symlinkSync('real.yaml', project)
  write()
  assert.ok(fs.lstatSync(project).isSymbolicLink())
  assert.match(text(join(cwd, 'real.yaml')), /small\.4b: mid/)
})

test('a named file is written, and made where it is not there', () => {
  const { write, cwd } = place(undefined, { UPSHIFT_CONFIG: 'named.yaml' })
  assert.equal(write().file, join(cwd, 'named.yaml'))
  assert.match(text(join(cwd, 'named.yaml')), /small\.4b: mid/)
})

test('what cannot be changed without harm is left as it is, and the lines are told', () => {
  for (const [before, pattern] of [
    [
      'models: &all\n  tiers: &t { a: fast }\nserver: { port: 3 }\nother: *t\n',
      /it would not be valid|another value/,
    ],
    ['models: [1, 2]\n', /models is no mapping/],
    ['models: { tiers: no }\n', /models\.tiers is no mapping/],
    ['models: {\n', /not valid YAML/],
    ['- a list\n', /holds no sections/],
    ['server: { prot: 1 }\n', /would not be valid[\s\S]*did you mean `port`/],
  ] as const) {
    const { write, project, cwd } = place(before)
    assert.throws(
      () => write(),
      (error) =>
        error instanceof UpshiftError &&
        pattern.test(error.message) &&
        /Add this to it by hand:\nmodels:\n {2}tiers:\n {4}small\.4b: mid\n/.test(error.message),
      before,
    )
    assert.equal(text(project), before)
    assert.deepEqual(fs.readdirSync(cwd).sort(), ['home', 'upshift.yaml'])
  }
})

test('a change that an alias would carry elsewhere is refused', () => {
  const before = 'models:\n  tiers: &t\n    a: fast\nspare: *t\n'
  const { around, project } = place(before)
  const loose = {
    ...sections,
    spare: { name: 'spare', summary: '.', schema: z.record(z.string(), z.string()).prefault({}) },
  }
  assert.throws(
    () => writeConfig(loose, around, [{ path: ['models', 'tiers', 'b'], value: 'mid' }]),
    /another value would have changed/,
  )
  assert.equal(text(project), before)
})
