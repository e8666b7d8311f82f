/**
 * DESIGN. Whether the text that has left stands inside a fenced code block, where a renderer shows a remote
 * image as text. Only CommonMark's containers say so for certain, and renderers differ, so several readings
 * run side by side, each with its own idea of where a fence may stand, and the answer is yes only where all
 * agree: a reading that is wrong costs a code block the milder rule, never a reader an image. A reading knows
 * quotes (a quoted fence ends with its quote), and by its options lists, any indentation, and HTML blocks, in
 * which a fence is no fence. Source: CommonMark 0.31, 4.5 (fences), 4.6 (HTML), 5.1 and 5.2 (containers).
 */
export class Fences {
  readonly #readings = OPTIONS.map((options) => new Reading(options))
  #line = ''
  #lost = false

  /** Takes what has left, in pieces of any size. */
  feed(piece: string): void {
    let from = 0
    for (let end = piece.indexOf('\n'); end !== -1; end = piece.indexOf('\n', from)) {
      this.#add(piece.slice(from, end))
      this.#endLine()
      from = end + 1
    }
    this.#add(from === 0 ? piece : piece.slice(from))
  }

  get inside(): boolean {
    if (this.#lost) return false
    for (const reading of this.#readings) if (!reading.isInside(this.#line)) return false
    return true
  }

  /** Of a longer line only the beginning counts. */
  #add(piece: string): void {
    if (this.#line.length <= MAX_LINE_CHARS) this.#line += piece
  }

  #endLine(): void {
    const line = this.#line
    this.#line = ''
    if (this.#lost || (line === '' && this.#readings.every((reading) => reading.idle))) return
    // Whether a longer line opens a fence hangs on what its end holds: no milder rule from here on.
    if (line.length > MAX_LINE_CHARS && /^[ \t>*+\d.)-]{0,64}(?:```|~~~)/.test(line)) this.#lost = true
    for (const reading of this.#readings) reading.take(line)
  }
}

const MAX_LINE_CHARS = 1024
const MAX_CONTAINERS = 16
/** Leading white space that a fence is still looked for behind. */
const MAX_INDENT_CHARS = 64

interface Options {
  /** List items hold blocks, so a fence may follow a bullet. */
  readonly lists: boolean
  /** A fence may be indented as it likes. */
  readonly anyIndent: boolean
  /** HTML blocks swallow fences. */
  readonly html: boolean
}

const OPTIONS: readonly Options[] = [
  { lists: false, anyIndent: false, html: false },
  { lists: true, anyIndent: false, html: false },
  { lists: false, anyIndent: true, html: false },
  { lists: true, anyIndent: true, html: false },
  { lists: true, anyIndent: false, html: true },
]

interface Fence {
  readonly mark: string
  readonly quotes: number
  /** Columns that a line must be indented to still belong to the fence's list item. */
  readonly indent: number
}

const QUOTE = /^ {0,3}> ?/
const QUOTE_ANYWHERE = /^[ \t]{0,64}> ?/
const BULLET = /^ {0,3}(?:[-*+]|\d{1,9}[.)])(?: {1,4}|\t|$)/
const BULLET_ANYWHERE = /^[ \t]{0,64}(?:[-*+]|\d{1,9}[.)])(?:[ \t]{1,4}|$)/
const OPENING = /^([ \t]{0,64})(`{3,}(?=[^`]*$)|~{3,})/
const CLOSING = /^([ \t]{0,64})(`{3,}|~{3,})[ \t]*\r?$/
const HTML_TAG = /^ {0,3}<\/?[A-Za-z][A-Za-z0-9-]*(?:[\s/>]|$)/
const HTML_ENDS: readonly (readonly [RegExp, RegExp])[] = [
  [/^ {0,3}<!--/, /-->/],
  [/^ {0,3}<\?/, /\?>/],
  [/^ {0,3}<!\[CDATA\[/, /\]\]>/],
  [/^ {0,3}<![A-Za-z]/, />/],
  [/^ {0,3}<(?:script|pre|style|textarea)(?:[\s>]|$)/i, /<\/(?:script|pre|style|textarea)>/i],
]
const BLANK = /^[ \t\r]*$/

/** One reading of the lines. */
class Reading {
  readonly #options: Options
  #fence: Fence | undefined
  /** What ends the HTML block that is open. */
  #html: RegExp | undefined

  constructor(options: Options) {
    this.#options = options
  }

  get idle(): boolean {
    return this.#fence === undefined && this.#html === undefined
  }

  /** Whether a line that begins so still stands in the fence. */
  isInside(beginning: string): boolean {
    return this.#fence !== undefined && this.#inFence(beginning, this.#fence) !== undefined
  }

  take(line: string): void {
    const fence = this.#fence
    const rest = fence === undefined ? undefined : this.#inFence(line, fence)
    if (fence !== undefined && rest !== undefined) {
      const closing = CLOSING.exec(rest)
      if (closing !== null && this.#mayIndent(closing) && (closing[2] ?? '').startsWith(fence.mark)) {
        this.#fence = undefined
      }
      return
    }
    this.#fence = undefined
    this.#outside(line)
  }

  #outside(line: string): void {
    if (this.#html !== undefined) {
      if (this.#html.test(line)) this.#html = undefined
      return
    }
    const { quotes, indent, rest } = this.#containers(line)
    const opening = OPENING.exec(rest)
    if (opening !== null && this.#mayIndent(opening)) {
      this.#fence = { mark: opening[2] ?? '', quotes, indent }
    } else if (this.#options.html) this.#html = htmlOpenedBy(rest)
  }

  #containers(line: string): { quotes: number; indent: number; rest: string } {
    const { lists, anyIndent } = this.#options
    let rest = line
    let quotes = 0
    let indent = 0
    for (let turn = 0; turn < MAX_CONTAINERS; turn++) {
      const quote = (anyIndent ? QUOTE_ANYWHERE : QUOTE).exec(rest)
      const bullet = quote === null && lists ? (anyIndent ? BULLET_ANYWHERE : BULLET).exec(rest) : null
      const mark = quote ?? bullet
      if (mark === null) break
      if (quote !== null) quotes++
      else indent += mark[0].length
      rest = rest.slice(mark[0].length)
    }
    return { quotes, indent, rest }
  }

  /** What stands in the fence on this line; undefined where the line has left the fence's containers. */
  #inFence(line: string, fence: Fence): string | undefined {
    let rest = line
    for (let quote = 0; quote < fence.quotes; quote++) {
      const mark = (this.#options.anyIndent ? QUOTE_ANYWHERE : QUOTE).exec(rest)
      if (mark === null) return undefined
      rest = rest.slice(mark[0].length)
    }
    if (fence.indent === 0 || BLANK.test(rest)) return rest
    const spaces = /^[ \t]*/.exec(rest)?.[0].length ?? 0
    if (spaces < fence.indent && !rest.startsWith('\t')) return undefined
    return rest.slice(Math.min(spaces, fence.indent))
  }

  #mayIndent(mark: RegExpExecArray): boolean {
    const spaces = mark[1] ?? ''
    return (
      spaces.length <= (this.#options.anyIndent ? MAX_INDENT_CHARS : 3) &&
      (this.#options.anyIndent || !spaces.includes('\t'))
    )
  }
}

/** What ends the HTML block that a line opens; undefined where it opens none, or ends it itself. */
function htmlOpenedBy(line: string): RegExp | undefined {
  for (const [opens, ends] of HTML_ENDS) {
    const opening = opens.exec(line)
    if (opening !== null) return ends.test(line.slice(opening[0].length)) ? undefined : ends
  }
  return HTML_TAG.test(line) ? BLANK : undefined
}
