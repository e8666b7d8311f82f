import { Ahead, ALNUM, BASE64, BASE64URL, classOf, Runs } from './char-runs.ts'
import { FORMS, type Form, isMixed } from './issuers.ts'

/**
 * DESIGN. A secret begins with a marker that its issuer chose so that machines can find it (`AKIA`, `ghp_`,
 * `sk-`), followed by a body of one character class and a known length. So finding is one search for markers
 * and then a scan of the body by hand: no backtracking, and able to say "not decided yet" when the text ends
 * inside a body, which the output check needs for text that arrives in pieces. Markers may stand inside the
 * bodies of others, so a body is read through `Runs` and `Ahead`, which keep the whole linear in the text.
 * What documents use as an example (`AKIAIOSFODNN7EXAMPLE`, `sk-xxxx`) is not a secret.
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
  '-----BEGIN|A(?:KIA|SIA|Iza|ccountKey=)|eyJ|g(?:h[pousr]_|ithub_pat_|lpat-|sk_)|hf_|npm_|rk_(?:live|test)_' +
  '|SG\\.|SharedAccessKey=|sk(?:-|_live_|_test_)|upk_|x(?:ai-|ox[abprs]-)|ya29\\.' +
  '|[sS]ecret_?[aA]ccess_?[kK]ey|SECRET_ACCESS_KEY'

/**
 * Source of an expression that holds for the same texts as SECRET_MARKERS and is for the question whether there is any
 * at all: it asks for a character of each marker that ordinary text seldom has, and looks around that for the rest of
 * it. V8 skips to such characters many at a step, so an ordinary text costs a tenth.
 */
export const SECRET_SIGNS =
  '_(?<=gh[pousr]_|github_(?=pat_)|gsk_|hf_|npm_|upk_|[rs]k_(?:live|test)_)' +
  '|-(?<=-----(?=BEGIN)|glpat-|sk-|xai-|xox[abprs]-)|\\.(?<=SG\\.|ya29\\.)|=(?<=AccountKey=|SharedAccessKey=)' +
  '|I(?<=ASI(?=A))|z(?<=AIz(?=a))|J(?<=eyJ)' +
  '|K(?<=AK(?=IA)|[sS]ecret_?[aA]ccess_?K(?=ey)|SECRET_ACCESS_K(?=EY))|k(?<=[sS]ecret_?[aA]ccess_?k(?=ey))'

/** Characters that a secret may be long before it is decided: a private key. Everything else is far shorter. */
export const MAX_SECRET_CHARS = 8192

