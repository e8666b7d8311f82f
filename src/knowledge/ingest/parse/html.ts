import type { BlockKind, Parsed, ParsedBlock } from '../../chunk/cut.ts'

/**
 * DESIGN. HTML to text by one pass over its tags: what a browser would not show as the page's words (scripts, styles,
 * templates, navigation, forms' controls) is left out, elements that stand as blocks become blocks, table cells
 * are set apart by " | ". No tree is built, so depth costs nothing, and a tag that is never closed swallows no more than
 * the rest of its own element's text; a tag of more than 2,000 characters outside quotes is text, so that a page of tags
 * that never end costs no more than that for each. Total: every string has a reading. Offsets are those of the text that comes out.
 */
const TAG =
  /<!--[\s\S]*?(?:-->|$)|<![^>]*>|<\?[^>]*>|<(\/?)([a-zA-Z][a-zA-Z0-9-]{0,40})((?:"[^"]*"|'[^']*'|[^'">]){0,2000})>/g
const SKIPPED = new Set(
  'script style template noscript svg math nav select option button head iframe object'.split(' '),
)
const RAW = new Set(['script', 'style'])
const BREAKING = new Set(
  'address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form header hr html legend li main menu ol p pre section summary table tbody td tfoot th thead title tr ul br h1 h2 h3 h4 h5 h6'.split(
    ' ',
  ),
)
const HEADING = /^h([1-6])$/
const TITLE = /<title[^>]*>([^<]{0,1000})/i

export function parseHtml(html: string): Parsed {
  const page = new Page()
  let at = 0
  let skipping: { name: string; depth: number } | undefined
  TAG.lastIndex = 0
  for (let match = TAG.exec(html); match !== null; match = TAG.exec(html)) {
    if (skipping === undefined) page.words(html.slice(at, match.index))
    at = TAG.lastIndex
    const name = match[2]?.toLowerCase()
    if (name === undefined) continue
    const closes = match[1] === '/'
    if (skipping !== undefined) {
      if (name === skipping.name) skipping.depth += closes ? -1 : 1
      if (skipping.depth === 0) skipping = undefined
    } else if (!closes && SKIPPED.has(name) && !match[3]?.endsWith('/')) {
      if (RAW.has(name)) at = TAG.lastIndex = endOfRaw(html, name, at)
      else skipping = { name, depth: 1 }
    } else if (closes) page.close(name)
    else page.open(name)
  }
  if (skipping === undefined) page.words(html.slice(at))
  return page.finish(oneLine(decoded(TITLE.exec(html)?.[1] ?? '')))
}

/** Behind the end tag of a script or style, whose text is no markup. */
function endOfRaw(html: string, name: string, from: number): number {
  const end = new RegExp(`</${name}[^>]*>`, 'gi')
  end.lastIndex = from
  return end.exec(html) === null ? html.length : end.lastIndex
}

class Page {
  #text = ''
  readonly #blocks: ParsedBlock[] = []
  #kind: BlockKind = 'paragraph'
  #level = 0
  /** The block that is being filled: white space collapsed, but not in `pre`. */
  #own = ''
  #table = 0
  #pre = 0

  words(raw: string): void {
    const text = decoded(raw)
    if (this.#pre > 0) this.#own += text
    else if (text.trim() === '') this.#own += this.#own === '' || /\s$/.test(this.#own) ? '' : ' '
    else this.#own += this.#own === '' ? text.replace(/\s+/g, ' ').trimStart() : text.replace(/\s+/g, ' ')
  }

  open(name: string): void {
    if (!BREAKING.has(name)) return
    if (name === 'br') {
      this.#own = this.#pre > 0 || this.#own !== '' ? `${this.#own.trimEnd()}\n` : ''
      return
    }
    if (name === 'table' && this.#table++ === 0) this.#begin('table')
    else if (this.#table > 0) {
      if (name === 'tr') this.#row()
      else if ((name === 'td' || name === 'th') && !/(?:^|\n)$/.test(this.#own)) this.#own += ' | '
      else if (!/\s$/.test(this.#own)) this.#own += ' '
    } else if (name === 'pre') {
      this.#begin('code')
      this.#pre++
    } else if (this.#pre === 0) {
      const level = HEADING.exec(name)?.[1]
      this.#begin(level !== undefined ? 'heading' : name === 'li' || name === 'dd' ? 'item' : 'paragraph')
      this.#level = Number(level ?? 0)
    }
  }

  close(name: string): void {
    if (!BREAKING.has(name)) return
    if (name === 'table' && this.#table > 0) {
      if (--this.#table === 0) this.#begin('paragraph')
    } else if (this.#table > 0) return
    else if (name === 'pre' && this.#pre > 0) {
      if (--this.#pre === 0) this.#begin('paragraph')
    } else if (this.#pre === 0) this.#begin('paragraph')
  }

  #row(): void {
    this.#own = this.#own.trimEnd()
    if (this.#own !== '') this.#own += '\n'
  }

  /** Puts what has been filled into the text and begins another block. */
  #begin(kind: BlockKind): void {
    const own = this.#kind === 'code' ? this.#own.replace(/^\s*\n|\s+$/g, '') : this.#own.trim()
    if (own !== '') {
      if (this.#text !== '') this.#text += this.#kind === 'item' ? '\n' : '\n\n'
      const start = this.#text.length
      this.#text += own
      const level = this.#kind === 'heading' ? { level: this.#level } : {}
      this.#blocks.push({ kind: this.#kind, start, end: this.#text.length, ...level })
    }
    this.#own = ''
    this.#kind = kind
  }

  finish(title: string): Parsed {
    this.#begin('paragraph')
    const first = this.#blocks.find(({ kind }) => kind === 'heading')
    const named = title === '' && first !== undefined ? this.#text.slice(first.start, first.end) : title
    return { text: this.#text, title: oneLine(named), blocks: this.#blocks }
  }
}

const REFERENCE = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/g
/** The references that texts use; another one stays as it is written. */
const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  laquo: '«',
  raquo: '»',
  copy: '©',
  reg: '®',
  trade: '™',
  deg: '°',
  middot: '·',
  bull: '•',
  times: '×',
  euro: '€',
  pound: '£',
  sect: '§',
  para: '¶',
  larr: '←',
  rarr: '→',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  Auml: 'Ä',
  Ouml: 'Ö',
  Uuml: 'Ü',
  szlig: 'ß',
  eacute: 'é',
  egrave: 'è',
  agrave: 'à',
  ccedil: 'ç',
  ntilde: 'ñ',
}

function decoded(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(REFERENCE, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED[name] ?? whole
    const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex ?? '', 16)
    const valid = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
    return valid ? String.fromCodePoint(code) : '\ufffd'
  })
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
