import { createConnection } from 'node:net'
import { loadConfig } from '../config/load.ts'
import { SECTIONS } from '../config/sections.ts'
import type { Surroundings } from '../config/surroundings.ts'
import { expectJson } from '../contract/reply.ts'
import type { ExitCode, VerbContext } from '../contract/verb.ts'
import { type Check, doctorSchema, serverFile } from './doctor.ts'

const PORT_WAIT_MS = 1_000

/** `upshift doctor`: every check with its fix. Resolves to 1 where a check failed. */
export async function runDoctor(context: VerbContext, around: Surroundings): Promise<ExitCode> {
  const { config } = loadConfig(SECTIONS, around)
  const server = await context.server()
  const reply = await server.call('GET', '/v1/admin/doctor', undefined, context.signal)
  const report = await expectJson(reply, doctorSchema)
  const { host, port, home } = config.server
  const checks = [await portCheck(host, port, server.running, home), ...report.checks]
  if (context.json) context.out.write(`${JSON.stringify({ ...report, checks }, null, 2)}\n`)
  else writeReport(context, checks)
  return checks.some((check) => !check.ok) ? 1 : 0
}

function writeReport({ out, colour }: VerbContext, checks: readonly Check[]): void {
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)
  for (const check of checks) {
    out.write(`${check.ok ? paint(32, 'ok  ') : paint(31, 'FAIL')}  ${check.name}: ${check.detail}\n`)
    if (!check.ok && check.fix !== undefined) out.write(`      fix: ${check.fix}\n`)
  }
}

/** Where a server runs, its own note says where it listens; else the configured place must be free. */
async function portCheck(host: string, port: number, running: boolean, home: string): Promise<Check> {
  const served = running ? serverFile(home) : undefined
  if (served !== undefined) {
    const url = new URL(served.address)
    const answers = await accepts(url.hostname.replaceAll(/[[\]]/g, ''), Number(url.port))
    if (answers) return { name: 'port', ok: true, detail: `this home is served at ${served.address}` }
    const detail = `process ${served.pid} serves this home, but nothing answers at ${served.address}`
    return { name: 'port', ok: false, detail, fix: 'restart the server, and look at what it prints' }
  }
  if (!(await accepts(host, port))) return { name: 'port', ok: true, detail: `${host}:${port} is free` }
  return {
    name: 'port',
    ok: false,
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
