import { decodeEntities } from './address.ts'

/**
 * Readers of the forms in which an address stands in an answer: Markdown destinations (inline and reference),
 * HTML tags and autolinks, and bare addresses. Each starts behind a marker, never recurses, looks at no more
 * than 2,048 characters, and says `more` where the text ends before its answer is certain. They follow
 * CommonMark 0.31 and GFM, and read wider wherever renderers are known to: spaces in a destination, quotes
 * that do not close, unknown tags.
 */
const MAX_FORM_CHARS = 2048

export interface Destination {
  readonly address: string
  /** What a removal replaces. */
  readonly start: number
  readonly end: number
}

/** After `](`, up to the bracket that closes it; after `]:`, one word or `<…>`. White space may come first. */
export function readDestination(
  text: string,
  from: number,
  inline: boolean,
  final: boolean,
): Destination | 'more' {
  const limit = Math.min(text.length, from + MAX_FORM_CHARS)
  const cut = limit === text.length && limit - from < MAX_FORM_CHARS && !final
  let start = from
  while (start < limit && isSpace(text.charCodeAt(start))) start++
  if (start === limit) return cut ? 'more' : { address: '', start, end: start }
  const end = text.charAt(start) === '<' ? angleEnd(text, start, limit) : plainEnd(text, start, limit, inline)
  if (end === limit && cut) return 'more'
  const whole = text.slice(start, end)
  const address = whole.startsWith('<') ? whole.slice(1).replace(/>.*$/s, '') : withoutTitle(whole)
  return { address, start, end }
}

function angleEnd(text: string, start: number, limit: number): number {
  let at = start + 1
  while (at < limit && text.charAt(at) !== '>' && text.charAt(at) !== '\n')
    at += text.charAt(at) === '\\' ? 2 : 1
  return Math.min(limit, text.charAt(at) === '>' ? at + 1 : at)
}

function plainEnd(text: string, start: number, limit: number, inline: boolean): number {
  let depth = 0
  let at = start
  for (; at < limit; at++) {
    const char = text.charAt(at)
    if (char === '\n') break
    if (!inline && isSpace(text.charCodeAt(at))) break
    if (char === '\\') at++
    else if (char === '(') depth++
    else if (char === ')' && inline && --depth < 0) break
  }
  return Math.min(at, limit)
}

const TITLE = /[ \t]+(?:"[^"]*"|'[^']*'|\([^()]*\))[ \t]*$/

function withoutTitle(destination: string): string {
  return destination.replace(TITLE, '')
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}

// What ends a bare address in every renderer: white space, brackets and quotation marks of code and HTML.
const ADDRESS_END = /[\s<>"`]|\\(?!\/)/
const TRAILING = /(?:[.,;:!?'*_~)\]}|]|\\)+$/
/** CJK punctuation ends a sentence; a renderer that takes it into the address is met by judging both. */
const CJK_STOP = /[\u3000-\u3003\u3008-\u3011\uff01\uff09\uff0c\uff1a\uff1b\uff1f]/
const PAYLOAD_AFTER_STOP = /[\x21-\x7e]{16}/

/** After `://` or `www.`: the rest of a bare address. `address` has JSON's `\/` undone. */
export function readAddress(text: string, from: number, final: boolean): Destination | 'more' {
  const limit = Math.min(text.length, from + MAX_FORM_CHARS)
  const cut = limit === text.length && limit - from < MAX_FORM_CHARS && !final
  const window = text.slice(from, limit)
  const stop = window.search(ADDRESS_END)
  const length = stop === -1 ? window.length : stop
  // A backslash at the very end may be the first half of `\/`.
  if (cut && (stop === -1 || (window.charAt(stop) === '\\' && stop + 1 === window.length))) return 'more'
  let run = window.slice(0, length)
  const sentence = CJK_STOP.exec(run)
  if (sentence !== null && !PAYLOAD_AFTER_STOP.test(run.slice(sentence.index)))
    run = run.slice(0, sentence.index)
  run = run.replace(TRAILING, '')
  return { address: run.replaceAll('\\/', '/'), start: from, end: from + run.length }
}

export interface TagTarget {
  readonly address: string
  readonly use: 'link' | 'image'
}

export interface Tag {
  readonly end: number
  readonly targets: readonly TagTarget[]
}

const NO_TARGETS: readonly TagTarget[] = []
const AUTOLINK = /^<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*)>$/
const TAG_NAME = /^<([A-Za-z][^\s/>]*)/
const PLACED = /(?:[A-Za-z][A-Za-z0-9+.-]*:)?[\\/]{2}[^\s"'<>`]*/g
const ATTRIBUTE = /([A-Za-z:_-]{1,40})\s{0,8}=\s{0,8}["']?\s{0,8}$/
const HREF = /href\s*=\s*["']?\s*([^\s"'>]+)/gi

/**
 * From `<`: a tag up to the `>` outside its quotation marks, else to a blank line or the bound. Every address
 * in it is a target: a link's in the `href` of `a` and `area`, an image's (fetched unseen) everywhere else,
 * `srcset`, `style` and attributes that nobody knows included. Names of XML namespaces are not fetched.
 */
export function readTag(text: string, start: number, final: boolean): Tag | 'more' {
  const limit = Math.min(text.length, start + MAX_FORM_CHARS)
  const cut = limit === text.length && limit - start < MAX_FORM_CHARS && !final
  if (start + 1 === text.length) return cut ? 'more' : { end: start + 1, targets: NO_TARGETS }
  if (!/[A-Za-z]/.test(text.charAt(start + 1))) return { end: start + 1, targets: NO_TARGETS }
  const close = tagEnd(text, start, limit)
  if (close === -1 && cut) return 'more'
  const end = close === -1 ? limit : close
  const tag = text.slice(start, end)
  const autolink = AUTOLINK.exec(tag)
  if (autolink !== null) return { end, targets: [{ address: autolink[1] ?? '', use: 'link' }] }
  return { end, targets: targetsOf(tag) }
}

/** Behind the `>` outside quotation marks, or at a blank line; −1 where neither comes before `limit`. */
function tagEnd(text: string, start: number, limit: number): number {
  let quote = ''
  for (let at = start + 1; at < limit; at++) {
    const char = text.charAt(at)
    if (char === '\n' && text.charAt(at - 1) === '\n') return at
    if (quote !== '') {
      if (char === quote) quote = ''
    } else if (char === '>') return at + 1
    else if ((char === '"' || char === "'") && /[=\s]/.test(text.charAt(at - 1))) quote = char
  }
  return -1
}

function targetsOf(tag: string): readonly TagTarget[] {
  if (!tag.includes('=')) return NO_TARGETS
  const name = (TAG_NAME.exec(tag)?.[1] ?? '').toLowerCase()
  const linking = name === 'a' || name === 'area'
  const decoded = decodeEntities(tag)
  // Browsers drop line breaks and tabs inside an address, so it is also read without them.
  const joined = decoded.replace(/[\t\r\n]/g, '')
  const targets: TagTarget[] = []
  for (const reading of joined === decoded ? [decoded] : [decoded, joined]) {
    for (const match of reading.matchAll(PLACED)) {
      const attribute =
        ATTRIBUTE.exec(reading.slice(Math.max(0, match.index - 64), match.index))?.[1]?.toLowerCase() ?? ''
      if (attribute.startsWith('xmlns')) continue
      targets.push({ address: match[0], use: linking && attribute.endsWith('href') ? 'link' : 'image' })
    }
    for (const match of reading.matchAll(HREF)) targets.push({ address: match[1] ?? '', use: 'link' })
  }
  return targets
}
