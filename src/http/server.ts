import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Count, Handle } from '../contract/ask.ts'
import type { Caller } from '../contract/caller.ts'
import type { EmbedRequest } from '../contract/embed.ts'
import type { Verdict } from '../contract/event.ts'
import { HomeError, isRefusal, type Problem, type Refusal, UpshiftError } from '../contract/problem.ts'
import type { Route } from '../contract/route.ts'
import type { Clock } from '../lib/clock.ts'
import { Pace } from '../lib/pace.ts'
import { isMalformed } from '../lib/sqlite.ts'
import type { Logs } from '../observe/logs.ts'
import type { Metrics } from '../observe/metrics.ts'
import { type AnsweringPorts, mountAnswers } from './answering.ts'
import { boundUnread } from './body.ts'
import { Line } from './line.ts'
import { type DrainState, type HttpServer, Listening } from './listening.ts'
import { mount } from './mount.ts'
import { OriginCheck, type OriginRules } from './origin.ts'
import { readBody } from './reading.ts'
import type { ResponsesPort } from './responses/stored.ts'
import { answerUnreadable } from './unreadable.ts'
import { Visit } from './visit.ts'
import { type Finished, sendProblem } from './writing.ts'

export interface HttpPorts {
  readonly handle: Handle
  readonly embed: Handle<EmbedRequest>
  readonly count: Count
  authenticate(credential: string | undefined): Caller | Refusal
  /** Bytes of a body to a JSON value, or the reason why not. */
  parseBody(bytes: Buffer): { readonly type: 'parsed'; readonly value: unknown } | Refusal
  readonly routes: readonly Route[]
  readonly responses: ResponsesPort
  readonly metrics: Metrics
  readonly logs: Logs
  readonly newRequestId: () => string
  readonly clock: Clock
  readonly origin: OriginRules
  readonly limits: HttpLimits
}

export interface HttpLimits {
  readonly maxBodyBytes: number
  /** Bytes of all bodies of requests under way together. */
  readonly maxBodyBytesInFlight: number
  readonly maxConnections: number
  /** Milliseconds a caller may take to send a whole request. */
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** Milliseconds a reader may take nothing of an answer before it is cut off. */
  readonly slowReaderMs: number
}

const HEADER_BYTES_MAX = 16_384
const CHECKING_MAX_MS = 5_000
/** When to come back where the bodies that are under way fill their bound. */
const BODIES_RETRY_MS = 1_000

/** The listener with every route, not yet listening. Nothing in it throws at a request: a bug is a 500 and a log line. */
export async function createHttpServer(ports: HttpPorts): Promise<HttpServer> {
  const app = fastify({
    requestTimeout: ports.limits.requestTimeoutMs,
    keepAliveTimeout: ports.limits.keepAliveTimeoutMs,
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: ports.limits.requestTimeoutMs,
      // Node looks at its time limits this seldom; its own 30 s would stretch a limit of 30 s to a minute.
      connectionsCheckingInterval: Math.min(CHECKING_MAX_MS, Math.ceil(ports.limits.requestTimeoutMs / 4)),
    },
    // No logger here: Fastify would make one for each request, and listen to each answer's end to tell of it.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: ports.newRequestId,
    // What arrives on an open connection while draining is still answered: see drain().
    return503OnClosing: false,
    forceCloseConnections: false,
    exposeHeadRoutes: false,
    // Bodies are checked by their own schemas: Fastify's compilers, for schemas of its routes, would never be used.
    schemaController: {
      compilersFactory: { buildValidator: noRouteSchemas, buildSerializer: noRouteSchemas },
    },
    // Both come before any hook: an address that cannot be decoded, and bytes that are no HTTP.
    frameworkErrors: (error, request, reply) => sendProblem(reply, problemOf(error, ports), request.id),
    clientErrorHandler: (error, socket) =>
      answerUnreadable(error, socket, {
        requestId: ports.newRequestId(),
        headerBytesMax: HEADER_BYTES_MAX,
        requestTimeoutMs: ports.limits.requestTimeoutMs,
      }),
  })
  app.log = ports.logs
  app.server.maxConnections = ports.limits.maxConnections
  const state: DrainState = { draining: false, active: 0, answering: 0, bodyBytes: 0 }
  parseBodies(app, ports)
  watch(app, ports, state)
  mount(app, ports.authenticate, ports.routes)
  mountAnswers(app, answering(ports, state), state)
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    sendProblem(reply, problemOf(error, ports), request.id)
  })
  app.setNotFoundHandler((request, reply) => sendProblem(reply, notFound(app, request), request.id))
  await app.ready()
  return new Listening(app, state, ports.clock)
}

