import type { Problem, ProblemCode } from '../../contract/problem.ts'
import { problemHead, type WireProblem } from '../problem.ts'

/** Anthropic's status for a service that has more work than it can take. Source: its API reference, "Errors". */
const OVERLOADED = 529

/** Where there is no place now and may be one in a moment. */
const BUSY: ReadonlySet<ProblemCode> = new Set(['upstream_overloaded', 'queue_timeout', 'draining'])

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  [OVERLOADED]: 'overloaded_error',
}

/** Anthropic's error body, with Upshift's own code beside its type. Source: its API reference, "Errors". */
export interface MessagesError {
  readonly type: 'error'
  readonly error: {
    readonly type: string
    readonly message: string
    readonly code: string
    readonly param?: string
    readonly rule?: string
  }
  readonly request_id: string
}

/** A problem as Anthropic's clients know it. */
export function messagesProblem(problem: Problem, requestId: string): WireProblem<MessagesError> {
  const { status: plain, headers } = problemHead(problem, requestId)
  const status = BUSY.has(problem.code) ? OVERLOADED : plain
  const { code, message, param, rule } = problem
  return {
    status,
    headers: { ...headers, 'request-id': requestId },
    body: {
      type: 'error',
      error: {
        type: TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error'),
        message,
        code,
        ...(param === undefined ? {} : { param }),
        ...(rule === undefined ? {} : { rule }),
      },
      request_id: requestId,
    },
  }
}
