import * as z from 'zod'
import type { Section } from '../contract/section.ts'

const MINUTE_MS = 60_000
const durationMs = z
  .number()
  .int()
  .min(1)
  .max(1_440 * MINUTE_MS)

/** A host as the Host header has it, without a port: a name, an IPv4 address or a bracketed IPv6 address. */
const hostName = z
  .string()
  .regex(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_]([A-Za-z0-9._-]{0,252}))$/)
  .meta({ title: 'a host name or address without a port' })
const origin = z
  .string()
  .regex(/^https?:\/\/[^\s/?#]+$/)
  .meta({ title: 'an origin such as https://tool.example.com' })

const schema = z.strictObject({
  host: z.string().min(1).max(255).default('127.0.0.1').meta({
    description: 'Address to listen on. Anything but loopback opens the server to the network.',
    env: 'HOST',
    flag: 'host',
  }),
  port: z.number().int().min(0).max(65_535).default(4_000).meta({
    description: 'Port to listen on; 0 lets the system choose.',
    env: 'PORT',
    flag: 'port',
  }),
  home: z.string().min(1).max(4_096).default('~/.upshift').meta({
    description: 'Folder for the record, the keys and all other state; one server per home.',
    env: 'UPSHIFT_HOME',
    flag: 'home',
    path: true,
  }),
  hosts: z.array(hostName).max(256).default([]).meta({
    description:
      'Names under which clients may address the server, beside loopback and `host`; any other Host header is refused (DNS rebinding).',
    env: 'UPSHIFT_HOSTS',
  }),
  origins: z.array(origin).max(256).default([]).meta({
    description: 'Web origins whose pages may call the server, beside its own: `https://tool.example.com`.',
    env: 'UPSHIFT_ORIGINS',
  }),
  requestTimeoutMs: durationMs.default(30_000).meta({
    description: 'Milliseconds in which a request must have arrived whole.',
    env: 'UPSHIFT_REQUEST_TIMEOUT_MS',
  }),
  keepAliveTimeoutMs: durationMs.default(72_000).meta({
    description:
      'Milliseconds for which an idle connection stays open; above the 60 s of common load balancers.',
    env: 'UPSHIFT_KEEP_ALIVE_TIMEOUT_MS',
  }),
  maxConnections: z.number().int().min(1).max(1_000_000).default(16_384).meta({
    description: 'Connections that may be open at once; one more is closed.',
    env: 'UPSHIFT_MAX_CONNECTIONS',
  }),
  maxBodyBytesInFlight: z.number().int().min(1_048_576).max(1_099_511_627_776).default(268_435_456).meta({
    description: 'Bytes of the bodies of all requests under way together; one more is told to come back.',
  }),
  drainMs: durationMs.default(30_000).meta({
    description: 'Milliseconds that running requests get to end after SIGTERM.',
    env: 'UPSHIFT_DRAIN_MS',
  }),
  slowReaderMs: durationMs.default(30_000).meta({
    description: 'Milliseconds for which a client may leave an answer unread before it is cut off.',
    env: 'UPSHIFT_SLOW_READER_MS',
  }),
})

export const section = {
  name: 'server',
  summary: 'Where the server listens, where it keeps its state, and its bounds on connections.',
  schema,
} satisfies Section<typeof schema>
