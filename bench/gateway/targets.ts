import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chatHead } from '../process/chat.ts'
import { type ForkedEngine, forkBareProxy, forkEngine } from '../process/children.ts'
import { createKey } from '../process/keys.ts'
import { load } from '../process/load.ts'
import { startUpshift, type Upshift } from '../process/upshift.ts'
import { bodyText, type Case, MAIN_BODY } from './cases.ts'
import { probeFlags } from './measured.ts'
import { type Installed, machineNode, type Portkey, portkeyHeaders, startPortkey } from './portkey.ts'

/** `portkeyOther` is Portkey under Upshift's pinned Node. */
export const NAMES = ['direct', 'proxy', 'upshift', 'portkey', 'portkeyOther'] as const
export type Name = (typeof NAMES)[number]

/** One of the four ways to the engine, as its own process. */
export interface Target {
  readonly name: Name
  readonly pid: number
  readonly port: number
  /** The Unix socket of its probe; undefined for the engine itself. */
  readonly probe: string | undefined
  readonly request: (one: Case) => Buffer
}

/** Limits that are counted at every request and never reached. */
const LIMITS = {
  usdPerDay: 100_000,
  usdPerMonth: 1_000_000,
  requestsPerMinute: 50_000_000,
  tokensPerMinute: 1_000_000_000,
  concurrentRequests: 1_024,
}
/** So that each request reserves and settles money. */
const PRICE = { input: 0.1, output: 0.4 }
const TRIAL_MS = 700

export function forkGatewayEngine(): Promise<ForkedEngine> {
  return forkEngine(fileURLToPath(new URL('engine.ts', import.meta.url)))
}

export function directTarget(engine: ForkedEngine): Target {
  const port = Number(new URL(engine.url).port)
  return { name: 'direct', pid: engine.pid, port, probe: undefined, request: requests('small') }
}

export async function startProxy(engine: ForkedEngine, folder: string): Promise<Target & AsyncDisposable> {
  const probe = join(folder, 'proxy.sock')
  const { pid, port, [Symbol.asyncDispose]: dispose } = await forkBareProxy(engine.url, probeFlags(probe))
  return { name: 'proxy', pid, port, probe, request: requests('small'), [Symbol.asyncDispose]: dispose }
}

/**
 * As a user starts it, with a key that has every limit, and a model that has a price. It is its second start: what Node
 * compiled at the first lies in its cache.
 */
export async function startMeasuredUpshift(
  engine: ForkedEngine,
  folder: string,
  extraFlags: readonly string[],
): Promise<Target & AsyncDisposable & { stop(): Promise<void> }> {
  const probe = join(folder, 'upshift.sock')
  const nodeFlags = [...probeFlags(probe), ...extraFlags]
  const options = { folder, engine: engine.url, price: PRICE, nodeFlags }
  await stopped(await startUpshift(options))
  const upshift = await startUpshift(options)
  const { secret } = await createKey(upshift, 'bench', LIMITS)
  return {
    name: 'upshift',
    pid: upshift.child.pid ?? 0,
    port: upshift.port,
    probe,
    request: requests('scripted/small', secret),
    // By itself, so that a profile is written.
    stop: () => stopped(upshift),
    [Symbol.asyncDispose]: () => upshift[Symbol.asyncDispose](),
  }
}

async function stopped({ child, ended }: Upshift): Promise<void> {
  child.kill('SIGTERM')
  await ended
}

export interface PortkeyTarget extends Target, AsyncDisposable {
  readonly node: string
}

/**
 * Starts Portkey under the machine's own Node, as `npx @portkey-ai/gateway` would (its own image brings Node 20), and
 * under Upshift's pinned one, which serves it better. Throws where it runs under neither.
 */
export async function startPortkeys(
  installed: Installed,
  engine: ForkedEngine,
  folder: string,
  progress: (text: string) => void,
): Promise<readonly PortkeyTarget[]> {
  const request = requests('small', 'bench', portkeyHeaders(engine.url))
  const seen: { portkey: Portkey; node: string }[] = []
  const faults: string[] = []
  for (const [index, node] of [...machineNode(), process.execPath].entries()) {
    try {
      const portkey = await startPortkey(installed, node, join(folder, `portkey-${index}.sock`))
      const perSecond = await trial(portkey, request).catch(async (error) => {
        await portkey[Symbol.asyncDispose]()
        throw error
      })
      progress(`Portkey under ${node}: ${perSecond.toFixed(0)} requests/s`)
      seen.push({ portkey, node })
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      progress(`Portkey under ${node}: ${why}`)
      faults.push(why)
    }
  }
  if (seen.length === 0) throw new Error(faults.join('\n'))
  return seen.map(({ portkey, node }, index) => ({
    name: index === 0 ? 'portkey' : 'portkeyOther',
    pid: portkey.pid,
    port: portkey.port,
    probe: portkey.probe,
    request,
    node,
    [Symbol.asyncDispose]: () => portkey[Symbol.asyncDispose](),
  }))
}

async function trial(portkey: Portkey, request: Target['request']): Promise<number> {
  const json = request({ kind: 'json', body: MAIN_BODY, connections: 16 })
  await load(portkey.port, json, 16, TRIAL_MS)
  // One that cannot stream under this Node is not a candidate.
  await load(portkey.port, request({ kind: 'burst', body: MAIN_BODY, connections: 1 }), 1, TRIAL_MS / 4)
  const { requests, seconds } = await load(portkey.port, json, 16, TRIAL_MS)
  return requests / seconds
}

function requests(model: string, key = 'bench', headers: Readonly<Record<string, string>> = {}) {
  return (one: Case): Buffer => {
    const text = bodyText(one, model)
    return Buffer.from(`${chatHead(key, Buffer.byteLength(text), headers)}${text}`)
  }
}
