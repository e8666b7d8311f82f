import { onThisMachine, originOf } from './address.ts'
import { type DispatcherFor, fieldOf, listOf, probeJson } from './listing/probe.ts'
import type { Kind } from './profiles.ts'

/** The whole look around: every port at once, so that a start waits no longer than this. */
const DISCOVERY_MS = 300
/** `loopback` only, ever: what else listens in a network is nobody's business. */
const LOOPBACK = 'http://127.0.0.1'

const NOT_AN_ENGINE = 'something listens that is not an engine'

/** Where engines listen unless told otherwise: Ollama, LM Studio, llama.cpp's server, vLLM. */
const USUAL_PORTS: readonly number[] = [11434, 1234, 8080, 8000]

/** An engine that answers on a loopback port. */
export interface FoundEngine {
  readonly kind: Kind
  /** Up to and including `/v1`. */
  readonly baseUrl: string
}

export interface Discovery {
  readonly found: readonly FoundEngine[]
  /** What the look around saw, one line for each port, for the log and `doctor`. */
  readonly seen: readonly { readonly port: number; readonly what: string }[]
}

export interface DiscoverySettings {
  readonly dispatcherFor: DispatcherFor
  /** The port that Upshift itself serves on: never asked. */
  readonly ownPort: number | undefined
  readonly signal: AbortSignal
  /** Default: the usual four. */
  readonly ports?: readonly number[]
}

/** Looks at loopback ports, all at once, for at most 300 ms. What it is, its endpoints say, not its port. */
export async function discover(settings: DiscoverySettings): Promise<Discovery> {
  const ports = (settings.ports ?? USUAL_PORTS).filter((port) => port !== settings.ownPort)
  const looks = await Promise.all(
    ports.map(async (port) => ({ port, look: await identify(`${LOOPBACK}:${port}`, settings) })),
  )
  const found: FoundEngine[] = []
  for (const { port, look } of looks) {
    if (look.kind) found.push({ kind: look.kind, baseUrl: `${LOOPBACK}:${port}/v1` })
  }
  return { found, seen: looks.map(({ port, look }) => ({ port, what: look.kind ?? look.why })) }
}

type Look = { readonly kind: Kind } | { readonly kind: undefined; readonly why: string }

async function identify(origin: string, settings: DiscoverySettings): Promise<Look> {
  if (!onThisMachine(origin)) throw new Error(`discovery must not leave the machine: ${originOf(origin)}`)
  const probe = { timeoutMs: DISCOVERY_MS, signal: settings.signal }
  const get = (path: string) => probeJson(origin + path, settings.dispatcherFor, probe)
  const [tags, lmStudio, props, models] = await Promise.all([
    get('/api/tags'),
    get('/api/v0/models'),
    get('/props'),
    get('/v1/models'),
  ])
  const listed = models.type === 'json' ? listOf(models.value, 'data', 50) : undefined
  if (listed?.some((item) => fieldOf(item, 'owned_by') === 'upshift')) {
    return { kind: undefined, why: 'another Upshift: not used, two could send to each other for ever' }
  }
  if (tags.type === 'json' && listOf(tags.value, 'models', 1)) return { kind: 'ollama' }
  if (lmStudio.type === 'json' && listOf(lmStudio.value, 'data', 1)) return { kind: 'lmstudio' }
  if (props.type === 'json' && fieldOf(props.value, 'default_generation_settings'))
    return { kind: 'llama.cpp' }
  if (listed) return { kind: ownedBy(listed) }
  if (models.type === 'status' && (models.status === 401 || models.status === 403)) {
    return { kind: undefined, why: 'it wants a key: name it under fleet.engines with its url and key' }
  }
  if (models.type === 'absent') return { kind: undefined, why: 'nothing listens' }
  if (models.type === 'silent') return { kind: undefined, why: models.why }
  return { kind: undefined, why: NOT_AN_ENGINE }
}

function ownedBy(listed: readonly object[]): Kind {
  for (const item of listed) {
    const owner = fieldOf(item, 'owned_by')
    if (owner === 'vllm' || owner === 'sglang') return owner
    if (owner === 'llamacpp') return 'llama.cpp'
  }
  return 'openai-compatible'
}

/**
 * The same look around, to be repeated: a port where something else answered is left in peace from then on.
 * An engine that is started later is found by the next look.
 */
export function createLookout(settings: DiscoverySettings): () => Promise<Discovery> {
  const strangers = new Set<number>()
  return async () => {
    const ports = (settings.ports ?? USUAL_PORTS).filter((port) => !strangers.has(port))
    const discovery = await discover({ ...settings, ports })
    for (const { port, what } of discovery.seen) if (what === NOT_AN_ENGINE) strangers.add(port)
    return discovery
  }
}
