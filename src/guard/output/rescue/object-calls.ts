import { type DictWatch, type Entries, NULL, readAlone, type Value } from '../../../lib/text/literal.ts'
import { readNow, Tape } from '../../../lib/text/tape.ts'
import type { PrintedCall } from './fit.ts'
import type { OfferedTools, ToolShape } from './offered.ts'
import { propertiesOf } from './parameters.ts'

/** Keys under which models and frameworks put a call's name, its arguments, and lists of calls. */
const NAME_KEYS = [
  ...['name', 'function', 'function_name', 'tool', 'tool_name', 'action', 'func', 'api_name'],
  'recipient_name',
]
const ARGUMENT_KEYS = [
  ...['arguments', 'parameters', 'params', 'args', 'input', 'tool_input', 'action_input', 'kwargs'],
  ...['function_args', 'tool_args', 'tool_arguments', 'tool_parameters'],
]
/** True for a word that stands for all arguments of a call. */
export function isArgumentKey(key: string): boolean {
  return ARGUMENT_KEYS.includes(key)
}

const LIST_KEYS = ['tool_calls', 'function_calls', 'calls', 'tool_uses', 'actions']
const WRAPPING_KEYS = ['function', 'function_call', 'tool_call']
/** Beside a call they say nothing that a call has to keep; so does what a model thinks before it. */
const LABEL_KEYS = [
  ...['id', 'type', 'index', 'call_id', 'tool_call_id'],
  ...['thought', 'thoughts', 'reasoning', 'explanation'],
]
const CALL_TYPES = ['function', 'tool', 'tool_call', 'tool_use', 'function_call']

const FIRST_KEYS = new Set([...NAME_KEYS, ...ARGUMENT_KEYS, ...LIST_KEYS, ...WRAPPING_KEYS, ...LABEL_KEYS])

/** Ends the reading of an object as soon as it cannot be a call any more. One object's keys; not for a second. */
export class CallWatch implements DictWatch {
  readonly #offered: OfferedTools
  #first = true
  #named = false

  constructor(offered: OfferedTools) {
    this.#offered = offered
  }

  mayHave(key: string): boolean {
    const first = this.#first
    this.#first = false
    return !first || FIRST_KEYS.has(key) || this.#offered.resolve(key) !== undefined
  }

  mayBe(key: string, value: Value): boolean {
    if (this.#named) return true
    const text = textOf(value)
    if (key === 'type') return text !== undefined && CALL_TYPES.includes(text)
    if (!NAME_KEYS.includes(key) || text === undefined) return true
    this.#named = this.#offered.resolve(text) !== undefined
    return this.#named
  }

  /** Its last brace is the one that small models forget. Behind closed arguments nothing was to come but it. */
  mayEnd(value: Value): boolean {
    return this.#named && value.kind === 'dict'
  }
}

/** Nesting of the objects around a call at most. */
const MAX_WRAPS = 4

/**
 * The calls that an object is: a name beside arguments (`{"name", "arguments"}` and its likes, or the arguments
 * flat beside the name), an object or list of such under a key that says so, or tools' names with their arguments
 * as values. Undefined where it is none.
 */
export function callsOfObject(
  entries: Entries,
  offered: OfferedTools,
  wraps = 0,
): readonly PrintedCall[] | undefined {
  if (wraps >= MAX_WRAPS) return undefined
  const keys = [...entries.keys()].filter((key) => !LABEL_KEYS.includes(key))
  const [only] = keys
  if (only === undefined) return undefined
  const value = entries.get(only)
  if (keys.length === 1 && value !== undefined) {
    if (LIST_KEYS.includes(only) && value.kind === 'list')
      return callsOfItems(value.items, offered, wraps + 1)
    if (WRAPPING_KEYS.includes(only) && value.kind === 'dict') {
      return callsOfObject(value.entries, offered, wraps + 1)
    }
  }
  const named = namedCall(entries, offered)
  return named === undefined ? callsByName(entries, keys, offered) : [named]
}

function callsOfItems(
  items: readonly Value[],
  offered: OfferedTools,
  wraps = 0,
): readonly PrintedCall[] | undefined {
  const calls: PrintedCall[] = []
  for (const item of items) {
    const some = item.kind === 'dict' ? callsOfObject(item.entries, offered, wraps) : undefined
    if (some === undefined) return undefined
    calls.push(...some)
  }
  return calls.length === 0 ? undefined : calls
}

/** A call whose name is a value: its arguments stand under a key of their own, or flat beside it. */
function namedCall(entries: Entries, offered: OfferedTools): PrintedCall | undefined {
  for (const nameKey of NAME_KEYS) {
    const name = textOf(entries.get(nameKey))
    const tool = name === undefined ? undefined : offered.resolve(name)
    if (tool === undefined) continue
    const rest = [...entries].filter(([key]) => key !== nameKey && !LABEL_KEYS.includes(key))
    const [only] = rest
    if (only === undefined) return callOf(tool, new Map())
    const held = rest.length === 1 && ARGUMENT_KEYS.includes(only[0]) ? argumentsOf(only[1]) : undefined
    if (held !== undefined) return callOf(tool, held)
    return callOf(tool, new Map([...entries].filter(([key]) => key !== nameKey && !isLabel(key, tool))))
  }
  return undefined
}

function isLabel(key: string, { parameters }: ToolShape): boolean {
  return LABEL_KEYS.includes(key) && !propertiesOf(parameters).has(key)
}

function callsByName(
  entries: Entries,
  keys: readonly string[],
  offered: OfferedTools,
): readonly PrintedCall[] | undefined {
  const calls: PrintedCall[] = []
  for (const key of keys) {
    const tool = offered.resolve(key)
    const held = argumentsOf(entries.get(key) ?? NULL)
    if (tool === undefined || held === undefined) return undefined
    calls.push(callOf(tool, held))
  }
  return calls
}

/** The arguments that a value holds: an object, the text of one, or nothing. */
function argumentsOf(value: Value): Entries | undefined {
  if (value.kind === 'dict') return value.entries
  if (value.kind === 'null') return new Map()
  if (value.kind !== 'string') return undefined
  if (value.text.trim() === '') return new Map()
  const inner = readNow(readAlone(Tape.of(value.text)))
  return inner?.kind === 'dict' ? inner.entries : undefined
}

export function callOf(tool: ToolShape, named: Entries, positional: readonly Value[] = []): PrintedCall {
  return { tool, named, positional }
}

function textOf(value: Value | undefined): string | undefined {
  return value?.kind === 'string' || value?.kind === 'word' ? value.text : undefined
}
