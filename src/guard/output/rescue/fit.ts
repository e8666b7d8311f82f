import type { Entries, Value } from '../../../lib/text/literal.ts'
import { type Fitting, fitValue } from './fit-value.ts'
import { isArgumentKey } from './object-calls.ts'
import type { ToolShape } from './offered.ts'
import { allowsOthers, propertiesOf, requiredOf } from './parameters.ts'

/** A call as it was printed: its tool, and what stood between its brackets. */
export interface PrintedCall {
  readonly tool: ToolShape
  readonly named: Entries
  readonly positional: readonly Value[]
}

/** A call that meets its tool's parameters. */
export interface FittedCall {
  readonly name: string
  /** One JSON object. */
  readonly arguments: string
  /** What had to be changed to fit, a kind for each change: `text to integer`. */
  readonly coercions: readonly string[]
}

/**
 * Holds a printed call against its tool's parameters: every required argument is there, none is unknown unless
 * the schema says that others may come, and each is of its type or becomes so without loss. Undefined where it
 * does not fit: nothing is made up. What a schema says beyond types (patterns, ranges, formats) is checked later,
 * as for a call that the model made itself. `take` bounds the work.
 */
export function fitCall(call: PrintedCall, take: () => boolean): FittedCall | undefined {
  const { tool } = call
  const schema = tool.parameters
  const named = withNames(call, schema)
  if (named === undefined) return undefined
  const properties = propertiesOf(schema)
  const required = requiredOf(schema)
  const fitting: Fitting = { root: schema, coercions: [], take }
  const fitted: string[] = []
  for (const [key, value] of named) {
    const property = properties.get(key)
    if (property === undefined && !allowsOthers(schema)) return undefined
    const json = fitValue(value, property ?? {}, fitting)
    if (json !== undefined) {
      fitted.push(`${JSON.stringify(key)}:${json}`)
      continue
    }
    // An optional argument that was set to nothing was not set.
    if (value.kind !== 'null' || required.includes(key)) return undefined
    fitting.coercions.push('null left out')
  }
  if (required.some((key) => !named.has(key))) return undefined
  return { name: tool.name, arguments: `{${fitted.join(',')}}`, coercions: fitting.coercions }
}

/** The arguments by name: as they were named, out of an object that holds them all, or in the order declared. */
function withNames({ named, positional }: PrintedCall, schema: object | undefined): Entries | undefined {
  const properties = propertiesOf(schema)
  const [first, ...more] = positional
  if (first === undefined) return unwrapped(named, properties)
  if (named.size > 0) return undefined
  if (more.length === 0 && first.kind === 'dict') {
    const known = [...first.entries.keys()].some((key) => properties.has(key))
    if (known || first.entries.size === 0 || allowsOthers(schema)) return first.entries
  }
  const names = positionsOf(schema)
  if (positional.length > names.length) return undefined
  return new Map(positional.map((value, at) => [names[at] ?? '', value]))
}

/** `f(params={…})`: the model took the word for all arguments as the name of one. */
function unwrapped(named: Entries, properties: ReadonlyMap<string, unknown>): Entries {
  const [only, ...more] = named
  if (only === undefined || more.length > 0) return named
  const [key, value] = only
  const wraps = isArgumentKey(key) && !properties.has(key) && value.kind === 'dict'
  return wraps ? value.entries : named
}

/**
 * The parameters that values without names can mean, in order. What JSON calls an object has no order, so it
 * counts only where it is stated twice: the required ones, listed as they stand, come first; or where there is
 * but one.
 */
function positionsOf(schema: object | undefined): readonly string[] {
  const names = [...propertiesOf(schema).keys()]
  const required = requiredOf(schema)
  if (names.length === 1) return names
  return required.every((key, at) => key === names[at]) ? required : []
}
