import { isWordStart, readDict, readWord, type Value } from '../../../lib/text/literal.ts'
import { nextChar, pastSpace, type Reading, readUntil, type Tape } from '../../../lib/text/tape.ts'
import { type FittedCall, fitCall } from './fit.ts'
import { type PrintedCalls, readArguments, readList, readObject } from './items.ts'
import { type Mark, readBracketMark, readTag } from './marks.ts'
import { callOf } from './object-calls.ts'
import type { OfferedTools, ToolShape } from './offered.ts'

/** Calls of one answer at most; a model that prints more runs in circles. */
export const MAX_CALLS = 128

/**
 * DESIGN. A block is what a model prints when it calls: calls, one or several, with what may stand around them,
 * marks that announce them, a code fence, labels (`Action:`), commas and semicolons between. Every call in it
 * must fit its tool, or the block is none. The reader goes on to the end of the text: a bare block must be its
 * last word, a marked one may be followed by text.
 */
export class Block {
  readonly tape: Tape
  readonly offered: OfferedTools
  /** Only a mark makes it a call: it stands where a bare one would be part of a text. */
  readonly mustMark: boolean
  /** A name glued to a sentence: its arguments must begin on the next line. */
  readonly glued: boolean
  readonly calls: FittedCall[] = []
  readonly dialects = new Set<string>()
  marked = false
  /** A fence is open. */
  fenced = false
  /** The call at hand was announced and has begun: where it fails, a printed call could not be read. */
  began = false
  /** Where the piece at hand begins. */
  pieceFrom = 0

  constructor(tape: Tape, offered: OfferedTools, where: Partial<Pick<Block, 'mustMark' | 'glued'>> = {}) {
    this.tape = tape
    this.offered = offered
    this.mustMark = where.mustMark ?? false
    this.glued = where.glued ?? false
  }

  /** Takes what was read; false where it is not wanted, or does not fit. */
  add(printed: PrintedCalls | undefined): boolean {
    if (printed === undefined) return false
    for (const call of printed.calls) {
      const fitted = fitCall(call, () => this.offered.take())
      if (fitted === undefined || this.calls.length === MAX_CALLS) return false
      this.calls.push(fitted)
    }
    this.dialects.add(printed.dialect)
    this.began = false
    return true
  }

  /** What is read next is no call without a mark before it. */
  get barred(): boolean {
    return this.mustMark && !this.marked
  }

  /** Text may follow what has been read. */
  get mayTrail(): boolean {
    return this.marked && this.calls.length > 0 && !this.began && !this.fenced
  }
}

/**
 * How a block ended: with the text; before more of it (`trailing`, which only a marked one may); or it is none,
 * and the tape stands where that showed. `thought` begins there, up to its closing mark.
 */
export type BlockEnd = 'ended' | 'trailing' | 'none' | { readonly thoughtUntil: string }

type Step = 'next' | 'none' | { readonly thoughtUntil: string }

export function* readBlock(block: Block): Reading<BlockEnd> {
  const { tape } = block
  for (;;) {
    const char = yield* pastSpace(tape)
    block.pieceFrom = tape.offset
    if (char === '') return tape.offset < tape.limit && block.calls.length > 0 ? 'ended' : 'none'
    const step = yield* readPiece(block, char)
    if (step === 'next') continue
    return step === 'none' && block.mayTrail ? 'trailing' : step
  }
}

function* readPiece(block: Block, char: string): Reading<Step> {
  const { tape, offered } = block
  switch (char) {
    case '<':
      return yield* readTagged(block)
    case '[':
      return yield* readBracket(block)
    case '{':
      if (block.barred) return 'none'
      block.began ||= block.marked
      return block.add(yield* readObject(tape, offered)) ? 'next' : 'none'
    case '`':
      return yield* readFence(block)
    case '>':
      return yield* readPrompt(block)
    case ',':
    case ';':
    case ')':
    case ']':
    case '}':
      // Between calls, or a bracket too many behind the last.
      if (block.calls.length === 0) return 'none'
      tape.at++
      return 'next'
  }
  return isWordStart(char) ? yield* readWorded(block) : 'none'
}

function* readBracket(block: Block): Reading<Step> {
  const { tape } = block
  if (block.barred) {
    block.marked = yield* readBracketMark(tape)
    return block.marked ? 'next' : 'none'
  }
  const began = block.began
  block.began ||= block.marked
  const list = yield* readList(tape, block.offered, ']')
  if (list !== 'mark') return block.add(list) ? 'next' : 'none'
  block.marked = true
  block.began = began
  return 'next'
}

function* readTagged(block: Block): Reading<Step> {
  const mark = yield* readTag(block.tape)
  switch (mark?.type) {
    case undefined:
    case 'argument':
      return 'none'
    case 'thought':
      return block.calls.length === 0 && !block.marked ? { thoughtUntil: mark.close } : 'none'
    case 'noise':
      // Behind a call it ends the model's turn: what follows is nothing that the call is part of.
      block.marked ||= block.calls.length > 0
      return 'next'
    case 'call':
      block.marked = true
      return 'next'
    case 'named': {
      const tool = block.offered.resolve(mark.name)
      if (tool === undefined) return 'none'
      block.marked = true
      block.began = true
      return block.add(yield* readHeld(block, tool)) ? 'next' : 'none'
    }
  }
}

const MAX_INFO_CHARS = 24
const MARKED_FENCE = /tool|call|function/i

