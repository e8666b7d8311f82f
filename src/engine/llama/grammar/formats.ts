import type { Dfa } from './dfa.ts'
import { languageOf } from './language.ts'
import { Work } from './outcome.ts'

/**
 * Formats of JSON Schema 2020-12 as patterns. Each is a part of what its specification allows, wide enough for what
 * is usually written: whatever is printed is valid, and rare forms (quoted local parts, IPv4 inside IPv6) are not
 * printed. `most` stands where the specification counts characters in a way that a pattern would only do at length.
 */
interface Format {
  readonly pattern: string
  readonly most?: number
}

const HOUR = '(?:[01]\\d|2[0-3])'
/** RFC 3339, section 5.6: full-date, with the days that months have, and leap years. */
const DATE = [
  '\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))',
  '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29',
].join('|')
/** The same: full-time, without leap seconds. */
const TIME = `${HOUR}:[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-]${HOUR}:[0-5]\\d)`
/** RFC 3339, appendix A. */
const DAYS = '(?:\\d{1,4}Y(?:\\d{1,4}M(?:\\d{1,4}D)?)?|\\d{1,4}M(?:\\d{1,4}D)?|\\d{1,4}D)'
const CLOCK = '(?:\\d{1,4}H(?:\\d{1,4}M(?:\\d{1,4}S)?)?|\\d{1,4}M(?:\\d{1,4}S)?|\\d{1,4}S)'
/** RFC 1123, section 2.1. */
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const ATOM = '[A-Za-z0-9_+-]+'
const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
/** RFC 4291, section 2.2, forms 1 and 2. */
const HEX = '[0-9A-Fa-f]{1,4}'
const IPV6 = [
  `(?:${HEX}:){7}${HEX}`,
  `(?:${HEX}:){1,7}:`,
  ...[1, 2, 3, 4, 5, 6].map((after) => `(?:${HEX}:){1,${7 - after}}(?::${HEX}){1,${after}}`),
  `:(?:(?::${HEX}){1,7}|:)`,
].join('|')
/** RFC 3986, appendix A. */
const PCHAR = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
const SEGMENT = "(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})"
const TAIL = `(?:\\?(?:${PCHAR}|[/?])*)?(?:#(?:${PCHAR}|[/?])*)?`
const AUTHORITY = `(?:${LABEL})(?:\\.(?:${LABEL}))*(?::\\d+)?`
const URI = `[A-Za-z][A-Za-z0-9+.-]*:(?://${AUTHORITY}(?:/${PCHAR}*)*|${PCHAR}+(?:/${PCHAR}*)*)${TAIL}`
const WEB_LABEL = '[a-z0-9]+(?:-[a-z0-9]+)*'
/** RFC 6901. */
const POINTER = '(?:/(?:[^~/]|~[01])*)*'
/** RFC 6570, levels 1 to 3. */
const EXPRESSION = '\\{[+#./;?&]?[A-Za-z0-9_]+(?:,[A-Za-z0-9_]+)*\\}'

const HOST_CHARS = 63

const FORMATS: Readonly<Record<string, Format>> = {
  date: { pattern: DATE },
  time: { pattern: TIME },
  'iso-time': { pattern: TIME },
  'date-time': { pattern: `(?:${DATE})T${TIME}` },
  'iso-date-time': { pattern: `(?:${DATE})T${TIME}` },
  duration: { pattern: `P(?:\\d{1,4}W|${DAYS}(?:T${CLOCK})?|T${CLOCK})` },
  email: { pattern: `${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+[A-Za-z]{2,}`, most: 254 },
  hostname: { pattern: `${LABEL}(?:\\.(?:${LABEL}))*`, most: HOST_CHARS },
  ipv4: { pattern: `(?:${BYTE}\\.){3}${BYTE}` },
  ipv6: { pattern: IPV6 },
  uuid: { pattern: '[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}' },
  uri: { pattern: URI },
  url: {
    pattern: `https?://(?:${WEB_LABEL}\\.)+[a-z]{2,}(?::[1-9]\\d{1,4})?(?:(?:/${PCHAR}*)+${TAIL})?`,
  },
  'uri-reference': { pattern: `${URI}|/?${SEGMENT}+(?:/${PCHAR}*)*${TAIL}` },
  'uri-template': { pattern: `(?:[A-Za-z0-9/:._~?#&=@-]|${EXPRESSION})+` },
  'json-pointer': { pattern: POINTER },
  'relative-json-pointer': { pattern: `(?:0|[1-9]\\d{0,3})(?:#|${POINTER})` },
  'json-pointer-uri-fragment': { pattern: `#(?:/(?:${SEGMENT}|:|~[01])*)*`.replaceAll('~!', '!') },
  byte: { pattern: '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?' },
  password: { pattern: '[^]*' },
  binary: { pattern: '[^]*' },
}
const ALIASES: Readonly<Record<string, string>> = {
  'idn-email': 'email',
  'idn-hostname': 'hostname',
  iri: 'uri',
  'iri-reference': 'uri-reference',
}

const known = new Map<string, Dfa>()

/** The texts of a format that are printed; undefined where the format is not known here. */
export function formatTexts(name: string): { readonly dfa: Dfa; readonly most: number } | undefined {
  const own = ALIASES[name] ?? name
  const format = Object.hasOwn(FORMATS, own) ? FORMATS[own] : undefined
  if (format === undefined) return undefined
  const most = format.most ?? Infinity
  const made = known.get(own)
  if (made !== undefined) return { dfa: made, most }
  const language = languageOf(`^(?:${format.pattern})$`, new Work())
  if (language.type !== 'language') throw new Error(`the format ${own} does not compile: ${language.why}`)
  known.set(own, language.dfa)
  return { dfa: language.dfa, most }
}

/** What a format asks of a number: OpenAPI's. Undefined where it is no format of numbers. */
export function formatNumbers(name: string): 'int32' | 'whole' | 'any' | undefined {
  switch (name) {
    case 'int32':
      return 'int32'
    case 'int64':
      return 'whole'
    case 'float':
    case 'double':
      return 'any'
    default:
      return undefined
  }
}

/** For tests and the handbook. */
export const FORMAT_NAMES: readonly string[] = [...Object.keys(FORMATS), ...Object.keys(ALIASES)]
