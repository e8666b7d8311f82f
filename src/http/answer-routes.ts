import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Count } from '../contract/ask.ts'
import { type AnsweringPorts, replyAnswer } from './answering.ts'
import { chatDialect } from './chat.ts'
import { bearer, bearerOrApiKey, type CredentialOf } from './credential.ts'
import type { Dialect } from './dialect.ts'
import type { DrainState } from './listening.ts'
import { replyCount } from './messages/count.ts'
import { messagesDialect } from './messages/dialect.ts'
import { type Authenticate, accessCheck } from './mount.ts'

export interface AnswerRoutesPorts extends AnsweringPorts {
  authenticate: Authenticate
  readonly count: Count
}

interface AnswerRoute {
  readonly path: string
  readonly dialect: Dialect
  readonly credentialOf: CredentialOf
  reply(request: FastifyRequest, reply: FastifyReply): Promise<void>
}

/** Mounts the routes that the request path answers, each in its callers' own language. */
export function mountAnswers(app: FastifyInstance, ports: AnswerRoutesPorts, state: DrainState): void {
  const answers = (path: string, dialect: Dialect, credentialOf: CredentialOf): AnswerRoute => {
    return {
      path,
      dialect,
      credentialOf,
      reply: (request, reply) => replyAnswer(ports, dialect, request, reply),
    }
  }
  const routes: readonly AnswerRoute[] = [
    answers('/v1/chat/completions', chatDialect, bearer),
    answers('/v1/messages', messagesDialect, bearerOrApiKey),
    {
      path: '/v1/messages/count_tokens',
      dialect: messagesDialect,
      credentialOf: bearerOrApiKey,
      reply: (request, reply) => replyCount(ports, request, reply),
    },
  ]
  for (const { path, dialect, credentialOf, reply: answer } of routes) {
    const onRequest = accessCheck(ports.authenticate, 'key', credentialOf)
    app.post(path, { onRequest, config: { dialect } }, async (request, reply) => {
      state.answering += 1
      try {
        await answer(request, reply)
      } finally {
        state.answering -= 1
      }
    })
  }
}
