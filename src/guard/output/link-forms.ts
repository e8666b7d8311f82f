import { decodeEntities, unescaped } from './address.ts'

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
  const leads = leadsAway(text, text.charAt(start) === '<' ? start + 1 : start, final)
  if (leads !== 'yes') return leads === 'more' ? 'more' : { address: '', start, end: start }
  const end = text.charAt(start) === '<' ? angleEnd(text, start, limit) : plainEnd(text, start, limit, inline)
  if (end === limit && cut) return 'more'
  const whole = text.slice(start, end)
  const address = whole.startsWith('<') ? whole.slice(1).replace(/>.*$/s, '') : withoutTitle(whole)
  return { address, start, end }
}

/** A scheme is far shorter; a beginning that is still open here is read as one that may lead anywhere. */
const MAX_LEAD_CHARS = 64
const SCHEME_CHAR = /[A-Za-z0-9+.-]/
const INNOCENT_AFTER_SLASH = /[A-Za-z0-9._~?#%=-]/
const LEAD = /^[\0-\x20]*(?:[A-Za-z][A-Za-z0-9+.\-\t\r\n]*:|[\\/][\t\r\n]*[\\/])/
const OPEN_LEAD = /^[\0-\x20]*[A-Za-z0-9+.\-\t\r\n]*(?:[&\\].{0,12})?$/s

/**
 * Whether an address that begins at `from` could lead to another host or run a script: only one with a scheme
 * or two slashes does, everything else is relative. Decided at the first character that no scheme has, so a
 * text full of brackets is not read to the end at each.
 */
function leadsAway(text: string, from: number, final: boolean): 'yes' | 'no' | 'more' {
  let at = from
  const limit = Math.min(text.length, from + MAX_LEAD_CHARS)
  while (at < limit && SCHEME_CHAR.test(text.charAt(at))) at++
  if (at === limit) return limit - from === MAX_LEAD_CHARS ? 'yes' : final ? 'no' : 'more'
  const char = text.charAt(at)
  if (char === ':') return 'yes'
  if (char === '/' && (at > from || INNOCENT_AFTER_SLASH.test(text.charAt(at + 1)))) return 'no'
  if (char !== '/' && char !== '&' && char !== '\\' && text.charCodeAt(at) > 0x20) return 'no'
  if (limit === text.length && limit - from < MAX_LEAD_CHARS && !final) return 'more'
  const decoded = decodeEntities(text.slice(from, limit))
  if (LEAD.test(decoded) || LEAD.test(unescaped(decoded))) return 'yes'
  return limit - from === MAX_LEAD_CHARS && OPEN_LEAD.test(decoded) ? 'yes' : 'no'
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
  /**
   * Another `<` came before any `>`, where a browser reads on and takes what follows for attributes, and the
   * tag is one that fetches its `href`.
   */
  readonly open: boolean
}

const NO_TARGETS: readonly TagTarget[] = []
const AUTOLINK = /^<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*)>$/
const TAG_NAME = /^<([A-Za-z][^\s/>]*)/
const FETCHES_HREF = /^<(?:link|base|image|use|feimage)[\s/]/i
const PLACED = /[\\/]{2}[^\s"'<>`]*/g
const SCHEME_BEFORE = /[A-Za-z][A-Za-z0-9+.-]{0,31}:$/
const MAX_SCHEME_CHARS = 33
const ATTRIBUTE = /([A-Za-z:_-]{1,40})\s{0,8}=\s{0,8}["']?\s{0,8}$/
const HREF = /href\s*=\s*(?:["']\s*)?([^\s"'>]+)/gi

/**
 * From `<`: a tag up to the `>` outside its quotation marks, else to the next `<` outside them, a blank line
 * or the bound. Every address in it is a target: a link's in the `href` of `a` and `area`, an image's (fetched
 * unseen) everywhere else, `srcset`, `style` and attributes that nobody knows included. Names of XML
 * namespaces are not fetched. `inTag`: a tag that fetches its `href` stopped right here, so that this may be
 * its attributes, and every target an image.
 */
export function readTag(text: string, start: number, final: boolean, inTag: boolean): Tag | 'more' {
  const limit = Math.min(text.length, start + MAX_FORM_CHARS)
  const cut = limit === text.length && limit - start < MAX_FORM_CHARS && !final
  if (start + 1 === text.length) return cut ? 'more' : { end: start + 1, targets: NO_TARGETS, open: inTag }
  if (!inTag && !/[A-Za-z]/.test(text.charAt(start + 1))) {
    return { end: start + 1, targets: NO_TARGETS, open: false }
  }
  const close = tagEnd(text, start, limit)
  if (close === -1 && cut) return 'more'
  const end = close === -1 ? limit : close
  const tag = text.slice(start, end)
  const open = text.charAt(end) === '<' && !tag.endsWith('>') && (inTag || FETCHES_HREF.test(tag))
  const autolink = inTag || !tag.endsWith('>') ? null : AUTOLINK.exec(tag)
  if (autolink !== null) return { end, targets: [{ address: autolink[1] ?? '', use: 'link' }], open }
  return { end, targets: targetsOf(tag, inTag), open }
}

/** Behind the `>` outside quotation marks, at the next `<` there, or at a blank line; −1 where neither comes before `limit`. */
function tagEnd(text: string, start: number, limit: number): number {
  let quote = ''
  for (let at = start + 1; at < limit; at++) {
    const char = text.charAt(at)
    if (char === '\n' && text.charAt(at - 1) === '\n') return at
    if (quote !== '') {
      if (char === quote) quote = ''
    } else if (char === '>') return at + 1
    else if (char === '<') return at
    else if ((char === '"' || char === "'") && /[=\s]/.test(text.charAt(at - 1))) quote = char
  }
  return -1
}

function targetsOf(tag: string, inTag: boolean): readonly TagTarget[] {
  if (!tag.includes('=')) return NO_TARGETS
  const name = (TAG_NAME.exec(tag)?.[1] ?? '').toLowerCase()
  const linking = !inTag && (name === 'a' || name === 'area')
  const decoded = decodeEntities(tag)
  // Browsers drop line breaks and tabs inside an address, so it is also read without them.
  const joined = decoded.replace(/[\t\r\n]/g, '')
  const targets: TagTarget[] = []
  for (const reading of joined === decoded ? [decoded] : [decoded, joined]) {
    for (const match of reading.matchAll(PLACED)) {
      const before = reading.slice(Math.max(0, match.index - MAX_SCHEME_CHARS), match.index)
      const scheme = SCHEME_BEFORE.exec(before)?.[0] ?? ''
      const start = match.index - scheme.length
      const attribute =
        ATTRIBUTE.exec(reading.slice(Math.max(0, start - 64), start))?.[1]?.toLowerCase() ?? ''
      if (attribute.startsWith('xmlns')) continue
      const use = linking && attribute.endsWith('href') ? 'link' : 'image'
      targets.push({ address: scheme + match[0], use })
    }
    for (const match of reading.matchAll(HREF)) targets.push({ address: match[1] ?? '', use: 'link' })
  }
  return targets
}
