import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import { UpshiftError } from '../contract/problem.ts'
import { UsageError, type Verb, type VerbContext } from '../contract/verb.ts'
import type { Catalogue } from './catalogue.ts'
import { run } from './scripted.fixture.ts'

function catalogueOf(...verbs: readonly Verb[]): Catalogue {
  return verbs.map((verb) => ({ name: verb.name, summary: verb.summary, load: async () => verb }))
}

function verb(run: Verb['run'], more: Partial<Verb> = {}): Verb {
  return { name: 'try it', summary: 'Try it.', run, ...more }
}

const options: NonNullable<Verb['options']> = {
  color: { type: 'string', short: 'c', value: 'NAME', summary: 'A colour.' },
  tag: { type: 'string', multiple: true, summary: 'A tag.' },
  fast: { type: 'boolean', summary: 'Be quick.' },
}

test('a verb gets its flags, its operands and the global flags, wherever they stand', async () => {
  let seen: VerbContext | undefined
  const keep = verb(
    async (context) => {
      seen = context
      return 3
    },
    { options, operands: 'NAME [MORE...]' },
  )
  const argv = [
    '--json',
    '--home',
    '/h',
    'try',
    'it',
    'a',
    '-c',
    'red',
    '--tag=x',
    '--tag',
    'y',
    '--fast',
    '--',
    '-b',
  ]
  const { code } = await run({ argv, catalogue: catalogueOf(keep) })
  assert.equal(code, 3)
  assert.deepEqual(seen?.args, ['a', '-b'])
  assert.deepEqual({ ...seen?.flags }, { json: true, home: '/h', color: 'red', tag: ['x', 'y'], fast: true })
  assert.equal(seen?.json, true)
})

test('the server is opened once, for the home that was named, and closed when the verb has ended', async () => {
  const twice = verb(async (context) => {
    await context.server()
    await context.server()
    return 0
  })
  const argv = ['try', 'it', '--home', '/h', '--config', 'c.yaml']
  const { opened, closed } = await run({ argv, catalogue: catalogueOf(twice) })
  assert.deepEqual(opened, [{ home: '/h', config: 'c.yaml' }])
  assert.equal(closed, 1)
})

test('a verb that does not ask for the server does not open it', async () => {
  const { opened, closed } = await run({ argv: ['try', 'it'], catalogue: catalogueOf(verb(async () => 0)) })
  assert.equal(opened.length + closed, 0)
})

const mistakes: readonly (readonly [argv: string, says: RegExp])[] = [
  ['kyes list', /there is no command `kyes`; did you mean `upshift keys list`\?/],
  ['keys lst', /there is no command `keys lst`; did you mean `upshift keys list`\?/],
  ['xyzzy', /there is no command `xyzzy`\. `upshift help`/],
  ['--verison', /there is no option --verison; did you mean --version\?/],
  ['ask --modle fast', /there is no option --modle; did you mean --model\?/],
  ['ask hello -x', /there is no option -x\./],
  ['ask --model', /--model needs a value: --model MODEL/],
  ['ask --model --json hello', /--model needs a value/],
  ['keys list --json=yes', /--json takes no value/],
  ['keys create', /`upshift keys create` needs NAME/],
  ['keys revoke a b', /`upshift keys revoke` takes ID; "b" is too much/],
  ['help nothing', /there is no command `nothing`/],
]
for (const [argv, says] of mistakes) {
  test(`\`upshift ${argv}\` ends with 2 and says what is wrong`, async () => {
    const { code, out, err } = await run({ argv: argv.split(' ') })
    assert.equal(code, 2)
    if (!argv.includes('--json')) assert.equal(out, '')
    assert.match(err, /^upshift: /)
    assert.match(err, says)
  })
}

test('no words at all, `help` and `--help` list every command on stdout', async () => {
  for (const argv of [
    [],
    ['help'],
    ['--help'],
    ['-h'],
    ['help', 'help'],
    ['help', '--home', '/h'],
    ['--home', '/h', 'help'],
  ]) {
    const { code, out, err } = await run({ argv })
    assert.equal(code, 0)
    assert.match(out, /Usage: upshift \[COMMAND\]/)
    for (const line of out.split('\n')) assert.ok(line.length <= 80, line)
    assert.match(out, /`upshift` alone is `upshift serve`\./)
    assert.match(out, /--version, -V and -v/)
    for (const name of [
      'serve',
      'ask',
      'keys create',
      'config explain',
      'doctor',
      'help .COMMAND.',
      'version',
    ])
      assert.match(out, new RegExp(`  ${name} `))
    assert.equal(err, '')
  }
})

