import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { after, test } from 'node:test'
import * as z from 'zod'
import { UpshiftError } from '../contract/problem.ts'
import { secretSchema } from '../contract/section.ts'
import { type Flags, UsageError } from '../contract/verb.ts'
import { section as server } from './server.ts'
import { configVerbs } from './verbs.ts'

const sections = {
  server,
  work: {
    name: 'work',
    summary: 'The work.',
    schema: z.strictObject({
      token: secretSchema.optional().meta({ description: 'A token.', env: 'UPSHIFT_TOKEN' }),
      names: z.record(z.string(), z.string()).default({}),
    }),
  },
}

const cwd = mkdtempSync(join(tmpdir(), 'upshift-config-verbs-'))
after(() => rmSync(cwd, { recursive: true, force: true }))
const project = join(cwd, 'upshift.yaml')

async function run(
  name: string,
  args: readonly string[] = [],
  more: { env?: Record<string, string>; json?: boolean; flags?: Flags } = {},
) {
  const verbs = configVerbs(sections, () => ({ env: more.env ?? {}, cwd, homedir: '/home/nobody-here' }))
  const verb = verbs.find((one) => one.name === name)
  assert.ok(verb)
  const text = { out: '', err: '' }
  const into = (where: 'out' | 'err') =>
    new Writable({
      decodeStrings: false,
      write: (chunk, _encoding, done) => {
        text[where] += String(chunk)
        done()
      },
    })
  const code = await verb.run({
    args,
    flags: more.flags ?? {},
    json: more.json ?? false,
    out: into('out'),
    err: into('err'),
    stdin: Readable.from([]),
    colour: false,
    signal: AbortSignal.timeout(5_000),
    home: async () => '/nowhere',
    server: () => assert.fail('these verbs need no server'),
  })
  return { code, ...text }
}

test('explain lists every value with where it came from, and a secret only by its place', async () => {
  writeFileSync(project, 'server:\n  port: 4100\nwork:\n  names: { "gpt-4.1": mid }\n')
  const { code, out } = await run('config explain', [], {
    env: { UPSHIFT_TOKEN: 'hunter2', HOST: '::1' },
    flags: { home: '/srv/upshift' },
  })
  assert.equal(code, 0)
  assert.ok(!out.includes('hunter2'))
  const rows = new Map(out.split('\n').map((line) => [line.split(/ {2,}/)[0], line.split(/ {2,}/).slice(1)]))
  assert.deepEqual(rows.get('PATH'), ['VALUE', 'SOURCE'])
  assert.deepEqual(rows.get('server.host'), ['"::1"', 'env HOST'])
  assert.deepEqual(rows.get('server.port'), ['4100', `project ${project}:2`])
  assert.deepEqual(rows.get('server.home'), ['"/srv/upshift"', 'flag --home'])
  assert.deepEqual(rows.get('server.drainMs'), ['30000', 'default'])
  assert.deepEqual(rows.get('work.token'), ['(set, from env UPSHIFT_TOKEN)', 'env UPSHIFT_TOKEN'])
  assert.deepEqual(rows.get('work.names["gpt-4.1"]'), ['"mid"', `project ${project}:4`])
})

test('explain takes a section or a value, and prints stable JSON', async () => {
  writeFileSync(project, 'server:\n  port: 4100\n')
  const one = await run('config explain', ['server.port'], { json: true })
  assert.deepEqual(JSON.parse(one.out), {
    files: [project],
    values: [{ path: 'server.port', value: 4_100, from: `project ${project}:2`, secret: false }],
  })
  const section = await run('config explain', ['work'])
  assert.match(
    section.out,
    /^PATH +VALUE +SOURCE\nwork.token +\(not set\) +default\nwork.names +\{\} +default\n$/,
  )
  await assert.rejects(run('config explain', ['serv']), (error: unknown) => error instanceof UsageError)
})