/** A code fence, opened or closed: its line is read. */
function* readFence(block: Block): Reading<Step> {
  const { tape } = block
  let ticks = 0
  while ((yield* nextChar(tape)) === '`') {
    tape.at++
    ticks++
  }
  if (ticks < 3) return 'none'
  if (block.fenced) {
    block.fenced = false
    return 'next'
  }
  block.fenced = true
  let info = ''
  for (;;) {
    const char = yield* nextChar(tape)
    if (char === '' || info.length > MAX_INFO_CHARS) return 'none'
    tape.at++
    if (char === '\n') break
    info += char
  }
  if (!/^[\w+-]*\s*$/.test(info)) return 'none'
  if (MARKED_FENCE.test(info)) block.marked = true
  return block.barred ? 'none' : 'next'
}

/** `>>>`, which some models put before a tool's name. */
function* readPrompt(block: Block): Reading<Step> {
  for (let sign = 0; sign < 3; sign++) {
    if ((yield* nextChar(block.tape)) !== '>') return 'none'
    block.tape.at++
  }
  return block.calls.length === 0 ? 'next' : 'none'
}

/** A call that begins with its tool's name, or a label in front of one. */
function* readWorded(block: Block): Reading<Step> {
  const { tape } = block
  const word = yield* readWord(tape)
  if (word === undefined) return 'none'
  const tool = block.offered.resolve(word)
  if (tool === undefined) return yield* readLabelled(block, word)
  if (block.barred) return 'none'
  if (block.glued && block.calls.length === 0 && (yield* nextChar(tape)) !== '\n') return 'none'
  const next = yield* pastSpace(tape)
  block.began ||= block.marked
  if (next === '(' && !block.glued) return block.add(yield* readArguments(tape, tool)) ? 'next' : 'none'
  return block.add(yield* readHeld(block, tool)) ? 'next' : 'none'
}

/** What may stand before a colon that announces a call: `Action:`, `Tool call:`. */
const LABEL = /^(?:tool|function|api|call|calls|action|tool_calls?|function_calls?)$/i
const SECOND_LABEL = /^calls?$/i

function* readLabelled(block: Block, word: string): Reading<Step> {
  const { tape } = block
  let next = yield* pastSpace(tape)
  // `print(f(a=1))`, as code is asked to show what comes out.
  const opened = (block.fenced && word === 'print' && next === '(') || (word === 'functools' && next === '[')
  if (opened) {
    if (next === '(') tape.at++
    return 'next'
  }
  // `<|start_header_id|>assistant<|end_header_id|>`, `<tool_call>function<tool_sep>name`.
  if (next === '<' && /^(?:assistant|function)$/.test(word)) return 'next'
  if (block.glued || block.barred || !LABEL.test(word)) return 'none'
  if (isWordStart(next)) {
    const second = yield* readWord(tape)
    if (second === undefined || !SECOND_LABEL.test(second)) return 'none'
    next = yield* pastSpace(tape)
  }
  if (next !== ':') return 'none'
  tape.at++
  return 'next'
}

const BETWEEN = /^(?:action|input|arguments?|args|parameters?|params|json|with)$/i
/** Marks, labels and fences between a name and its arguments at most. */
const MAX_BETWEEN = 8

/** The arguments that belong to a name before them: an object, or XML elements. */
function* readHeld(block: Block, tool: ToolShape): Reading<PrintedCalls | undefined> {
  const { tape } = block
  for (let step = 0; step < MAX_BETWEEN; step++) {
    const char = yield* pastSpace(tape)
    if (char === '{') {
      const value = yield* readDict(tape, 0)
      return value?.kind === 'dict' ? { dialect: 'pair', calls: [callOf(tool, value.entries)] } : undefined
    }
    if (char === '<') {
      const mark = yield* readTag(tape)
      if (mark?.type === 'argument') return yield* readElements(block, tool, mark)
      if (mark?.type !== 'call' && mark?.type !== 'noise') return undefined
      block.marked = true
    } else if (char === '[') {
      if (!(yield* readBracketMark(tape))) return undefined
    } else if (char === '`') {
      if ((yield* readFence(block)) !== 'next') return undefined
    } else if (/^[:\d]/.test(char)) {
      tape.at++
    } else {
      const word = isWordStart(char) ? yield* readWord(tape) : undefined
      if (word === undefined || !BETWEEN.test(word)) return undefined
    }
  }
  return undefined
}

/**
 * `<parameter=a>1</parameter>…` or `<arg_key>a</arg_key><arg_value>1</arg_value>…`, up to the tag that closes the
 * call.
 */
function* readElements(block: Block, tool: ToolShape, first: Mark): Reading<PrintedCalls | undefined> {
  const { tape } = block
  const named = new Map<string, Value>()
  for (let mark: Mark | undefined = first; ; mark = yield* readTag(tape)) {
    if (mark?.type === 'call') break
    if (mark?.type !== 'argument') return undefined
    const key = mark.key === '' ? (yield* readUntil(tape, mark.close))?.trim() : mark.key
    if (mark.key === '' && !(yield* readValueTag(tape))) return undefined
    const text = yield* readUntil(tape, mark.key === '' ? '</arg_value>' : mark.close)
    if (key === undefined || text === undefined || named.has(key)) return undefined
    named.set(key, { kind: 'raw', text: text.replace(/^\n/, '').replace(/\n$/, '') })
    const next = yield* pastSpace(tape)
    if (next === '') break
    if (next !== '<') return undefined
  }
  return { dialect: 'xml', calls: [callOf(tool, named)] }
}

function* readValueTag(tape: Tape): Reading<boolean> {
  if ((yield* pastSpace(tape)) !== '<') return false
  tape.at++
  return (yield* readUntil(tape, '>')) === 'arg_value'
}
