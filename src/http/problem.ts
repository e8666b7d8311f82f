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

/** A problem as a response; what its body looks like is a matter of the caller's dialect. */
export interface WireProblem<Body = unknown> {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Body
}

/** OpenAI's own clients wait for a Retry-After up to this as it is. */
const RETRY_SOON_MS = 60_000

/** A problem in OpenAI's shape, which every route speaks but those of another dialect. */
export function wireProblem(problem: Problem, requestId: string): WireProblem<WireError> {
  const { code, message, param, rule } = problem
  return {
    ...problemHead(problem, requestId),
    body: {
      error: {
        message,
        type: problemRow(code).type,
        code,
        param: param ?? null,
        ...(rule === undefined ? {} : { rule }),
        request_id: requestId,
      },
    },
  }
}

/** The one place where a problem becomes a status and a head. */
export function problemHead(problem: Problem, requestId: string): Omit<WireProblem, 'body'> {
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
  return { status, headers }
}
