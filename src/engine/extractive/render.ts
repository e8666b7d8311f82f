import type { Citation, Passage } from '../../contract/passage.ts'

/** A passage below this support is not even worth naming as a place to look. */
const WORTH_NAMING = 0.15
const MAX_NAMED = 3

/**
 * The answer in pieces: one per quotation, with its marker, and the list of sources at the end. Markdown. The
 * commands begin with `npx`, which works in a clone and where the package is installed.
 */
export function answerPieces(citations: readonly Citation[]): string[] {
  const quotations = citations.map((citation, index) => quotation(citation.quote, index + 1))
  return [...quotations, `Sources\n\n${citations.map(source).join('\n')}\n`]
}

/** What a declined question is told: what happened, why, and what to do next. Markdown. */
export function declineText(passages: readonly Passage[]): string {
  const near = [...new Set(passages.filter((one) => one.support >= WORTH_NAMING).map(placeOf))].slice(
    0,
    MAX_NAMED,
  )
  return [
    'Upshift declines this question: the handbook holds nothing that supports an answer, and the extractive engine only quotes.',
    near.length === 0 ? '' : `The nearest pages are:\n\n${near.map((page) => `- ${page}`).join('\n')}`,
    'To have a model answer it, ask without the mode `retrieve`. Where no model is connected yet, connect one first: fetch a small one with `npx upshift setup`, start a local engine such as Ollama, or allow a cloud engine with `npx upshift engines allow NAME`. `npx upshift engines list` shows what there is.',
  ]
    .filter((paragraph) => paragraph !== '')
    .join('\n\n')
    .concat('\n')
}

/** A Markdown quotation whose text is unchanged but for the quote marks at the beginning of its lines. */
function quotation(quote: string, number: number): string {
  const lines = quote.split(/\r\n|\n|\r/).map((line) => (line === '' ? '>' : `> ${line}`))
  const block = /^ {0,3}(?:\||`{3}|~{3})/.test(lines.at(-1)?.slice(2) ?? '')
  return block ? `${lines.join('\n')}\n>\n> [${number}]\n\n` : `${lines.join('\n')} [${number}]\n\n`
}

function source(citation: Citation, index: number): string {
  return `[${index + 1}] ${placeOf(citation)}\n    npx upshift cite ${citation.id}`
}

/** The headings and the file. */
function placeOf(where: Pick<Citation, 'document' | 'headings'>): string {
  return where.headings.length === 0 ? where.document : `${where.headings.join(' › ')} (${where.document})`
}
