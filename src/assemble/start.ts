import type { Writable } from 'node:stream'
import type { Surroundings } from '../config/surroundings.ts'
import { UpshiftError } from '../contract/problem.ts'
import type { ExitCode } from '../contract/verb.ts'
import { systemClock } from '../lib/clock.ts'
import { createLogs } from '../observe/logs.ts'
import { type Serving, serve } from './serve.ts'

/** Starts the server, says where it is and what to try, and drains it at the first SIGTERM or SIGINT. */
export async function startServer(around: Surroundings, version: string, out: Writable): Promise<ExitCode> {
  let serving: Serving
  try {
    serving = await serve({ around, version, logs: createLogs('warn'), on: 'network' })
  } catch (error) {
    throw explained(error)
  }
  out.write(welcome(serving))
  const signal = await stopSignal()
  out.write(`${signal}: draining\n`)
  const { cut } = await serving.stop()
  out.write(cut === 0 ? 'stopped: nothing was cut off\n' : `stopped: ${cut} requests were cut off\n`)
  return cut === 0 ? 0 : 1
}

/** A terminal's Ctrl-C reaches npm and the server, and npm hands it on: the same wish arrives twice. */
const ECHO_MS = 1_000

/** Resolves at the first SIGTERM or SIGINT. One more, later than an echo can be, ends the process at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt: number | undefined
    const heard = (signal: NodeJS.Signals): void => {
      const now = systemClock.elapsed()
      if (firstAt !== undefined && now - firstAt > ECHO_MS) {
        // Nobody handles it any more: the signal does what it does by default.
        process.off('SIGTERM', heard).off('SIGINT', heard)
        process.kill(process.pid, signal)
      }
      firstAt ??= now
      resolve(signal)
    }
    process.on('SIGTERM', heard)
    process.on('SIGINT', heard)
  })
}

/** What the system says of a port, in words with a next step; everything else as it came. */
function explained(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'EADDRINUSE') {
    const message =
      'The port is taken: another program, or another Upshift, listens there. Choose one with PORT=4001 npm start, or see `npx upshift doctor`.'
    return new UpshiftError({ code: 'conflict', message }, error)
  }
  if (error.code === 'EACCES' || error.code === 'EADDRNOTAVAIL') {
    const message = `The server cannot listen there: ${error.message}. Choose another HOST or PORT.`
    return new UpshiftError({ code: 'conflict', message }, error)
  }
  return error
}

function welcome({ address, parts, config }: Serving): string {
  const key = parts.owner.path === undefined ? '$UPSHIFT_OWNER_KEY' : `$(cat ${parts.owner.path})`
  const models = parts.fleet
    .models()
    .filter((model) => model.kind === 'chat' && model.allowed && model.available)
  const found =
    models.length === 0
      ? 'No model is connected: questions are answered by quoting the handbook. `npx upshift doctor` says what to do.'
      : `Models: ${models
          .slice(0, 5)
          .map((model) => model.id)
          .join(', ')}${models.length > 5 ? ` and ${models.length - 5} more` : ''}`
  const off = parts.fleet.engines().filter((engine) => !engine.allowed)
  const cloud =
    off.length === 0
      ? ''
      : `Listed and off, until you allow them: ${off.map((engine) => engine.name).join(', ')} (npx upshift engines allow NAME)\n`
  return `Upshift is at ${address}
${found}
${cloud}Home: ${config.server.home}

Try:
  npx upshift ask "How does Upshift decide to use the expert tier?"
  npx upshift doctor
  curl -s ${address}/v1/chat/completions -H "authorization: Bearer ${key}" -H "content-type: application/json" -d '{"model":"auto","messages":[{"role":"user","content":"What is a tier?"}]}'

`
}
