import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import * as z from 'zod'
import { UpshiftError } from '../contract/problem.ts'
import { secretSchema } from '../contract/section.ts'
import type { Flags } from '../contract/verb.ts'
import { loadConfig, readConfig, readOneFile } from './load.ts'

const root = mkdtempSync(join(tmpdir(), 'upshift-config-'))
after(() => rmSync(root, { recursive: true, force: true }))

const network = z.strictObject({
  port: z.number().int().min(0).max(65_535).default(4_000).meta({ env: 'PORT', flag: 'port' }),
  hosts: z.array(z.string()).default(['localhost']).meta({ env: 'HOSTS' }),
  quiet: z.boolean().default(false).meta({ env: 'QUIET', flag: 'quiet' }),
  share: z.number().default(0.5).meta({ env: 'SHARE' }),
  mode: z.enum(['slow', 'quick']).default('slow').meta({ env: 'MODE' }),
  home: z.string().default('~/.upshift').meta({ env: 'THE_HOME', path: true }),
  limit: z
    .union([z.number().int(), z.literal('none')])
    .default('none')
    .meta({ env: 'LIMIT' }),
  queue: z.strictObject({ length: z.number().default(8), waitMs: z.number().default(100) }).prefault({}),
})
const engine = z.strictObject({
  url: z.url(),
  key: secretSchema.optional(),
  models: z.array(z.strictObject({ name: z.string(), price: z.number().optional() })).default([]),
})
const sections = {
  net: { name: 'net', summary: 'The net.', schema: network },
  work: {
    name: 'work',
    summary: 'The work.',
    schema: z
      .strictObject({
        token: secretSchema.optional().meta({ env: 'UPSHIFT_TOKEN' }),
        engines: z.record(z.string().regex(/^[a-z]+$/), engine).default({}),
      })
      .prefault({}),
  },
}

interface World {
  project?: string
  user?: string
  env?: Record<string, string>
  flags?: Flags
}

let worlds = 0
function world({ project, user, env, flags }: World) {
  const base = join(root, `world-${worlds++}`)
  const cwd = join(base, 'project')
  const homedir = join(base, 'me')
  const files = { project: join(cwd, 'upshift.yaml'), user: join(homedir, '.config/upshift/upshift.yaml') }
  for (const file of Object.values(files)) mkdirSync(dirname(file), { recursive: true })
  if (project !== undefined) writeFileSync(files.project, project)
  if (user !== undefined) writeFileSync(files.user, user)
  return { around: { flags: flags ?? {}, env: env ?? {}, cwd, homedir }, files, homedir, cwd }
}

const load = (setting: World) => loadConfig(sections, world(setting).around)

/** The one complaint about a project file, with its folder cut off. */
function complaint(project: string, more: World = {}): string {
  const { around, cwd } = world({ ...more, project })
  const read = readConfig(sections, around)
  assert.equal(read.type, 'invalid')
  assert.ok(read.type === 'invalid')
  return read.complaints
    .map(({ where, path, message }) => `${where.replace(`${cwd}/`, '')} ${path} ${message}`)
    .join('\n')
}

test('with nothing at all every value is its default, and paths are absolute', () => {
  const { around, homedir } = world({})
  const { config, sources, files } = loadConfig(sections, around)
  assert.equal(config.net.port, 4_000)
  assert.equal(config.net.home, join(homedir, '.upshift'))
  assert.deepEqual(config.work, { engines: {} })
  assert.deepEqual(files, [])
  assert.deepEqual(sources.get('net.port'), { value: 4_000, from: 'default', secret: false })
  assert.deepEqual(sources.get('work.token'), { value: undefined, from: 'default', secret: true })
  assert.deepEqual(sources.get('work.engines'), { value: {}, from: 'default', secret: false })
})

test('a flag beats the environment, that the project, that the user, and that the default', () => {
  const setting = {
    flags: { port: '1' },
    env: { PORT: '2' },
    project: '# why\nnet:\n  port: 3\n',
    user: 'net: { port: 4 }\n',
  }
  const steps: [
    keyof typeof setting | 'none',
    number,
    (files: { project: string; user: string }) => string,
  ][] = [
    ['flags', 1, () => 'flag --port'],
    ['env', 2, () => 'env PORT'],
    ['project', 3, ({ project }) => `project ${project}:3`],
    ['user', 4, ({ user }) => `user ${user}:1`],
    ['none', 4_000, () => 'default'],
  ]
  const left: World = { ...setting }
  for (const [level, value, from] of steps) {
    const { around, files } = world(left)
    const { config, sources } = loadConfig(sections, around)
    assert.equal(config.net.port, value)
    assert.deepEqual(sources.get('net.port'), { value, from: from(files), secret: false })
    if (level !== 'none') delete left[level]
  }
})

