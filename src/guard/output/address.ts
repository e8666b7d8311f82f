import { findPii } from '../pii.ts'
import { findSecrets } from '../secrets.ts'

/**
 * DESIGN. Where a link or an image leads, and whether the address itself carries data out. Addresses are
 * parsed as a browser parses them (WHATWG URL), in every reading that a renderer may give the text: as it
 * stands, with entities decoded, with Markdown's backslashes undone; the worst reading counts.
 *
 * An image from a host that is not trusted is refused whatever its address says: it is fetched unseen. A link
 * needs a click, so it is refused only where it carries data, by these criteria and no others:
 *   - the address is longer than 1,024 characters;
 *   - a host label longer than 40 or that looks encoded; of the labels before the last two, one with 24 letters
 *     and digits in a row, or all together more than 60;
 *   - user information longer than 32, or encoded;
 *   - a path longer than 200 or with a segment longer than 120, once decoded;
 *   - a query longer than 256, with more than 16 parameters, or with a value of more than 100 characters or
 *     10 words; a fragment longer than 100;
 *   - a part that looks encoded: 20 or more letters and digits that change class at a quarter of their
 *     neighbours, 32 or more hexadecimal digits, 24 or more decimal digits, 32 or more letters without a break;
 *   - a secret, a card, an IBAN, a social security number or an e-mail address anywhere in it;
 *   - five consecutive words (24 characters or more) that stand in a system, developer or tool message.
 * Never refused: an address that the request holds word for word (nothing is added to it), a trusted host, the
 * names that RFC 2606 and RFC 6761 keep from everybody (example.com, localhost, .test), and relative addresses.
 */
export type AddressRule = 'output.link.data' | 'output.link.scheme' | 'output.image.remote'

export interface AddressContext {
  isTrusted(host: string): boolean
  /** The request holds exactly this address. */
  isQuoted(address: string): boolean
  /** Some message that the user did not write holds these words, in lower case, one space between. */
  holdsWords(words: string): boolean
}

/** The rule that the address breaks as the target of a `link` or the source of an `image`. */
export function judgeAddress(
  raw: string,
  use: 'link' | 'image',
  context: AddressContext,
): AddressRule | undefined {
  const address = raw.trim()
  const decoded = decodeEntities(address)
  let broken = judgeReading(address, use, context)
  if (broken === undefined && decoded !== address) broken = judgeReading(decoded, use, context)
  if (broken === undefined && decoded.includes('\\')) {
    broken = judgeReading(unescaped(decoded), use, context)
  }
  if (broken === 'output.link.data' && context.isQuoted(address)) return undefined
  return broken
}

