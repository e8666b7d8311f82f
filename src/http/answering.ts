import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Count } from '../contract/ask.ts'
import { chatDialect } from './chat.ts'
import { bearer, type CredentialOf } from './credential.ts'
import type { Dialect } from './dialect.ts'
import { type EmbeddingPorts, InputRoom, replyEmbeddings } from './embeddings.ts'
import type { DrainState } from './listening.ts'
import { replyCount } from './messages/count.ts'
import { messagesDialect } from './messages/dialect.ts'
import { type Authenticate, accessCheck } from './mount.ts'
import { type ReplyPorts, replyIn } from './replying.ts'
import { responsesDialect } from './responses/dialect.ts'
import type { ResponsesPort } from './responses/stored.ts'

export interface AnsweringPorts extends ReplyPorts, Omit<EmbeddingPorts, 'room'> {
  authenticate: Authenticate
  readonly count: Count
  readonly responses: ResponsesPort
}

/** A route whose requests take the path. */
interface AnsweringRoute {
  readonly path: string
  readonly credentialOf: CredentialOf
  /** What its callers speak; absent where that is OpenAI's, and no dialect of chat. */
  readonly dialect?: Dialect
  reply(request: FastifyRequest, reply: FastifyReply): Promise<void>
}

/** Mounts the routes that the request path answers, each in its callers' own language. */
export function mountAnswers(app: FastifyInstance, ports: AnsweringPorts, state: DrainState): void {
  for (const { path, dialect, credentialOf, reply: answer } of routesOf(ports)) {
    const onRequest = accessCheck(ports.authenticate, 'key', credentialOf)
    const config = dialect === undefined ? {} : { dialect }
    app.post(path, { onRequest, config }, async (request, reply) => {
      state.answering += 1
      try {
        await answer(request, reply)
      } finally {
        state.answering -= 1
      }
    })
  }
}

function routesOf(ports: AnsweringPorts): readonly AnsweringRoute[] {
  const embedding = { ...ports, room: new InputRoom() }
  const dialects = [chatDialect, responsesDialect(ports.responses), messagesDialect]
  const answers = dialects.map((dialect): AnsweringRoute => {
    const { path, credentialOf } = dialect
    return {
      path,
      credentialOf,
      dialect,
      reply: (request, reply) => replyIn(dialect, ports, request, reply),
    }
  })
  return [
    ...answers,
    {
      path: '/v1/messages/count_tokens',
      credentialOf: messagesDialect.credentialOf,
      dialect: messagesDialect,
      reply: (request, reply) => replyCount(ports, request, reply),
    },
    {
      path: '/v1/embeddings',
      credentialOf: bearer,
      reply: (request, reply) => replyEmbeddings(embedding, request, reply),
    },
  ]
}