test('files merge value by value, and a list replaces the whole list below it', () => {
  const { around, files } = world({
    user: 'net:\n  hosts: [a, b]\n  queue:\n    length: 1\nwork:\n  engines:\n    one: { url: http://one }\n    two: { url: http://two }\n',
    project: 'net:\n  hosts: [c]\n  queue:\n    waitMs: 2\nwork:\n  engines:\n    two: { url: http://new }\n',
  })
  const { config, sources } = loadConfig(sections, around)
  assert.deepEqual(config.net.hosts, ['c'])
  assert.deepEqual(config.net.queue, { length: 1, waitMs: 2 })
  assert.deepEqual(Object.keys(config.work.engines), ['one', 'two'])
  assert.equal(config.work.engines.two?.url, 'http://new')
  assert.equal(sources.get('net.queue.length')?.from, `user ${files.user}:4`)
  assert.equal(sources.get('net.queue.waitMs')?.from, `project ${files.project}:4`)
  assert.equal(sources.get('work.engines.one.url')?.from, `user ${files.user}:7`)
  assert.equal(sources.get('work.engines.two.url')?.from, `project ${files.project}:7`)
  assert.equal(sources.get('work.engines.two.models')?.from, 'default')
})

test('variables become numbers, truths, lists and choices, and an empty one counts as unset', () => {
  const env = { PORT: '0', HOSTS: 'a, b', QUIET: 'Yes', SHARE: '.25', MODE: 'quick', LIMIT: '7' }
  const { net } = load({ env }).config
  assert.deepEqual(
    [net.port, net.hosts, net.quiet, net.share, net.mode, net.limit],
    [0, ['a', 'b'], true, 0.25, 'quick', 7],
  )
  assert.equal(load({ env: { LIMIT: 'none' } }).config.net.limit, 'none')
  assert.deepEqual(load({ env: { HOSTS: '["x,y"]' } }).config.net.hosts, ['x,y'])
  assert.equal(load({ env: { PORT: '' }, project: 'net: { port: 3 }' }).config.net.port, 3)
  assert.equal(load({ flags: { quiet: true } }).config.net.quiet, true)
})

test('a variable or flag with a wrong value is named with what is expected', () => {
  for (const [setting, says] of [
    [{ env: { PORT: 'abc' } }, /^PORT: net\.port is "abc"; expected a whole number from 0 to 65535\n/],
    [{ env: { PORT: '0x10' } }, /^PORT: net\.port is "0x10"/],
    [{ env: { PORT: '70000' } }, /^PORT: net\.port is 70000; expected a whole number from 0 to 65535\n/],
    [{ env: { QUIET: 'maybe' } }, /^QUIET: net\.quiet is "maybe"; expected true or false\n/],
    [{ env: { MODE: 'fast' } }, /^MODE: net\.mode is "fast"; expected one of slow, quick\n/],
    [{ env: { LIMIT: 'few' } }, /^LIMIT: net\.limit is "few"; expected a whole number, or "none"\n/],
    [{ env: { HOSTS: '[1]' } }, /^HOSTS: net\.hosts\[0\] is 1; expected a text\n/],
    [
      { flags: { port: 'x' }, env: { MODE: 'fast' } },
      /^--port: net\.port is "x".*\nMODE: net\.mode is "fast"/,
    ],
  ] as const) {
    assert.throws(
      () => load(setting),
      (error: unknown) => error instanceof UpshiftError && says.test(error.message),
      JSON.stringify(setting),
    )
  }
})

test('an unknown name is an error with its line, its column and what was probably meant', () => {
  assert.equal(complaint('net:\n  prot: 1\n'), 'upshift.yaml:2:3 net.prot is not known: did you mean `port`?')
  assert.equal(complaint('network: {}\n'), 'upshift.yaml:1:1 network is not known: known here: net, work.')
  assert.equal(complaint('port: 1\n'), 'upshift.yaml:1:1 port is not known: did you mean `net.port`?')
  assert.equal(
    complaint('work:\n  engines:\n    one:\n      url: http://x\n      modls: []\n'),
    'upshift.yaml:5:7 work.engines.one.modls is not known: did you mean `models`?',
  )
  assert.equal(
    complaint(
      'work:\n  engines:\n    one:\n      url: http://x\n      models:\n        - name: a\n          cost: 2\n',
    ),
    'upshift.yaml:7:11 work.engines.one.models[0].cost is not known: known here: name, price.',
  )
})

