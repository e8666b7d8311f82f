import { isIPv6 } from 'node:net'
import type { PiiKind } from './config.ts'
import { type Span, withoutOverlaps } from './spans.ts'

/**
 * DESIGN. Personal data that code can prove: numbers with a check digit or with rules of validity, and
 * addresses with a syntax. Names and street addresses need a model and are not looked for. Each kind is one
 * expression without nested choice, behind the cheapest test that a text without it fails (no `@`, no long
 * number), then its checksum. A telephone number has no checksum: what is unmistakable by its shape
 * (country code, trunk zero, North American groups) is taken as it stands, a bare group of digits only where
 * a word such as "call" or "phone" stands shortly before it.
 */
export interface PiiSpan extends Span {
  readonly kind: PiiKind
}

/** Spans of the wanted kinds, in order, not overlapping; where two claim a place, the kind named first wins. */
export function findPii(text: string, wanted: readonly PiiKind[]): readonly PiiSpan[] {
  let found: PiiSpan[] | undefined
  const hasNumber = NUMBER.test(text)
  for (const kind of wanted) {
    if (kind === 'email' ? !text.includes('@') : !hasNumber && !(kind === 'ip' && text.includes('::')))
      continue
    for (const span of FINDERS[kind](text)) {
      found ??= []
      found.push(span)
    }
  }
  return found === undefined ? NONE : withoutOverlaps(found)
}

const NONE: readonly PiiSpan[] = []
/** Every kind but e-mail (and an IPv6 address that is all letters) holds two digits, or digits around a dot. */
const NUMBER = /\d[\d.: -]\d/

type Finder = (text: string) => Iterable<PiiSpan>

const FINDERS: Readonly<Record<PiiKind, Finder>> = {
  card: (text) => matches('card', text, CARD, isCard),
  iban: findIbans,
  ssn: (text) => matches('ssn', text, SSN, isSsn),
  email: findEmails,
  ip: findAddresses,
  phone: findPhones,
}

function* matches(
  kind: PiiKind,
  text: string,
  pattern: RegExp,
  holds: (found: string) => boolean,
): Generator<PiiSpan> {
  for (const match of text.matchAll(pattern)) {
    if (holds(match[0])) yield { kind, start: match.index, end: match.index + match[0].length }
  }
}

// The tail of `\n` or `\u000a` in JSON is a letter or digit by its looks and the end of a line by its meaning.
const ESCAPED = '(?<=\\\\[bfnrt]|\\\\u[0-9A-Fa-f]{4})'
// 12 to 19 digits, single spaces or dashes between them.
const CARD = new RegExp(
  `(?:(?<![\\d.$€£#_A-Za-z-])|${ESCAPED})\\d(?:[ -]?\\d){11,18}(?![\\d_]|[ -]\\d|\\.\\d)`,
  'g',
)

/** Luhn (ISO/IEC 7812-1), and an issuer's prefix with a length that it uses. */
function isCard(text: string): boolean {
  const digits = text.replace(/[ -]/g, '')
  const issued =
    /^4(?:\d{12}|\d{15}|\d{18})$/.test(digits) ||
    /^(?:5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12})$/.test(digits) ||
    /^3[47]\d{13}$/.test(digits) ||
    /^3(?:0[0-5]|095|[689]\d)\d{11,16}$/.test(digits) ||
    /^(?:2131|1800|35\d\d)\d{11,12}$/.test(digits) ||
    /^6(?:011|22\d|4[4-9]\d|5\d\d)\d{12,15}$/.test(digits) ||
    /^(?:50|5[6-9]|6\d)\d{10,17}$/.test(digits)
  if (!issued) return false
  let sum = 0
  for (let at = digits.length - 1, double = false; at >= 0; at--, double = !double) {
    const digit = digits.charCodeAt(at) - 48
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit
  }
  return sum % 10 === 0
}

const SSN = /(?<![\d-])\d{3}([- ])\d{2}\1\d{4}(?![\d-])/g

/** What the Social Security Administration never issues: area 000, 666, 900–999, group 00, serial 0000. */
function isSsn(text: string): boolean {
  const area = text.slice(0, 3)
  return (
    area !== '000' && area !== '666' && area < '900' && text.slice(4, 6) !== '00' && !text.endsWith('0000')
  )
}

const IBAN_START = new RegExp(`(?:(?<![A-Za-z0-9])|${ESCAPED})[A-Za-z]{2}\\d{2}(?= ?[A-Za-z0-9]{4})`, 'g')
/** Characters of an IBAN by country (SWIFT IBAN registry). */
const IBAN_CHARS: Readonly<Record<string, number>> = Object.fromEntries(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 ' +
    'EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 ' +
    'KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 ' +
    'PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 ' +
    'VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
)

function* findIbans(text: string): Generator<PiiSpan> {
  for (const match of text.matchAll(IBAN_START)) {
    const length = IBAN_CHARS[match[0].slice(0, 2).toUpperCase()]
    if (length === undefined) continue
    let digits = ''
    let at = match.index
    // The country's length says where it ends, whatever word follows; groups of four may be spaced.
    for (; at < text.length && digits.length < length; at++) {
      const char = text.charAt(at)
      if (/[A-Za-z0-9]/.test(char)) digits += char
      else if (char !== ' ' || text.charAt(at - 1) === ' ') break
    }
    if (digits.length !== length || /[A-Za-z0-9]/.test(text.charAt(at))) continue
    if (isIban(digits)) yield { kind: 'iban', start: match.index, end: at }
  }
}

