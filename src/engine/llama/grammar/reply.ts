import type { ChatRequest } from '../../../contract/chat.ts'
import type { GrammarBounds } from './bounds.ts'
import { ALL_CHARS, charSet, minus } from './chars.ts'
import { compileWith, type Draft } from './compile.ts'
import { isObject } from './json.ts'
import { type Compiled, GivenUp, type Refused } from './outcome.ts'
import { EMPTY, oneOf, type Parts, text } from './rules.ts'

/** What of a request bears on the form of its answer. */
export type Formed = Pick<ChatRequest, 'tools' | 'tool_choice' | 'parallel_tool_calls' | 'response_format'>

type Tool = NonNullable<ChatRequest['tools']>[number]

export const CALL_OPENS = '<tool_call>'
export const CALL_CLOSES = '</tool_call>'

/**
 * The grammar of an answer: a JSON value, tool calls, or text; undefined where the request leaves its form open.
 *
 * DESIGN. A call is written as Hermes and Qwen models are taught to write it, which is also the easiest to read back:
 * `<tool_call>`, a line with `{"name": …, "arguments": {…}}`, `</tool_call>`. With `tool_choice` `auto` the answer is
 * text, or calls, or text and then calls: models say what they are about to do, and think aloud, before they call.
 * Text ends where `<tool_call>` begins, since nothing else may follow that word; so the grammar always knows which of
 * the two it is in, and text that only looks like the beginning of a call (`<tool`) stays text. Beside a
 * `response_format`, the answer is the JSON value or calls, and no text. `required` leaves calls alone, and so does a
 * named function, of which there is exactly one call.
 */
export function compileReply(
  request: Formed,
  bounds: Partial<GrammarBounds> = {},
): Compiled | Refused | undefined {
  const choice = request.tool_choice ?? 'auto'
  const tools = choice === 'none' ? [] : (request.tools ?? [])
  const isPlain = (request.response_format?.type ?? 'text') === 'text'
  if (tools.length === 0 && isPlain) return undefined
  return compileWith(bounds, (draft) => {
    if (tools.length === 0) return value(request, draft)
    if (typeof choice === 'object')
      return [...text(CALL_OPENS), ...namedCall(tools, choice.function.name, draft)]
    const opened = calls(request, tools, draft)
    const whole = [...text(CALL_OPENS), ...opened]
    if (choice === 'required') return whole
    return isPlain
      ? textOrCalls(opened, draft)
      : (draft.rules.choice([value(request, draft), whole]) ?? EMPTY)
  })
}

function value({ response_format: format }: Formed, draft: Draft): Parts {
  if (format?.type !== 'json_schema') return draft.value({ type: 'object' }, '/response_format')
  return draft.value(format.json_schema.schema ?? true, '/response_format/json_schema/schema')
}

/** One call, or several where they are allowed; without the word that opens the first. */
function calls({ parallel_tool_calls: parallel }: Formed, tools: readonly Tool[], draft: Draft): Parts {
  const { rules } = draft
  const one = rules.choice(tools.map((tool, index) => call(tool, index, draft))) ?? EMPTY
  const most = parallel === false ? 1 : draft.bounds.calls
  let rest: Parts = EMPTY
  for (let count = 1; count < most; count++) {
    rest = rules.choice([EMPTY, [...text(`\n${CALL_OPENS}`), ...one, ...rest]]) ?? EMPTY
  }
  return [...one, ...rest]
}

function namedCall(tools: readonly Tool[], name: string, draft: Draft): Parts {
  const index = tools.findIndex((tool) => tool.function.name === name)
  const tool = tools[index]
  if (tool !== undefined) return call(tool, index, draft)
  const why = `there is no tool ${JSON.stringify(name)} among those that are offered`
  throw new GivenUp({ keyword: 'tool_choice', pointer: '/tool_choice/function/name', why })
}

/** What follows the word that opens a call. */
function call({ function: { name, parameters } }: Tool, index: number, draft: Draft): Parts {
  const place = `/tools/${index}/function/parameters`
  return [
    ...text(`\n{"name": ${JSON.stringify(name)}, "arguments": `),
    ...argumentsOf(parameters, place, draft),
    ...text(`}\n${CALL_CLOSES}`),
  ]
}

/** Arguments are an object, whether or not the schema says so; without a schema there are none. */
function argumentsOf(parameters: unknown, place: string, draft: Draft): Parts {
  if (parameters === undefined) return text('{}')
  if (!isObject(parameters)) return draft.value(parameters, place)
  const { type = 'object' } = parameters
  if (type === 'object' || (Array.isArray(type) && type.includes('object'))) {
    return draft.value({ ...parameters, type: 'object' }, place)
  }
  const why = 'the arguments of a function are an object: set its type to "object"'
  throw new GivenUp({ keyword: 'type', pointer: `${place}/type`, why })
}

/**
 * Text in which `<tool_call>` does not occur, then calls or the end. A state for each number of characters of that word
 * that have just been said; its first character occurs in it only once, so a text that breaks off begins anew with it.
 */
function textOrCalls(opened: Parts, { rules }: Draft): Parts {
  const word = [...CALL_OPENS]
  const [opening = ''] = word
  const states = rules.open(word.length, (selves) =>
    word.map((char, said) => {
      const next = selves[said + 1]
      const options: Parts[] = [EMPTY, [...text(char), ...(next === undefined ? opened : [next])]]
      if (said > 0) options.push([...text(opening), selves[1] ?? ''])
      const others = [char, opening].map((one) => one.codePointAt(0) ?? 0)
      const rest = minus(ALL_CHARS, charSet([0, ...others].map((code) => [code, code])))
      options.push([oneOf(rest), selves[0] ?? ''])
      return options
    }),
  )
  return states.slice(0, 1)
}
