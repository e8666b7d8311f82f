import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { Count } from '../../contract/ask.ts'
import { isRefusal } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { askOf, sendProblem } from '../writing.ts'
import { parseCount } from './dialect.ts'

/** What `POST /v1/messages/count_tokens` answers. */
export const countReply = z.object({
  input_tokens: z.number().int(),
  upshift: z.object({
    request_id: z.string(),
    model: z.string(),
    estimated: z.boolean().meta({
      description: 'True where no engine counted: then the figure is an upper bound.',
    }),
    how: z.string(),
  }),
})

export interface CountPorts {
  readonly count: Count
  readonly clock: Clock
}

const COUNTED = 'counted by the engine'
const ESTIMATED = 'an upper bound, about four times the count for English text: the engine cannot count'

/** Says how many tokens a request has, and whether that is the engine's own count. */
export async function replyCount(
  { count, clock }: CountPorts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { id } = request
  const parsed = parseCount(request.body, request.headers)
  if (isRefusal(parsed)) return sendProblem(reply, parsed.problem, id)
  const { ask } = askOf(request, reply, parsed, clock)
  const counted = await count(ask, request.rawBody ?? undefined)
  request.rawBody = null
  if (isRefusal(counted)) return sendProblem(reply, counted.problem, id)
  const { tokens, model, estimated } = counted
  const upshift = { request_id: id, model, estimated, how: estimated ? ESTIMATED : COUNTED }
  const told: z.infer<typeof countReply> = { input_tokens: tokens, upshift }
  reply.headers({ 'x-request-id': id, 'request-id': id }).type('application/json; charset=utf-8')
  reply.send(JSON.stringify(told))
}
