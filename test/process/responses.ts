import assert from 'node:assert/strict'
import { responseIn } from '../../src/http/responses/order.fixture.ts'
import { type ResponseShape, responseShape } from '../../src/http/responses/shapes.fixture.ts'
import { errorOf, type Reply, type Sent, send } from './send.ts'
import type { RunningServer } from './server.ts'
import { respond, type Upstream } from './upstream.ts'

type Fields = Readonly<Record<string, unknown>>

/** POST /v1/responses as JSON, to the model `one/small` unless the body names another. */
export function post(server: RunningServer, body: Fields, headers: Sent['headers'] = {}): Promise<Reply> {
  const text = JSON.stringify({ model: 'one/small', ...body })
  return send(server, { path: '/v1/responses', body: text, headers })
}

/** The same, and the response of the documented shape: whole, or at the end of a legal stream. */
export async function made(
  server: RunningServer,
  body: Fields,
  headers: Sent['headers'] = {},
): Promise<ResponseShape> {
  return responseOf(await post(server, body, headers))
}

export function responseOf({ status, text, headers }: Reply): ResponseShape {
  assert.equal(status, 200, text)
  const streams = headers['content-type']?.startsWith('text/event-stream') === true
  return streams ? responseIn(text) : responseShape.parse(JSON.parse(text))
}

export function ask(
  server: RunningServer,
  method: 'GET' | 'DELETE',
  id: string,
  headers: Sent['headers'] = {},
): Promise<Reply> {
  return send(server, { method, path: `/v1/responses/${id}`, headers })
}

/** A stored response, of the documented shape. */
export async function stored(server: RunningServer, id: string): Promise<ResponseShape> {
  return responseOf(await ask(server, 'GET', id))
}

export function assertRefused(
  answered: Reply,
  status: number,
  message: RegExp,
  param: string | null = null,
): void {
  assert.equal(answered.status, status, answered.text)
  const error = errorOf(answered)
  assert.match(error.message, message)
  assert.equal(error.param, param)
}

/** The id of its request. */
export function requestOf({ id }: ResponseShape): string {
  return id.replace('resp_', 'req_')
}

/** Makes the engine say back what it was told last. */
export function echo(upstream: Upstream): void {
  upstream.answer((response, request) => {
    const { messages } = request.body
    const last: unknown = Array.isArray(messages) ? messages.at(-1)?.content : undefined
    respond(response, request, ['You said: ', String(last)])
  })
}
