import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClientsReport } from './clients.ts'

/** The scripted engine in a process of its own, so that its CPU time is not the bench's. */
export function forkUpstream(): Promise<ForkedEngine> {
  return forkEngine(fileURLToPath(new URL('upstream.ts', import.meta.url)))
}

export interface ForkedEngine extends AsyncDisposable {
  /** The base URL, up to and including `/v1`. */
  readonly url: string
  readonly pid: number
}

/** A program that prints the base URL it serves at, and serves until its standard input ends. */
export async function forkEngine(path: string): Promise<ForkedEngine> {
  const child = spawn(process.execPath, [path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [bytes] = await once(child.stdout, 'data')
  return { url: String(bytes).trim(), pid: pidOf(child), [Symbol.asyncDispose]: () => ended(child) }
}

export interface BareProxy extends AsyncDisposable {
  readonly port: number
  readonly pid: number
  cpuSeconds(): Promise<number>
}

export async function forkBareProxy(engine: string, nodeFlags: readonly string[] = []): Promise<BareProxy> {
  const path = fileURLToPath(new URL('bare-proxy.ts', import.meta.url))
  const child = fork(path, [engine], { execArgv: [...nodeFlags] })
  const [first]: { port: number }[] = await once(child, 'message')
  if (first === undefined) throw new Error('the bare proxy sent no port')
  return {
    port: first.port,
    pid: pidOf(child),
    cpuSeconds: async () => {
      child.send('cpu')
      const [usage]: NodeJS.CpuUsage[] = await once(child, 'message')
      return usage === undefined ? Number.NaN : (usage.user + usage.system) / 1e6
    },
    [Symbol.asyncDispose]: () => ended(child),
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} was not started`)
  return child.pid
}

async function ended(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

export interface Clients extends AsyncDisposable {
  report(): Promise<ClientsReport>
}

/** Many connections in one child process; resolves when all of them are open or refused. */
export async function forkClients(
  kind: 'idle' | 'slow',
  port: number,
  count: number,
  request = '',
): Promise<Clients> {
  const child = fork(fileURLToPath(new URL('clients.ts', import.meta.url)), [
    kind,
    String(port),
    String(count),
    request,
  ])
  const report = async (): Promise<ClientsReport> => {
    const [said]: ClientsReport[] = await once(child, 'message')
    if (said === undefined) throw new Error('the clients said nothing')
    return said
  }
  await report()
  return {
    report: () => {
      child.send('report')
      return report()
    },
    [Symbol.asyncDispose]: () => ended(child),
  }
}
