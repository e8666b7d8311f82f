import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { UpshiftError } from '../../contract/problem.ts'
import { type ScanReport, type ScanTask, scanReply } from './task.ts'

/** At 200 MB a second this is more than ten terabytes. */
const SCAN_TIMEOUT_MS = 16 * 3_600_000
const STDERR_CHARS_MAX = 4_000

/**
 * Scans a home's files in a process of its own; the probes go over a channel and never to a disk or a command
 * line. Throws UpshiftError where the process dies, takes longer than 16 hours, or the signal aborts.
 */
export async function scanInChild(task: ScanTask, signal?: AbortSignal): Promise<ScanReport> {
  const ends = [AbortSignal.timeout(SCAN_TIMEOUT_MS), ...(signal === undefined ? [] : [signal])]
  const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    env: {},
    signal: AbortSignal.any(ends),
    killSignal: 'SIGKILL',
  })
  const reply = scanReply.parse(await replyOf(child, task))
  if (reply.type === 'report') return reply.report
  throw failed(reply.message)
}

function replyOf(child: ChildProcess, task: ScanTask): Promise<unknown> {
  let said = ''
  child.stderr?.on('data', (bytes: Buffer) => {
    if (said.length < STDERR_CHARS_MAX) said += bytes.toString('utf8')
  })
  return new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('error', (error) => reject(failed(error.message, error)))
    // `close` and not `exit`: what the process said last is read first.
    child.once('close', (code, killedBy) => {
      const how = killedBy === null ? `with code ${code}` : `by ${killedBy}`
      reject(failed(`the process that scans ended ${how} ${said.slice(0, STDERR_CHARS_MAX)}`.trim()))
    })
    child.send(task, (error) => {
      if (error !== null) reject(failed(error.message, error))
    })
  })
}

function failed(why: string, cause?: unknown): UpshiftError {
  const message = `The home's files could not be scanned: ${why}. Look at \`upshift doctor\`, then run the command again.`
  return new UpshiftError({ code: 'internal', message }, cause)
}