function noRouteSchemas(): never {
  throw new Error('a route of Fastify has a schema: routes of Upshift bring their own')
}

/** The ports, with what this listener adds to them. */
function answering(ports: HttpPorts, state: DrainState): AnsweringPorts {
  return {
    ...ports,
    grow: ({ request }: FastifyReply, bytes: number) =>
      request.visit?.hold(bytes) === true ? undefined : tooManyBodies(ports.limits),
    heading: (reply: FastifyReply) => sayGoodbye(state, reply),
    slowReaderMs: ports.limits.slowReaderMs,
    finished: (done: Finished) => count(ports, done),
  }
}

function parseBodies(app: FastifyInstance, ports: HttpPorts): void {
  app.removeAllContentTypeParsers()
  app.decorateRequest('caller', null)
  app.decorateRequest('bodyBytes', 0)
  app.decorateRequest('rawBody', null)
  const pace = new Pace(ports.clock)
  app.addContentTypeParser('application/json', (request, payload, done) => {
    readBody(payload, ports.limits.maxBodyBytes, (body) => {
      if (!Buffer.isBuffer(body)) return done(new UpshiftError(body))
      // Clients that name a content type for whatever they send name one for a DELETE too.
      if (body.length === 0 && request.method === 'DELETE') return done(null, undefined)
      request.bodyBytes = body.length
      request.rawBody = body
      // What follows in the same turn, up to the call of the engine, is most of a request's work.
      pace.run(() => {
        const parsed = ports.parseBody(body)
        if (isRefusal(parsed)) done(new UpshiftError(parsed.problem))
        else done(null, parsed.value)
      })
    })
  })
}

/** Where the server is draining when a head is written, it tells the client to leave with this answer. */
function sayGoodbye(state: DrainState, reply: FastifyReply): void {
  if (!state.draining) return
  reply.raw.shouldKeepAlive = false
  reply.header('connection', 'close')
}

/** Origin check, counters and the close of connections while draining: for every request. */
function watch(app: FastifyInstance, ports: HttpPorts, state: DrainState): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    sayGoodbye(state, reply)
    done()
    // By now it is with the socket.
    if (typeof payload === 'string') boundUnread(reply.raw, payload.length, ports.limits.slowReaderMs)
  })
  app.decorateRequest('visit', null)
  const { logs } = ports
  const origins = new OriginCheck(ports.origin)
  const line = new Line()
  // Without a listener it would end the process.
  const failed = (error: Error): void => {
    logs.error({ error: error.stack ?? error.message }, 'a bug: this answer was written to after its end')
  }
  app.addHook('onRequest', (request, reply, done) => {
    const visit = new Visit(ports, state, request, reply)
    request.visit = visit
    request.log = logs
    reply.log = logs
    reply.raw.on('error', failed)
    if (reply.raw.socket === null && !line.admits(request.raw.socket, reply.raw)) return reply.hijack()
    const { host, origin } = request.headers
    const refusal = origins.refusal(host, origin)
    if (refusal !== undefined) return sendProblem(reply, refusal.problem, request.id)
    if (origin !== undefined && origins.shares(origin)) shareWith(origin, reply)
    if (request.method === 'OPTIONS' && origin !== undefined) reply.code(204).send()
    else if (request.is404) sendUnread(reply, notFound(app, request))
    else if (!admitBody(request, visit, ports.limits)) sendUnread(reply, tooManyBodies(ports.limits))
    else done()
  })
}

/** Lets pages of an origin that the configuration names read the answers (the CORS protocol of the Fetch standard). */
function shareWith(origin: string, reply: FastifyReply): void {
  reply.headers({
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, POST, DELETE',
    'access-control-allow-headers':
      'authorization, content-type, x-api-key, anthropic-version, anthropic-beta',
    'access-control-expose-headers':
      'x-request-id, request-id, x-upshift-mode, x-upshift-tier, x-upshift-model, x-upshift-reason',
    'access-control-max-age': '600',
    vary: 'origin',
  })
}

