import type * as z from 'zod'
import type { Caller } from './caller.ts'
import type { Refusal } from './problem.ts'

/** Who may call: anyone; anyone on this machine and elsewhere any valid key; any valid key; or the owner. */
export type Access = 'public' | 'local' | 'key' | 'owner'

export interface RouteRequest<Params, Body> {
  readonly params: Params
  readonly body: Body
  readonly query: Readonly<Record<string, string>>
  /** Null only where access is public or local. */
  readonly caller: Caller | null
  readonly signal: AbortSignal
}

/**
 * A JSON endpoint of a feature. http/ mounts it, checks access and parses the body once with `body`;
 * the OpenAPI document is generated from the same fields. The handler answers with what `answers` describes.
 */
export interface Route<Body = unknown, Reply = unknown> {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Fastify's syntax: `/v1/admin/keys/:id`. */
  readonly path: string
  readonly access: Access
  readonly summary: string
  readonly body?: z.ZodType<Body>
  /** What may stand behind the `?`, for the OpenAPI document. The handler reads `query` with the same schema. */
  readonly parameters?: z.ZodObject
  readonly answers: z.ZodType<Reply>
  /**
   * The content type where the reply is a string, or a stream of bytes that is sent as it is made (node:stream's
   * Readable), and goes out as it is; JSON where absent.
   */
  readonly text?: string
  /** The HTTP status of a reply; 200 where absent. */
  status?(reply: Reply): number
  handle(
    request: RouteRequest<Readonly<Record<string, string>>, Body>,
  ): Promise<Reply | Refusal> | Reply | Refusal
}

/** Keeps the types of `body` and `answers` while a list of routes forgets them. */
export function route<Body, Reply>(declared: Route<Body, Reply>): Route {
  return declared as unknown as Route
}
