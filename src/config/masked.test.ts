import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import * as z from 'zod'
import { secretSchema } from '../contract/section.ts'
import type { Flags } from '../contract/verb.ts'
import { checkConfig, readConfig } from './load.ts'

const root = mkdtempSync(join(tmpdir(), 'upshift-masked-'))
after(() => rmSync(root, { recursive: true, force: true }))

const engine = z.strictObject({
  url: z.url(),
  models: z.array(z.strictObject({ name: z.string() })).default([]),
})
const sections = {
  net: {
    name: 'net',
    summary: 'The net.',
    schema: z.strictObject({
      port: z.number().int().min(0).max(65_535).default(4_000).meta({ env: 'PORT', flag: 'port' }),
      hosts: z.array(z.string()).default([]).meta({ env: 'HOSTS' }),
    }),
  },
  work: {
    name: 'work',
    summary: 'The work.',
    schema: z.strictObject({
      token: secretSchema.optional().meta({ env: 'UPSHIFT_TOKEN' }),
      engines: z.record(z.string(), engine).default({}),
    }),
  },
}

interface World {
  readonly project?: string
  readonly user?: string
  readonly env?: Record<string, string>
  readonly flags?: Flags
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
  return { around: { flags: flags ?? {}, env: env ?? {}, cwd, homedir }, homedir, cwd }
}

test('a wrong value that something stronger masks is found by the check, and stops nobody', () => {
  const masked = (setting: World): string => {
    const { around, cwd, homedir } = world(setting)
    assert.equal(readConfig(sections, around).type, 'loaded')
    const checked = checkConfig(sections, around)
    assert.ok(checked.type === 'invalid')
    const lines = checked.complaints.map(({ where, path, message }) => `${where} ${path} ${message}`)
    return lines.join('\n').replaceAll(`${cwd}/`, '').replaceAll(`${homedir}/.config/upshift/`, '~')
  }
  const above = (name: string): string => `(it does not count now: ${name} stands above it)`
  const expected = 'expected a whole number from 0 to 65535'
  assert.equal(
    masked({ project: 'net:\n  port: x\n', env: { PORT: '1' } }),
    `upshift.yaml:2:9 net.port is "x"; ${expected} ${above('env PORT')}`,
  )
  assert.equal(
    masked({
      user: 'net:\n  port: x\n  hosts: a\n',
      project: 'net: { port: 2, hosts: [b] }',
      flags: { port: '1' },
    }),
    `~upshift.yaml:2:9 net.port is "x"; ${expected} ${above('flag --port')}\n` +
      `~upshift.yaml:3:10 net.hosts is "a"; expected a list, each a text ${above('project upshift.yaml:1')}`,
  )
  assert.match(
    masked({ project: 'net: 3\n', env: { PORT: '1' } }),
    /^upshift\.yaml:1:6 net is 3; expected a mapping/,
  )
  const token = masked({ project: 'work: { token: hunter2 }', env: { UPSHIFT_TOKEN: 'x' } })
  assert.match(
    token,
    /work\.token is a secret .*\(it does not count now: env UPSHIFT_TOKEN stands above it\)$/,
  )
  assert.ok(!token.includes('hunter2'))
})

test('what two files say together is one mapping for the check: nothing in it is missing or masked', () => {
  const { around } = world({
    user: 'work: { engines: { one: { url: http://x } } }',
    project: 'work: { engines: { one: { models: [{ name: a }] } } }',
    env: { PORT: '1' },
  })
  assert.equal(checkConfig(sections, around).type, 'loaded')
  const alone = world({
    user: 'work: { engines: { one: { models: [] } } }',
    project: 'work: { engines: { one: { url: http://x } } }',
  })
  assert.equal(checkConfig(sections, alone.around).type, 'loaded')
})
