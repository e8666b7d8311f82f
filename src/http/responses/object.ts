import type { Problem } from '../../contract/problem.ts'
import type { Usage } from '../../contract/usage.ts'
import { responseIdOf, secondsOf } from './ids.ts'
import type { OutputItem } from './output.ts'
import type { ResponsesRequest } from './wire.ts'

/** Everything of a response that is known when it begins. */
export interface Begun {
  readonly requestId: string
  readonly request: ResponsesRequest
  /** Whether it can be asked for again. */
  readonly stored: boolean
  /** The exact model. */
  readonly model: string
}

/** Where a response stands. */
export interface Standing {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled'
  readonly output: readonly OutputItem[]
  readonly usage?: Usage | undefined
  /** Why it is incomplete. */
  readonly reason?: 'max_output_tokens' | 'content_filter'
  readonly problem?: Problem
  /** Milliseconds since the epoch. */
  readonly completedAt?: number
  /** What the engine said that it was served with. */
  readonly serviceTier?: string | undefined
}

/** How an answer ends by what Chat Completions calls its finish reason. */
export function endOf(finish: string | undefined): Pick<Standing, 'reason'> & {
  readonly status: 'completed' | 'incomplete'
} {
  if (finish === 'length') return { status: 'incomplete', reason: 'max_output_tokens' }
  if (finish === 'content_filter') return { status: 'incomplete', reason: 'content_filter' }
  return { status: 'completed' }
}

/** The `response` object, as far as it has come. `upshift` is Upshift's own field, at the end. */
export function responseObject(begun: Begun, standing: Standing, upshift?: unknown): Record<string, unknown> {
  const { status, output, usage, reason, problem, completedAt, serviceTier } = standing
  return {
    id: responseIdOf(begun.requestId),
    object: 'response',
    created_at: secondsOf(begun.requestId),
    ...(completedAt === undefined ? {} : { completed_at: Math.floor(completedAt / 1_000) }),
    status,
    error: problem === undefined ? null : errorOf(problem),
    incomplete_details: reason === undefined ? null : { reason },
    model: begun.model,
    output,
    ...echoOf(begun),
    ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
    usage: usage === undefined ? null : usageOf(usage),
    ...(upshift === undefined ? {} : { upshift }),
  }
}

/** What was asked, with null where nobody said anything: what an engine then takes is its own. */
function echoOf({ request, stored }: Begun): Record<string, unknown> {
  return {
    access_programs: null,
    background: false,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    metadata: request.metadata ?? {},
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: request.previous_response_id ?? null,
    prompt_cache_key: request['prompt_cache_key'] ?? null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: request.reasoning?.summary ?? null },
    safety_identifier: request.safety_identifier ?? null,
    store: stored,
    temperature: request.temperature ?? null,
    text: {
      format: request.text?.format ?? { type: 'text' },
      ...(request.text?.verbosity == null ? {} : { verbosity: request.text.verbosity }),
    },
    tool_choice: request.tool_choice ?? 'auto',
    tools: (request.tools ?? []).map(({ parameters, strict, ...tool }) => ({
      ...tool,
      parameters: parameters ?? null,
      strict: strict ?? null,
    })),
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? null,
    truncation: 'disabled',
    ...(request.user == null ? {} : { user: request.user }),
  }
}

/** Counts that an engine does not state are 0, as the API has no way to leave them out. */
function usageOf(usage: Usage): Record<string, unknown> {
  const { promptTokens, completionTokens, cachedTokens, reasoningTokens } = usage
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens ?? 0, cache_write_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens ?? 0 },
    total_tokens: promptTokens + completionTokens,
  }
}

const LIMITED: ReadonlySet<string> = new Set([
  'rate_limited',
  'upstream_rate_limited',
  'queue_full',
  'budget_exceeded',
  'spending_cap',
])

/** OpenAI's codes for a response that failed are few; ours stands in the message's place and in `type`. */
function errorOf(problem: Problem): Record<string, unknown> {
  const code = LIMITED.has(problem.code) ? 'rate_limit_exceeded' : 'server_error'
  return { code, message: problem.message, type: problem.code, param: problem.param ?? null }
}
