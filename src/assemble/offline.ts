import { createConnection } from 'node:net'
import { readOwnerKey } from '../caller/owner.ts'
import { loadConfig } from '../config/load.ts'
import { readSecretFile, resolveSecret } from '../config/secret.ts'
import { type Config, SECTIONS } from '../config/sections.ts'
import type { Surroundings } from '../config/surroundings.ts'
import { UpshiftError } from '../contract/problem.ts'
import type { ServerPort, ServerReply } from '../contract/verb.ts'
import { pause } from '../lib/clock.ts'
import { request } from '../lib/node-http.ts'
import { createLogs, type Logs } from '../observe/logs.ts'
import { HomeHeld } from '../record/lock.ts'
import { homePaths } from './home.ts'
import { type ServeOptions, type Serving, serve } from './serve.ts'

/** What a command talks to, and the configuration that led there. */
export interface OpenedServer extends ServerPort, AsyncDisposable {
  readonly config: Config
}

const LOCK_WAIT_MS = 3_000
const LOCK_POLL_MS = 100

export interface OpenServerOptions {
  readonly around: Surroundings
  readonly version: string
}

/**
 * The home's server as its owner: the running one where one runs, else one of this process's own that is open
 * only on the home's control socket and ends with the command. Either way a command is a client of the same
 * routes, so there is one code path.
 */
export async function openServer(options: OpenServerOptions): Promise<OpenedServer> {
  const { config } = loadConfig(SECTIONS, options.around)
  const opened = new HomeServer(config, options)
  await opened.open()
  return opened
}

class HomeServer implements OpenedServer {
  readonly config: Config
  readonly #options: OpenServerOptions
  readonly #control: string
  readonly #logs: Logs = createLogs('warn')
  #own: Serving | undefined
  #credential = ''

  constructor(config: Config, options: OpenServerOptions) {
    this.config = config
    this.#options = options
    this.#control = homePaths(config.server.home).control
  }

  get running(): boolean {
    return this.#own === undefined
  }

  async open(): Promise<void> {
    const serving = { ...this.#options, logs: this.#logs, on: 'control' } as const
    this.#own = await serveUnlessServed(this.#control, serving)
    this.#credential = `Bearer ${ownerSecret(this.config, this.#options.around, this.#logs, this.#own)}`
  }

  /** Another command's server may end between its answer to us and our call: then nobody has heard the call. */
  async call(
    method: Sent['method'],
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<ServerReply> {
    const sent = { method, path, body, signal }
    try {
      return await send(this.#control, this.#credential, sent)
    } catch (error) {
      if (!this.running || !isUnheard(error)) throw error
      await this.open()
      return send(this.#control, this.#credential, sent)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#own?.stop()
  }
}

/** Nothing listened, so nothing was done: the call may be made again. */
function isUnheard(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT')
  )
}

/** Undefined where another process serves the home, or has just begun to. */
async function serveUnlessServed(control: string, options: ServeOptions): Promise<Serving | undefined> {
  for (let waitedMs = 0; ; waitedMs += LOCK_POLL_MS) {
    if (await answers(control)) return undefined
    try {
      return await serve(options)
    } catch (error) {
      // The lock is held and nothing answers yet: a server or a command is starting or ending.
      if (!(error instanceof HomeHeld) || waitedMs >= LOCK_WAIT_MS) throw error
      await pause(LOCK_POLL_MS)
    }
  }
}

function ownerSecret(config: Config, around: Surroundings, logs: Logs, own: Serving | undefined): string {
  if (own !== undefined) return own.parts.owner.secret
  const reference = config.caller.ownerKey
  if (reference !== undefined) {
    const { secret, warning } = resolveSecret(reference, around.env, readSecretFile)
    if (warning !== undefined) logs.warn(warning)
    return secret
  }
  const secret = readOwnerKey(config.server.home)
  if (secret !== undefined) return secret
  const message = `A server runs on ${config.server.home}, but its owner's key is not there: it was given by UPSHIFT_OWNER_KEY or UPSHIFT_OWNER_KEY_FILE. Set the same one for this command.`
  throw new UpshiftError({ code: 'missing_key', message })
}

/** True where some process accepts connections on the socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

interface Sent {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body: unknown
  readonly signal: AbortSignal | undefined
}

function send(socketPath: string, authorization: string, sent: Sent): Promise<ServerReply> {
  return new Promise((resolve, reject) => {
    const text = sent.body === undefined ? undefined : JSON.stringify(sent.body)
    const length =
      text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    const headers = { host: 'localhost', authorization, ...length }
    const outgoing = request({
      socketPath,
      method: sent.method,
      path: sent.path,
      headers,
      agent: false,
      ...(sent.signal === undefined ? {} : { signal: sent.signal }),
    })
    outgoing.once('response', (incoming) => {
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming })
    })
    outgoing.once('error', reject)
    outgoing.end(text)
  })
}
