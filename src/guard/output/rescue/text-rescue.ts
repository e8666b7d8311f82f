import { type Reading, Tape } from '../../../lib/text/tape.ts'
import { Block, type BlockEnd, readBlock } from './block.ts'
import type { FittedCall } from './fit.ts'
import { LEAD_IN_WINDOW, mayLeadIn } from './lead-in.ts'
import type { OfferedTools } from './offered.ts'

/** Characters from a printed call's beginning to the end of the text at most; beyond, it is text. */
export const MAX_PRINTED_CHARS = 131_072
/** Places of a text that are looked at closely; beyond, it passes. No answer that people read has so many. */
const MAX_CANDIDATES = 16_384

/** The calls that a text turned out to be. */
export interface Rescue {
  readonly calls: readonly FittedCall[]
  /** How they were written, for the verdict. */
  readonly dialects: readonly string[]
  /** What of the text they were, from and up to these UTF-16 offsets, in order; the rest remains text. */
  readonly cuts: readonly { readonly from: number; readonly to: number }[]
}

/** Where a block begins, as far as it matters to what may be one. */
type Where = Partial<Pick<Block, 'mustMark' | 'glued'>>

/** Where in a line the text is: a call may begin at its start; a name may also be glued to a sentence. */
type Zone = 'line' | 'sentence' | 'none'

/**
 * DESIGN. One pass over a text that arrives in pieces, with the same result however it was cut. In prose nothing
 * is held: it is searched for what may begin a call, at the beginning of a line, or anywhere where a mark
 * announces it. From there on the text is held and read as a block. Where it proves to be none, what was read of
 * it is text, and the search goes on behind it, so that each character is read at most twice. Code fences are
 * text as a whole.
 *
 * The decision falls at the end of the text, for all its calls at once: a bare block must be the text's last
 * word, and where one of several marked calls cannot be read or does not fit, none is made, because calls of one
 * answer may depend on one another.
 */
export class TextRescue {
  readonly #offered: OfferedTools
  readonly #marksOnly: boolean
  readonly #tape = new Tape()
  #length = 0
  #reading: Reading<BlockEnd> | undefined
  #block: Block
  /** Where the block that is being read begins. */
  #start = 0
  /** Where the first block that was kept begins. */
  #keptFrom: number | undefined
  readonly #calls: FittedCall[] = []
  readonly #dialects = new Set<string>()
  readonly #cuts: { from: number; to: number }[] = []
  #candidates = 0
  #off = false
  #zone: Zone = 'line'
  #fence = false
  #fenceTicks = 0
  #codeSpan = false
  #thoughtUntil: string | undefined
  /** The beginning of the text, or of what follows a thought. */
  #head = ''
  #headFrom = 0

  /** `marksOnly`: a call that nothing announces is text. */
  constructor(offered: OfferedTools, marksOnly = false) {
    this.#offered = offered
    this.#marksOnly = marksOnly
    this.#block = new Block(this.#tape, offered)
    // White space before the first word belongs to a call that may follow.
    this.#begin(0)
  }

