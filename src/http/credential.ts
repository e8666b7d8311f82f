import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type Refusal, refuse } from '../contract/problem.ts'

/** Where a route's callers put their key: the `authorization` header's value, or the bare key. */
export type CredentialOf = (headers: IncomingHttpHeaders) => string | undefined | Refusal

/** `authorization: Bearer …`, as OpenAI's clients send it. */
export const bearer: CredentialOf = (headers) => headers.authorization

/**
 * `x-api-key`, as Anthropic's clients send it, or a bearer. Both may stand there where they are the same key; two keys
 * would be two callers.
 */
export const bearerOrApiKey: CredentialOf = ({ authorization, 'x-api-key': header }) => {
  if (header === undefined) return authorization
  const key = String(header)
  if (authorization === undefined || sameKey(authorization.replace(/^bearer\s+/i, ''), key)) return key
  return refuse(
    'invalid_key',
    'The headers authorization and x-api-key bring two different keys. Send one of them, or the same key in both.',
  )
}

/** By their digests, so that the time it takes says nothing about either. */
function sameKey(one: string, other: string): boolean {
  return timingSafeEqual(digestOf(one), digestOf(other))
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret.trim()).digest()
}
