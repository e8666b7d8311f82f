import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../contract/caller.ts'
import { isRefusal, type Refusal, refuse } from '../contract/problem.ts'
import type { Access, Route } from '../contract/route.ts'
import { bearer, type CredentialOf } from './credential.ts'
import { invalidRequest } from './invalid.ts'
import { sendProblem } from './writing.ts'

export type Authenticate = (credential: string | undefined) => Caller | Refusal

/** What hooks and parsers learn about a request on its way in. */
declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null
    /** Bytes of the body as it arrived; 0 before it has. */
    bodyBytes: number
    /** The body as it arrived, for the vault. */
    rawBody: Buffer | null
  }
}

/** A hook that refuses a caller without the right before the body is read. */
export function accessCheck(
  authenticate: Authenticate,
  access: Exclude<Access, 'public'>,
  credentialOf: CredentialOf = bearer,
) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    if (access === 'local' && isLocal(request)) {
      done()
      return
    }
    const credential = credentialOf(request.headers)
    const caller = isRefusal(credential) ? credential : authenticate(credential)
    if (isRefusal(caller)) sendProblem(reply, caller.problem, request.id)
    else if (access === 'owner' && !caller.owner) sendProblem(reply, notOwner(caller).problem, request.id)
    else {
      request.caller = caller
      done()
    }
  }
}

/** A peer on loopback, or on the control socket, which has no address; not one that a proxy there speaks for. */
function isLocal(request: FastifyRequest): boolean {
  if (request.headers['x-forwarded-for'] !== undefined || request.headers.forwarded !== undefined)
    return false
  const peer = request.socket.remoteAddress
  return peer === undefined || peer === '::1' || /^(::ffff:)?127\./.test(peer)
}

function notOwner(caller: Caller): Refusal {
  return refuse('out_of_scope', `The key ${caller.key} may not administer: this needs the owner's key.`)
}

/** Mounts the features' JSON routes: access first, the body parsed once, the reply as declared. */
export function mount(app: FastifyInstance, authenticate: Authenticate, routes: readonly Route[]): void {
  for (const route of routes) {
    const { access } = route
    app.route({
      method: route.method,
      url: route.path,
      ...(access === 'public' ? {} : { onRequest: accessCheck(authenticate, access) }),
      handler: async (request, reply) => {
        await answerRoute(route, request, reply)
        // Without it Fastify takes a stream that has not begun yet for no answer at all.
        return reply
      },
    })
  }
}

async function answerRoute(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const body = route.body?.safeParse(request.body ?? {})
  if (body?.success === false) return sendProblem(reply, invalidRequest(body.error).problem, request.id)
  const gone = new AbortController()
  reply.raw.on('close', () => gone.abort())
  const answered = await route.handle({
    // Fastify types params and query by generics that a generic mount cannot name; both are string maps.
    params: request.params as Readonly<Record<string, string>>,
    query: request.query as Readonly<Record<string, string>>,
    body: body?.data,
    caller: request.caller,
    signal: gone.signal,
  })
  if (isRefusal(answered)) return sendProblem(reply, answered.problem, request.id)
  reply.code(route.status?.(answered) ?? 200).header('x-request-id', request.id)
  if (route.text !== undefined) reply.type(route.text).send(answered)
  else reply.type('application/json; charset=utf-8').send(JSON.stringify(answered))
}
