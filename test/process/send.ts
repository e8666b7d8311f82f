import { type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import type { RunningServer } from './server.ts'

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Sent {
  readonly method?: string
  readonly path?: string
  /** Beside the owner's key and the JSON content type; an empty text leaves one of these out. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** One HTTP exchange on a connection of its own. The body is sent as it is. */
export function send(server: RunningServer, sent: Sent = {}): Promise<Reply> {
  const { method = 'POST', path = '/v1/chat/completions', body = '' } = sent
  const all = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json', ...sent.headers }
  const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
  const length = body.length > 0 ? { 'content-length': Buffer.byteLength(body) } : {}
  return new Promise((resolve, reject) => {
    const options = { method, path, headers: { ...headers, ...length }, agent: false } as const
    const out = request(server.address, options, (response) => {
      text(response).then(
        (whole) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text: whole }),
        reject,
      )
    })
    out.once('error', reject)
    out.end(body)
  })
}

/** Sends a chat request as JSON. */
export function chat(server: RunningServer, request: unknown, headers: Sent['headers'] = {}): Promise<Reply> {
  return send(server, { body: JSON.stringify(request), headers })
}

const errorSchema = z.object({
  error: z.strictObject({
    message: z.string().min(20),
    type: z.string().min(1),
    code: z.string().min(1),
    param: z.string().nullable(),
    rule: z.string().optional(),
    request_id: z.string().startsWith('req_'),
  }),
})

export type WireError = z.infer<typeof errorSchema>['error']

/** The error of a reply; throws where it has not the shape of OpenAI's. */
export function errorOf(reply: Reply): WireError {
  return errorSchema.parse(JSON.parse(reply.text)).error
}

/** The `data:` values of a stream of events, parsed; the end mark stays text. */
export function eventsOf(reply: Reply): readonly unknown[] {
  return reply.text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const data = event.replace(/^data: /, '')
      return data === '[DONE]' ? data : JSON.parse(data)
    })
}

const chunkSchema = z.looseObject({
  choices: z.array(z.looseObject({ delta: z.looseObject({ content: z.string().nullish() }) })),
})

/** The text of all deltas. */
export function textOf(reply: Reply): string {
  let all = ''
  for (const event of eventsOf(reply)) {
    const chunk = chunkSchema.safeParse(event)
    if (chunk.success) for (const { delta } of chunk.data.choices) all += delta.content ?? ''
  }
  return all
}
