import type { ChatRequest } from '../../contract/chat.ts'
import type { Batch, Verdict } from '../../contract/event.ts'
import type { Problem } from '../../contract/problem.ts'
import type { SchemaChecks, SchemaFinding } from '../schema/checks.ts'
import { type AssembledCall, type AssembledChoice, assembleChoices } from './assembled.ts'

/** Structurally what the path asks of a whole check. `advice` is empty where no second try could help. */
export type WholeOutcome =
  | { readonly type: 'passed' }
  | { readonly type: 'unmet'; readonly problem: Problem; readonly advice: string }

export interface WholeResult {
  readonly outcome: WholeOutcome
  readonly verdicts: readonly Verdict[]
}

interface WholeParts {
  readonly request: ChatRequest
  readonly enforced: boolean
  readonly schemas: SchemaChecks
}

const SCHEMA_CHECK = 'output.schema'
const TOOL_CHECK = 'output.tool_arguments'

/** Checks every choice; the first that fails names the outcome. */
export async function checkWhole(parts: WholeParts, batches: readonly Batch[]): Promise<WholeResult> {
  const choices = assembleChoices(batches)
  const verdicts: Verdict[] = []
  for (const check of [checkTools, checkContent]) {
    const outcome = await check(parts, choices, verdicts)
    if (outcome !== undefined) return { outcome, verdicts }
  }
  return { outcome: { type: 'passed' }, verdicts }
}

/** Why a choice cannot be held to its shape; undefined where it can. */
function cutOff(choice: AssembledChoice): string | undefined {
  if (choice.finishReason === 'length') return 'the answer was cut off at its token limit'
  if (choice.finishReason === 'content_filter') return 'the engine filtered the answer'
  return choice.refused ? 'the model declined to answer' : undefined
}

async function checkContent(
  { request, enforced, schemas }: WholeParts,
  choices: readonly AssembledChoice[],
  verdicts: Verdict[],
): Promise<WholeOutcome | undefined> {
  const format = request.response_format
  if (format === undefined || format.type === 'text') return undefined
  if (enforced) {
    verdicts.push({
      check: SCHEMA_CHECK,
      outcome: 'skipped',
      detail: 'the engine enforces the schema itself',
    })
    return undefined
  }
  const schema = format.type === 'json_schema' ? format.json_schema.schema : undefined
  let checked = 0
  for (const choice of choices) {
    const reason = cutOff(choice) ?? (choice.calls.length > 0 ? 'the answer calls tools' : undefined)
    if (reason !== undefined) {
      verdicts.push({ check: SCHEMA_CHECK, outcome: 'skipped', detail: reason })
      continue
    }
    checked++
    const finding = await schemas.validate(
      begunBy(request) + choice.content,
      schema,
      format.type === 'json_object',
    )
    if (finding.type === 'valid') continue
    verdicts.push({ check: SCHEMA_CHECK, outcome: 'failed', detail: faultOf(finding) })
    return unmet('schema_unmet', 'The answer does not meet response_format', finding, JSON_ADVICE)
  }
  if (checked > 0) verdicts.push({ check: SCHEMA_CHECK, outcome: 'passed' })
  return undefined
}

/** What the answer goes on from, where the caller says so (vLLM's field): the JSON begins there. */
function begunBy(request: ChatRequest): string {
  const last = request.messages.at(-1)
  const goesOn = request['continue_final_message'] === true && last?.role === 'assistant'
  return goesOn && typeof last.content === 'string' ? last.content : ''
}

const JSON_ADVICE =
  'Answer again with nothing but one JSON value that meets the schema: no explanation, no code fence.'
const TOOL_ADVICE = 'Call the tool again with corrected arguments: one JSON object that meets its parameters.'

