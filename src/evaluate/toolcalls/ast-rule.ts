import type { Entries, Value } from '../../lib/text/literal.ts'
import { isRecord } from './record.ts'
import type { Question, TrueCall } from './rows.ts'

/** A call that was read from an answer. */
export interface Call {
  readonly name: string
  readonly arguments: Entries
}

/**
 * BFCL's rule for right calls, by the abstract syntax tree ("AST evaluation"; Patil et al., Gorilla and the
 * Berkeley Function Calling Leaderboard, 2024). As many calls as the truth has, in any order, each matched once.
 * A call matches where its name is equal (dots and underscores alike, because APIs forbid the dot), every
 * required argument is there and every other that the truth does not let be left out, none is there that the
 * function or the truth does not know, and each value is of its type and among those accepted. Where no call is
 * right, an answer is right without one.
 */
export function isRight(question: Question, calls: readonly Call[]): boolean {
  const truths = question.ground_truth
  if (calls.length !== truths.length) return false
  const matches = truths.map((truth) => calls.map((call) => matchesCall(call, truth, question)))
  return pairsUp(matches)
}

/** Whether each row can have a column of its own among those it matches (Kuhn's augmenting paths). */
function pairsUp(matches: readonly (readonly boolean[])[]): boolean {
  const rowOf = new Map<number, number>()
  const place = (row: number, tried: Set<number>): boolean => {
    for (const [column, fits] of (matches[row] ?? []).entries()) {
      if (!fits || tried.has(column)) continue
      tried.add(column)
      const taken = rowOf.get(column)
      if (taken !== undefined && !place(taken, tried)) continue
      rowOf.set(column, row)
      return true
    }
    return false
  }
  return matches.every((_, row) => place(row, new Set()))
}

function matchesCall(call: Call, truth: TrueCall, question: Question): boolean {
  const [entry] = Object.entries(truth)
  if (entry === undefined) return false
  const [name, accepted] = entry
  const shape = question.function.find((one) => sameName(one.name, name))
  if (shape === undefined || !sameName(call.name, name)) return false
  const parameters: unknown = shape.parameters ?? {}
  const properties = memberOf(parameters, 'properties')
  const required = memberOf(parameters, 'required')
  const must = Array.isArray(required) ? required.map(String) : []
  if (must.some((key) => !call.arguments.has(key))) return false
  for (const [key, value] of call.arguments) {
    const property = memberOf(properties, key)
    const values = Object.hasOwn(accepted, key) ? accepted[key] : undefined
    if (property === undefined || values === undefined || !isAccepted(value, values, property)) return false
  }
  return Object.entries(accepted).every(([key, values]) => call.arguments.has(key) || values.includes(''))
}

function sameName(one: string, other: string): boolean {
  return one.replaceAll('.', '_') === other.replaceAll('.', '_')
}

