import type { IncomingHttpHeaders } from 'node:http'

/** No engine holds us off for longer than this at one word: 1 hour. */
export const RETRY_AFTER_MAX_MS = 3_600_000

/**
 * Milliseconds to wait, 0 to RETRY_AFTER_MAX_MS: `retry-after-ms` (OpenAI and Azure), else `Retry-After` in
 * seconds or as a date (RFC 9110, 10.2.3). Undefined where there is none or it cannot be read.
 *
 * @param nowMs - milliseconds since the epoch
 */
export function parseRetryAfterMs(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const milliseconds = number(headers['retry-after-ms'])
  if (milliseconds !== undefined) return bound(milliseconds)
  const text = single(headers['retry-after'])
  if (text === undefined) return undefined
  const seconds = number(text)
  if (seconds !== undefined) return bound(seconds * 1000)
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : bound(date - nowMs)
}

function bound(milliseconds: number): number {
  return Math.round(Math.min(Math.max(milliseconds, 0), RETRY_AFTER_MAX_MS))
}

function number(header: string | string[] | undefined): number | undefined {
  const text = single(header)?.trim()
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
