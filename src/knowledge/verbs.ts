import { expectJson } from '../contract/reply.ts'
import type { ExitCode, Verb, VerbContext } from '../contract/verb.ts'
import { askVerb } from './answer/verb.ts'
import { labelVerb } from './collection/label-verb.ts'
import { verbs as collectionVerbs } from './collection/verbs.ts'
import { evaluateVerb } from './evaluate/verb.ts'
import { type OpenedCitation, openedCitationSchema } from './handbook/open-citation.ts'
import { addVerb } from './ingest/verb.ts'

const cite: Verb = {
  name: 'cite',
  summary: 'Open a citation at the quoted lines and check it.',
  operands: 'ID',
  details:
    'Prints the page, the headings and the quoted text with a few lines around it, from the version that was quoted, and says whether the page still reads so. Ids stand in the list of sources of an answer.',
  examples: ['upshift cite tiers.md@3f9a1c0b7d2e:2210-2388'],
  run: runCite,
}

export const verbs: readonly Verb[] = [cite, addVerb, ...collectionVerbs, labelVerb, askVerb, evaluateVerb]

async function runCite(context: VerbContext): Promise<ExitCode> {
  const [id, ...more] = context.args
  if (id === undefined || more.length > 0) {
    context.err.write('cite takes one citation id, as in `upshift cite tiers.md@3f9a1c0b7d2e:2210-2388`.\n')
    return 2
  }
  const server = await context.server()
  const reply = await server.call('GET', `/v1/citations/${encodeURIComponent(id)}`, undefined, context.signal)
  const opened = await expectJson(reply, openedCitationSchema)
  context.out.write(
    context.json ? `${JSON.stringify(opened, null, 2)}\n` : citationText(opened, context.colour),
  )
  return opened.verified ? 0 : 1
}

const BOLD = '\u001b[1m'
const DIM = '\u001b[2m'
const MARK = '\u001b[30;43m'
const RESET = '\u001b[0m'
const GUTTER = 2

/** A citation for people: every line with its number, the quoted words marked (`>` where there is no colour). */
export function citationText(opened: OpenedCitation, colour: boolean): string {
  const paint = (code: string, text: string): string =>
    colour && text !== '' ? `${code}${text}${RESET}` : text
  const title = [opened.document, ...opened.headings].map(printable).join(' › ')
  return [
    paint(BOLD, title),
    paint(DIM, `version ${opened.version.slice(0, 12)}, characters ${opened.start}–${opened.end}`),
    '',
    ...numberedLines(opened, paint),
    '',
    verdict(opened),
    '',
  ].join('\n')
}

function numberedLines(opened: OpenedCitation, paint: (code: string, text: string) => string): string[] {
  const before = opened.before.split('\n')
  const quote = opened.quote.split('\n')
  const after = opened.after.split('\n')
  const lead = before.pop() ?? ''
  const trail = after.shift() ?? ''
  const firstLine = opened.line - before.length
  const width = String(opened.line + quote.length + after.length).length
  const row = (offset: number, quoted: boolean, text: string): string =>
    `${quoted ? '>' : ' '} ${String(firstLine + offset).padStart(width)}${' '.repeat(GUTTER)}${text}`.trimEnd()
  const rows = before.map((line, index) => row(index, false, paint(DIM, printable(line))))
  for (const [index, line] of quote.entries()) {
    const start = index === 0 ? paint(DIM, printable(lead)) : ''
    const end = index === quote.length - 1 ? paint(DIM, printable(trail)) : ''
    rows.push(row(rows.length, true, `${start}${paint(MARK, printable(line))}${end}`))
  }
  for (const line of after) rows.push(row(rows.length, false, paint(DIM, printable(line))))
  return rows
}

function verdict(opened: OpenedCitation): string {
  if (!opened.verified) {
    return 'NOT VERIFIED: the stored text no longer has the hash that the citation names. Do not rely on this quotation; the index may be damaged (delete knowledge.db in the home folder to rebuild it).'
  }
  const intact =
    'Verified: the stored text of this version has the hash that the id names, and the marked span lies inside it.'
  return `${intact} ${stateOf(opened)}\nNot checked here: whether an answer quoted this span. Any span can be opened; compare it with the answer.`
}

function stateOf({ state, line_now: lineNow }: OpenedCitation): string {
  if (state === 'current') return 'The page still is this version.'
  if (state === 'removed') return 'The page has been removed since.'
  return lineNow === undefined
    ? 'The page has changed since, and these words no longer stand in it.'
    : `The page has changed since; the same words now stand on line ${lineNow}.`
}

/** Without control characters, so that a page cannot steer the terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
}