function memberOf(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

type Kind = 'string' | 'integer' | 'float' | 'boolean' | 'list' | 'dict' | 'null'

/** BFCL's names of types; `any` is a text, as are names that it does not know. */
const KINDS: Readonly<Record<string, Kind>> = {
  ...{ string: 'string', any: 'string', integer: 'integer', float: 'float', number: 'float' },
  ...{ boolean: 'boolean', array: 'list', tuple: 'list', dict: 'dict', object: 'dict' },
}

function kindNamed(type: unknown): Kind {
  return (typeof type === 'string' && Object.hasOwn(KINDS, type) && KINDS[type]) || 'string'
}

function isAccepted(value: Value, accepted: readonly unknown[], property: unknown): boolean {
  const wanted = kindNamed(memberOf(property, 'type'))
  const inner = wanted === 'list' ? memberOf(memberOf(property, 'items'), 'type') : undefined
  const members = inner === undefined ? undefined : kindNamed(inner)
  const typed = typing(value, accepted, wanted, members)
  if (typed === 'wrong') return false
  if (typed === 'right') {
    if (wanted === 'dict') return accepted.some((one) => matchesDict(value, one))
    if (members === 'dict') return accepted.some((one) => matchesDicts(value, one))
    if (wanted === 'string' || wanted === 'list')
      return accepted.some((one) => equals(value, one, normalised))
  }
  return accepted.some((one) => equals(value, one, exactly))
}

/**
 * `right`: the value is of the type that the function wants. `variable`: of the type that the accepted values
 * have, where that is another: a variable's name in the place of a value.
 */
function typing(
  value: Value,
  accepted: readonly unknown[],
  wanted: Kind,
  members: Kind | undefined,
): 'right' | 'variable' | 'wrong' {
  const told = accepted.find((one) => one !== '')
  const other = told === undefined ? undefined : kindOfTruth(told)
  const kind = kindOf(value)
  const fits = kind === wanted || (wanted === 'float' && kind === 'integer')
  if (!fits) return kind === other ? 'variable' : 'wrong'
  const right = other === undefined || other === wanted || isNumeric(other, wanted) ? 'right' : 'variable'
  if (members === undefined || value.kind !== 'list') return right
  const { items } = value
  const listed = accepted.some(
    (one) => Array.isArray(one) && items.every((item) => typing(item, one, members, undefined) !== 'wrong'),
  )
  return listed ? right : 'wrong'
}

function isNumeric(other: Kind, wanted: Kind): boolean {
  return wanted === 'float' && other === 'integer'
}

function kindOf(value: Value): Kind {
  switch (value.kind) {
    case 'word':
    case 'raw':
      return 'string'
    case 'number':
      return /^-?\d+$/.test(value.text) ? 'integer' : 'float'
    default:
      return value.kind
  }
}

/** JSON keeps no point behind a whole number, so a float of the truth may look like an integer. */
function kindOfTruth(truth: unknown): Kind {
  if (typeof truth === 'number') return Number.isInteger(truth) ? 'integer' : 'float'
  if (typeof truth === 'string') return 'string'
  if (typeof truth === 'boolean') return 'boolean'
  if (truth === null) return 'null'
  return Array.isArray(truth) ? 'list' : 'dict'
}

type Normal = (text: string) => string

/** BFCL's: lower case, one kind of quote, and without blanks and the marks `,./-_*^`. */
const normalised: Normal = (text) =>
  text
    .replace(/[ ,./\-_*^]/g, '')
    .toLowerCase()
    .replaceAll("'", '"')
const exactly: Normal = (text) => text

function equals(value: Value, truth: unknown, normal: Normal): boolean {
  switch (value.kind) {
    case 'string':
    case 'word':
    case 'raw':
      return typeof truth === 'string' && normal(value.text) === normal(truth)
    case 'number':
      return typeof truth === 'number' && Number(value.text) === truth
    case 'boolean':
      return value.value === truth
    case 'null':
      return truth === null
    case 'list': {
      if (!Array.isArray(truth) || truth.length !== value.items.length) return false
      return value.items.every((item, at) => equals(item, truth[at], normal))
    }
    case 'dict': {
      if (!isRecord(truth) || Object.keys(truth).length !== value.entries.size) return false
      return [...value.entries].every(([key, item]) => equals(item, memberOf(truth, key), normal))
    }
  }
}

/** A dict by its members, each among its accepted values. */
function matchesDict(value: Value, truth: unknown): boolean {
  if (value.kind !== 'dict' || !isRecord(truth)) return false
  for (const [key, item] of value.entries) {
    const accepted = memberOf(truth, key)
    if (!Array.isArray(accepted) || !accepted.some((one) => equals(item, one, normalised))) return false
  }
  return Object.entries(truth).every(
    ([key, accepted]) => value.entries.has(key) || (Array.isArray(accepted) && accepted.includes('')),
  )
}

function matchesDicts(value: Value, truth: unknown): boolean {
  if (value.kind !== 'list' || !Array.isArray(truth) || truth.length !== value.items.length) return false
  return value.items.every((item, at) => matchesDict(item, truth[at]))
}
