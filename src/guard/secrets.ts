/**
 * DESIGN. A secret begins with a marker that its issuer chose so that machines can find it (`AKIA`, `ghp_`,
 * `sk-`), followed by a body of one character class and a known length. So finding is one search for markers
 * and then a scan of the body by hand: linear, no backtracking, and able to say "not decided yet" when the
 * text ends inside a body, which the output check needs for text that arrives in pieces. What documents use
 * as an example (`AKIAIOSFODNN7EXAMPLE`, `sk-xxxx`) is not a secret.
 * Sources: the issuers' documentation of their key formats; RFC 7519 (JWT); RFC 7468 (PEM).
 */
export interface Secret {
  /** The last part of the rule's name: `aws_access_key`. */
  readonly kind: string
  readonly start: number
  /** Where the marker ends and what must not be shown begins. */
  readonly body: number
  readonly end: number
}

/** `none`: the marker opens no secret. `more`: the text ends before it is decided. */
export type SecretReading = Secret | 'none' | 'more'

/** Source of an expression that finds every marker; the connection-string marker `://` stands apart. */
export const SECRET_MARKERS =
  '-----BEGIN|A(?:KIA|SIA|Iza)|eyJ|g(?:h[pousr]_|ithub_pat_|lpat-)|hf_|npm_|rk_live_|sk(?:-|_live_)|upk_' +
  '|x(?:ai-|ox[abprs]-)|[sS]ecret_?[aA]ccess_?[kK]ey|SECRET_ACCESS_KEY'

/** Characters that a secret may be long before it is decided: a private key. Everything else is far shorter. */
export const MAX_SECRET_CHARS = 8192

/** Every secret in a whole text, in order, not overlapping. A clean text costs one search. */
export function findSecrets(text: string): readonly Secret[] {
  MARKER.lastIndex = 0
  let found: Secret[] | undefined
  for (let marker = MARKER.exec(text); marker !== null; marker = MARKER.exec(text)) {
    const end = marker.index + marker[0].length
    const reading =
      marker[0] === '://'
        ? readUrlPassword(text, marker.index, end)
        : readSecret(text, marker.index, end, true)
    if (typeof reading === 'string') {
      MARKER.lastIndex = end
      continue
    }
    found ??= []
    found.push(reading)
    MARKER.lastIndex = reading.end
  }
  return found ?? NONE
}

const NONE: readonly Secret[] = []
const MARKER = new RegExp(`${SECRET_MARKERS}|://`, 'g')

/** Reads what follows the marker at `start`..`body`. With `final` the text ends here for good. */
export function readSecret(text: string, start: number, body: number, final: boolean): SecretReading {
  const marker = text.slice(start, body)
  if (marker === '-----BEGIN') return readPrivateKey(text, start, body, final)
  if (marker.length > 14) return readAwsSecretKey(text, start, body, final)
  if (start > 0 && isClass(text.charCodeAt(start - 1), ALNUM)) return 'none'
  const form = FORMS[marker]
  return form === undefined ? 'none' : readForm(form, text, start, body, final)
}

// Character classes, as bits of one table.
const LOWER = 1
const UPPER = 2
const DIGIT = 4
const UNDERSCORE = 8
const DASH = 16
const DOT = 32
const BASE64 = 64 // `+`, `/`, `=`
const ALNUM = LOWER | UPPER | DIGIT

const CLASS = new Uint8Array(128)
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code)
  if (char >= 'a' && char <= 'z') CLASS[code] = LOWER
  else if (char >= 'A' && char <= 'Z') CLASS[code] = UPPER
  else if (char >= '0' && char <= '9') CLASS[code] = DIGIT
  else if (char === '_') CLASS[code] = UNDERSCORE
  else if (char === '-') CLASS[code] = DASH
  else if (char === '.') CLASS[code] = DOT
  else if (char === '+' || char === '/' || char === '=') CLASS[code] = BASE64
}

