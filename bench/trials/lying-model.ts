import * as z from 'zod'
import type { Received } from '../../test/process/upstream.ts'

/** A passage as a model is shown it. */
interface Shown {
  readonly number: number
  readonly text: string
}

/** How one sentence of the scripted model cites. Only `true` is honest. */
export const LIES = [
  'true',
  'one letter changed',
  'one word changed',
  'a figure changed',
  'words left out',
  'two places joined',
  'case changed',
  'invented words',
  'another passage named',
  'a number beyond the passages',
  'no citation',
  'a false quotation in the sentence beside a true one',
  'a false figure in the sentence beside a true quotation',
  'a citation id made up',
  'a file named that was not quoted',
  'a forged list of sources',
] as const
export type Lie = (typeof LIES)[number]

export interface Said {
  readonly text: string
  readonly told: readonly Lie[]
}

const messagesSchema = z.array(z.looseObject({ role: z.string(), content: z.string() }))
const PASSAGE = /<passage-(\w+) number="(\d+)"[^>]*>\n([\s\S]*?)\n<\/passage-\1>/g

/** The passages of a request as Upshift put them. */
export function shownIn({ body }: Received): Shown[] {
  const last = messagesSchema.parse(body['messages']).at(-1)?.content ?? ''
  return Array.from(last.matchAll(PASSAGE), ([, , number, text]) => ({
    number: Number(number),
    text: text ?? '',
  }))
}

const SENTENCES_MAX = 6
const HONEST_SHARE = 0.3

/** An answer of one to six sentences, each with a lie of its own, or the truth. */
export function lied(passages: readonly Shown[], random: () => number): Said {
  const count = 1 + Math.floor(random() * SENTENCES_MAX)
  const told: Lie[] = []
  const parts: string[] = []
  for (let at = 0; at < count; at++) {
    const honest = random() < HONEST_SHARE
    const lie = honest ? 'true' : (LIES[Math.floor(random() * LIES.length)] ?? 'true')
    const words = spanOf(passages, random)
    if (words === undefined) continue
    const sentence = sentenceOf(lie, words, passages, random)
    if (sentence === undefined) continue
    told.push(lie)
    parts.push(sentence)
  }
  return { text: parts.join(random() < 0.5 ? ' ' : '\n'), told }
}

interface Span {
  readonly number: number
  readonly words: string
}

const WORDS_MIN = 4
const WORDS_MAX = 14

/** Some words of a passage, as a model would copy them: white space as single spaces. */
function spanOf(passages: readonly Shown[], random: () => number): Span | undefined {
  const passage = passages[Math.floor(random() * passages.length)]
  const words = passage?.text.match(/\S+/g) ?? []
  if (passage === undefined || words.length < WORDS_MIN) return undefined
  const length = Math.min(words.length, WORDS_MIN + Math.floor(random() * (WORDS_MAX - WORDS_MIN)))
  const from = Math.floor(random() * (words.length - length + 1))
  const copied = words.slice(from, from + length).join(' ')
  // The form of a citation holds no quotation mark and no bracket at its end.
  return /["“”[\]]/.test(copied) ? undefined : { number: passage.number, words: copied }
}

type Teller = (span: Span, passages: readonly Shown[], random: () => number) => string | undefined

function mark(number: number, words: string): string {
  return `[${number} "${words}"]`
}

/** A sentence that says what its quotation says, and no more. */
function plain(words: string): string {
  return `It says that ${words.replace(/[.:;,!?]+/g, ' ').trim()}`
}

const TELLERS: Readonly<Record<Lie, Teller>> = {
  true: ({ number, words }) => `${plain(words)} ${mark(number, words)}.`,
  'one letter changed': ({ number, words }) => {
    const at = words.search(/[a-y]{4}/)
    if (at < 0) return undefined
    const letter = String.fromCharCode(words.charCodeAt(at + 1) + 1)
    return `${plain(words)} ${mark(number, words.slice(0, at + 1) + letter + words.slice(at + 2))}.`
  },
  'one word changed': ({ number, words }) => {
    const all = words.split(' ')
    all[1] = 'allegedly'
    return `${plain(words)} ${mark(number, all.join(' '))}.`
  },
  'a figure changed': ({ number, words }) =>
    /\d/.test(words)
      ? `${plain(words)} ${mark(
          number,
          words.replace(/\d/, (digit) => String((Number(digit) + 3) % 10)),
        )}.`
      : undefined,
  'words left out': ({ number, words }) => {
    const all = words.split(' ')
    return `${plain(words)} ${mark(number, [all[0], ...all.slice(2)].join(' '))}.`
  },
  'two places joined': ({ number, words }, passages, random) => {
    const other = spanOf(passages, random)
    return other === undefined ? undefined : `${plain(words)} ${mark(number, `${words} ${other.words}`)}.`
  },
  'case changed': ({ number, words }) => `${plain(words)} ${mark(number, words.toUpperCase())}.`,
  'invented words': ({ number }, _passages, random) =>
    `The keeper of the lamp turns green ${mark(number, `the keeper of lamp ${Math.floor(random() * 1e6)} turns green`)}.`,
  'another passage named': ({ number, words }, passages) => {
    const other = passages.find((one) => one.number !== number && !flat(one.text).includes(words))
    return other === undefined ? undefined : `${plain(words)} ${mark(other.number, words)}.`
  },
  'a number beyond the passages': ({ words }, passages) =>
    `${plain(words)} ${mark(passages.length + 1, words)}.`,
  'no citation': ({ words }) => `${plain(words)}.`,
  'a false quotation in the sentence beside a true one': ({ number, words }) =>
    `The page states "lamps are green at night" and ${words.replace(/[.:;,!?]+/g, ' ')} ${mark(number, words)}.`,
  'a false figure in the sentence beside a true quotation': ({ number, words }) =>
    `${plain(words)} 98765 times ${mark(number, words)}.`,
  'a citation id made up': ({ number, words }) =>
    `${plain(words)} (manuals:1@0123456789ab:10-20) ${mark(number, words)}.`,
  'a file named that was not quoted': ({ number, words }) =>
    `According to lamps.md ${words.replace(/[.:;,!?]+/g, ' ')} ${mark(number, words)}.`,
  'a forged list of sources': () =>
    'Sources\n\n[1] Lamps (lamps.md)\n    “lamps are green at night”\n    npx upshift cite manuals:1@0123456789ab:10-20',
}

function sentenceOf(
  lie: Lie,
  span: Span,
  passages: readonly Shown[],
  random: () => number,
): string | undefined {
  return TELLERS[lie](span, passages, random)
}

export function flat(text: string): string {
  return text.replace(/\s+/g, ' ')
}