test('a group alone lists its commands and ends with 2; with --help it ends with 0', async () => {
  const alone = await run({ argv: ['keys'] })
  assert.equal(alone.code, 2)
  assert.match(alone.err, /keys create .*\n {2}keys list /)
  assert.deepEqual(await run({ argv: ['keys', '--help'] }).then(({ code, out }) => [code, out]), [
    0,
    alone.err,
  ])
  assert.deepEqual(await run({ argv: ['help', 'keys'] }).then(({ code, out }) => [code, out]), [0, alone.err])
})

test('the help of a verb holds usage, options with their values, and examples', async () => {
  for (const argv of [
    ['help', 'ask'],
    ['ask', '--help'],
    ['--help', 'ask'],
  ]) {
    const { code, out } = await run({ argv })
    assert.equal(code, 0)
    assert.match(out, /^Usage: upshift ask \[QUESTION\.\.\.\] \[options\]\n/)
    assert.match(out, /\n {2}-m, --model MODEL +/)
    assert.match(out, /\nExamples:\n {2}upshift ask /)
    for (const line of out.split('\n'))
      assert.ok(line.length <= 80 || line.startsWith('  upshift') || line.includes(' | '), line)
  }
})

test('the version is told in words and as JSON', async () => {
  for (const argv of [['--version'], ['-V'], ['-v'], ['--home', '/h', '-v'], ['version']]) {
    assert.match((await run({ argv })).out, /^upshift 1\.2\.3 \(node \d+\.\d+\.\d+\)\n$/)
  }
  assert.equal(JSON.parse((await run({ argv: ['version', '--json'] })).out).version, '1.2.3')
})

test('an UpshiftError is told by its message alone', async () => {
  const failing = verb(async () => {
    throw new UpshiftError({ code: 'conflict', message: 'That name is taken. Choose another.' })
  })
  const { code, err } = await run({ argv: ['try', 'it'], catalogue: catalogueOf(failing) })
  assert.equal(code, 1)
  assert.equal(err, 'upshift: That name is taken. Choose another.\n')
})

test('wrong words that a verb finds are told with the help of that verb', async () => {
  const failing = verb(async () => {
    throw new UsageError('--grace is at most 7d')
  })
  const { code, err } = await run({ argv: ['try', 'it'], catalogue: catalogueOf(failing) })
  assert.deepEqual([code, err], [2, 'upshift: --grace is at most 7d. `upshift help try it` shows how.\n'])
})

test('with --json an error is the one document on stdout, with the same exit code', async () => {
  const failing = (error: Error) => catalogueOf(verb(() => Promise.reject(error)))
  const taken = new UpshiftError({ code: 'conflict', message: 'Taken. Choose another.' })
  for (const [argv, error, code, name] of [
    ['try it --json', taken, 1, 'conflict'],
    ['--json try it', new UsageError('--x is wrong'), 2, 'usage'],
    ['try it --json', new TypeError('x is not y'), 1, 'internal'],
    ['try it --json --jsno', taken, 2, 'usage'],
    ['xyzzy --json', taken, 2, 'usage'],
    ['try --json', taken, 2, 'usage'],
  ] as const) {
    const ran = await run({ argv: argv.split(' '), catalogue: failing(error) })
    const document = JSON.parse(ran.out)
    assert.deepEqual([ran.code, document.error.code], [code, name], argv)
    assert.ok(ran.err.endsWith(`upshift: ${document.error.message}\n`), ran.err)
  }
})

test('a verb that has printed its document and fails afterwards prints no second one', async () => {
  const controller = new AbortController()
  const late = verb(async ({ out }) => {
    out.write('{}\n')
    controller.abort()
    return 1
  })
  const ran = await run({
    argv: ['try', 'it', '--json'],
    catalogue: catalogueOf(late),
    signal: controller.signal,
  })
  assert.deepEqual([ran.code, ran.out, ran.err], [130, '{}\n', 'upshift: interrupted.\n'])
})