  /** Everything from this offset on may yet be part of a call. */
  get heldFrom(): number {
    if (this.#off) return this.#length
    return this.#keptFrom ?? (this.#reading === undefined ? this.#length : this.#start)
  }

  /** UTF-16 units so far. */
  get length(): number {
    return this.#length
  }

  /** Takes a piece that can have no part in a call, with the least effort; false where it must be pushed. */
  pass(piece: string): boolean {
    if (this.#off) {
      this.#length += piece.length
      return true
    }
    const busy =
      this.#reading !== undefined || this.#keptFrom !== undefined || this.#thoughtUntil !== undefined
    if (busy || this.#zone !== 'none' || STOP.test(piece)) return false
    this.#length += piece.length
    if (this.#head.length < LEAD_IN_WINDOW) this.#head += piece.slice(0, LEAD_IN_WINDOW)
    this.#tape.skip(piece)
    return true
  }

  /** Nothing of this text is a call any more: it made a call of its own, or grew out of bounds. */
  stop(): void {
    this.#off = true
    this.#reading = undefined
  }

  push(piece: string): void {
    this.#length += piece.length
    if (this.#off || piece === '') return
    if (this.#head.length < LEAD_IN_WINDOW) this.#head += piece.slice(0, LEAD_IN_WINDOW)
    this.#tape.push(piece)
    this.#advance()
    this.#bound()
  }

  /** The text ends here. */
  end(): Rescue | undefined {
    if (this.#off) return undefined
    this.#tape.ended = true
    this.#advance()
    this.#bound()
    this.#reading = undefined
    const rescued = !this.#off && this.#calls.length > 0
    this.#off = true
    return rescued ? { calls: this.#calls, dialects: [...this.#dialects], cuts: this.#cuts } : undefined
  }

  /** What is kept until the end must be near it. */
  #bound(): void {
    if (this.#keptFrom !== undefined && this.#length - this.#keptFrom > MAX_PRINTED_CHARS) this.stop()
  }

  #advance(): void {
    while (!this.#off) {
      if (this.#reading === undefined) {
        if (!this.#search()) return
        continue
      }
      const step = this.#reading.next()
      if (step.done !== true) return
      this.#reading = undefined
      this.#settle(step.value)
    }
  }

  #begin(start: number, where: Where = {}): void {
    if (++this.#candidates > MAX_CANDIDATES) {
      this.stop()
      return
    }
    this.#start = start
    this.#tape.limit = (this.#keptFrom ?? start) + MAX_PRINTED_CHARS
    const mustMark = where.mustMark === true || !this.#mayBeBare(start, where.glued === true)
    this.#block = new Block(this.#tape, this.#offered, { ...where, mustMark })
    this.#reading = readBlock(this.#block)
  }

  #mayBeBare(start: number, glued: boolean): boolean {
    if (this.#marksOnly || this.#keptFrom !== undefined) return false
    // Nobody glues a name to a sentence and goes on with an object: a token between the two has been lost.
    if (glued) return true
    const length = start - this.#headFrom
    return length < LEAD_IN_WINDOW && mayLeadIn(this.#head.slice(0, Math.max(0, length)))
  }

  #settle(end: BlockEnd): void {
    const block = this.#block
    const tape = this.#tape
    if (end === 'ended' || end === 'trailing') {
      this.#keptFrom ??= this.#start
      this.#calls.push(...block.calls)
      for (const dialect of block.dialects) this.#dialects.add(dialect)
      this.#cuts.push({ from: this.#start, to: block.pieceFrom })
    } else if (block.marked && block.began) {
      this.stop()
      return
    } else if (end !== 'none') {
      this.#thoughtUntil = end.thoughtUntil
    }
    this.#fence = block.fenced
    this.#fenceTicks = 0
    this.#codeSpan = (lastLine(tape.before).match(/`/g)?.length ?? 0) % 2 === 1
    if (tape.offset === this.#start && tape.at < tape.end) this.#pass()
    else this.#zone = zoneBehind(tape.before)
  }

  /** True where a block begins; else all that is there has been searched. */
  #search(): boolean {
    const tape = this.#tape
    tape.limit = Number.POSITIVE_INFINITY
    while (tape.at < tape.text.length && !this.#off) {
      if (this.#thoughtUntil !== undefined) {
        if (!this.#skipThought(this.#thoughtUntil)) return false
        continue
      }
      if (this.#zone === 'none') {
        STOPS.lastIndex = tape.at
        tape.at = STOPS.exec(tape.text)?.index ?? tape.text.length
        if (tape.at === tape.text.length) return false
      }
      const char = tape.text.charAt(tape.at)
      const where = this.#fence ? undefined : this.#mayBegin(char)
      if (where === undefined) {
        this.#pass()
        continue
      }
      this.#begin(tape.offset, where)
      return true
    }
    return false
  }

  #mayBegin(char: string): Where | undefined {
    if (this.#zone === 'line') {
      const begins = '[{<`>'.includes(char) || this.#offered.begins(char) || LABEL_STARTS.includes(char)
      return begins ? {} : undefined
    }
    if (this.#zone === 'sentence' && this.#offered.begins(char)) return { glued: true }
    const marks = (char === '<' || char === '[') && !this.#codeSpan && !QUOTES.test(this.#tape.before)
    return marks ? { mustMark: true } : undefined
  }

  /** Takes one character as text. */
  #pass(): void {
    const char = this.#tape.text.charAt(this.#tape.at)
    this.#tape.at++
    if (char === '\n') {
      this.#zone = 'line'
      this.#fenceTicks = 0
      this.#codeSpan = false
      return
    }
    if (this.#zone === 'line' && (char === ' ' || char === '\t')) return
    if (this.#fence && this.#zone === 'line' && char === '`') {
      if (++this.#fenceTicks < 3) return
      this.#fence = false
    } else if (char === '`') this.#codeSpan = !this.#codeSpan
    this.#zone = SENTENCE_ENDS.includes(char) ? 'sentence' : 'none'
  }

  /** What a model thinks aloud is never a call; what follows is a text of its own. */
  #skipThought(close: string): boolean {
    const tape = this.#tape
    const found = tape.text.indexOf(close, tape.at)
    if (found === -1) {
      tape.at = Math.max(tape.at, tape.text.length - close.length + 1)
      return false
    }
    tape.at = found + close.length
    this.#thoughtUntil = undefined
    this.#head = tape.text.slice(tape.at, tape.at + LEAD_IN_WINDOW)
    this.#headFrom = tape.offset
    this.#zone = 'line'
    return true
  }
}

/** What a search through prose stops at. */
const STOPS = /[\n<[`.!?:]/g
const STOP = new RegExp(STOPS.source)
const SENTENCE_ENDS = '.!?:`'
const QUOTES = /["'`“‘]$/
/** First letters of the labels that may announce a call. */
const LABEL_STARTS = 'AaCcFfTt'

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1)
}

function zoneBehind(before: string): Zone {
  if (before === '' || /\n[ \t]*$/.test(before)) return 'line'
  return /[.!?:`]$/.test(before) ? 'sentence' : 'none'
}

/** The calls of a whole text; undefined where it is none. */
export function rescueText(text: string, offered: OfferedTools, marksOnly = false): Rescue | undefined {
  const rescue = new TextRescue(offered, marksOnly)
  rescue.push(text)
  return rescue.end()
}
