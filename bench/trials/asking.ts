import { setTimeout as sleep } from 'node:timers/promises'
import { chatRequest } from '../process/chat.ts'
import { Connection, type Reply } from '../process/connection.ts'
import type { MadeKey } from '../process/keys.ts'
import type { Fault } from './billing-engine.ts'

/** Clients of a trial: what they ask is drawn from a seed, so that a run can be repeated. */
export interface Mix {
  /** Shares of the requests, 0 to 1. */
  readonly stream: number
  /** Of all: the client goes in the middle. */
  readonly abort: number
  /** Of all: the engine's first attempt fails. */
  readonly fault: number
}

export interface Ask {
  readonly key: MadeKey
  readonly stream: boolean
  /** Milliseconds after which the client goes; undefined: it stays. */
  readonly abortAfterMs: number | undefined
  readonly text: string
}

/** `budget_exceeded` and its like, `answered`, or what else became of it. */
export interface Outcome {
  readonly what: string
  /** Of an answer that came whole. */
  readonly id: string | undefined
  /** What a refusal said. */
  readonly words?: string
}

const MAX_TOKENS = 50
const ABORT_WITHIN_MS = 30
const STRUCK: readonly Fault[] = ['refuse', 'drop', 'cut']

/** 0 ≤ x < 1, the same for the same seed. Source: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The nth request: keys in turn, the rest by chance. `gapMs`: between two tokens of the engine. */
export function draw(
  keys: readonly MadeKey[],
  nonce: number,
  mix: Mix,
  gapMs: number,
  random: () => number,
): Ask {
  const index = nonce % keys.length
  const key = keys[index]
  if (key === undefined) throw new Error('a trial needs keys')
  const stream = random() < mix.stream
  const abort = random() < mix.abort
  const fault = random() < mix.fault ? (STRUCK[Math.floor(random() * STRUCK.length)] ?? 'drop') : 'none'
  const tokens = 10 + Math.floor(random() * (MAX_TOKENS - 10))
  // One that is to be broken off must last.
  const gap = abort ? Math.max(gapMs, 2) : gapMs
  const abortAfterMs = abort ? 1 + Math.floor(random() * ABORT_WITHIN_MS) : undefined
  const text = `key=${index} nonce=${nonce} tokens=${tokens} gapMs=${gap} fault=${fault}`
  return { key, stream, abortAfterMs, text }
}

/** One client: a connection that is opened again where it was lost, for as long as the server lives. */
export class Client {
  readonly #port: number
  #connection: Connection | undefined

  constructor(port: number) {
    this.#port = port
  }

  /** Resolves with what became of it; `lost` where the server ended the connection. */
  async ask(ask: Ask): Promise<Outcome> {
    const connection = await this.#open()
    if (connection === undefined) return { what: 'refused', id: undefined }
    const body = {
      model: 'scripted/small',
      stream: ask.stream,
      max_tokens: MAX_TOKENS,
      messages: [{ role: 'user', content: ask.text }],
    }
    const going = new AbortController()
    if (ask.abortAfterMs !== undefined) void this.#leave(connection, ask.abortAfterMs, going.signal)
    // The connection's own end is the one way to fail.
    const reply = await connection.send(chatRequest(ask.key.secret, body)).catch(() => undefined)
    going.abort()
    if (reply !== undefined) return outcomeOf(reply, ask.stream)
    return { what: ask.abortAfterMs === undefined ? 'lost' : 'aborted', id: undefined }
  }

  destroy(): void {
    this.#connection?.destroy()
  }

  async #open(): Promise<Connection | undefined> {
    if (this.#connection?.isOpen) return this.#connection
    this.#connection = await Connection.open(this.#port).catch(() => undefined)
    return this.#connection
  }

  async #leave(connection: Connection, afterMs: number, signal: AbortSignal): Promise<void> {
    // The answer was faster where the sleep is broken off.
    const late = await sleep(afterMs, true, { signal }).catch(() => false)
    if (late) connection.destroy()
  }
}

/** A whole stream ends with [DONE], a whole answer with its closing brace: the connection counts its bytes. */
function outcomeOf(reply: Reply, stream: boolean): Outcome {
  const id = /\r\nx-request-id: (\S+)/.exec(reply.head)?.[1]
  if (reply.status !== 200) {
    const code = /"code":"(\w+)"/.exec(reply.body)?.[1] ?? 'without a code'
    return { what: `${reply.status} ${code}`, id: undefined, words: reply.body }
  }
  const whole = stream ? reply.body.endsWith('data: [DONE]\n\n') : reply.body.endsWith('}')
  if (id === undefined) throw new Error(`an answer came without its id:\n${reply.head}`)
  if (!whole || reply.body.includes('"error":{'))
    return { what: '200 with an error in the stream', id: undefined }
  return { what: 'answered', id }
}
