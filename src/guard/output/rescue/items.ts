import {
  type Entries,
  isWordStart,
  readDict,
  readString,
  readValue,
  readWord,
  type Value,
} from '../../../lib/text/literal.ts'
import { hasEnded, nextChar, pastSpace, type Reading, readNow, Tape } from '../../../lib/text/tape.ts'
import type { PrintedCall } from './fit.ts'
import { isBracketMark } from './marks.ts'
import { CallWatch, callOf, callsOfObject } from './object-calls.ts'
import type { OfferedTools, ToolShape } from './offered.ts'

/** How calls are written: objects, Python's calls, or a name and then its arguments. */
export type Dialect = 'json' | 'python' | 'pair' | 'xml'

export interface PrintedCalls {
  readonly dialect: Dialect
  readonly calls: readonly PrintedCall[]
}

/** Nesting of lists around calls at most. */
const MAX_LIST_DEPTH = 3

/** The calls of an object, from its brace on. */
export function* readObject(tape: Tape, offered: OfferedTools): Reading<PrintedCalls | undefined> {
  const value = yield* readDict(tape, 0, new CallWatch(offered))
  const calls = value?.kind === 'dict' ? callsOfObject(value.entries, offered) : undefined
  return calls === undefined ? undefined : { dialect: 'json', calls }
}

/** Python's call, from the bracket behind its name on: `(a=1, b="x")`, `({"a": 1})`. */
export function* readArguments(tape: Tape, tool: ToolShape): Reading<PrintedCalls | undefined> {
  tape.at++
  const named = new Map<string, Value>()
  const positional: Value[] = []
  for (;;) {
    const char = yield* pastSpace(tape)
    if (char === ')') break
    const argument = char === '*' ? yield* readSpread(tape) : yield* readArgument(tape, char)
    if (argument === undefined) return undefined
    if (argument.type === 'positional') positional.push(argument.value)
    else {
      for (const [key, value] of argument.entries) {
        if (named.has(key)) return undefined
        named.set(key, value)
      }
    }
    const after = yield* pastSpace(tape)
    if (after === ')') break
    if (after !== ',') return undefined
    tape.at++
  }
  tape.at++
  return { dialect: 'python', calls: [callOf(tool, named, positional)] }
}

type Argument =
  | { readonly type: 'named'; readonly entries: Entries }
  | { readonly type: 'positional'; readonly value: Value }

function* readArgument(tape: Tape, char: string): Reading<Argument | undefined> {
  if (!isWordStart(char)) return positional(yield* readValue(tape))
  const value = yield* readValue(tape)
  // A keyword may be called like a literal or like a type; what it is called is all that counts.
  const key = value?.kind === 'word' ? value.text : undefined
  if (key === undefined || (yield* pastSpace(tape)) !== '=') return positional(value)
  return yield* readAssigned(tape, key)
}

function positional(value: Value | undefined): Argument | undefined {
  return value === undefined ? undefined : { type: 'positional', value }
}

/** What stands behind a keyword, from the sign on. */
function* readAssigned(tape: Tape, key: string): Reading<Argument | undefined> {
  tape.at++
  const value = yield* readValue(tape)
  return value === undefined ? undefined : { type: 'named', entries: new Map([[key, value]]) }
}

/** `**{"a": 1}` */
function* readSpread(tape: Tape): Reading<Argument | undefined> {
  for (let star = 0; star < 2; star++) {
    if ((yield* nextChar(tape)) !== '*') return undefined
    tape.at++
  }
  const value = yield* readValue(tape)
  return value?.kind === 'dict' ? { type: 'named', entries: value.entries } : undefined
}

/** One element of a list that may hold calls. */
type Element =
  | { readonly type: 'calls'; readonly printed: PrintedCalls }
  | { readonly type: 'name'; readonly tool: ToolShape }
  | { readonly type: 'keyword'; readonly entries: Entries }
  | { readonly type: 'object'; readonly entries: Entries }

/**
 * The calls of a list, from its bracket on: `[f(a=1), g(b=2)]`, `[{"name": …}]`, `["f", {…}]`, `[f, a=1]`,
 * `["f(a=1)"]`, and lists of these. The last bracket may be missing where the text ends.
 */
export function* readList(
  tape: Tape,
  offered: OfferedTools,
  close: string,
  depth = 0,
): Reading<PrintedCalls | 'mark' | undefined> {
  if (depth >= MAX_LIST_DEPTH) return undefined
  tape.at++
  const elements: Element[] = []
  for (;;) {
    const char = yield* pastSpace(tape)
    if (char === close) break
    if (char === '/' && elements.length === 0) return yield* readClosingMark(tape)
    const element = yield* readElement(tape, offered, char, elements, depth)
    if (element === 'mark' && close === ']' && depth === 0 && (yield* nextChar(tape)) === ']') {
      tape.at++
      return 'mark'
    }
    if (element === undefined || element === 'mark') return undefined
    elements.push(element)
    let after = yield* pastSpace(tape)
    // `[f, a=1)]`: the bracket belongs to a call whose other one was left out.
    if (after === ')' && element.type === 'keyword' && close === ']') {
      tape.at++
      after = yield* pastSpace(tape)
    }
    if (after === close) break
    if (after === '' && depth === 0 && hasEnded(tape)) break
    if (after !== ',' && after !== ';') return undefined
    tape.at++
  }
  if (!hasEnded(tape)) tape.at++
  return listed(elements, offered)
}

