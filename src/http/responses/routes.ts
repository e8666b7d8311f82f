import * as z from 'zod'
import type { Caller } from '../../contract/caller.ts'
import { isRefusal, type Refusal, refuse } from '../../contract/problem.ts'
import { type Route, route } from '../../contract/route.ts'
import { assert } from '../../lib/assert.ts'
import { inputItemId, requestIdOf, responseIdOf } from './ids.ts'
import { endOf, responseObject, type Standing } from './object.ts'
import { outputOf } from './output.ts'
import { gapRefusal, type ReadBack, type ResponsesPort, readBack, type StoredResponse } from './stored.ts'
import type { InputItem, ResponsesRequest } from './wire.ts'

const PAGE_MAX = 100
const PAGE_USUAL = 20

/** Takes no notice: what is stored is always told whole. */
const include = z.unknown().optional()
const oneParameters = z.strictObject({
  include: include.meta({ description: 'Taken, and without effect: what is stored is told whole.' }),
  'include[]': include,
  stream: z
    .literal('false', { error: 'a stored response is not streamed again' })
    .optional()
    .meta({ description: 'Only `false`: what is stored is not streamed again.' }),
})

const listParameters = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(PAGE_MAX)
    .default(PAGE_USUAL)
    .meta({ description: 'Items of a page.' }),
  order: z.enum(['asc', 'desc']).default('desc').meta({ description: '`desc`: the last item first.' }),
  after: z.string().min(1).max(256).optional().meta({ description: 'The last `id` of the page before.' }),
  include,
  'include[]': include,
})

const responseReply = z.looseObject({ id: z.string(), object: z.literal('response'), status: z.string() })
const deletedReply = z.object({ id: z.string(), object: z.literal('response'), deleted: z.literal(true) })
const itemsReply = z.object({
  object: z.literal('list'),
  data: z.array(z.looseObject({ id: z.string(), type: z.string() })),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
})

/** What a key may do with its stored responses. Another key's are not found. */
export function responseRoutes(port: ResponsesPort): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/responses/:id',
      access: 'key',
      summary: 'A stored response, as it was answered.',
      parameters: oneParameters,
      answers: responseReply,
      handle: async ({ params, query, caller, signal }) => {
        const parsed = oneParameters.safeParse(query)
        if (!parsed.success) return wrongQuery(parsed.error)
        const stored = await find(port, params.id ?? '', known(caller), signal)
        return isRefusal(stored) ? stored : shown(stored.stored, stored.read)
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/responses/:id',
      access: 'key',
      summary: 'Takes a stored response back: it is not found any more, and nothing can go on from it.',
      answers: deletedReply,
      handle: async ({ params, caller, signal }) => {
        const stored = await find(port, params.id ?? '', known(caller), signal)
        if (isRefusal(stored)) return stored
        const { id } = stored.stored.request
        await port.remove({ id, key: known(caller).key })
        return { id: responseIdOf(id), object: 'response' as const, deleted: true as const }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/responses/:id/input_items',
      access: 'key',
      summary: 'What a stored response was asked: its own items, without those that it goes on from.',
      parameters: listParameters,
      answers: itemsReply,
      handle: async ({ params, query, caller, signal }) => {
        const parsed = listParameters.safeParse(query)
        if (!parsed.success) return wrongQuery(parsed.error)
        const stored = await find(port, params.id ?? '', known(caller), signal)
        return isRefusal(stored) ? stored : pageOf(stored.read, parsed.data)
      },
    }),
  ]
}

interface Found {
  readonly stored: StoredResponse
  readonly read: ReadBack
}

async function find(
  port: ResponsesPort,
  asked: string,
  caller: Caller,
  signal: AbortSignal,
): Promise<Found | Refusal> {
  const id = requestIdOf(asked)
  if (id === undefined) return gapRefusal({ links: [], end: 'unknown', at: null }, asked, undefined)
  const chain = await port.chain({ id, key: caller.key, links: 1 }, signal)
  if (isRefusal(chain)) return chain
  const [stored] = chain.links
  if (stored === undefined) return gapRefusal(chain, asked, undefined)
  const read = readBack(stored)
  return isRefusal(read) ? read : { stored, read }
}

