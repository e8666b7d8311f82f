import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { chatRequest } from '../process/chat.ts'
import { Connection } from '../process/connection.ts'
import { modelProcesses } from '../process/model.ts'
import type { BareDone, BareLoad, BareRun } from './bare.ts'

/** One way to have tokens from the model. */
export interface Way {
  readonly name: 'ours' | 'bare'
  /** The process that has the model. */
  readonly pid: number
  /** Seconds from the first prompt to the last token of so many sequences at once. */
  run(prompts: readonly string[], tokens: number, seed: number): Promise<number>
}

/** llama.cpp's own defaults, as the engine has them (src/engine/llama/job.ts). */
const SAMPLING = { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 }

/** A model loaded by node-llama-cpp alone. Rejects where the process dies. */
export async function forkBare(load: BareLoad): Promise<Way & AsyncDisposable> {
  const child = fork(fileURLToPath(new URL('./bare.ts', import.meta.url)), [], { execArgv: [] })
  const gone = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the bare process ended (${signal ?? code})`)
  })
  // Whoever waits for an answer is told; where nobody does, nothing is lost.
  gone.catch(() => undefined)
  const answer = async (message: BareLoad | BareRun): Promise<number> => {
    const said = once(child, 'message')
    child.send(message)
    const [done]: BareDone[] = await Promise.race([said, gone])
    return done?.seconds ?? Number.NaN
  }
  await answer(load)
  return {
    name: 'bare',
    pid: child.pid ?? 0,
    run: (prompts, tokens, seed) => {
      const framed = prompts.map((text) => `<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`)
      return answer({ prompts: framed, tokens, options: { ...SAMPLING, seed } })
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await gone.catch(() => undefined)
    },
  }
}

export interface Server {
  readonly port: number
  readonly key: string
}

/** The same through the whole server, streamed over HTTP. The model is loaded by the first request, which is made. */
export async function ours(server: Server & { readonly child: ChildProcess }, model: string): Promise<Way> {
  const run = (prompts: readonly string[], tokens: number, seed: number) =>
    stream(server, model, prompts, tokens, seed)
  await run(['hello'], 1, 0)
  const [pid] = modelProcesses(server.child.pid ?? 0)
  if (pid === undefined) throw new Error('the model has no process')
  return { name: 'ours', pid, run }
}

async function stream(
  server: Server,
  model: string,
  prompts: readonly string[],
  tokens: number,
  seed: number,
): Promise<number> {
  const open = await Promise.all(prompts.map(() => Connection.open(server.port)))
  const requests = prompts.map((content) => {
    const messages = [{ role: 'user', content }]
    return chatRequest(server.key, { ...streamed(model, tokens), messages, seed })
  })
  const begun = performance.now()
  const replies = await Promise.all(open.map((connection, index) => connection.send(requests[index] ?? '')))
  const seconds = (performance.now() - begun) / 1_000
  for (const connection of open) connection.destroy()
  for (const { body, status } of replies) {
    const said = /"completion_tokens":(\d+)/.exec(body)?.[1]
    if (status !== 200 || Number(said) !== tokens)
      throw new Error(`status ${status}, ${said} of ${tokens} tokens:\n${body.slice(-500)}`)
  }
  return seconds
}

interface Message {
  readonly role: string
  readonly content: string
}

/** Milliseconds to the first byte of a streamed answer, and its text. */
export async function firstToken(
  server: Server,
  model: string,
  messages: readonly Message[],
): Promise<{
  readonly ms: number
  readonly text: string
  readonly cachedTokens: number
  readonly promptTokens: number
}> {
  const connection = await Connection.open(server.port)
  const { body, firstMs, status } = await connection.send(
    chatRequest(server.key, { ...streamed(model, 8), messages, temperature: 0 }),
  )
  connection.destroy()
  if (status !== 200) throw new Error(`status ${status}:\n${body}`)
  const count = (field: string): number => Number(new RegExp(`"${field}":(\\d+)`).exec(body)?.[1])
  const text = [...body.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)].map(([, one]) => JSON.parse(one ?? '""'))
  return {
    ms: firstMs,
    text: text.join(''),
    cachedTokens: count('cached_tokens'),
    promptTokens: count('prompt_tokens'),
  }
}

function streamed(model: string, tokens: number): object {
  return {
    model: `llama/${model}`,
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: tokens,
  }
}