function isClass(code: number, classes: number): boolean {
  return code < 128 && ((CLASS[code] ?? 0) & classes) !== 0
}

interface Form {
  readonly kind: string
  readonly classes: number
  readonly least: number
  /** Characters of the body at most; where `least` is the same, one more character means that it is none. */
  readonly most: number
  /** A last look at the body, with the marker in front. */
  readonly holds?: (whole: string, body: string) => boolean
}

const mixed = (_: string, body: string): boolean =>
  /[0-9]/.test(body) && /[a-z]/.test(body) && /[A-Z]/.test(body)
const lively = (_: string, body: string): boolean => new Set(body).size >= 8

const GITHUB: Form = { kind: 'github_token', classes: ALNUM, least: 36, most: 255, holds: lively }
const SLACK: Form = { kind: 'slack_token', classes: ALNUM | DASH, least: 20, most: 255, holds: lively }
const STRIPE: Form = { kind: 'stripe_key', classes: ALNUM, least: 16, most: 255, holds: lively }
const AWS: Form = {
  kind: 'aws_access_key',
  classes: UPPER | DIGIT,
  least: 16,
  most: 16,
  holds: (_, body) => !body.endsWith('EXAMPLE') && new Set(body).size >= 6,
}

const FORMS: Readonly<Record<string, Form>> = {
  AKIA: AWS,
  ASIA: AWS,
  AIza: { kind: 'google_key', classes: ALNUM | UNDERSCORE | DASH, least: 35, most: 35, holds: mixed },
  eyJ: { kind: 'jwt', classes: ALNUM | UNDERSCORE | DASH | DOT, least: 30, most: 4096, holds: isJwt },
  ghp_: GITHUB,
  gho_: GITHUB,
  ghu_: GITHUB,
  ghs_: GITHUB,
  ghr_: GITHUB,
  github_pat_: { kind: 'github_token', classes: ALNUM | UNDERSCORE, least: 40, most: 255, holds: lively },
  'glpat-': { kind: 'gitlab_token', classes: ALNUM | UNDERSCORE | DASH, least: 20, most: 128, holds: lively },
  hf_: { kind: 'huggingface_token', classes: ALNUM, least: 30, most: 64, holds: lively },
  npm_: { kind: 'npm_token', classes: ALNUM, least: 36, most: 36, holds: lively },
  rk_live_: STRIPE,
  sk_live_: STRIPE,
  'sk-': { kind: 'openai_key', classes: ALNUM | UNDERSCORE | DASH, least: 20, most: 255, holds: mixed },
  upk_: { kind: 'upshift_key', classes: ALNUM, least: 26, most: 128, holds: lively },
  'xai-': { kind: 'xai_key', classes: ALNUM, least: 40, most: 128, holds: lively },
  'xoxa-': SLACK,
  'xoxb-': SLACK,
  'xoxp-': SLACK,
  'xoxr-': SLACK,
  'xoxs-': SLACK,
}

function readForm(form: Form, text: string, start: number, body: number, final: boolean): SecretReading {
  // One character beyond the longest body tells an exact length from a longer word.
  const limit = Math.min(text.length, body + form.most + 1)
  let end = body
  while (end < limit && isClass(text.charCodeAt(end), form.classes)) end++
  if (end === text.length && end - body <= form.most && !final) return 'more'
  if (end - body > form.most) {
    if (form.least === form.most) return 'none'
    end = body + form.most
  }
  if (end - body < form.least) return 'none'
  const held = text.slice(body, end)
  if (form.holds !== undefined && !form.holds(text.slice(start, end), held)) return 'none'
  const kind = form.kind === 'openai_key' && held.startsWith('ant-') ? 'anthropic_key' : form.kind
  return { kind, start, body, end }
}

