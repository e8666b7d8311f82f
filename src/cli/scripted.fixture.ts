import { PassThrough, Readable, type Writable } from 'node:stream'
import type { ExitCode, ServerPort, ServerReply } from '../contract/verb.ts'
import { type Catalogue, createCatalogue, type LocalRuns } from './catalogue.ts'
import { runCli, type ServerWhere } from './shell.ts'

/** What a scripted command does not come to. */
const RUNS: LocalRuns = {
  serve: async () => 0,
  doctor: async () => 0,
  models: async () => Promise.reject(new Error('no models here')),
}

/** One call that the scripted server got. */
interface Called {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

interface Setting {
  readonly argv: readonly string[]
  readonly program?: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  readonly catalogue?: Catalogue
  readonly signal?: AbortSignal
  readonly stdout?: Writable
  /** Answers by `METHOD /path`; a function sees the body. */
  readonly replies?: Readonly<Record<string, ScriptedReply>>
}

export interface ScriptedReply {
  readonly status?: number
  /** Pieces as they arrive. */
  readonly body: readonly (string | Buffer)[]
  /** Stays open after the last piece until the caller aborts. */
  readonly hangs?: boolean
  /** Breaks with this after the last piece. */
  readonly breaks?: Error
}

export interface Ran {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
  readonly calls: readonly Called[]
  readonly opened: readonly ServerWhere[]
  readonly closed: number
}

/** Runs the shell against a scripted server and collects what it wrote. */
export async function run(setting: Setting): Promise<Ran> {
  const stdout = setting.stdout ?? new PassThrough()
  const [out, err] = [collected(stdout), new PassThrough()]
  const calls: Called[] = []
  const opened: ServerWhere[] = []
  let closed = 0
  const code = await runCli({
    argv: setting.argv,
    program: setting.program ?? 'upshift',
    env: setting.env ?? {},
    stdout,
    stderr: err,
    stdin: Readable.from(setting.stdin === undefined ? [] : [Buffer.from(setting.stdin)]),
    signal: setting.signal ?? new AbortController().signal,
    catalogue: setting.catalogue ?? createCatalogue(RUNS),
    version: '1.2.3',
    homeOf: async () => '/nowhere',
    reranksOf: async () => false,
    pagesOf: () => Promise.reject(new Error('no command of these tests fetches pages')),
    openServer: async (where) => {
      opened.push(where)
      return {
        ...scriptedServer(setting.replies ?? {}, calls),
        [Symbol.asyncDispose]: async () => {
          closed++
        },
      }
    },
  })
  err.end()
  return { code, out: out(), err: (await err.toArray()).join(''), calls, opened, closed }
}

function scriptedServer(replies: Readonly<Record<string, ScriptedReply>>, calls: Called[]): ServerPort {
  return {
    running: true,
    call: async (method, path, body, signal) => {
      calls.push({ method, path, body })
      const reply = replies[`${method} ${path}`]
      if (!reply) throw new Error(`no scripted reply to ${method} ${path}`)
      return serverReply(reply, signal)
    },
  }
}

function serverReply(reply: ScriptedReply, signal: AbortSignal | undefined): ServerReply {
  const body = new PassThrough()
  for (const piece of reply.body) body.write(piece)
  if (reply.breaks) setImmediate(() => body.destroy(reply.breaks))
  else if (reply.hangs)
    signal?.addEventListener('abort', () => body.destroy(new Error('aborted')), { once: true })
  else body.end()
  return { status: reply.status ?? 200, headers: {}, body }
}

function collected(stream: Writable): () => string {
  let text = ''
  if (stream instanceof PassThrough) stream.on('data', (piece: Buffer) => (text += piece))
  return () => {
    if (stream instanceof PassThrough)
      for (let piece = stream.read(); piece; piece = stream.read()) text += piece
    return text
  }
}
