import assert from 'node:assert/strict'
import { Readable, Writable } from 'node:stream'
import type { Caller } from '../../contract/caller.ts'
import type { Feedback, Keep, Stamped } from '../../contract/entry.ts'
import { isRefusal, problemRow } from '../../contract/problem.ts'
import type { Flags, ServerPort, ServerReply } from '../../contract/verb.ts'
import { feed, scratch } from './log.fixture.ts'
import type { KeptText } from './query.ts'
import { indexRoutes } from './routes.ts'
import { verbs } from './verbs.ts'

export const OWNER: Caller = { key: 'key_owner', name: 'owner', owner: true, scope: { engines: 'any' } }
export const KEY_A: Caller = { key: 'key_a', name: 'a', owner: false, scope: { engines: 'any' } }

interface Doors {
  readonly entries: readonly Stamped[]
  readonly texts?: ReadonlyMap<number, string>
  readonly keepsTexts?: boolean
  /** Entries that the follower has not seen before it is asked to catch up. */
  readonly late?: readonly Stamped[]
  readonly now: number
}

/** The routes over a real projection, and the verbs over the routes, without a socket between. */
export function doors({ entries, texts = new Map(), keepsTexts = true, late = [], now }: Doors) {
  const place = scratch((_subject, { at }): KeptText => {
    const text = texts.get(at)
    return text === undefined ? { type: 'expired' } : { type: 'text', text: Buffer.from(text) }
  })
  const projection = place.open()
  feed(projection, entries)
  const recorded: { readonly entry: Feedback; readonly keep: Keep | undefined }[] = []
  const routes = indexRoutes({
    ask: async (query) => JSON.parse(JSON.stringify(projection.query(query))),
    caughtUp: async () => feed(projection, late),
    record: async (entry, keep) => {
      recorded.push({ entry, keep })
    },
    nameOf: (subject) => (subject === 'sub_a' ? 'anna' : undefined),
    keepsTexts,
    clock: { now: () => now },
  })
  const call: Call = (method, path, body, caller) => answer(routes, method, path, body, caller)
  const close = (): void => {
    projection.close()
    place.remove()
  }
  return { projection, recorded, call, close, run: runner(call) }
}

async function answer(
  routes: ReturnType<typeof indexRoutes>,
  method: string,
  path: string,
  body: unknown,
  caller: Caller,
): Promise<ServerReply> {
  const url = new URL(path, 'http://upshift.invalid')
  const parts = url.pathname.split('/')
  const found = routes.find(
    (one) =>
      one.method === method &&
      one.path.split('/').length === parts.length &&
      one.path.split('/').every((part, at) => part.startsWith(':') || part === parts[at]),
  )
  assert.ok(found, `${method} ${path}`)
  assert.ok(found.access === 'key' || caller.owner)
  const parsed = found.body?.safeParse(body)
  if (parsed?.success === false)
    return json(400, { error: { message: parsed.error.message, code: 'invalid_request' } })
  const result = await found.handle({
    params: { id: decodeURIComponent(parts.at(-1) ?? '') },
    body: parsed?.data,
    query: Object.fromEntries(url.searchParams),
    caller,
    signal: AbortSignal.timeout(5_000),
  })
  // What is answered must be what the route declares, to the field.
  if (!isRefusal(result)) {
    const declared = found.answers.parse(result)
    assert.deepEqual(declared, JSON.parse(JSON.stringify(result)))
    return json(200, declared)
  }
  const { code, message, param } = result.problem
  return json(problemRow(code).status, { error: { message, code, param } })
}

function json(status: number, value: unknown): ServerReply {
  return { status, headers: {}, body: Readable.from([Buffer.from(JSON.stringify(value))]) }
}

export async function read(
  reply: ServerReply,
): Promise<{ status: number; body: Readonly<Record<string, unknown>> }> {
  const pieces: Buffer[] = []
  for await (const piece of reply.body) pieces.push(Buffer.from(piece))
  return { status: reply.status, body: JSON.parse(Buffer.concat(pieces).toString()) }
}

type Call = (method: string, path: string, body: unknown, caller: Caller) => Promise<ServerReply>

function runner(call: Call) {
  return async (
    name: string,
    args: readonly string[] = [],
    flags: Flags = {},
    more: { json?: boolean; signal?: AbortSignal; running?: boolean; onOut?: (text: string) => void } = {},
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }> => {
    const verb = verbs.find((one) => one.name === name)
    assert.ok(verb, name)
    const text = { out: '', err: '' }
    const into = (where: 'out' | 'err'): Writable =>
      new Writable({
        decodeStrings: false,
        write: (chunk, _encoding, done) => {
          text[where] += String(chunk)
          if (where === 'out') more.onOut?.(String(chunk))
          done()
        },
      })
    const port: ServerPort = {
      running: more.running ?? true,
      call: (method, path, body) => call(method, path, body, OWNER),
    }
    const code = await verb.run({
      args,
      flags,
      json: more.json ?? false,
      out: into('out'),
      err: into('err'),
      stdin: Readable.from([]),
      colour: false,
      signal: more.signal ?? AbortSignal.timeout(5_000),
      home: () => Promise.resolve(''),
      server: () => Promise.resolve(port),
    })
    return { code, ...text }
  }
}