/** The response as it was, as far as record and vault tell: without log probabilities, and `upshift` without quotes. */
function shown(stored: StoredResponse, read: ReadBack): z.infer<typeof responseReply> {
  const { request, plan, usage } = stored
  const standing = standingOf(request, read)
  const { model } = request
  const upshift = {
    request_id: request.id,
    mode: request.mode,
    tier: request.tier,
    model,
    reason: plan?.reasons.join('; ') ?? null,
    attempts: request.turns,
    max_output_tokens: plan?.maxOutputTokens ?? null,
    cost_micros: request.costMicros,
    declined: request.outcome === 'declined',
    sources: stored.sources,
    verdicts: [...stored.verdicts, ...(read.truncated ? [CUT] : [])],
  }
  const begun = {
    requestId: request.id,
    request: read.request,
    stored: true,
    model: model ?? read.request.model,
  }
  // It has these fields: the type of an object that is written out is not worth a schema of its own.
  return responseObject(begun, { ...standing, usage }, upshift) as z.infer<typeof responseReply>
}

const CUT = {
  check: 'stored-answer',
  outcome: 'failed',
  detail: 'the answer was too long to be stored whole',
}

function standingOf(
  { id, at, totalMs, outcome, code }: StoredResponse['request'],
  { said }: ReadBack,
): Standing {
  if (outcome === 'answered' || outcome === 'declined') {
    const end = endOf(said.finish)
    const completed = end.status === 'completed' ? { completedAt: at + (totalMs ?? 0) } : {}
    return { ...end, ...completed, output: outputOf(said, id, end.status) }
  }
  const output = outputOf(said, id, 'incomplete')
  if (outcome === 'aborted') return { status: 'cancelled', output }
  const why = code === null ? 'the process ended before it did' : `with ${code}`
  const message = `The response was not answered: it ended as ${outcome}, ${why}. GET /v1/requests/${id} tells more.`
  return { status: 'failed', output, problem: { code: 'internal', message } }
}

type Page = z.infer<typeof itemsReply>

function pageOf(
  { requestId, request }: ReadBack,
  { limit, order, after }: z.infer<typeof listParameters>,
): Page | Refusal {
  const all = inputOf(request).map((item, at) => listed(item, inputItemId(requestId, at)))
  if (order === 'desc') all.reverse()
  const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1
  if (after !== undefined && from === 0) {
    const message = 'The parameter `after` names no item of this response. Take it from `last_id`.'
    return refuse('invalid_request', message, { param: 'after' })
  }
  const data = all.slice(from, from + limit)
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: from + data.length < all.length,
  }
}

function inputOf({ input }: ResponsesRequest): readonly InputItem[] {
  if (input === undefined) return []
  return typeof input === 'string' ? [{ role: 'user', content: input }] : input
}

/** As it was sent, with an id of ours where it had none, and a message's text as a part. */
function listed(item: InputItem, id: string): Page['data'][number] {
  const named = typeof item['id'] === 'string' ? item['id'] : id
  switch (item.type) {
    case 'item_reference':
      return { ...item, id: named }
    case 'reasoning':
    case 'function_call':
    case 'function_call_output':
      return { ...item, id: named, status: 'completed' }
    default: {
      const { role, content } = item
      const type = role === 'assistant' ? 'output_text' : 'input_text'
      const more = role === 'assistant' ? { annotations: [] } : {}
      const parts = typeof content === 'string' ? [{ type, text: content, ...more }] : content
      return { ...item, type: 'message', id: named, status: 'completed', content: parts }
    }
  }
}

function known(caller: Caller | null): Caller {
  assert(caller !== null, 'a route for keys was reached without one')
  return caller
}

function wrongQuery(error: z.ZodError): Refusal {
  const [issue] = error.issues
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined
  const param = unknown ?? issue?.path.map(String).join('.') ?? ''
  const how = unknown === undefined ? (issue?.message ?? 'it was not understood') : 'it is not known here'
  return refuse('invalid_request', `The parameter \`${param}\` is not valid: ${how}.`, { param })
}