/** Three parts, of which the first is a JSON object that names its algorithm. */
function isJwt(whole: string): boolean {
  const parts = whole.split('.')
  if (parts.length < 3 || (parts[1] ?? '').length < 8) return false
  return Buffer.from(parts[0] ?? '', 'base64url')
    .toString('latin1')
    .includes('"alg"')
}

const MAX_PEM_LABEL_CHARS = 40
const PEM_LABEL = /^ (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/

/** From `-----BEGIN … PRIVATE KEY-----` to the end line, a quotation mark, or the bound. */
function readPrivateKey(text: string, start: number, begin: number, final: boolean): SecretReading {
  const label = PEM_LABEL.exec(text.slice(begin, begin + MAX_PEM_LABEL_CHARS + 5))
  if (label === null) return text.length - begin < MAX_PEM_LABEL_CHARS + 5 && !final ? 'more' : 'none'
  const body = begin + label[0].length
  const limit = Math.min(text.length, start + MAX_SECRET_CHARS)
  const window = text.slice(body, limit)
  const ending = /-----END[A-Z0-9 ]{0,40}-----|["'`<]/.exec(window)
  if (ending === null) {
    if (limit === text.length && limit - start < MAX_SECRET_CHARS && !final) return 'more'
    return window.trim().length < 16 ? 'none' : { kind: 'private_key', start, body: begin, end: limit }
  }
  const closed = ending[0].startsWith('-----')
  // "-----BEGIN PRIVATE KEY-----…-----END" with nothing but dots between is a sentence about keys.
  if (!/[A-Za-z0-9+/=]{16}/.test(window.slice(0, ending.index))) return 'none'
  return {
    kind: 'private_key',
    start,
    body: begin,
    end: body + ending.index + (closed ? ending[0].length : 0),
  }
}

const AWS_SECRET_CHARS = 40
const MAX_ASSIGNMENT_CHARS = 8

/** `aws_secret_access_key = …`: the value has no marker of its own, so its name is the marker. */
function readAwsSecretKey(text: string, start: number, name: number, final: boolean): SecretReading {
  let body = name
  const widest = name + MAX_ASSIGNMENT_CHARS
  while (body < text.length && body < widest && ' \t"\'=:>\\'.includes(text.charAt(body))) body++
  let end = body
  const limit = Math.min(text.length, body + AWS_SECRET_CHARS + 1)
  while (end < limit && isClass(text.charCodeAt(end), ALNUM | BASE64)) end++
  if (end === text.length && end - body <= AWS_SECRET_CHARS && !final) return 'more'
  if (body === name || end - body !== AWS_SECRET_CHARS) return 'none'
  const value = text.slice(body, end)
  if (value.includes('EXAMPLE') || !mixed('', value)) return 'none'
  return { kind: 'aws_secret_key', start, body, end }
}

const URL_PASSWORD = /^([^\s:@/?#"'`<>]{0,64}):([^\s:@/?#"'`<>]{4,128})@([A-Za-z0-9.-]{1,253})/
const EXAMPLE_PASSWORD =
  /^(?:.{0,2}pass(?:word|wd)?\d{0,4}|secret|example|change_?me|postgres|root|admin|guest|test|token|x{3,}|\*{3,}|\.{3,}|your.*|my.*|.*[${}].*)$/i
const LOCAL_HOST = /^(?:localhost|127\.|0\.0\.0\.0|db$|example\.|.*\.example(?:\.|$)|host(?:name)?$)/i

/** `scheme://user:password@host`, where the password and the host are not those of a tutorial. */
function readUrlPassword(text: string, start: number, begin: number): SecretReading {
  const login = URL_PASSWORD.exec(text.slice(begin, begin + 450))
  if (login === null) return 'none'
  const [, user = '', password = '', host = ''] = login
  if (EXAMPLE_PASSWORD.test(password) || LOCAL_HOST.test(host)) return 'none'
  const body = begin + user.length + 1
  return { kind: 'url_password', start, body, end: body + password.length }
}