/** Check digits modulo 97 (ISO 13616). */
function isIban(digits: string): boolean {
  let rest = 0
  for (const char of (digits.slice(4) + digits.slice(0, 4)).toUpperCase()) {
    const value = Number.parseInt(char, 36)
    rest = (value > 9 ? rest * 100 + value : rest * 10 + value) % 97
  }
  return rest === 1
}

const LOCAL_PART = /[A-Za-z0-9._%+'-]/
const DOMAIN = /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])/
const MAX_LOCAL_CHARS = 64
const MAX_DOMAIN_CHARS = 255

/** From each `@` outwards: bounded both ways, so no text makes it slow. */
function* findEmails(text: string): Generator<PiiSpan> {
  for (let sign = text.indexOf('@'); sign !== -1; sign = text.indexOf('@', sign + 1)) {
    let start = sign
    while (start > 0 && sign - start < MAX_LOCAL_CHARS && LOCAL_PART.test(text.charAt(start - 1))) start--
    while (start < sign && /[.'%+-]/.test(text.charAt(start))) start++
    if (start === sign || text.charAt(sign - 1) === '.') continue
    const domain = DOMAIN.exec(text.slice(sign + 1, sign + 1 + MAX_DOMAIN_CHARS))
    if (domain === null || /(?:^|\.)example(?:\.(?:com|org|net))?$/i.test(domain[0])) continue
    yield { kind: 'email', start, end: sign + 1 + domain[0].length }
  }
}

const IPV4 = /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d]|\.\d)/g
const IPV6 = /(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,36}(?::|[0-9A-Fa-f])(?![0-9A-Za-z:])/g
const NOBODYS_IPV4 =
  /^(?:0\.|10\.|127\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|192\.168\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|22[4-9]\.|2[3-5]\d\.)/

/** Public addresses only: private, loopback, link-local, multicast and documentation ranges name no person. */
function* findAddresses(text: string): Generator<PiiSpan> {
  yield* matches('ip', text, IPV4, (found) => {
    return (
      found.split('.').every((part) => Number(part) <= 255 && !/^0\d/.test(part)) && !NOBODYS_IPV4.test(found)
    )
  })
  yield* matches('ip', text, IPV6, (found) => {
    return isIPv6(found) && found.length > 6 && !/^(?:::1?$|fe[89ab]|f[cd]|ff|2001:0?db8:)/i.test(found)
  })
}

// What a telephone number looks like: [shape, whether a word about telephones must stand beside it].
const PHONES: readonly (readonly [RegExp, boolean])[] = [
  // +41 (0)96 471 07 95, +447700 921 916, 001-518-640-0854, +1-984-182-0190x12
  [
    /(?<![\w+])(?:\+[1-9]|00[1-9])\d{0,14}(?:(?:[ .-]|[ -]?\(0?\d{0,4}\) ?)\d{1,12}){0,6}(?:x\d{1,5})?(?!\d|-\d)/g,
    false,
  ],
  // (579)888-3058, 259.735.7502x459, 463-612-6138
  [/(?<![\w+.-])(?:\([2-9]\d\d\) ?|[2-9]\d\d([-.]))[2-9]\d\d[-.]\d{4}(?:x\d{1,5})?(?!\d|-\d)/g, false],
  // 0490 75 40 81, 07700 063 966, 03.93.92.16.85, 0961-7596216; a house number comes before a street's name
  [/(?<![\w+.:/-])0[1-9]\d{0,4}(?:[ .-]\d{2,8}){1,4}(?!\d|-\d|[.:]\d| [A-Z][a-z]+ )/g, false],
  // (37) 788-063, (08) 8747 6301
  [/(?<![\w+])\(0?\d{2,3}\) ?\d{3,4}[ -]\d{3,4}(?!\d|-\d)/g, false],
  // 60-56-85-91
  [/(?<![\w+.-])\d\d-\d\d-\d\d-\d\d(?!\d|-\d)/g, false],
  // 467 3395, 9472 7916, 699 956 915, 21 284 698 2548, 930.167.3943, 9498777106
  [/(?<![\w+.$€£-])\d{2,5}(?:[ .-]\d{2,8}){1,4}(?![\w]|-\d|[ .]\d)/g, true],
  [/(?<![\w+.$€£-])[2-9]\d{9}(?!\w|-\d|\.\d)/g, true],
]
const WORD_BEFORE =
  /\b(?:call|phone|tel|telephone|mobile|cell|fax|contact|reach|dial|ring|sms|text|whatsapp|messages?|registered|answering|(?:my|our|his|her|your) number)\b/i
const WORD_AFTER = /^[ -](?:office|fax|mobile|phone|home|work|cell)\b/i
const WORD_WITHIN_CHARS = 40
const PHONE_DIGITS_LEAST = 7
const PHONE_DIGITS_MOST = 15

function* findPhones(text: string): Generator<PiiSpan> {
  for (const [shape, needsWord] of PHONES) {
    for (const match of text.matchAll(shape)) {
      const end = match.index + match[0].length
      const number = match[0].replace(/x\d+$/, '')
      const digits = number.replace(/\D/g, '').length
      if (digits < PHONE_DIGITS_LEAST || digits > PHONE_DIGITS_MOST) continue
      if (needsWord && !besideWord(text, match.index, end)) continue
      if (/^\d{4}[ .-]\d\d[ .-]\d\d$/.test(number)) continue // a date
      yield { kind: 'phone', start: match.index, end }
    }
  }
}

function besideWord(text: string, start: number, end: number): boolean {
  return (
    WORD_BEFORE.test(text.slice(Math.max(0, start - WORD_WITHIN_CHARS), start)) ||
    WORD_AFTER.test(text.slice(end, end + WORD_WITHIN_CHARS))
  )
}
