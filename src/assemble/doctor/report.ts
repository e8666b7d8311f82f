import { createConnection } from 'node:net'
import { loadConfig } from '../../config/load.ts'
import { SECTIONS } from '../../config/sections.ts'
import type { Surroundings } from '../../config/surroundings.ts'
import type { Check } from '../../contract/check.ts'
import { UpshiftError } from '../../contract/problem.ts'
import { expectJson } from '../../contract/reply.ts'
import { asStarted, type ExitCode, type ServerPort, type VerbContext } from '../../contract/verb.ts'
import { homePaths, readServerFile } from '../home.ts'
import { explained } from '../refused.ts'
import { doctorSchema } from './routes.ts'

const PORT_WAIT_MS = 1_000

/** `upshift doctor`: every check with its fix. Resolves to 1 where a check failed. */
export async function runDoctor(context: VerbContext, around: Surroundings): Promise<ExitCode> {
  const { config } = loadConfig(SECTIONS, around)
  const { host, port, home } = config.server
  const opened = await opening(context, around)
  if ('failed' in opened) {
    // The home cannot be opened, by lock, rights or damage: that is the finding, and the port can still be looked at.
    return tell(context, { checks: [await portCheck(host, port, false, home), opened.failed] })
  }
  const reply = await opened.server.call('GET', '/v1/admin/doctor', undefined, context.signal)
  const report = await expectJson(reply, doctorSchema)
  const { running } = opened.server
  const checks = running ? report.checks : report.checks.map(lockOfThisCommand)
  return tell(context, { ...report, checks: [await portCheck(host, port, running, home), ...checks] })
}

/** Where no server runs this process has opened the home, and its number would be looked for in vain. */
function lockOfThisCommand(check: Check): Check {
  if (check.name !== 'lock' || check.state !== 'ok') return check
  return { ...check, detail: 'no server runs on this home; this command held the lock while it looked' }
}

async function opening(
  context: VerbContext,
  around: Surroundings,
): Promise<{ server: ServerPort } | { failed: Check }> {
  try {
    return { server: await context.server() }
  } catch (error) {
    const said = explained(error, around, context.program ?? 'upshift')
    if (!(said instanceof UpshiftError)) throw said
    const fix = 'see above; with another home (UPSHIFT_HOME) this command can be tried at once'
    return { failed: { name: 'home', state: 'fail', detail: said.message, fix } }
  }
}

function tell(context: VerbContext, report: { readonly checks: readonly Check[] }): ExitCode {
  if (context.json) context.out.write(`${JSON.stringify(report, null, 2)}\n`)
  else writeReport(context, report.checks)
  return report.checks.some((check) => check.state === 'fail') ? 1 : 0
}

function writeReport({ out, colour, program }: VerbContext, checks: readonly Check[]): void {
  for (const check of checks) {
    const { label, colourCode } = SHOWN[check.state]
    out.write(
      `${colour ? `\u001b[${colourCode}m${label}\u001b[0m` : label}  ${check.name}: ${check.detail}\n`,
    )
    if (check.state === 'ok' || check.fix === undefined) continue
    out.write(`      fix: ${asStarted(check.fix, program)}\n`)
  }
}

const SHOWN = {
  ok: { label: 'ok  ', colourCode: 32 },
  warn: { label: 'warn', colourCode: 33 },
  fail: { label: 'FAIL', colourCode: 31 },
} as const

/** Where a server runs, its own note says where it listens; else the configured place must be free. */
async function portCheck(host: string, port: number, running: boolean, home: string): Promise<Check> {
  const served = running ? readServerFile(homePaths(home)) : undefined
  if (served !== undefined) {
    const url = new URL(served.address)
    const answers = await accepts(url.hostname.replaceAll(/[[\]]/g, ''), Number(url.port))
    if (answers) return { name: 'port', state: 'ok', detail: `this home is served at ${served.address}` }
    const detail = `process ${served.pid} serves this home, but nothing answers at ${served.address}`
    return { name: 'port', state: 'fail', detail, fix: 'restart the server, and look at what it prints' }
  }
  if (!(await accepts(host, port))) return { name: 'port', state: 'ok', detail: `${host}:${port} is free` }
  return {
    name: 'port',
    state: 'fail',
    detail: `another program listens on ${host}:${port}`,
    fix: `stop it, or choose another port: PORT=${port + 1} npm start`,
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: PORT_WAIT_MS })
    const done = (taken: boolean) => () => {
      socket.destroy()
      resolve(taken)
    }
    socket.once('connect', done(true))
    socket.once('error', done(false))
    socket.once('timeout', done(false))
  })
}