/** Every secret in a whole text, in order, not overlapping. A clean text costs one search. */
export function findSecrets(text: string): readonly Secret[] {
  if (!SIGN.test(text)) return NONE
  MARKER.lastIndex = 0
  let found: Secret[] | undefined
  let reader: SecretReader | undefined
  for (let marker = MARKER.exec(text); marker !== null; marker = MARKER.exec(text)) {
    const end = marker.index + marker[0].length
    reader ??= new SecretReader()
    const reading =
      marker[0] === '://'
        ? readUrlPassword(text, marker.index, end)
        : reader.read(text, marker.index, end, true)
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
const SIGN = new RegExp(`${SECRET_SIGNS}|:(?=//)`)
const MAX_JWT_CHARS = 4096
const MAX_JWT_PARTS = 5 // of an encrypted one, RFC 7516
const JWT_LEAST = 30
const JWT_CLAIMS_LEAST = 8
const MAX_PEM_LABEL_CHARS = 40
const PEM_LABEL = /^ (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/
const AWS_SECRET_CHARS = 40
const MAX_ASSIGNMENT_CHARS = 8
const SENDGRID_CHARS = [22, 43] as const
/** A dot is no character of a body; this joins parts of one. */
const DOT = 0x2e

/** Reads what follows the markers of one text, from its start to its end. */
export class SecretReader {
  readonly #runs = new Map<number, Runs>()
  readonly #parts: readonly Runs[] = Array.from({ length: MAX_JWT_PARTS }, () => new Runs(BASE64URL))
  readonly #algorithms = new Ahead(searchAlgorithm)
  readonly #endings = new Ahead(searchPemEnding)
  readonly #dense = new Ahead(searchDense)

  /** Reads what follows the marker at `start`..`body`. With `final` the text ends here for good. */
  read(text: string, start: number, body: number, final: boolean): SecretReading {
    const marker = text.slice(start, body)
    if (marker === '-----BEGIN') return this.#privateKey(text, start, body, final)
    const form = FORMS[marker]
    if (form === undefined && marker !== 'eyJ' && marker !== 'SG.') {
      return readAwsSecretKey(text, start, body, final)
    }
    if (form?.bounded !== false && insideWord(text, start)) return 'none'
    if (form !== undefined) return this.#form(form, text, start, body, final)
    return marker === 'eyJ' ? this.#jwt(text, start, body, final) : this.#sendgrid(text, start, body, final)
  }

  /** The text has lost its first `chars` characters. */
  shift(chars: number): void {
    for (const runs of [...this.#runs.values(), ...this.#parts]) runs.shift(chars)
    for (const ahead of [this.#algorithms, this.#endings, this.#dense]) ahead.shift(chars)
  }

  #form(form: Form, text: string, start: number, body: number, final: boolean): SecretReading {
    const runs = this.#runs.get(form.classes) ?? new Runs(form.classes)
    this.#runs.set(form.classes, runs)
    // One character beyond the longest body tells an exact length from a longer word.
    let end = runs.endOf(text, body, Math.min(text.length, body + form.most + 1))
    if (end === text.length && end - body <= form.most && !final) return 'more'
    if (end - body > form.most) {
      if (form.least === form.most) return 'none'
      end = body + form.most
    }
    if (end - body < form.least || !form.holds(text, body, end)) return 'none'
    const kind = form.kind === 'openai_key' && text.startsWith('ant-', body) ? 'anthropic_key' : form.kind
    return { kind, start, body, end }
  }

  /** Three parts (five where encrypted), of which the first is a JSON object that names its algorithm. */
  #jwt(text: string, start: number, body: number, final: boolean): SecretReading {
    const limit = Math.min(text.length, body + MAX_JWT_CHARS)
    const open = limit === text.length && limit - body < MAX_JWT_CHARS && !final
    let from = body
    for (let part = 0; ; part++) {
      const end = this.#parts[part]?.endOf(text, from, limit) ?? from
      // Two parts must be closed by a dot; from the third on the end of the text is an end.
      if (end === limit && (open || part < 2)) return open ? 'more' : 'none'
      if (part === 0 && this.#algorithms.next(text, start, end) === undefined) return 'none'
      if (part === 1 && end - from < JWT_CLAIMS_LEAST) return 'none'
      const dotted = end < limit && text.charCodeAt(end) === DOT
      if (part < 2 && !dotted) return 'none'
      if (part >= 2) {
        if (dotted && end + 1 === limit && open) return 'more'
        const goesOn = dotted && end + 1 < limit && isBase64Url(text, end + 1)
        if (!goesOn || part + 1 === MAX_JWT_PARTS) {
          return end - body < JWT_LEAST ? 'none' : { kind: 'jwt', start, body, end }
        }
      }
      from = end + 1
    }
  }

  /** `SG.`, 22 characters, a dot, 43 characters. */
  #sendgrid(text: string, start: number, body: number, final: boolean): SecretReading {
    let from = body
    for (const [part, chars] of SENDGRID_CHARS.entries()) {
      const end = this.#parts[part]?.endOf(text, from, Math.min(text.length, from + chars + 1)) ?? from
      if (end === text.length && end - from <= chars && !final) return 'more'
      if (end - from !== chars || (part === 0 && text.charCodeAt(end) !== DOT)) return 'none'
      from = part === 0 ? end + 1 : end
    }
    return isMixed(text, body, from) ? { kind: 'sendgrid_key', start, body, end: from } : 'none'
  }

  /** From `-----BEGIN … PRIVATE KEY-----` to the end line, a quotation mark, or the bound. */
  #privateKey(text: string, start: number, begin: number, final: boolean): SecretReading {
    const label = PEM_LABEL.exec(text.slice(begin, begin + MAX_PEM_LABEL_CHARS + 5))
    if (label === null) return text.length - begin < MAX_PEM_LABEL_CHARS + 5 && !final ? 'more' : 'none'
    const body = begin + label[0].length
    const limit = Math.min(text.length, start + MAX_SECRET_CHARS)
    const ending = this.#endings.next(text, body, limit)
    if (ending === undefined && limit === text.length && limit - start < MAX_SECRET_CHARS && !final) {
      return 'more'
    }
    // "-----BEGIN PRIVATE KEY-----…-----END" with nothing but dots between is a sentence about keys.
    const dense = this.#dense.next(text, body, Math.max(body, ending?.start ?? limit))
    return dense === undefined
      ? 'none'
      : { kind: 'private_key', start, body: begin, end: ending?.end ?? limit }
  }
}

/** A letter or digit stands right before, and is not the tail of `\n`, `\u000a` or `%0A`: text within text. */
function insideWord(text: string, start: number): boolean {
  if (start === 0 || (classOf(text.charCodeAt(start - 1)) & ALNUM) === 0) return false
  return !ESCAPE_BEFORE.test(text.slice(Math.max(0, start - ESCAPE_CHARS), start))
}

const ESCAPE_CHARS = 6
const ESCAPE_BEFORE = /(?:\\[bfnrtv]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2})$/

function isBase64Url(text: string, at: number): boolean {
  return (classOf(text.charCodeAt(at)) & BASE64URL) !== 0
}

/** `"alg"` in base64, at each of the three places that it can have among the groups of four. */
const ALGORITHM = /ImFsZy|JhbGci|iYWxnI/g
const ALGORITHM_CHARS = 6

function searchAlgorithm(text: string, from: number, limit: number): { start: number; end: number } | number {
  ALGORITHM.lastIndex = from
  // Bounded, because what follows may be megabytes of something else.
  const match = ALGORITHM.exec(text.slice(0, limit))
  if (match === null) return limit - ALGORITHM_CHARS
  return { start: match.index, end: match.index + ALGORITHM_CHARS }
}

const PEM_END = /-----END[A-Z0-9 ]{0,40}-----/y
const MAX_PEM_END_CHARS = 53

/** The end line of a key, or a quotation mark of the text around it; a mark ends it without belonging to it. */
function searchPemEnding(text: string, from: number, limit: number): { start: number; end: number } | number {
  for (let at = from; at < limit; at++) {
    const code = text.charCodeAt(at)
    // " ' ` <
    if (code === 0x22 || code === 0x27 || code === 0x60 || code === 0x3c) return { start: at, end: at }
    if (code !== 0x2d || !text.startsWith('-----END', at)) continue
    PEM_END.lastIndex = at
    const match = PEM_END.exec(text)
    if (match !== null && at + match[0].length <= limit) return { start: at, end: at + match[0].length }
  }
  return limit - MAX_PEM_END_CHARS
}

const DENSE_CHARS = 16

/** Sixteen characters of base64 in a row: the body of a key. */
function searchDense(text: string, from: number, limit: number): { start: number; end: number } | number {
  let began = from
  for (let at = from; at < limit; at++) {
    if ((classOf(text.charCodeAt(at)) & (ALNUM | BASE64)) === 0) began = at + 1
    else if (at + 1 - began === DENSE_CHARS) return { start: began, end: at + 1 }
  }
  return began
}

/** `aws_secret_access_key = …`: the value has no marker of its own, so its name is the marker. */
function readAwsSecretKey(text: string, start: number, name: number, final: boolean): SecretReading {
  let body = name
  const widest = name + MAX_ASSIGNMENT_CHARS
  while (body < text.length && body < widest && ' \t"\'=:>\\'.includes(text.charAt(body))) body++
  let end = body
  const limit = Math.min(text.length, body + AWS_SECRET_CHARS + 1)
  while (end < limit && (classOf(text.charCodeAt(end)) & (ALNUM | BASE64)) !== 0) end++
  if (end === text.length && end - body <= AWS_SECRET_CHARS && !final) return 'more'
  if (body === name || end - body !== AWS_SECRET_CHARS) return 'none'
  const value = text.slice(body, end)
  if (value.includes('EXAMPLE') || !isMixed(text, body, end)) return 'none'
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