function count(ports: HttpPorts, { answer, terminal, firstTokenMs, inputs }: Finished): void {
  const failed = terminal.type === 'answer-error'
  const { usage, costMicros } = terminal
  ports.metrics.answer({
    tier: answer.start.tier,
    model: answer.start.model,
    mode: answer.plan.mode,
    outcome: failed ? terminal.problem.code : terminal.declined === true ? 'declined' : 'answered',
    inputs: failed ? undefined : inputs,
    firstTokenSeconds: firstTokenMs === undefined ? undefined : firstTokenMs / 1_000,
    promptTokens: usage?.promptTokens,
    completionTokens: usage?.completionTokens,
    costMicros,
    verdicts: failed ? NO_VERDICTS : told(terminal.verdicts),
  })
}

const NO_VERDICTS: readonly string[] = []

/** What did not pass quietly: most often nothing. */
function told(verdicts: readonly Verdict[]): readonly string[] {
  const loud = verdicts.filter(({ outcome }) => outcome !== 'passed')
  return loud.length === 0 ? NO_VERDICTS : loud.map(({ check, outcome }) => `${check}=${outcome}`)
}

/** Answers without reading the body, so the connection ends with the answer. */
function sendUnread(reply: FastifyReply, problem: Problem): void {
  reply.raw.shouldKeepAlive = false
  reply.header('connection', 'close')
  sendProblem(reply, problem, reply.request.id)
}

/** Counts the body that is announced against the bound on all that are in memory, until the answer is over. */
function admitBody({ headers }: FastifyRequest, visit: Visit, limits: HttpLimits): boolean {
  const chunked = headers['transfer-encoding'] !== undefined
  const announced = Number(headers['content-length'] ?? 0)
  const bytes = chunked ? limits.maxBodyBytes : Math.min(announced, limits.maxBodyBytes)
  return bytes === 0 || visit.hold(bytes)
}

function tooManyBodies(limits: HttpLimits): Problem {
  const bound = `${limits.maxBodyBytesInFlight} bytes (server.maxBodyBytesInFlight)`
  const message = `The bodies of all requests under way, with what was fetched for them, fill their bound of ${bound}. Send this one again in a moment.`
  return { code: 'queue_full', message, retryAfterMs: BODIES_RETRY_MS }
}

function problemOf(error: FastifyError | UpshiftError, ports: HttpPorts): Problem {
  const malformed = isMalformed(error)
  if (malformed || error instanceof HomeError) {
    // What breaks while it is open does not name itself.
    const why = malformed
      ? `${error.stack}\n\`upshift doctor\` names the file. Stop Upshift before you put another in its place.`
      : error.message
    ports.logs.error({ why }, 'a file of the home cannot be used: this request needed it')
    return {
      code: 'internal',
      message:
        "A file that this request needs cannot be used. Upshift's log and `upshift doctor` name it and say what to do; then send the request again.",
    }
  }
  if (error instanceof UpshiftError) return error.problem
  if (error.statusCode === 415) {
    return {
      code: 'unsupported_media_type',
      message: 'Send the body as JSON, with the header `content-type: application/json`.',
    }
  }
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return { code: 'invalid_request', message: `The request could not be read: ${error.message}.` }
  }
  ports.logs.error({ error: error.stack ?? error.message }, 'a bug: this request failed inside Upshift')
  return {
    code: 'internal',
    message:
      'Upshift failed inside: this is a bug, and its log names the place. The request may be sent again.',
  }
}

function notFound(app: FastifyInstance, request: FastifyRequest): Problem {
  const [path] = request.url.split('?')
  const shown = JSON.stringify((path ?? '').slice(0, 200))
  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    if (method !== request.method && app.hasRoute({ method, url: path ?? '' })) {
      return {
        code: 'method_not_allowed',
        message: `${shown} is called with ${method}, not ${request.method}.`,
      }
    }
  }
  return {
    code: 'unknown_route',
    message: `There is no ${shown} here. GET /openapi.json lists what there is.`,
  }
}