test('a wrong type names line and column of the value, and what is expected', () => {
  assert.equal(
    complaint('net:\n  port: "80"\n'),
    'upshift.yaml:2:9 net.port is "80"; expected a whole number from 0 to 65535',
  )
  assert.equal(
    complaint('net:\n  hosts: a\n'),
    'upshift.yaml:2:10 net.hosts is "a"; expected a list, each a text',
  )
  assert.equal(complaint('net: 3\n'), 'upshift.yaml:1:6 net is 3; expected a mapping of names to values')
  assert.equal(
    complaint('net:\n  queue: [1]\n'),
    'upshift.yaml:2:10 net.queue is a list; expected a mapping of names to values',
  )
  assert.equal(
    complaint('net:\n  port:\n'),
    'upshift.yaml:2:8 net.port is empty; expected a whole number from 0 to 65535',
  )
  assert.equal(
    complaint('work:\n  engines:\n    one:\n      models: []\n'),
    'upshift.yaml:4:7 work.engines.one.url is missing: expected a text that is a URL',
  )
  assert.match(
    complaint('work:\n  engines:\n    ONE: { url: http://x }\n'),
    /^upshift.yaml:3:5 work.engines.ONE is no name/,
  )
})

test('a mistake is laid at the door of the file that made it', () => {
  const { around, files } = world({ project: 'net: { quiet: true }\n', user: 'net:\n  port: x\n' })
  assert.throws(
    () => loadConfig(sections, around),
    new RegExp(`^UpshiftError: ${files.user}:2:9: net.port is "x"`),
  )
})

test('all mistakes are told at once', () => {
  const text = complaint('net:\n  port: x\n  prot: 1\nwork: { engines: { one: {} } }\n')
  assert.deepEqual(
    text.split('\n').map((line) => line.split(' ')[1]),
    ['net.port', 'net.prot', 'work.engines.one.url'],
  )
})

test('an alias counts at the place that it names', () => {
  const text = 'net:\n  queue: &queue { length: x }\nwork: {}\n'
  assert.match(complaint(text), /^upshift.yaml:2:27 net.queue.length is "x"/)
})

test('what is not YAML, not a mapping or not text is told with its place', () => {
  assert.match(complaint('net:\n  port: [1\n'), /^upshift.yaml:\d+:\d+ {2}is not valid YAML/)
  assert.match(complaint('net: 1\nnet: 2\n'), /^upshift.yaml:2:1 {2}is not valid YAML: .*unique/)
  assert.match(complaint('- a\n'), /^upshift.yaml:1:1 {2}must hold sections/)
  assert.match(complaint('a: 1\n---\nb: 2\n'), /is not valid YAML/)
  assert.match(complaint('net: !!js/function x\n'), /is not valid YAML/)
  assert.match(complaint('net:\n  __proto__: { port: 1 }\n'), /^upshift.yaml:2:3 {2}`__proto__`/)
  const { around, files } = world({ project: '' })
  writeFileSync(files.project, Buffer.from([0x6e, 0x65, 0x74, 0x3a, 0xff]))
  assert.throws(() => loadConfig(sections, around), /cannot be read: .*not valid/)
  rmSync(files.project)
  mkdirSync(files.project)
  assert.throws(() => loadConfig(sections, around), /cannot be read: it is not a file/)
})

test('a file that blows up when it is read is refused', () => {
  const laughs = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef']) {
    laughs.push(`${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(',')}]`)
  }
  assert.match(complaint(laughs.join('\n')), /cannot be read: .*alias/)
  assert.match(complaint('['.repeat(100_000)), /cannot be read|not valid YAML/)
  assert.match(complaint(`# ${'x'.repeat(1_048_576)}`), /longer than 1048576 bytes/)
})

test('an empty file and a section with only comments say nothing', () => {
  for (const project of ['', '# later\n', 'net:\n  # port: 1\n', 'net:\n  queue:\n']) {
    assert.equal(load({ project }).config.net.port, 4_000)
  }
})

test('the user’s file lies under XDG_CONFIG_HOME, and a file that --config or UPSHIFT_CONFIG names stands in for the project’s', () => {
  const { around, cwd, homedir } = world({ user: 'net: { port: 1 }' })
  const place = (name: string, port: number): string => {
    const file = join(cwd, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `net: { port: ${port} }`)
    return file
  }
  place('xdg/upshift/upshift.yaml', 2)
  place('named.yaml', 3)
  place('flagged.yaml', 4)
  const port = (env: Record<string, string>, flags: Flags = {}): number =>
    loadConfig(sections, { ...around, env, flags }).config.net.port
  const xdg = { XDG_CONFIG_HOME: join(cwd, 'xdg') }
  assert.equal(port({}), 1)
  assert.equal(port({ XDG_CONFIG_HOME: 'relative' }), 1)
  assert.equal(port(xdg), 2)
  assert.equal(port({ ...xdg, UPSHIFT_CONFIG: 'named.yaml' }), 3)
  assert.equal(port({ ...xdg, UPSHIFT_CONFIG: 'named.yaml' }, { config: 'flagged.yaml' }), 4)
  assert.equal(homedir.startsWith(root), true)
})

