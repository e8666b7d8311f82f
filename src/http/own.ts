import * as z from 'zod'
import { type Route, route } from '../contract/route.ts'
import { openApiDocument } from './openapi.ts'
import { page } from './page.ts'

/** What the listener itself serves: life signs, metrics, its description, and a page for people. */
export interface OwnPorts {
  readonly version: string
  /** Where people reach this server, as it is configured. */
  address(): string
  /** Why this server should not get requests now; empty where it should. */
  notReady(): readonly string[]
  readonly metrics: { readonly contentType: string; expose(everyKey: boolean): Promise<string> }
  /** The features' routes, for the OpenAPI document. */
  readonly routes: readonly Route[]
}

const healthReply = z.object({ status: z.literal('ok'), version: z.string() })
const readyReply = z.object({ ready: z.boolean(), why: z.array(z.string()) })

export function ownRoutes(ports: OwnPorts): readonly Route[] {
  const own: readonly Route[] = [
    route({
      method: 'GET',
      path: '/health',
      access: 'public',
      summary: 'Whether the process is alive.',
      answers: healthReply,
      handle: () => ({ status: 'ok' as const, version: ports.version }),
    }),
    route({
      method: 'GET',
      path: '/ready',
      access: 'public',
      summary: 'Whether the process should get requests: 503 while it starts or drains.',
      answers: readyReply,
      status: (reply) => (reply.ready ? 200 : 503),
      handle: () => {
        const why = [...ports.notReady()]
        return { ready: why.length === 0, why }
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      access: 'local',
      summary:
        'Metrics in the text format of Prometheus; what single keys spent, for the owner and on this machine.',
      answers: z.string(),
      text: ports.metrics.contentType,
      // A key sees its own spending only, elsewhere: /v1/usage.
      handle: ({ caller }) => ports.metrics.expose(caller === null || caller.owner),
    }),
    route({
      method: 'GET',
      path: '/',
      access: 'public',
      summary: 'A page that says what this is and how to use it.',
      answers: z.string(),
      text: 'text/html; charset=utf-8',
      handle: () => page(ports.address()),
    }),
  ]
  let document: Record<string, unknown> | undefined
  const described = route({
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    summary: 'This API, as an OpenAPI 3.1 document.',
    answers: z.record(z.string(), z.unknown()),
    handle: () => {
      document ??= openApiDocument([...own, described, ...ports.routes], ports.version)
      return document
    },
  })
  return [...own, described]
}
