import type { Problem } from '../contract/problem.ts'

/*
 * DESIGN. The path speaks of the fields of Chat Completions. Here they get the names that they have in the language of
 * the caller: in `param`, and where a message names the one field that two dialects call otherwise. No other word of a
 * message is touched, since it may be an ordinary one (`messages`, `tools`).
 */
type Names = readonly (readonly [RegExp, string])[]

const RESPONSES: Names = [
  // Where a message stands is not where its item does.
  [/^messages\b.*$/, 'input'],
  [/^response_format(?:\.json_schema)?\b/, 'text.format'],
  [/^max_(?:completion_)?tokens$/, 'max_output_tokens'],
  [/^reasoning_effort$/, 'reasoning.effort'],
  [/^(tools\[\d+\])\.function\b/, '$1'],
]

const MESSAGES: Names = [
  [/^response_format(?:\.json_schema)?\b/, 'output_config.format'],
  [/^(tools\[\d+\])\.function\.parameters\b/, '$1.input_schema'],
]

const FORMAT = /\bresponse_format(?:\.json_schema)?\b/g

/** A problem of the path's, in the words of OpenAI's Responses. */
export function namedInResponses(problem: Problem): Problem {
  return named(problem, RESPONSES, 'text.format')
}

/** The same in the words of Anthropic's Messages. */
export function namedInMessages(problem: Problem): Problem {
  return named(problem, MESSAGES, 'output_config.format')
}

function named(problem: Problem, names: Names, format: string): Problem {
  const message = problem.message.replaceAll(FORMAT, format)
  if (problem.param === undefined) return { ...problem, message }
  let { param } = problem
  for (const [pattern, name] of names) param = param.replace(pattern, name)
  return { ...problem, message, param }
}
