import type { ChatRequest } from '../../contract/chat.ts'
import type { Step } from '../../contract/escalation.ts'
import { isRepeated, type Task, taskOf } from '../../contract/task.ts'

/** Of a result, from its beginning and its end each: where tools say that they failed. UTF-16 units. */
const LOOKED_CHARS = 400
/** A longer result is not read as JSON, and of longer arguments only their ends are looked at. */
const JSON_CHARS = 20_000

/** What a tool that failed says first, in the words of runtimes, shells and frameworks. */
const FAILURE =
  /^[\s"'[(<]*(?:tool[ _-]?|(?:fatal|uncaught|unhandled)\s+)?(?:error|exception|traceback|fatal|failed|failure|panic|uncaught|[A-Z]\w*(?:Error|Exception))\b(?!\W{0,3}0\b)/
/** What messages have behind that word, and neither file names (`error.ts`) nor headings (`Error handling`) have. */
const BEHIND =
  /(?:(?:\s+(?:code\s+)?\d{3})?(?:\s*[:(>]|\s*[-–—]\s|\.?[ \t]*(?:[\r\n]|$))|\s+(?:to|in thread|executing|calling|running|reading|writing|opening|loading|fetching)\b)/
const FAILED = new RegExp(FAILURE.source + BEHIND.source, 'i')
/** A command's own verdict, wherever in its first or last words. */
const EXITED = /\b(?:exit(?:ed with)?|return(?:ed)?)[ _]?(?:code|status)\W{0,3}(?!0\b)-?\d+/i
const BAD_WORDS: ReadonlySet<unknown> = new Set(['error', 'failed', 'failure'])

/** The step of an agent that this request asks for, with its task; undefined where it asks for none. */
export function stepOf(request: ChatRequest): { readonly step: Step; readonly task: Task } | undefined {
  const task = taskOf(request)
  if (task === undefined) return undefined
  const failed = failureOf(task, request)
  const number = task.steps.length + 1
  return { task, step: failed === undefined ? { number } : { number, failed } }
}

/** How the step before this one failed, as far as code can see. */
function failureOf({ steps, results }: Task, { tools = [] }: ChatRequest): Step['failed'] {
  const last = steps.at(-1) ?? []
  const known = new Set(tools.map((tool) => tool.function.name))
  // A request that offers no tools any more, as for a last word, does not say which there were.
  const unknown = (name: string): boolean => known.size > 0 && !known.has(name)
  if (last.some((call) => unknown(call.name) || !isObject(call.arguments))) return 'invalid'
  if (results.some(saysError)) return 'error'
  return isRepeated(last, steps.slice(0, -1)) ? 'repeat' : undefined
}

function isObject(json: string): boolean {
  // An empty text is how some engines write a call without arguments.
  const text = json.trim()
  if (text.length > JSON_CHARS) return text.startsWith('{') && text.endsWith('}')
  const value = text === '' ? {} : parsed(text)
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function saysError(result: string): boolean {
  const [head, tail] = [result.slice(0, LOOKED_CHARS), result.slice(-LOOKED_CHARS)]
  if (FAILED.test(head) || EXITED.test(head) || EXITED.test(tail)) return true
  if (result.length > JSON_CHARS || !/^\s*\{/.test(result)) return false
  const value = parsed(result)
  if (typeof value !== 'object' || value === null) return false
  const of = (name: string): unknown => Reflect.get(value, name)
  const error = of('error')
  const told = error !== undefined && error !== null && error !== false && error !== ''
  return (
    told ||
    of('isError') === true ||
    of('success') === false ||
    of('ok') === false ||
    BAD_WORDS.has(of('status'))
  )
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // What is no JSON is no object, which is what is asked.
    return undefined
  }
}
