import { type Problem, problemRow } from '../contract/problem.ts'

/** OpenAI's error body. Source: the `error` object of the public API reference (read 2026-11). */
export interface WireError {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly code: string
    readonly param: string | null
    readonly rule?: string
    readonly request_id: string
  }
}

export interface WireProblem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: WireError
}

/** OpenAI's own clients wait for a Retry-After up to this as it is. */
const RETRY_SOON_MS = 60_000

/** The one place where a problem becomes a response. */
export function wireProblem(problem: Problem, requestId: string): WireProblem {
  const row = problemRow(problem.code)
  const status = problem.status ?? row.status
  const headers: Record<string, string> = { 'x-request-id': requestId }
  if (problem.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(problem.retryAfterMs / 1_000)))
  }
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="upshift"'
  // OpenAI's clients retry by status alone, and wait for at most a minute; where that cannot help they are told so.
  const soon = problem.retryAfterMs !== undefined && problem.retryAfterMs <= RETRY_SOON_MS
  if (!row.retryable && !soon && (status === 429 || status >= 500)) headers['x-should-retry'] = 'false'
  return {
    status,
    headers,
    body: {
      error: {
        message: problem.message,
        type: row.type,
        code: problem.code,
        param: problem.param ?? null,
        ...(problem.rule === undefined ? {} : { rule: problem.rule }),
        request_id: requestId,
      },
    },
  }
}
