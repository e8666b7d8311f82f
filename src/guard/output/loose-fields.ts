import { isMedia } from '../media.ts'
import type { TextScanner } from './text-scanner.ts'

/**
 * DESIGN. What a message holds beside its known texts: tool calls with their arguments, reasoning details,
 * images, annotations, audio transcripts and whatever an engine invents. Each string in it is a stream of its
 * own, told apart by its path (the elements of a list by their `index`, where they have one), and has a
 * scanner: for secrets, and for links too where it is text for people. What a scanner holds back leaves with
 * the next piece of the same string, or at the end in a copy of the value that it came in.
 *
 * Not looked at, by design: identifiers and types; signatures and encrypted reasoning, which the engine makes
 * and checks itself; media by value; the targets of citations and annotations, which are links to click.
 */
export interface LooseRules {
  /** A scanner for one string; `shown`: it is text for people, so links count as well. */
  scanner(shown: boolean): TextScanner
  /** What must stand in place of an image's address; undefined where it may stay. */
  replaceImage(address: string): string | undefined
}

export class LooseFields {
  readonly #rules: LooseRules
  readonly #streams = new Map<string, Stream>()

  constructor(rules: LooseRules) {
    this.#rules = rules
  }

  get holds(): boolean {
    for (const { scanner } of this.#streams.values()) if (scanner.held > 0) return true
    return false
  }

  /** The value as it may leave: the same one where nothing changed. `last`: no piece of its strings follows. */
  take(field: string, value: unknown, last: boolean): unknown {
    return mapStrings(value, { path: field, key: field, depth: 0 }, (text, place) => {
      if (isExempt(text, place)) return text
      const replaced = isImage(text, place) ? this.#rules.replaceImage(text) : undefined
      return replaced ?? this.#push(text, field, value, place, last)
    })
  }

  /** What is still held back, each as the value of a field. */
  flush(): Readonly<Record<string, unknown>>[] {
    const rest: Record<string, unknown>[] = []
    for (const [path, { scanner, field, mould }] of this.#streams) {
      if (scanner.held === 0) continue
      const text = scanner.flush()
      const value = mapStrings(mould, { path: field, key: field, depth: 0 }, (whole, place) => {
        if (place.path === path) return text
        return isExempt(whole, place) ? whole : ''
      })
      rest.push({ [field]: field === 'tool_calls' ? withoutNames(value) : value })
    }
    return rest
  }

  #push(text: string, field: string, mould: unknown, place: Place, last: boolean): string {
    const known = this.#streams.get(place.path)
    const scanner = known?.scanner ?? this.#rules.scanner(SHOWN.has(place.key))
    const screened = pushed(scanner, text)
    // Past the bound a string is one piece and no stream.
    if (last || (known === undefined && this.#streams.size >= MAX_STREAMS)) return screened + scanner.flush()
    this.#streams.set(place.path, { scanner, field, mould })
    return screened
  }
}

const MAX_STREAMS = 1024
const MAX_DEPTH = 64
const REMOTE = /^\s*(?:[a-z][a-z0-9+.-]*:|[\\/]{2})/i
/** Keys under which engines put text that people read. */
const SHOWN = new Set(['text', 'thinking', 'reasoning', 'summary', 'transcript', 'content', 'refusal'])
const IDENTIFIERS = new Set(['id', 'type', 'object', 'format', 'role', 'call_id', 'tool_call_id'])
const OPAQUE = new Set(['signature', 'thought_signature', 'encrypted_content', 'data', 'b64_json'])
const NO_BASE64 = /[^A-Za-z0-9+/=_\-\r\n]/

interface Stream {
  readonly scanner: TextScanner
  readonly field: string
  /** The latest value of the field that held a piece of the string. */
  readonly mould: unknown
}

interface Place {
  readonly path: string
  readonly key: string
  readonly depth: number
}

function isExempt(text: string, { path, key }: Place): boolean {
  if (text === '' || IDENTIFIERS.has(key)) return true
  if (key === 'name' && CALLED.test(path)) return true
  return (OPAQUE.has(key) && !NO_BASE64.test(text)) || (key === 'url' && isMedia(text))
}

function isImage(text: string, { path }: Place): boolean {
  return path.includes('image') && REMOTE.test(text)
}

/** The name of the function in a call. */
const CALLED = /^(?:tool_calls\[[^\]]*\]\.function|function_call)\.name$/

function pushed(scanner: TextScanner, text: string): string {
  if (!scanner.isPlain(text)) return scanner.push(text)
  scanner.pass(text)
  return text
}

/** A call's name and id have left already; a second time they would be appended to the first. */
function withoutNames(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  return value.flatMap((call: unknown) => {
    if (typeof call !== 'object' || call === null || !('function' in call)) return []
    const called = call.function
    if (typeof called !== 'object' || called === null || !('arguments' in called)) return []
    const index = 'index' in call ? { index: call.index } : {}
    return [{ ...index, function: { arguments: called.arguments } }]
  })
}

/** A copy with every string mapped, which shares what did not change. Nothing is this deep; if so, it goes. */
function mapStrings(value: unknown, place: Place, map: (text: string, place: Place) => string): unknown {
  if (typeof value === 'string') return map(value, place)
  if (typeof value !== 'object' || value === null) return value
  if (place.depth === MAX_DEPTH) return null
  const depth = place.depth + 1
  if (Array.isArray(value)) {
    let list: unknown[] | undefined
    for (const [at, item] of value.entries()) {
      const path = `${place.path}[${indexOf(item) ?? at}]`
      const mapped = mapStrings(item, { path, key: place.key, depth }, map)
      if (mapped === item) continue
      list ??= [...value]
      list[at] = mapped
    }
    return list ?? value
  }
  let changed: [string, unknown][] | undefined
  for (const [at, [key, item]] of Object.entries(value).entries()) {
    const mapped = mapStrings(item, { path: `${place.path}.${key}`, key, depth }, map)
    if (mapped === item) continue
    changed ??= Object.entries(value)
    changed[at] = [key, mapped]
  }
  return changed === undefined ? value : Object.fromEntries(changed)
}

function indexOf(item: unknown): number | undefined {
  if (typeof item !== 'object' || item === null || !('index' in item)) return undefined
  return typeof item.index === 'number' ? item.index : undefined
}
