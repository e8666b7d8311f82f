/**
 * Everything that can go wrong on the path, in one table. `status` is the HTTP status where nothing has been
 * sent yet, `type` is OpenAI's error type on the wire, and `retryable` says whether another replica (or the
 * same one, later) may do better. http/problem.ts is the only place that turns a row into a response.
 */
const PROBLEMS = {
  // The caller's request
  invalid_json: { status: 400, type: 'invalid_request_error', retryable: false },
  invalid_encoding: { status: 400, type: 'invalid_request_error', retryable: false },
  invalid_request: { status: 400, type: 'invalid_request_error', retryable: false },
  too_deep: { status: 400, type: 'invalid_request_error', retryable: false },
  too_many_values: { status: 400, type: 'invalid_request_error', retryable: false },
  too_many_messages: { status: 400, type: 'invalid_request_error', retryable: false },
  context_length_exceeded: { status: 400, type: 'invalid_request_error', retryable: false },
  guard_refused: { status: 400, type: 'invalid_request_error', retryable: false },
  body_too_large: { status: 413, type: 'invalid_request_error', retryable: false },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', retryable: false },
  unknown_route: { status: 404, type: 'invalid_request_error', retryable: false },
  method_not_allowed: { status: 405, type: 'invalid_request_error', retryable: false },
  not_found: { status: 404, type: 'invalid_request_error', retryable: false },
  conflict: { status: 409, type: 'invalid_request_error', retryable: false },
  // Who is calling
  missing_key: { status: 401, type: 'authentication_error', retryable: false },
  invalid_key: { status: 401, type: 'authentication_error', retryable: false },
  expired_key: { status: 401, type: 'authentication_error', retryable: false },
  revoked_key: { status: 401, type: 'authentication_error', retryable: false },
  out_of_scope: { status: 403, type: 'permission_error', retryable: false },
  host_not_allowed: { status: 403, type: 'permission_error', retryable: false },
  origin_not_allowed: { status: 403, type: 'permission_error', retryable: false },
  // Where it should go
  unknown_model: { status: 404, type: 'invalid_request_error', retryable: false },
  no_model: { status: 503, type: 'service_unavailable_error', retryable: false },
  engine_not_allowed: { status: 403, type: 'permission_error', retryable: false },
  spending_cap: { status: 429, type: 'insufficient_quota', retryable: false },
  budget_exceeded: { status: 429, type: 'insufficient_quota', retryable: false },
  rate_limited: { status: 429, type: 'rate_limit_error', retryable: false },
  queue_full: { status: 429, type: 'rate_limit_error', retryable: true },
  queue_timeout: { status: 503, type: 'service_unavailable_error', retryable: true },
  draining: { status: 503, type: 'service_unavailable_error', retryable: true },
  // What the engine did
  upstream_unreachable: { status: 502, type: 'upstream_error', retryable: true },
  upstream_timeout: { status: 504, type: 'upstream_error', retryable: true },
  upstream_rate_limited: { status: 429, type: 'rate_limit_error', retryable: true },
  upstream_overloaded: { status: 503, type: 'service_unavailable_error', retryable: true },
  upstream_failed: { status: 502, type: 'upstream_error', retryable: true },
  upstream_garbled: { status: 502, type: 'upstream_error', retryable: true },
  upstream_unauthorized: { status: 502, type: 'upstream_error', retryable: true },
  upstream_rejected: { status: 400, type: 'invalid_request_error', retryable: false },
  // What the answer was
  schema_unmet: { status: 502, type: 'answer_error', retryable: false },
  tool_arguments_invalid: { status: 502, type: 'answer_error', retryable: false },
  dimensions_unmet: { status: 502, type: 'answer_error', retryable: false },
  check_unavailable: { status: 503, type: 'answer_error', retryable: false },
  answer_too_large: { status: 502, type: 'answer_error', retryable: false },
  output_refused: { status: 502, type: 'answer_error', retryable: false },
  // Ends that are nobody's fault, or ours
  client_closed: { status: 499, type: 'client_closed_request', retryable: false },
  deadline_exceeded: { status: 504, type: 'timeout_error', retryable: false },
  disk_full: { status: 503, type: 'service_unavailable_error', retryable: false },
  record_unavailable: { status: 503, type: 'service_unavailable_error', retryable: true },
  internal: { status: 500, type: 'server_error', retryable: false },
} as const satisfies Record<string, { status: number; type: string; retryable: boolean }>

export type ProblemCode = keyof typeof PROBLEMS

/** What happened, why, and what to do: `message` says all three in words. Never holds a secret or a prompt. */
export interface Problem {
  readonly code: ProblemCode
  readonly message: string
  /** The field of the request that is to blame, in OpenAI's dotted form. */
  readonly param?: string
  /** The named guard rule that refused. */
  readonly rule?: string
  readonly retryAfterMs?: number
  /** Replaces the table's status where an engine's own answer is passed on (upstream_rejected). */
  readonly status?: number
}

/** An expected no: a value, never thrown. */
export interface Refusal {
  readonly type: 'refusal'
  readonly problem: Problem
}

export function refuse(
  code: ProblemCode,
  message: string,
  more: Omit<Problem, 'code' | 'message'> = {},
): Refusal {
  return { type: 'refusal', problem: { code, message, ...more } }
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'refusal'
}

export function problemRow(code: ProblemCode): { status: number; type: string; retryable: boolean } {
  return PROBLEMS[code]
}

export const PROBLEM_CODES = Object.keys(PROBLEMS) as readonly ProblemCode[]

/** The one error class: for faults that are thrown (bugs, broken files, a refused start), carrying code and cause. */
export class UpshiftError extends Error {
  override readonly name = 'UpshiftError'
  readonly problem: Problem

  constructor(problem: Problem, cause?: unknown) {
    super(problem.message, cause === undefined ? undefined : { cause })
    this.problem = problem
  }
}

/**
 * A fault in a file of the home. Its message names the file and what to do with it, for whoever runs the server: a
 * terminal and the server's log have it, and a caller over HTTP is told only that there is one.
 */
export class HomeError extends UpshiftError {}
