import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { OWNER_ID } from '../caller/owner.ts'
import type { Surroundings } from '../config/surroundings.ts'
import { UpshiftError } from '../contract/problem.ts'
import type { ExitCode, VerbContext } from '../contract/verb.ts'
import { systemClock } from '../lib/clock.ts'
import { createLogs } from '../observe/logs.ts'
import type { Parts } from './parts.ts'
import { explained } from './refused.ts'
import { type Serving, serve } from './serve.ts'

/** Starts the server, says where it is and what to try, and drains it at the first SIGTERM or SIGINT. */
export async function startServer(
  around: Surroundings,
  version: string,
  { out, program }: Pick<VerbContext, 'out' | 'program'>,
): Promise<ExitCode> {
  let serving: Serving
  try {
    serving = await serve({ around, version, logs: createLogs('warn'), on: 'network' })
  } catch (error) {
    throw explained(error, around, program ?? 'upshift')
  }
  // Node itself does it at an orderly end. A server that is only ever killed would strip and compile anew at each start,
  // and keep the stripper of types, 20 MB. The first start of a version takes half a second longer for it.
  flushCompileCache()
  const reload = (): void => void reloaded(serving, out)
  process.on('SIGHUP', reload)
  const stopped = stopSignal()
  // Whoever waits for these words may signal at once: one that nobody handles yet ends the process as it stands.
  out.write(welcome(serving, around.homedir))
  const signal = await stopped
  process.off('SIGHUP', reload)
  out.write(`${signal}: draining\n`)
  const { cut } = await serving.stop()
  out.write(cut === 0 ? 'stopped: nothing was cut off\n' : `stopped: ${cut} requests were cut off\n`)
  return cut === 0 ? 0 : 1
}

/** SIGHUP: the configuration is read again. What came of it is said where the server's words go. */
async function reloaded(serving: Serving, out: Writable): Promise<void> {
  try {
    const { changed, restart, warnings } = await serving.reload(OWNER_ID)
    const now = changed.length === 0 ? 'nothing has changed' : `in force now: ${changed.join(', ')}`
    const later = restart.length === 0 ? '' : `; after a restart: ${restart.join(', ')}`
    out.write(`SIGHUP: configuration read again, ${now}${later}\n`)
    for (const warning of warnings) out.write(`SIGHUP: ${warning}\n`)
  } catch (error) {
    if (!(error instanceof UpshiftError)) throw error
    out.write(`SIGHUP: the configuration stays as it is: ${error.message}\n`)
  }
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

const NAMED_MODELS = 5

function welcome({ address, parts, config }: Serving, homedir: string): string {
  const key = parts.owner.path === undefined ? '$UPSHIFT_OWNER_KEY' : `$(cat ${parts.owner.path})`
  // A command in another terminal must find this home, and not the usual one.
  const { home } = config.server
  const npx = home === join(homedir, '.upshift') ? 'npx upshift' : `UPSHIFT_HOME=${home} npx upshift`
  return `Upshift is at ${address}
${modelsLine(parts, npx)}
Home: ${home}

Try:
  ${npx} ask "How does Upshift decide to use the expert tier?"
  ${npx} doctor
  curl -s ${address}/v1/chat/completions -H "authorization: Bearer ${key}" -H "content-type: application/json" -d '{"model":"auto","messages":[{"role":"user","content":"What is a tier?"}]}'

`
}

function modelsLine({ fleet }: Parts, npx: string): string {
  const ids = fleet
    .models()
    .filter((model) => model.kind === 'chat' && model.allowed && model.available)
    .map((model) => model.id)
  const more = ids.length > NAMED_MODELS ? ` and ${ids.length - NAMED_MODELS} more` : ''
  const found =
    ids.length === 0
      ? `No model is connected: questions are answered by quoting the handbook. \`${npx} doctor\` says what to do.`
      : `Models: ${ids.slice(0, NAMED_MODELS).join(', ')}${more}`
  const off = fleet.engines().filter((engine) => !engine.allowed)
  if (off.length === 0) return found
  const names = off.map((engine) => engine.name).join(', ')
  return `${found}\nListed and off, until you allow them: ${names} (${npx} engines allow NAME)`
}