/** Markdown's backslashes undone. */
export function unescaped(text: string): string {
  return text.replace(/\\([!-/:-@[-`{-~])/g, '$1')
}

const MAX_ADDRESS_CHARS = 1024
const WEB = new Set(['http:', 'https:', 'ftp:', 'ws:', 'wss:'])
const SCRIPT = new Set(['javascript:', 'vbscript:', 'data:', 'file:', 'blob:'])
const NOBODYS_HOST =
  /^(?:localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\]|(?:.+\.)?example(?:\.(?:com|org|net))?|.+\.(?:test|invalid))$/

function judgeReading(text: string, use: 'link' | 'image', context: AddressContext): AddressRule | undefined {
  const url = URL.parse(text) ?? URL.parse(text, 'https://relative.invalid/')
  // What a browser cannot parse it does not fetch.
  if (url === null || url.host === 'relative.invalid') return undefined
  if (WEB.has(url.protocol)) {
    const host = url.hostname.replace(/\.$/, '')
    if (NOBODYS_HOST.test(host) || context.isTrusted(host)) return undefined
    if (use === 'image') return 'output.image.remote'
    return carriesData(url, host, context) ? 'output.link.data' : undefined
  }
  if (SCRIPT.has(url.protocol)) {
    if (use === 'image') return url.protocol === 'data:' ? undefined : 'output.image.remote'
    return 'output.link.scheme'
  }
  return use === 'link' && carriesData(url, '', context) ? 'output.link.data' : undefined
}

const MAX_LABEL_CHARS = 40
const MAX_SUBDOMAIN_CHARS = 60
const MAX_USERINFO_CHARS = 32
const MAX_PATH_CHARS = 200
const MAX_SEGMENT_CHARS = 120
const MAX_QUERY_CHARS = 256
const MAX_PARAMETERS = 16
const MAX_VALUE_CHARS = 100
const MAX_VALUE_WORDS = 10
const MAX_FRAGMENT_CHARS = 100

function carriesData(url: URL, host: string, context: AddressContext): boolean {
  if (url.href.length > MAX_ADDRESS_CHARS) return true
  if (hostCarries(host)) return true
  const user = decodePercent(`${url.username}${url.password}`)
  if (user.length > MAX_USERINFO_CHARS || looksEncoded(user)) return true
  const path = decodePercent(url.pathname)
  if (path.length > MAX_PATH_CHARS) return true
  for (const segment of path.split('/')) {
    if (segment.length > MAX_SEGMENT_CHARS || looksEncoded(segment)) return true
  }
  const query = decodePercent(url.search.slice(1).replaceAll('+', ' '))
  if (query.length > MAX_QUERY_CHARS || queryCarries(query)) return true
  const fragment = decodePercent(url.hash.slice(1))
  if (fragment.length > MAX_FRAGMENT_CHARS || looksEncoded(fragment)) return true
  const payload = `${user} ${path} ${query} ${fragment}`
  // A mailto address is an e-mail address; only what is added to it can be data.
  const told = url.protocol === 'mailto:' ? `${query} ${fragment}` : payload
  if (findSecrets(told).length > 0 || findPii(told, ['card', 'iban', 'ssn', 'email']).length > 0) return true
  return holdsPromptWords(payload, context)
}

/** Host names know no capitals, so what looks encoded elsewhere is but a long word here. */
const UNBROKEN_LABEL = /[a-z0-9]{24}/

function hostCarries(host: string): boolean {
  const labels = host.split('.')
  let subdomain = 0
  for (let at = 0; at < labels.length; at++) {
    const label = labels[at] ?? ''
    if (label.length > MAX_LABEL_CHARS) return true
    if (!label.startsWith('xn--') && looksEncoded(label)) return true
    if (at < labels.length - 2) {
      if (UNBROKEN_LABEL.test(label)) return true
      subdomain += label.length
    }
  }
  return subdomain > MAX_SUBDOMAIN_CHARS || looksEncoded(labels.slice(0, -2).join(''))
}

function queryCarries(query: string): boolean {
  const parameters = query.split('&')
  if (parameters.length > MAX_PARAMETERS) return true
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=')
    const value = parameter.slice(equals + 1)
    if (value.length > MAX_VALUE_CHARS || value.split(/[\s_.,;-]+/).length > MAX_VALUE_WORDS) return true
    if (looksEncoded(value) || looksEncoded(parameter.slice(0, Math.max(0, equals)))) return true
  }
  return false
}

const ENCODED_CHARS = 20
const HEX_CHARS = 32
const DECIMAL_CHARS = 24
const UNBROKEN_CHARS = 32

/** Letters and digits that no person wrote as words: see the criteria above. Linear. */
function looksEncoded(text: string): boolean {
  if (text.length < ENCODED_CHARS) return false
  for (const run of text.split(/[^A-Za-z0-9+/=_-]+/)) if (runLooksEncoded(run)) return true
  return false
}

function runLooksEncoded(run: string): boolean {
  const dense = run.replace(/[^A-Za-z0-9]/g, '')
  if (dense.length < ENCODED_CHARS) return false
  if (dense.length >= HEX_CHARS && /^[0-9a-fA-F]+$/.test(dense) && /\d/.test(dense)) return true
  if (dense.length >= DECIMAL_CHARS && /^\d+$/.test(dense)) return true
  if (new RegExp(`[a-z]{${UNBROKEN_CHARS}}|[A-Z]{${UNBROKEN_CHARS}}`).test(run)) return true
  let changes = 0
  for (let at = 1; at < run.length; at++) {
    const before = charClass(run.charCodeAt(at - 1))
    const here = charClass(run.charCodeAt(at))
    // A capital followed by small letters is a word: CamelCase changes class once a word.
    if (before !== 0 && here !== 0 && before !== here && !(before === 2 && here === 1)) changes++
  }
  return changes * 4 >= dense.length
}

function charClass(code: number): number {
  if (code >= 0x30 && code <= 0x39) return 3
  if (code >= 0x41 && code <= 0x5a) return 2
  return code >= 0x61 && code <= 0x7a ? 1 : 0
}

const PROMPT_WORDS = 5
const PROMPT_CHARS = 24

/** At most 340 windows: the address is bounded, and a word has at least one character and a space. */
function holdsPromptWords(payload: string, context: AddressContext): boolean {
  const words = plainWords(payload).split(' ').filter(Boolean)
  for (let at = 0; at + PROMPT_WORDS <= words.length; at++) {
    const window = words.slice(at, at + PROMPT_WORDS).join(' ')
    if (window.length >= PROMPT_CHARS && context.holdsWords(window)) return true
  }
  return false
}

/** Lower case, letters and digits only, single spaces. */
export function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

/** Twice, because a double encoding is the usual way past one decoding. */
function decodePercent(text: string): string {
  let decoded = text
  for (let turn = 0; turn < 2 && decoded.includes('%'); turn++) {
    decoded = decoded.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => {
      return Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8')
    })
  }
  return decoded
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  colon: ':',
  sol: '/',
  bsol: '\\',
  period: '.',
  quest: '?',
  equals: '=',
  num: '#',
  percnt: '%',
  commat: '@',
  lowbar: '_',
  hyphen: '-',
  plus: '+',
  tab: '\t',
  newline: '\n',
  quot: '"',
  apos: "'",
  lt: '<',
  gt: '>',
  lpar: '(',
  rpar: ')',
}

/** HTML entities: numbers, and the names of what an address is made of. Others stay as they are. */
export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z]{2,10}));?/g,
    (whole, decimal, hex, name) => {
      if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole
    },
  )
}