/** `[/TOOL_CALLS]`, from the slash on. */
function* readClosingMark(tape: Tape): Reading<'mark' | undefined> {
  tape.at++
  const word = yield* readWord(tape)
  if (word === undefined || !isBracketMark(word) || (yield* nextChar(tape)) !== ']') return undefined
  tape.at++
  return 'mark'
}

function* readElement(
  tape: Tape,
  offered: OfferedTools,
  char: string,
  before: readonly Element[],
  depth: number,
): Reading<Element | 'mark' | undefined> {
  switch (char) {
    case '{': {
      const first = before[0]?.type === 'name' ? undefined : new CallWatch(offered)
      const value = yield* readDict(tape, 0, first)
      return value?.kind === 'dict' ? { type: 'object', entries: value.entries } : undefined
    }
    case '[':
    case '(': {
      const printed = yield* readList(tape, offered, char === '[' ? ']' : ')', depth + 1)
      return printed === undefined || printed === 'mark' ? undefined : { type: 'calls', printed }
    }
    case '"':
    case "'": {
      const text = yield* readString(tape)
      return text === undefined ? undefined : elementOfText(text, offered)
    }
  }
  if (!isWordStart(char)) return undefined
  const word = yield* readWord(tape)
  if (word === undefined) return undefined
  const next = yield* pastSpace(tape)
  if (next === '=' && before[0]?.type === 'name') {
    const argument = yield* readAssigned(tape, word)
    return argument?.type === 'named' ? { type: 'keyword', entries: argument.entries } : undefined
  }
  const tool = offered.resolve(word)
  if (tool === undefined) return before.length === 0 && isBracketMark(word) ? 'mark' : undefined
  if (next !== '(') return { type: 'name', tool }
  const printed = yield* readArguments(tape, tool)
  return printed === undefined ? undefined : { type: 'calls', printed }
}

/** A text in a list is a tool's name, or calls that were put in quotes. */
function elementOfText(text: string, offered: OfferedTools): Element | undefined {
  const tool = offered.resolve(text.trim())
  if (tool !== undefined) return { type: 'name', tool }
  const calls = readNow(readQuoted(Tape.of(text), offered))
  return calls === undefined ? undefined : { type: 'calls', printed: { dialect: 'python', calls } }
}

function* readQuoted(tape: Tape, offered: OfferedTools): Reading<readonly PrintedCall[] | undefined> {
  const calls: PrintedCall[] = []
  for (;;) {
    const char = yield* pastSpace(tape)
    if (char === '') break
    if (calls.length > 0) {
      if (char !== ',' && char !== ';') return undefined
      tape.at++
      if ((yield* pastSpace(tape)) === '') break
    }
    const word = yield* readWord(tape)
    const tool = word === undefined ? undefined : offered.resolve(word)
    if (tool === undefined || (yield* pastSpace(tape)) !== '(') return undefined
    const printed = yield* readArguments(tape, tool)
    if (printed === undefined) return undefined
    calls.push(...printed.calls)
  }
  return calls.length === 0 ? undefined : calls
}

/** What the elements come to: a name with its arguments, or calls one beside the other. */
function listed(elements: readonly Element[], offered: OfferedTools): PrintedCalls | undefined {
  const [first, ...rest] = elements
  if (first === undefined) return undefined
  if (first.type === 'name') {
    const named = rest.length === 0 ? undefined : argumentsIn(rest)
    return named === undefined ? undefined : { dialect: 'pair', calls: [callOf(first.tool, named)] }
  }
  const calls: PrintedCall[] = []
  let dialect: Dialect = 'json'
  for (const element of elements) {
    if (element.type === 'calls') {
      dialect = element.printed.dialect
      calls.push(...element.printed.calls)
      continue
    }
    const some = element.type === 'object' ? callsOfObject(element.entries, offered) : undefined
    if (some === undefined) return undefined
    calls.push(...some)
  }
  return { dialect, calls }
}

/** One object, or keywords. */
function argumentsIn(elements: readonly Element[]): Entries | undefined {
  const [first] = elements
  if (first?.type === 'object') return elements.length === 1 ? first.entries : undefined
  const named = new Map<string, Value>()
  for (const element of elements) {
    if (element.type !== 'keyword') return undefined
    for (const [key, value] of element.entries) {
      if (named.has(key)) return undefined
      named.set(key, value)
    }
  }
  return named
}