test('a named file that is not there is an error, and one that is also the project’s is read once', () => {
  const { around, files } = world({ project: 'net: { port: 3 }' })
  assert.throws(
    () => loadConfig(sections, { ...around, flags: { config: 'gone.yaml' } }),
    /--config names .*gone\.yaml.*no such file/,
  )
  assert.throws(
    () => loadConfig(sections, { ...around, env: { UPSHIFT_CONFIG: '/gone' } }),
    /UPSHIFT_CONFIG: names/,
  )
  assert.deepEqual(loadConfig(sections, { ...around, flags: { config: 'upshift.yaml' } }).files, [
    files.project,
  ])
})

test('a secret is only a reference, from a file, a variable or a variable that names a file', () => {
  const { around, cwd, files } = world({ project: 'work:\n  token: { file: keys/token }\n' })
  const token = (env: Record<string, string>) =>
    loadConfig(sections, { ...around, env }).sources.get('work.token')
  const source = (value: object, from: string) => ({ value, from, secret: true })
  assert.deepEqual(token({}), source({ file: join(cwd, 'keys/token') }, `project ${files.project}:2`))
  assert.deepEqual(
    token({ UPSHIFT_TOKEN: 'the-secret' }),
    source({ env: 'UPSHIFT_TOKEN' }, 'env UPSHIFT_TOKEN'),
  )
  assert.deepEqual(
    token({ UPSHIFT_TOKEN_FILE: 'other' }),
    source({ file: join(cwd, 'other') }, 'env UPSHIFT_TOKEN_FILE'),
  )
  assert.throws(() => token({ UPSHIFT_TOKEN: 'a', UPSHIFT_TOKEN_FILE: 'b' }), /both set/)
})

test('a secret as text is refused with the fix and never repeated, wherever it stands', () => {
  for (const text of [
    'work:\n  token: hunter2\n',
    'work:\n  token: { env: hunter2 with spaces }\n',
    'work:\n  token: [hunter2]\n',
    'work: { engines: { one: { url: http://x, key: hunter2 } } }\n',
    'work:\n  token: hunter2\n bad: [\n',
  ]) {
    const said = complaint(text)
    assert.ok(!said.includes('hunter2'), said)
    assert.match(said, /\{ env: NAME \}.* or \{ file: PATH \}|not valid YAML/)
  }
  assert.match(complaint('work:\n  token: hunter2\n'), /^upshift.yaml:2:10 work.token is a secret/)
})

test('a variable that almost has one of our names is warned about, and others are left alone', () => {
  const env = { UPSHIFT_TOKNE: 'x', UPSHIFT_PORT: '1', UPSHIFT_FOO: 'y', PROT: '1' }
  assert.deepEqual(load({ env }).warnings, [
    'The variable UPSHIFT_TOKNE sets nothing. Did you mean UPSHIFT_TOKEN?',
    'The variable UPSHIFT_PORT sets nothing. Did you mean PORT?',
  ])
})

test('one file can be looked at alone, whatever the environment says', () => {
  const { around, files } = world({ project: 'net: { port: 3 }', env: { PORT: 'x' } })
  const read = readOneFile(sections, files.project, around)
  assert.ok(read.type === 'loaded' && read.config.net.port === 3)
  assert.equal(readOneFile(sections, `${files.project}.gone`, around).type, 'invalid')
})

test('whatever a file holds, it is loaded or refused with a place, and nothing else is thrown', () => {
  const { around, files } = world({})
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.json({ maxDepth: 4 }),
    fc
      .record(
        { net: fc.jsonValue({ maxDepth: 3 }), work: fc.jsonValue({ maxDepth: 3 }) },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
    fc
      .array(
        fc.constantFrom(
          'net:',
          '  port: 1',
          '  - a',
          ' &a',
          '*a',
          '? ',
          '!!set',
          '"',
          "'",
          '{',
          ']',
          '|',
          '#',
          '\t',
        ),
        {
          maxLength: 20,
        },
      )
      .map((parts) => parts.join('\n')),
  )
  fc.assert(
    fc.property(text, (yaml) => {
      writeFileSync(files.project, yaml)
      const read = readConfig(sections, around)
      if (read.type === 'loaded') return
      for (const { where } of read.complaints) assert.ok(where.startsWith(files.project), where)
    }),
    { numRuns: 500 },
  )
})
