import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { UpshiftError } from '../../contract/problem.ts'
import { readGguf } from '../gguf/read.ts'
import type { FirstAnswerGiven } from '../ports.ts'

/**
 * DESIGN. A model is tried in a process of its own. llama.cpp runs in the process that loads it, and a model that is
 * too large, or a processor that lacks something, ends that process; a command that is setting up must live to say
 * so. The child gets one task over its channel, sends one reply, and ends; where the parent dies the channel closes.
 */

/** A slow disk and a slow processor have this long, in milliseconds. */
const TIMEOUT_MS = 600_000
const STDERR_CHARS_MAX = 2_000

export const trialTask = z.object({ path: z.string() })
export type TrialTask = z.infer<typeof trialTask>

const trialReply = z.discriminatedUnion('type', [
  z.object({ type: z.literal('said'), text: z.string(), tokensPerSecond: z.number().min(0) }),
  z.object({ type: z.literal('failed'), message: z.string() }),
])
export type TrialReply = z.infer<typeof trialReply>

/** As `FirstAnswer`: with llama.cpp on the processor, in a process that is ended with the signal. */
export async function firstAnswerInChild(path: string, signal: AbortSignal): Promise<FirstAnswerGiven> {
  // What is no model is told at once: the library behind the child reads such a file again and again.
  await readGguf(path)
  const child = fork(fileURLToPath(new URL('./first-answer-child.ts', import.meta.url)), [], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    killSignal: 'SIGKILL',
  })
  const task: TrialTask = { path }
  const reply = await replyOf(child, task, signal)
  if (reply.type === 'failed') throw failed(reply.message)
  if (reply.text.trim() === '') throw failed('it loads, and ends its answer before the first word')
  return { text: reply.text, tokensPerSecond: reply.tokensPerSecond }
}

function replyOf(child: ChildProcess, task: TrialTask, signal: AbortSignal): Promise<TrialReply> {
  let said = ''
  child.stderr?.on('data', (bytes: Buffer) => {
    if (said.length < STDERR_CHARS_MAX) said += bytes.toString('utf8')
  })
  return new Promise((resolve, reject) => {
    const end = (why: string, cause?: unknown): void =>
      reject(signal.aborted ? signal.reason : failed(why, cause))
    child.once('message', (message) => {
      const reply = trialReply.safeParse(message)
      if (reply.success) resolve(reply.data)
      else end('it answered with what is no reply', reply.error)
    })
    child.once('error', (error) => end(error.message, error))
    // `close` and not `exit`: what the process said last is read first.
    child.once('close', (code, killedBy) => {
      const how = killedBy === null ? `with code ${code}` : `by ${killedBy}`
      end(`the process that loaded it ended ${how}. ${said.slice(0, STDERR_CHARS_MAX)}`.trim())
    })
    child.send(task, (error) => {
      if (error !== null) end(error.message, error)
    })
  })
}

function failed(why: string, cause?: unknown): UpshiftError {
  const clean = why.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?')
  const message = `The model was tried and did not work: ${clean}. It stays in the folder; another one may fit this machine better (\`upshift setup --model ID\`).`
  return new UpshiftError({ code: 'upstream_failed', message }, cause)
}
