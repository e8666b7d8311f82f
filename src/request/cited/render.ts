import type { Citation, Conflict } from '../../contract/passage.ts'
import type { Carried } from './check.ts'

/** What is shown: Markdown, and the citations that its numbers mean, in their order. */
export interface Rendered {
  readonly text: string
  readonly citations: readonly Citation[]
}

/** A model's sentences that quotations carry, each with the numbers of its citations, and the list of these. */
export function renderCarried(carried: readonly Carried[], conflicts: readonly Conflict[]): Rendered {
  const numbers = new Numbers()
  const sentences = carried.map(
    ({ sentence, citations }) => `${sentence} ${citations.map((one) => numbers.mark(one)).join('')}`,
  )
  const parts = [sentences.join(' '), ...disagreement(conflicts, numbers), sourcesOf(numbers.all, true)]
  return { text: `${parts.join('\n\n')}\n`, citations: numbers.all }
}

/** What the quoting engine said, and below it what contradicts itself. */
export function renderQuoted(
  text: string,
  quoted: readonly Citation[],
  conflicts: readonly Conflict[],
): Rendered {
  if (conflicts.length === 0) return { text, citations: quoted }
  const numbers = new Numbers(quoted)
  const shown = disagreement(conflicts, numbers)
  const more = numbers.all.slice(quoted.length)
  const sources = more.length === 0 ? [] : [sourcesOf(more, false, quoted.length)]
  return { text: `${[text.trimEnd(), ...shown, ...sources].join('\n\n')}\n`, citations: numbers.all }
}

/** What a question is told that the collection does not answer. */
export function declineText(collection: string, places: readonly string[]): string {
  const near =
    places.length === 0 ? [] : [`The nearest places are:\n\n${places.map((one) => `- ${one}`).join('\n')}`]
  return [
    `Upshift declines this question: no passage of the collection ${collection} supports an answer.`,
    ...near,
    `\`npx upshift knowledge search --collection ${collection} …\` shows what it holds.`,
  ]
    .join('\n\n')
    .concat('\n')
}

/** The document with its headings and page. */
export function placeOf({
  document,
  headings,
  page,
}: Pick<Citation, 'document' | 'headings' | 'page'>): string {
  const at = page === undefined ? document : `${document}, page ${page}`
  return headings.length === 0 ? at : `${headings.join(' › ')} (${at})`
}

class Numbers {
  readonly all: Citation[]

  constructor(known: readonly Citation[] = []) {
    this.all = [...known]
  }

  mark(citation: Citation): string {
    const known = this.all.findIndex(({ id }) => id === citation.id)
    if (known < 0) this.all.push(citation)
    return `[${known < 0 ? this.all.length : known + 1}]`
  }
}

function disagreement(conflicts: readonly Conflict[], numbers: Numbers): string[] {
  return conflicts.map(({ one, other, by }) => {
    const sides = [one, other].map(
      (side) => `${quotation(side.quote)} ${numbers.mark(side)}\n>\n> ${placeOf(side)}${readOn(side)}`,
    )
    const what =
      by === 'figures' ? 'The documents state different figures' : 'One document denies what the other says'
    return `${what}:\n\n${sides.join('\n\n')}`
  })
}

function readOn({ readAt }: Citation): string {
  return readAt === undefined ? '' : `, read on ${new Date(readAt).toISOString().slice(0, 10)}`
}

function quotation(quote: string): string {
  return quote
    .split(/\r\n|\n|\r/)
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n')
}

function sourcesOf(citations: readonly Citation[], quotes: boolean, before = 0): string {
  const lines = citations.map((one, at) => {
    const words = quotes ? `\n    “${one.quote.replace(/\s+/g, ' ')}”` : ''
    return `[${before + at + 1}] ${placeOf(one)}${words}\n    npx upshift cite ${one.id}`
  })
  return `Sources\n\n${lines.join('\n')}`
}
