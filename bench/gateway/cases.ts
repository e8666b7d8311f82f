import { CHINESE_MARK, STREAM_EVENTS } from './engine.ts'

/** What is asked: a body of so many bytes, so often at once, for a whole answer or a stream. */
export interface Body {
  readonly name: string
  readonly bytes: number
  readonly chinese: boolean
}

export interface Case {
  /** `burst`: a stream that comes in one write. `paced`: one whose events are PACE_MS apart. */
  readonly kind: 'json' | 'burst' | 'paced'
  readonly body: Body
  readonly connections: number
}

/** The row that the gates are about. */
export const MAIN_BODY: Body = { name: '4 KB', bytes: 4_096, chinese: false }
/** The row of the loop's delay. */
export const LONG_CHINESE: Body = { name: '32 KB Chinese', bytes: 32_768, chinese: true }
const BODIES: readonly Body[] = [
  { name: '0.2 KB', bytes: 205, chinese: false },
  { name: '32 KB', bytes: 32_768, chinese: false },
  { name: '4 KB Chinese', bytes: 4_096, chinese: true },
]
const CONNECTIONS = [1, 16, 64] as const
const STREAM_CONNECTIONS = 16
export const PACE_MS = 4

/** Not counted. */
export const WARM_UP: readonly Case[] = (['json', 'burst'] as const).map((kind) => ({
  kind,
  body: MAIN_BODY,
  connections: STREAM_CONNECTIONS,
}))

/** The main row first: its peak of memory is read before larger bodies come. */
export function casesOf(quick: boolean): readonly Case[] {
  const json = (body: Body): readonly Case[] =>
    CONNECTIONS.map((connections) => ({ kind: 'json', body, connections }))
  const streams = (['burst', 'paced'] as const).map((kind) => ({
    kind,
    body: MAIN_BODY,
    connections: STREAM_CONNECTIONS,
  }))
  return [...json(MAIN_BODY), ...streams, ...(quick ? [] : BODIES.flatMap(json)), ...json(LONG_CHINESE)]
}

export function isMain(one: Case): boolean {
  return one.body === MAIN_BODY
}

/** The body's JSON, of the stated number of bytes (Chinese: up to two less, so that no character is cut). */
export function bodyText({ kind, body }: Case, model: string): string {
  const made = (text: string): string =>
    JSON.stringify({
      model,
      stream: kind !== 'json',
      messages: [
        { role: 'user', content: `${text}${kind === 'paced' ? ` gapMs=${PACE_MS}` : ''}${mark(body)}` },
      ],
    })
  const empty = made('')
  return made(prose(body.chinese ? CHINESE : ENGLISH, body.bytes - Buffer.byteLength(empty)))
}

function mark({ chinese }: Body): string {
  return chinese ? ` ${CHINESE_MARK}` : ''
}

/** What the answer must hold, to be counted. */
export function isAnswer(one: Case, body: string): boolean {
  const expected = one.body.chinese ? '深度学习' : 'word word'
  if (one.kind === 'json') return body.includes(expected) && body.includes('"finish_reason":"stop"')
  const events = body.split(expected.slice(0, 4)).length - 1
  return events >= STREAM_EVENTS && body.trimEnd().endsWith('data: [DONE]')
}

const ENGLISH = [
  'The quarterly report names three risks that the board has not yet discussed in full. ',
  'Please compare the two proposals and say which of them costs less over five years; ',
  'a reader who knows neither company should be able to follow the argument. ',
  'Keep the figures exact, and quote the page (or the table) that each one comes from. ',
  'Where the sources disagree, say so: the newer one is not always right. ',
]
const CHINESE = [
  '季度报告列出了董事会尚未充分讨论的三项风险。',
  '请比较这两个方案，并说明五年内哪一个成本更低；',
  '不了解这两家公司的读者也应当能够理解整个论证。',
  '数字必须准确，并引用每个数字所在的页码（或表格）。',
  '如果资料之间有矛盾，请明确指出：较新的资料不一定正确。',
]

function prose(sentences: readonly string[], bytes: number): string {
  let text = ''
  let left = bytes
  for (let index = 0; left > 0; index++) {
    for (const character of sentences[index % sentences.length] ?? '') {
      const size = Buffer.byteLength(character)
      if (size > left) return text
      text += character
      left -= size
    }
  }
  return text
}
