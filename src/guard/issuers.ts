import { ALNUM, BASE64, BASE64URL, classOf, DASH, DIGIT, LOWER, UNDERSCORE, UPPER } from './char-runs.ts'

/**
 * The secrets that are one marker and one body of a known class and length, by their issuers' documentation.
 * `bounded` says whether a letter or digit right before the marker rules it out: needed for markers that are
 * the ends of words (`task-`, `shf_`), not for those that nobody writes by chance.
 */
export interface Form {
  readonly kind: string
  readonly classes: number
  readonly least: number
  /** Characters of the body at most; where `least` is the same, one more character means that it is none. */
  readonly most: number
  readonly bounded: boolean
  /** A last look at the body in `from`..`to`: made up by a machine, or by a person? */
  readonly holds: (text: string, from: number, to: number) => boolean
}

/** What the body is judged by. Enough for every issuer, and few enough to be read at every marker. */
const JUDGED_CHARS = 64
const DISTINCT_LEAST = 8
const HEX_LEAST = 32

const lastSeen = new Uint32Array(128)
let reading = 0

/** Whether so many different characters stand there. */
function isVaried(text: string, from: number, to: number, least = DISTINCT_LEAST): boolean {
  // 2³² − 1 readings later an old mark could be taken for a new one.
  if (++reading === 0xffffffff) {
    lastSeen.fill(0)
    reading = 1
  }
  let distinct = 0
  for (let at = from, end = Math.min(to, from + JUDGED_CHARS); at < end; at++) {
    const code = text.charCodeAt(at)
    if (lastSeen[code] === reading) continue
    lastSeen[code] = reading
    if (++distinct >= least) return true
  }
  return false
}

/** Whether capitals, small letters and digits stand there. */
export function isMixed(text: string, from: number, to: number): boolean {
  return (classesIn(text, from, to) & ALNUM) === ALNUM
}

function classesIn(text: string, from: number, to: number): number {
  let classes = 0
  for (let at = from, end = Math.min(to, from + JUDGED_CHARS); at < end; at++) {
    classes |= classOf(text.charCodeAt(at))
    if ((classes & ALNUM) === ALNUM) break
  }
  return classes
}

/** Whether 32 hexadecimal digits stand there in a row, decimal ones among them, not all the same few. */
function isHexadecimal(text: string, from: number, to: number): boolean {
  let began = from
  let digits = 0
  for (let at = from, end = Math.min(to, from + JUDGED_CHARS); at < end; at++) {
    const code = text.charCodeAt(at) | 0x20
    const decimal = classOf(text.charCodeAt(at)) === DIGIT
    if (decimal || (code >= 0x61 && code <= 0x66)) {
      digits += decimal ? 1 : 0
      if (at + 1 - began >= HEX_LEAST && digits > 0 && isVaried(text, began, at + 1)) return true
    } else {
      began = at + 1
      digits = 0
    }
  }
  return false
}

/** One reading settles most: without a digit it is neither. */
const isMixedOrHexadecimal: Form['holds'] = (text, from, to) => {
  const classes = classesIn(text, from, to)
  return (classes & ALNUM) === ALNUM || ((classes & DIGIT) !== 0 && isHexadecimal(text, from, to))
}

const AWS: Form = {
  kind: 'aws_access_key',
  classes: UPPER | DIGIT,
  least: 16,
  most: 16,
  bounded: false,
  holds: (text, from, to) => !text.startsWith('EXAMPLE', to - 7) && isVaried(text, from, to, 6),
}

function form(kind: string, classes: number, least: number, most: number, holds: Form['holds']): Form {
  return { kind, classes, least, most, bounded: true, holds }
}

const GITHUB: Form = { ...form('github_token', ALNUM, 36, 255, isVaried), bounded: false }
const SLACK = form('slack_token', ALNUM | DASH, 20, 255, isVaried)
const STRIPE = form('stripe_key', ALNUM, 16, 255, isVaried)

export const FORMS: Readonly<Record<string, Form>> = {
  AKIA: AWS,
  ASIA: AWS,
  AIza: form('google_key', BASE64URL, 35, 35, isMixed),
  'AccountKey=': form('azure_key', ALNUM | BASE64, 44, 128, isMixed),
  'SharedAccessKey=': form('azure_key', ALNUM | BASE64, 43, 128, isMixed),
  ghp_: GITHUB,
  gho_: GITHUB,
  ghu_: GITHUB,
  ghs_: GITHUB,
  ghr_: GITHUB,
  github_pat_: { ...form('github_token', ALNUM | UNDERSCORE, 40, 255, isVaried), bounded: false },
  'glpat-': form('gitlab_token', BASE64URL, 20, 128, isVaried),
  gsk_: form('groq_key', ALNUM, 40, 128, isMixed),
  hf_: form('huggingface_token', ALNUM, 30, 64, isVaried),
  npm_: form('npm_token', ALNUM, 36, 36, isVaried),
  rk_live_: STRIPE,
  rk_test_: STRIPE,
  sk_live_: STRIPE,
  sk_test_: STRIPE,
  // OpenAI and Anthropic mix; DeepSeek's are 32 hexadecimal digits, OpenRouter's 64 behind `or-v1-`.
  'sk-': form('openai_key', BASE64URL, 20, 255, isMixedOrHexadecimal),
  upk_: form('upshift_key', LOWER | UPPER | DIGIT, 26, 128, isVaried),
  'xai-': form('xai_key', ALNUM, 40, 128, isVaried),
  'xoxa-': SLACK,
  'xoxb-': SLACK,
  'xoxp-': SLACK,
  'xoxr-': SLACK,
  'xoxs-': SLACK,
  'ya29.': form('google_oauth', BASE64URL, 20, 2048, isMixed),
}
