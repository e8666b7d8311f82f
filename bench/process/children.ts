import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClientsReport } from './clients.ts'

/** The scripted engine in a process of its own, so that its CPU time is not the bench's. */
export async function forkUpstream(): Promise<{ url: string } & AsyncDisposable> {
  const path = fileURLToPath(new URL('upstream.ts', import.meta.url))
  const child = spawn(process.execPath, [path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [bytes] = await once(child.stdout, 'data')
  return { url: String(bytes).trim(), [Symbol.asyncDispose]: () => ended(child) }
}

export interface BareProxy extends AsyncDisposable {
  readonly port: number
  cpuSeconds(): Promise<number>
}

export async function forkBareProxy(engine: string): Promise<BareProxy> {
  const child = fork(fileURLToPath(new URL('bare-proxy.ts', import.meta.url)), [engine])
  const [first]: { port: number }[] = await once(child, 'message')
  if (first === undefined) throw new Error('the bare proxy sent no port')
  return {
    port: first.port,
    cpuSeconds: async () => {
      child.send('cpu')
      const [usage]: NodeJS.CpuUsage[] = await once(child, 'message')
      return usage === undefined ? Number.NaN : (usage.user + usage.system) / 1e6
    },
    [Symbol.asyncDispose]: () => ended(child),
  }
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
