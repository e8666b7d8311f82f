import { isObject } from './json.ts'
import { CALL_CLOSES, CALL_OPENS } from './reply.ts'

/**
 * What has been read so far, in order. A call begins with `call`, its arguments follow in pieces, and `call-end` says
 * that it is whole. `index` counts the calls from 0.
 */
export type AnswerPiece =
  | { readonly type: 'content'; readonly text: string }
  | { readonly type: 'call'; readonly index: number; readonly id: string; readonly name: string }
  | { readonly type: 'arguments'; readonly index: number; readonly text: string }
  | { readonly type: 'call-end'; readonly index: number }

/**
 * Reads an answer as it is said: text, and calls as `compileReply` has them written. Text is given on as soon as it
 * cannot be the beginning of `<tool_call>`, and arguments as soon as it is known whose they are.
 *
 * A model that no grammar holds may write a call otherwise: with other spaces, or the arguments first. Such a call is
 * given on once it is whole; and what is no call at all is given on as the text that it is.
 */
export class ToolCallReader {
  readonly #newId: () => string
  #held = ''
  #state: 'text' | 'head' | 'arguments' | 'tail' = 'text'
  #calls = 0
  #scan = new ObjectScan()

  /** `newId` makes the id of a call. */
  constructor(newId: () => string) {
    this.#newId = newId
  }

  /** How many calls have begun. */
  get calls(): number {
    return this.#calls
  }

  read(text: string): readonly AnswerPiece[] {
    this.#held += text
    const pieces: AnswerPiece[] = []
    while (this.#step(pieces));
    return pieces
  }

  /** What is left when nothing more is said. `cut`: in the middle of a call, whose arguments are not whole. */
  end(): { readonly pieces: readonly AnswerPiece[]; readonly cut: boolean } {
    const held = this.#held
    const state = this.#state
    this.#held = ''
    this.#state = 'text'
    if (state === 'tail') return { pieces: [{ type: 'call-end', index: this.#calls - 1 }], cut: false }
    if (state === 'arguments') return { pieces: [], cut: true }
    const text = state === 'head' ? CALL_OPENS + held : held
    const isBlank = this.#calls > 0 && text.trim() === ''
    return { pieces: text === '' || isBlank ? [] : [{ type: 'content', text }], cut: state === 'head' }
  }

  /** One step ahead; false where more must be said first. */
  #step(pieces: AnswerPiece[]): boolean {
    switch (this.#state) {
      case 'text':
        return this.#text(pieces)
      case 'head':
        return this.#head(pieces)
      case 'arguments':
        return this.#arguments(pieces)
      case 'tail':
        return this.#tail(pieces)
    }
  }

  #text(pieces: AnswerPiece[]): boolean {
    // Between calls stands nothing but space.
    if (this.#calls > 0) this.#held = this.#held.trimStart()
    const at = this.#held.indexOf(CALL_OPENS)
    const end = at === -1 ? this.#held.length - heldBack(this.#held) : at
    if (end > 0) pieces.push({ type: 'content', text: this.#held.slice(0, end) })
    this.#held = this.#held.slice(at === -1 ? end : end + CALL_OPENS.length)
    if (at !== -1) this.#state = 'head'
    return at !== -1
  }

  #head(pieces: AnswerPiece[]): boolean {
    const match = HEAD.exec(this.#held)
    if (match !== null) {
      this.#begin(nameOf(match[1] ?? '""'), pieces)
      this.#held = this.#held.slice(match[0].length)
      this.#state = 'arguments'
      this.#scan = new ObjectScan()
      return true
    }
    const end = this.#held.indexOf(CALL_CLOSES)
    if (end === -1 && this.#held.length < MAX_HELD_CHARS) return false
    const body = end === -1 ? this.#held : this.#held.slice(0, end)
    const call = end === -1 ? undefined : callIn(body)
    this.#held = end === -1 ? '' : this.#held.slice(end + CALL_CLOSES.length)
    this.#state = 'text'
    if (call === undefined) {
      pieces.push({ type: 'content', text: CALL_OPENS + body + (end === -1 ? '' : CALL_CLOSES) })
      return true
    }
    this.#begin(call.name, pieces)
    const index = this.#calls - 1
    pieces.push({ type: 'arguments', index, text: call.arguments }, { type: 'call-end', index })
    return true
  }

  #begin(name: string, pieces: AnswerPiece[]): void {
    pieces.push({ type: 'call', index: this.#calls, id: this.#newId(), name })
    this.#calls += 1
  }

  #arguments(pieces: AnswerPiece[]): boolean {
    const length = this.#scan.read(this.#held)
    if (length > 0) {
      pieces.push({ type: 'arguments', index: this.#calls - 1, text: this.#held.slice(0, length) })
    }
    this.#held = this.#held.slice(length)
    if (!this.#scan.isWhole) return false
    this.#state = 'tail'
    return true
  }

  #tail(pieces: AnswerPiece[]): boolean {
    const end = this.#held.indexOf(CALL_CLOSES)
    if (end === -1 && this.#held.length < MAX_HELD_CHARS) return false
    pieces.push({ type: 'call-end', index: this.#calls - 1 })
    this.#held = end === -1 ? '' : this.#held.slice(end + CALL_CLOSES.length)
    this.#state = 'text'
    return true
  }
}

/** A call that is not read as it is said may be so long; past that it is taken for text. */
const MAX_HELD_CHARS = 65_536

/** The usual form, up to the brace that opens the arguments. */
const HEAD = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)/

/** How many characters at the end may be the beginning of a call. */
function heldBack(text: string): number {
  for (let length = Math.min(CALL_OPENS.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(CALL_OPENS.slice(0, length))) return length
  }
  return 0
}

function nameOf(literal: string): string {
  const name = parsed(literal)
  return typeof name === 'string' ? name : literal
}

function callIn(body: string): { readonly name: string; readonly arguments: string } | undefined {
  const value = parsed(body)
  if (!isObject(value) || typeof value['name'] !== 'string') return undefined
  const given = value['arguments'] ?? value['parameters'] ?? {}
  return { name: value['name'], arguments: typeof given === 'string' ? given : JSON.stringify(given) }
}

/** Undefined where it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Finds the end of a JSON object, piece by piece. */
class ObjectScan {
  #depth = 0
  #inText = false
  #escaped = false
  isWhole = false

  /** How many characters of this piece belong to the object. */
  read(piece: string): number {
    for (let at = 0; at < piece.length; at++) {
      if (this.isWhole) return at
      this.#see(piece[at] ?? '')
    }
    return piece.length
  }

  #see(char: string): void {
    if (this.#escaped) this.#escaped = false
    else if (this.#inText) {
      if (char === '\\') this.#escaped = true
      else if (char === '"') this.#inText = false
    } else if (char === '"') this.#inText = true
    else if (char === '{' || char === '[') this.#depth += 1
    else if (char === '}' || char === ']') {
      this.#depth -= 1
      this.isWhole = this.#depth === 0
    }
  }
}