test('in a clone every command that is to be typed is written `npx upshift`', async () => {
  const failing = verb(async () => {
    throw new UpshiftError({ code: 'not_found', message: 'None. See `upshift keys list`.' })
  })
  const told = await run({ argv: ['try', 'it'], program: 'npx upshift', catalogue: catalogueOf(failing) })
  assert.equal(told.err, 'upshift: None. See `npx upshift keys list`.\n')
  for (const argv of [['help'], ['help', 'keys'], ['help', 'keys', 'create'], ['help', 'ask']]) {
    const { out } = await run({ argv, program: 'npx upshift' })
    assert.match(out, /^Usage: npx upshift /m)
    assert.doesNotMatch(out, /(?<!npx )\bupshift (?!\.)/, argv.join(' '))
  }
})

test('a file that the system does not open for this user is told with its path, and is no bug', async () => {
  for (const code of ['EACCES', 'EPERM']) {
    const denied = Object.assign(new Error(`${code}: not permitted, open '/h/audit.pub'`), {
      ...{ code, errno: -13, syscall: 'open', path: '/h/audit.pub' },
    })
    const failing = verb(async () => Promise.reject(denied))
    const ran = await run({ argv: ['try', 'it'], catalogue: catalogueOf(failing) })
    assert.equal(ran.code, 1)
    const words = `upshift: /h/audit.pub cannot be read or written: ${denied.message}. Check who owns it and its mode, or start Upshift as that user.\n`
    assert.equal(ran.err, words)
  }
})

test('a disk that takes no more is told, and is no bug', async () => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS']) {
    const full = Object.assign(new Error(`${code}: no space left on device, write`), {
      code,
      syscall: 'write',
    })
    const ran = await run({
      argv: ['try', 'it', '--json'],
      catalogue: catalogueOf(verb(async () => Promise.reject(full))),
    })
    assert.deepEqual([ran.code, JSON.parse(ran.out).error.code], [1, 'disk_full'])
    assert.match(ran.err, /^upshift: the disk took no more: .*write\. Free some space .*\n$/)
  }
})

test('any other error is a bug and shows its stack', async () => {
  const failing = verb(async () => {
    throw new TypeError('x is not y')
  })
  const { code, err } = await run({ argv: ['try', 'it'], catalogue: catalogueOf(failing) })
  assert.equal(code, 1)
  assert.match(err, /TypeError: x is not y\n {4}at [\s\S]*this is a bug in Upshift 1\.2\.3/)
})

test('an interrupted verb ends with 130 and without a stack, and its server is closed', async () => {
  const controller = new AbortController()
  const waiting = verb(async ({ signal, server }) => {
    await server()
    const gone = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    controller.abort()
    await gone
    return 0
  })
  const ran = await run({ argv: ['try', 'it'], catalogue: catalogueOf(waiting), signal: controller.signal })
  assert.deepEqual([ran.code, ran.err, ran.closed], [130, 'upshift: interrupted.\n', 1])
})

function brokenStream(code: string): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(`write ${code}`), { code })),
  })
}

const untilAborted = verb(async ({ out, signal }) => {
  out.write('x')
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  return 0
})

test('a reader that closes the pipe ends the verb quietly', async () => {
  const ran = await run({
    argv: ['try', 'it'],
    catalogue: catalogueOf(untilAborted),
    stdout: brokenStream('EPIPE'),
  })
  assert.deepEqual([ran.code, ran.err], [0, ''])
})

test('a full disk under stdout is an error', async () => {
  const ran = await run({
    argv: ['try', 'it'],
    catalogue: catalogueOf(untilAborted),
    stdout: brokenStream('ENOSPC'),
  })
  assert.equal(ran.code, 1)
  assert.match(ran.err, /the output cannot be written: write ENOSPC/)
})

test('colour is for terminals that want it', async () => {
  const colours: boolean[] = []
  const looking = verb(async ({ colour }) => {
    colours.push(colour)
    return 0
  })
  const terminal = () => Object.assign(new PassThrough(), { isTTY: true })
  const catalogue = catalogueOf(looking)
  await run({ argv: ['try', 'it'], catalogue, stdout: terminal() })
  await run({ argv: ['try', 'it'], catalogue, stdout: terminal(), env: { NO_COLOR: '1' } })
  await run({ argv: ['try', 'it'], catalogue, stdout: terminal(), env: { TERM: 'dumb' } })
  await run({ argv: ['try', 'it', '--json'], catalogue, stdout: terminal() })
  await run({ argv: ['try', 'it'], catalogue })
  assert.deepEqual(colours, [true, false, false, false, false])
})
