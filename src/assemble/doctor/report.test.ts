import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import type { Check } from '../../contract/check.ts'
import type { VerbContext } from '../../contract/verb.ts'
import { runDoctor } from './report.ts'

/** What the command prints where the server's part of the report is this. */
async function printed(checks: readonly Check[], running: boolean): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'upshift-doctor-'))
  const [out, err] = [new PassThrough({ encoding: 'utf8' }), new PassThrough()]
  const body = () =>
    Readable.from([Buffer.from(JSON.stringify({ version: '1.0.0', node: 'v26.0.0', checks }))])
  const context: VerbContext = {
    args: [],
    flags: {},
    out,
    err,
    stdin: Readable.from([]),
    json: false,
    colour: false,
    program: 'npx upshift',
    signal: new AbortController().signal,
    home: async () => home,
    server: async () => ({ running, call: async () => ({ status: 200, headers: {}, body: body() }) }),
  }
  try {
    const env = { UPSHIFT_HOME: home, PORT: '0' }
    await runDoctor(context, { flags: {}, env, cwd: home, homedir: home })
    return out.read() ?? ''
  } finally {
    rmSync(home, { recursive: true })
  }
}

test('a fix names the command as it is typed here', async () => {
  const fix = 'get one: `upshift setup`, or `upshift pull hf:OWNER/REPO:FILE`'
  const text = await printed([{ name: 'local models', state: 'warn', detail: 'none', fix }], true)
  assert.match(text, /fix: get one: `npx upshift setup`, or `npx upshift pull hf:/)
})

test('where no server runs, the lock that the doctor took itself is not told as some process', async () => {
  const lock = { name: 'lock', state: 'ok', detail: 'lock.db is held by process 4711' } as const
  assert.doesNotMatch(await printed([lock], false), /4711/)
  assert.match(await printed([lock], false), /lock: no server runs on this home/)
  assert.match(await printed([lock], true), /held by process 4711/)
})
