import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { after } from 'node:test'
import type { VerbContext } from '../../contract/verb.ts'
import { verbs } from '../verbs.ts'

/** A folder for one file of tests, gone when they have ended. */
export function scratchFolder(): string {
  const scratch = mkdtempSync(join(tmpdir(), 'upshift-ingest-'))
  after(() => rmSync(scratch, { recursive: true, force: true }))
  return scratch
}

export function fill(path: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  mkdirSync(path, { recursive: true })
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(path, file, '..'), { recursive: true })
    writeFileSync(join(path, file), content)
  }
  return path
}

/** All that has been written to a stream. */
function written(stream: PassThrough): string {
  let text = ''
  for (let part = stream.read(); part !== null; part = stream.read()) text += String(part)
  return text
}

/** Runs one of the verbs in a home of its own; `json` is what it printed, where it was asked for JSON. */
export async function run(
  home: string,
  name: string,
  args: readonly string[],
  flags: VerbContext['flags'] = {},
  more: Partial<VerbContext> = {},
) {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const verb = verbs.find((one) => one.name === `knowledge ${name}`)
  assert.ok(verb)
  const code = await verb.run({
    args,
    flags,
    out,
    err,
    stdin: Readable.from([]),
    json: true,
    colour: false,
    signal: new AbortController().signal,
    home: async () => home,
    server: () => Promise.reject(new Error('these verbs need no server')),
    ...more,
  })
  const [text, told] = [written(out), written(err)]
  return {
    code,
    text,
    json: more.json === false || more.out !== undefined ? {} : JSON.parse(text),
    err: told,
  }
}
