import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { isRefusal } from '../contract/problem.ts'
import type { VerbContext } from '../contract/verb.ts'
import { systemClock } from '../lib/clock.ts'
import { Library } from './answer/library.ts'
import { type Handbook, openHandbook } from './handbook/handbook.ts'
import { knowledgeRoutes } from './routes.ts'
import { verbs } from './verbs.ts'

const PAGE =
  '# Money\n\nOne line before.\nThe daily cap starts afresh at midnight. It limits an engine.\nAfter.\n'

const caller = { key: 'key_1', name: 'one', owner: false, scope: { engines: 'any' } } as const

/** Runs `cite` against the real route over a real index. */
async function cite(
  handbook: Handbook,
  args: readonly string[],
  more: Partial<Pick<VerbContext, 'json' | 'colour'>> = {},
): Promise<{ code: number; out: string; err: string }> {
  const out = new PassThrough()
  const err = new PassThrough()
  const [route] = knowledgeRoutes(handbook, new Library('/nowhere/collections.db', systemClock))
  const signal = new AbortController().signal
  const call = async (_method: string, path: string) => {
    const id = decodeURIComponent(path.replace('/v1/citations/', ''))
    const reply = await route?.handle({ params: { id }, body: undefined, query: {}, caller, signal })
    const body = isRefusal(reply)
      ? { error: { message: reply.problem.message, code: reply.problem.code } }
      : reply
    return {
      status: isRefusal(reply) ? 404 : 200,
      headers: {},
      body: Readable.from([Buffer.from(JSON.stringify(body))]),
    }
  }
  const [verb] = verbs
  assert.ok(verb)
  const code = await verb.run({
    args,
    flags: {},
    out,
    err,
    stdin: Readable.from([]),
    json: false,
    colour: false,
    signal,
    home: async () => '/nowhere',
    server: async () => ({ running: true, call }),
    ...more,
  })
  return { code, out: String(out.read() ?? ''), err: String(err.read() ?? '') }
}

async function withHandbook(
  work: (handbook: Handbook, id: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'upshift-cite-'))
  writeFileSync(join(folder, 'money.md'), PAGE)
  const handbook = openHandbook({ path: ':memory:', docs: folder })
  const whole = handbook.find('daily cap', 1)[0]?.id ?? ''
  const start = PAGE.indexOf('The daily')
  const id = whole.replace(/\d+-\d+$/, `${start}-${PAGE.indexOf(' It limits')}`)
  try {
    await work(handbook, id, folder)
  } finally {
    handbook.close()
    rmSync(folder, { recursive: true })
  }
}

test('cite prints the page, the headings and the marked quotation with its line number', () =>
  withHandbook(async (handbook, id) => {
    const { code, out } = await cite(handbook, [id])
    assert.equal(code, 0)
    assert.match(out, /^money\.md › Money\n/)
    assert.match(out, /\n> 4 {2}The daily cap starts afresh at midnight\. It limits an engine\.\n/)
    assert.match(out, /\n {2}3 {2}One line before\.\n/)
    assert.match(out, /Verified: the stored text .* span lies inside it\. The page still is this version/)
    assert.match(out, /Not checked here: whether an answer quoted this span/)
    assert.ok(!out.includes('\u001b'))
  }))

test('cite marks exactly the quoted words where the terminal has colour', () =>
  withHandbook(async (handbook, id) => {
    const { out } = await cite(handbook, [id], { colour: true })
    assert.ok(out.includes('\u001b[30;43mThe daily cap starts afresh at midnight.\u001b[0m'))
  }))

test('cite says that a page has changed since', () =>
  withHandbook(async (handbook, id, folder) => {
    writeFileSync(join(folder, 'money.md'), '# Money\n\nAll is new.\n')
    handbook.refresh()
    const { code, out } = await cite(handbook, [id])
    assert.equal(code, 0)
    assert.match(out, /has changed since, and these words no longer stand in it/)
  }))

test('cite prints one JSON document with --json', () =>
  withHandbook(async (handbook, id) => {
    const { out } = await cite(handbook, [id], { json: true })
    const parsed: unknown = JSON.parse(out)
    assert.ok(typeof parsed === 'object' && parsed !== null)
    assert.equal(Reflect.get(parsed, 'quote'), 'The daily cap starts afresh at midnight.')
    assert.equal(Reflect.get(parsed, 'verified'), true)
  }))

test('cite without an id is wrong usage, and an unknown id is an error that says what to do', () =>
  withHandbook(async (handbook) => {
    assert.equal((await cite(handbook, [])).code, 2)
    await assert.rejects(cite(handbook, ['money.md@000000000000:1-2']), /Ask the question again/)
  }))