async function checkTools(
  { request, schemas }: WholeParts,
  choices: readonly AssembledChoice[],
  verdicts: Verdict[],
): Promise<WholeOutcome | undefined> {
  let checked = 0
  for (const choice of choices) {
    const reason = cutOff(choice)
    if (reason !== undefined) {
      if (choice.calls.length > 0) verdicts.push({ check: TOOL_CHECK, outcome: 'skipped', detail: reason })
      continue
    }
    const misused = misuse(request, choice.calls)
    if (misused !== undefined) {
      verdicts.push({ check: TOOL_CHECK, outcome: 'failed', detail: misused })
      return unmet(
        'tool_arguments_invalid',
        'The answer uses its tools wrongly',
        { type: 'invalid', errors: [misused] },
        '',
      )
    }
    for (const call of choice.calls) {
      checked++
      const finding = await checkCall(request, call, schemas)
      if (finding.type === 'valid') continue
      verdicts.push({ check: TOOL_CHECK, outcome: 'failed', detail: `${call.name}: ${faultOf(finding)}` })
      const what = `The arguments of the tool call ${JSON.stringify(call.name)} are invalid`
      return unmet('tool_arguments_invalid', what, finding, TOOL_ADVICE)
    }
  }
  if (checked > 0) verdicts.push({ check: TOOL_CHECK, outcome: 'passed' })
  return undefined
}

/** What the calls do against the request's `tools`, `tool_choice` and `parallel_tool_calls`, in words. */
function misuse(request: ChatRequest, calls: readonly AssembledCall[]): string | undefined {
  const choice = request.tool_choice
  const names = (request.tools ?? []).map((tool) => tool.function.name)
  if (calls.length === 0) {
    const must = names.length > 0 && (choice === 'required' || typeof choice === 'object')
    if (!must) return undefined
    const which = typeof choice === 'object' ? `the tool ${JSON.stringify(choice.function.name)}` : 'a tool'
    return `tool_choice demands a call of ${which} and the answer makes none`
  }
  if (choice === 'none') return 'tool_choice is none and the answer calls a tool'
  if (request.parallel_tool_calls === false && calls.length > 1) {
    return `parallel_tool_calls is false and the answer makes ${calls.length} calls`
  }
  for (const { name } of calls) {
    if (!names.includes(name)) {
      const offered =
        names.length === 0 ? 'none was offered' : `offered are: ${names.slice(0, MAX_NAMED).join(', ')}`
      return `there is no tool ${JSON.stringify(name.slice(0, MAX_NAME_CHARS))}; ${offered}`
    }
    if (typeof choice === 'object' && name !== choice.function.name) {
      return `tool_choice demands ${JSON.stringify(choice.function.name)} and the answer calls ${JSON.stringify(name)}`
    }
  }
  return undefined
}

const MAX_NAMED = 20
const MAX_NAME_CHARS = 128

function checkCall(request: ChatRequest, call: AssembledCall, schemas: SchemaChecks): Promise<SchemaFinding> {
  const tool = request.tools?.find((one) => one.function.name === call.name)
  // A tool without parameters is often called with no text at all, which means an empty object.
  const text = call.arguments.trim() === '' ? '{}' : call.arguments
  return schemas.validate(text, tool?.function.parameters, true)
}

function faultOf(finding: Exclude<SchemaFinding, { type: 'valid' }>): string {
  return finding.type === 'invalid' ? finding.errors.join('; ') : finding.message
}

function unmet(
  code: 'schema_unmet' | 'tool_arguments_invalid',
  what: string,
  finding: Exclude<SchemaFinding, { type: 'valid' }>,
  advice: string,
): WholeOutcome {
  const fault = faultOf(finding)
  if (finding.type === 'unchecked') {
    const problem: Problem = {
      // Not retryable: the answer has been paid for, and another one would meet the same full queue.
      code: finding.reason === 'busy' || finding.reason === 'crashed' ? 'check_unavailable' : code,
      message: `The answer could not be checked: ${fault}`,
    }
    return { type: 'unmet', problem, advice: '' }
  }
  return {
    type: 'unmet',
    problem: { code, message: `${what}: ${fault}. Ask again, or use a stronger model.` },
    advice: `${what}: ${fault}. ${advice}`.trim(),
  }
}
