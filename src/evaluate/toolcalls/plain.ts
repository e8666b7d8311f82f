import {
  type Entries,
  isWordStart,
  readAlone,
  readValue,
  readWord,
  type Value,
} from '../../lib/text/literal.ts'
import { nextChar, pastSpace, type Reading, readNow, Tape } from '../../lib/text/tape.ts'
import type { Call } from './ast-rule.ts'

/** `lossy`: there were arguments without a name, which such a reader drops. */
export interface PlainCalls {
  readonly calls: readonly Call[]
  readonly lossy: boolean
}

/**
 * DESIGN. What a plain server makes of a text: the base line that a rescue is measured against. It knows the four
 * clean forms that servers' own parsers and BFCL's handlers decode, whole and well-formed, with nothing around
 * them: a JSON object or list of `{"name", "arguments"|"parameters"}`, the list also as `{"tool_calls": […]}`;
 * such objects in `<tool_call>` tags, with text before them; a name and on the next line a JSON object; and
 * Python's `[f(a=1), g(b="x")]`, with or without its brackets, whose arguments have names. It checks nothing
 * against a schema and coerces nothing. BFCL's handlers drop arguments without a name: then a call is seen, but
 * not read.
 */
export function readPlainly(text: string, names: readonly string[]): PlainCalls | undefined {
  const trimmed = text.trim()
  return (
    readTagged(trimmed) ??
    readJson(trimmed) ??
    readNamed(trimmed, names) ??
    readNow(readPython(Tape.of(trimmed)))
  )
}

function readTagged(text: string): PlainCalls | undefined {
  const bodies = [...text.matchAll(/<tool_call>(.*?)(?:<\/tool_call>|$)/gs)]
  const calls: Call[] = []
  for (const [, body] of bodies) {
    const some = readJson((body ?? '').trim())
    if (some === undefined) return undefined
    calls.push(...some.calls)
  }
  return calls.length === 0 ? undefined : { calls, lossy: false }
}

function readJson(text: string): PlainCalls | undefined {
  const value = jsonValue(text)
  const listed = value?.kind === 'dict' && value.entries.size === 1 ? value.entries.get('tool_calls') : value
  const items = listed?.kind === 'list' ? listed.items : value === undefined ? [] : [value]
  const calls: Call[] = []
  for (const item of items) {
    const entries: Entries = item.kind === 'dict' ? item.entries : new Map()
    const name = entries.get('name')
    const held = entries.get('arguments') ?? entries.get('parameters')
    if (name?.kind !== 'string' || held?.kind !== 'dict') return undefined
    calls.push({ name: name.text, arguments: held.entries })
  }
  return calls.length === 0 ? undefined : { calls, lossy: false }
}

/** The value of a text that is valid JSON, with whole numbers told from others. */
export function jsonValue(text: string): Value | undefined {
  try {
    JSON.parse(text)
  } catch {
    // What is no JSON is read by the other forms.
    return undefined
  }
  return readNow(readAlone(Tape.of(text)))
}

/**
 * `names`: of the functions that were offered. Where the token before a call is lost, its name is glued to a
 * text.
 */
function readNamed(text: string, names: readonly string[]): PlainCalls | undefined {
  for (const match of text.matchAll(/([\w$][\w.$-]*)\n(?=\{)/g)) {
    const [line, written = ''] = match
    const name = names
      .flatMap((one) => [one, one.replaceAll('.', '_')])
      .find((one) => written === one || written.endsWith(`.${one}`))
    const value = name === undefined ? undefined : jsonValue(text.slice(match.index + line.length))
    if (name === undefined || value?.kind !== 'dict') continue
    return { calls: [{ name, arguments: value.entries }], lossy: false }
  }
  return undefined
}

function* readPython(tape: Tape): Reading<PlainCalls | undefined> {
  const bracketed = (yield* nextChar(tape)) === '['
  if (bracketed) tape.at++
  const calls: Call[] = []
  let lossy = false
  for (;;) {
    const char = yield* pastSpace(tape)
    const name = isWordStart(char) ? yield* readWord(tape) : undefined
    const held = name === undefined || (yield* nextChar(tape)) !== '(' ? undefined : yield* readKeywords(tape)
    if (name === undefined || held === undefined) return undefined
    lossy ||= held.lossy
    calls.push({ name, arguments: held.named })
    const after = yield* pastSpace(tape)
    if (after !== ',') break
    tape.at++
    if (bracketed && (yield* pastSpace(tape)) === ']') break
  }
  if (bracketed && (yield* pastSpace(tape)) === ']') tape.at++
  return (yield* pastSpace(tape)) === '' ? { calls, lossy } : undefined
}

interface Keywords {
  readonly named: Map<string, Value>
  lossy: boolean
}

function* readKeywords(tape: Tape): Reading<Keywords | undefined> {
  tape.at++
  const keywords: Keywords = { named: new Map(), lossy: false }
  for (;;) {
    const char = yield* pastSpace(tape)
    if (char === ')') break
    const value = yield* readValue(tape)
    if (value === undefined) return undefined
    if (value.kind === 'word' && (yield* pastSpace(tape)) === '=') {
      tape.at++
      const held = yield* readValue(tape)
      if (held === undefined || keywords.named.has(value.text)) return undefined
      keywords.named.set(value.text, held)
    } else keywords.lossy = true
    const after = yield* pastSpace(tape)
    if (after === ')') break
    if (after !== ',') return undefined
    tape.at++
  }
  tape.at++
  return keywords
}
