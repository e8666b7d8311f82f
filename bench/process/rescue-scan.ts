import { guardSchema } from '../../src/guard/config.ts'
import { createRescue } from '../../src/guard/output/rescue/answer-rescue.ts'
import { chatBody, chatRequest } from './chat.ts'
import { load, median } from './load.ts'
import { readMetrics } from './metrics.ts'
import type { Upshift } from './upshift.ts'

/** What the search for printed tool calls costs a stream in which there is none. */
export interface ScanCost {
  /** Events of the stream. */
  readonly events: number
  /**
   * CPU microseconds of the search alone, for one stream; each event comes by itself, which is the dearest way.
   */
  readonly scanUs: number
  /** CPU microseconds of the whole request as the server's process counts them, the search included. */
  readonly requestUs: number
  /** `scanUs` by `requestUs`. */
  readonly share: number
}

const EVENTS = 50
const TOOLS = 5
const STREAMS = 2_000
const CONNECTIONS = 4
const WARM_UP_MS = 500

/** Prose as answers have it: sentences, line breaks, a list, a link; nothing that is a call. */
const PROSE =
  'The river is high today. It rained for two days, and the fields\nare under water: the road to the mill is closed.\n' +
  '- Take the [bridge](https://example.com/bridge) instead, or\n- wait until `noon`. Then they will open it again! '

/**
 * Measures both, the request with as many tools offered: `slices` slices of `sliceMs` against a running server,
 * of which the median counts.
 */
export async function measureRescueScan(
  server: Pick<Upshift, 'port' | 'key'>,
  sliceMs: number,
  slices: number,
): Promise<ScanCost> {
  scanOnce(STREAMS)
  const scanUs = median(Array.from({ length: slices }, () => scanOnce(STREAMS)))
  const request = chatRequest(server.key, { ...chatBody(`events=${EVENTS}`, true), tools: tools() })
  await load(server.port, request, CONNECTIONS, WARM_UP_MS)
  const requests: number[] = []
  for (let slice = 0; slice < slices; slice++) {
    const before = await cpuSeconds(server.port)
    const seen = await load(server.port, request, CONNECTIONS, sliceMs)
    requests.push((((await cpuSeconds(server.port)) - before) * 1e6) / seen.requests)
  }
  const requestUs = median(requests)
  return { events: EVENTS, scanUs, requestUs, share: scanUs / requestUs }
}

async function cpuSeconds(port: number): Promise<number> {
  return (await readMetrics(port, 'process_cpu_seconds_total')).process_cpu_seconds_total
}

/** CPU microseconds of one stream, over so many. */
function scanOnce(streams: number): number {
  const config = guardSchema.parse({})
  const request = {
    model: 'auto',
    messages: [{ role: 'user' as const, content: 'How do I get to the mill?' }],
    tools: tools(),
  }
  const batches = eventsOf(PROSE).map((event) => [event])
  let left = 0
  const before = process.cpuUsage()
  for (let stream = 0; stream < streams; stream++) {
    const rescue = createRescue(request, config)
    for (const batch of batches) left += rescue?.take(batch).length ?? 0
    left += rescue?.flush().length ?? 0
  }
  const { user, system } = process.cpuUsage(before)
  if (left !== streams * EVENTS) throw new Error(`${left} events left of ${streams * EVENTS}.`)
  return (user + system) / streams
}

function eventsOf(prose: string) {
  const size = Math.ceil(prose.length / (EVENTS - 1))
  return Array.from({ length: EVENTS }, (_, at) => {
    const content = prose.slice(at * size, (at + 1) * size)
    const ends = at === EVENTS - 1
    const choice = { index: 0, delta: ends ? {} : { content }, finish_reason: ends ? 'stop' : null }
    const chunk = { id: 'chatcmpl-1', model: 'small', choices: [choice] }
    return { type: 'chunk-delta' as const, chunk, wire: JSON.stringify(chunk) }
  })
}

function tools() {
  return Array.from({ length: TOOLS }, (_, at) => ({
    type: 'function' as const,
    function: {
      name: `find_road_${at}`,
      parameters: {
        type: 'object',
        properties: { from: { type: 'string' }, to: { type: 'string' } },
        required: ['to'],
      },
    },
  }))
}