test('check warns of a secret that cannot be read here, with its place, and is no fault for that', async () => {
  writeFileSync(project, 'work:\n  token: { env: NOSUCHVAR }\n')
  const { code, out, err } = await run('config check')
  assert.deepEqual([code, out], [0, `The configuration is valid (${project}).\n`])
  assert.match(
    err,
    /^upshift: work\.token \(project .*:2\) cannot be used here: The variable NOSUCHVAR is not set/,
  )
  const json = JSON.parse((await run('config check', [], { json: true })).out)
  assert.deepEqual([json.valid, json.warnings.length], [true, 1])
  assert.equal((await run('config check', [], { env: { NOSUCHVAR: 'hunter2' } })).err, '')
  assert.equal((await run('config check', ['upshift.yaml'])).err, '')
})

test('check tells a good configuration from a bad one, on its own file or on all', async () => {
  writeFileSync(project, 'server:\n  port: 4100\n')
  assert.deepEqual(await run('config check'), {
    code: 0,
    out: `The configuration is valid (${project}).\n`,
    err: '',
  })
  await refused(run('config check', [], { env: { PORT: 'x' } }), /^PORT: server.port is "x"/)
  assert.equal((await run('config check', ['upshift.yaml'], { env: { PORT: 'x' } })).code, 0)
  writeFileSync(project, 'server:\n  prot: 4100\n')
  const json = await run('config check', ['upshift.yaml'], { json: true })
  assert.equal(json.code, 1)
  assert.deepEqual(JSON.parse(json.out), {
    valid: false,
    complaints: [
      { where: `${project}:2:3`, path: 'server.prot', message: 'is not known: did you mean `port`?' },
    ],
    warnings: [],
  })
  await refused(run('config check', ['gone.yaml']), /gone\.yaml: is not there/)
  await refused(run('config explain'), /server\.prot is not known/)
})

async function refused(ran: Promise<unknown>, says: RegExp): Promise<void> {
  await assert.rejects(ran, (error: unknown) => {
    assert.ok(error instanceof UpshiftError)
    assert.match(error.message, says)
    return true
  })
}

test('where only flags are wrong they are told as words of the command line', async () => {
  writeFileSync(project, '')
  for (const [flags, says] of [
    [{ port: 'abc' }, /^--port is "abc"; expected a whole number from 0 to 65535$/],
    [{ port: '-1', home: '' }, /^--port is -1; expected .* 65535; --home is ""; expected a text/],
    [{ config: 'gone.yaml' }, /^--config names .*gone\.yaml, and there is no such file/],
  ] as const) {
    await assert.rejects(run('config explain', [], { flags }), (error: unknown) => {
      assert.ok(error instanceof UsageError, JSON.stringify(flags))
      assert.match(error.message, says)
      return true
    })
  }
})

test('check shows variables that set nothing, and what a variable masks', async () => {
  writeFileSync(project, 'server:\n  port: 4100\n')
  const env = { UPSHIFT_PORT: '1' }
  const warning = 'The variable UPSHIFT_PORT sets nothing. Did you mean PORT?'
  const said = await run('config check', [], { env })
  assert.deepEqual([said.code, said.err], [0, `upshift: ${warning}\n`])
  const json = await run('config check', [], { env, json: true })
  assert.deepEqual(JSON.parse(json.out), { valid: true, complaints: [], warnings: [warning] })
  writeFileSync(project, 'server:\n  port: banana\n')
  await refused(
    run('config check', [], { env: { PORT: '4200' } }),
    /upshift\.yaml:2:9: server\.port is "banana"; expected .* \(it does not count now: env PORT stands above it\)/,
  )
})

test('schema prints a JSON Schema that says what sets a value and knows no annotation of ours', async () => {
  const schema = JSON.parse((await run('config schema')).out)
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema')
  assert.equal(schema.required, undefined)
  assert.deepEqual(schema.properties.server.properties.port, {
    default: 4_000,
    type: 'integer',
    minimum: 0,
    maximum: 65_535,
    description: 'Port to listen on; 0 lets the system choose. Set by `--port` or `PORT`.',
  })
  assert.match(
    schema.properties.work.properties.token.description,
    /Set by `UPSHIFT_TOKEN` or `UPSHIFT_TOKEN_FILE`/,
  )
  assert.equal(schema.properties.work.additionalProperties, false)
})
