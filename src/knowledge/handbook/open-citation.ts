import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import { type Refusal, refuse } from '../../contract/problem.ts'
import { chunksOf } from './chunk.ts'
import { parseId } from './id.ts'

/** A citation, opened: what was quoted, in the version that was quoted, and what has become of it. */
export const openedCitationSchema = z.object({
  id: z.string(),
  document: z.string().meta({
    description:
      'The page’s file name in the handbook’s folder, or what the document is called in its collection.',
  }),
  page: z.number().int().optional().meta({ description: 'Of a document that has pages.' }),
  headings: z.array(z.string()).meta({ description: 'From the top of the page down to the quotation.' }),
  version: z.string().meta({ description: 'SHA-256 of the quoted version of the page, hex.' }),
  start: z.number().int().meta({ description: 'UTF-16 offset of the quotation in that version.' }),
  end: z.number().int(),
  line: z.number().int().meta({ description: 'The line on which the quotation begins, from 1.' }),
  before: z.string().meta({ description: 'A few lines of the page before the quotation.' }),
  quote: z.string(),
  after: z.string().meta({ description: 'A few lines of the page after the quotation.' }),
  verified: z.boolean().meta({
    description:
      'True where the stored version still has the hash that the id names (of a collection: where that version is ' +
      'the one that is stored); the span lies inside it. Not whether an answer quoted just this span.',
  }),
  state: z.enum(['current', 'changed', 'removed']).meta({
    description: 'Whether the page still is that version, has changed since, or is gone.',
  }),
  line_now: z.number().int().optional().meta({
    description: 'Where the page has changed: the line on which the same words stand now, if they do.',
  }),
})

export type OpenedCitation = z.infer<typeof openedCitationSchema>

/** Lines of the page that are shown before and after a quotation. */
const CONTEXT_LINES = 3

/** Opens a citation or passage by its id, or says why it cannot be opened and what to do. */
export function openCitation(database: DatabaseSync, id: string): OpenedCitation | Refusal {
  const span = parseId(id)
  if (span === undefined) {
    return refuse(
      'not_found',
      `${JSON.stringify(id.slice(0, 200))} is no citation id. An id looks like tiers.md@3f9a1c0b7d2e:2210-2388; copy it whole from the answer's list of sources.`,
      { param: 'id' },
    )
  }
  const stored = database
    .prepare('SELECT version, text FROM version WHERE document = ? AND substr(version, 1, 12) = ?')
    .get(span.document, span.versionPrefix)
  if (stored === undefined) {
    return refuse(
      'not_found',
      `This Upshift does not hold version ${span.versionPrefix} of ${span.document}: the citation comes from another installation, or from a version that is too old to be kept. Ask the question again for a fresh citation.`,
      { param: 'id' },
    )
  }
  const text = String(stored['text'])
  const version = String(stored['version'])
  if (span.end > text.length) {
    return refuse(
      'not_found',
      `${span.document} has only ${text.length} characters in that version, so ${span.start}-${span.end} lies outside of it. Copy the id whole from the answer's list of sources.`,
      { param: 'id' },
    )
  }
  const quote = text.slice(span.start, span.end)
  return {
    id,
    document: span.document,
    headings: [...headingsAt(text, span.start, span.end)],
    version,
    start: span.start,
    end: span.end,
    line: lineAt(text, span.start),
    before: linesBefore(text, span.start),
    quote,
    after: linesAfter(text, span.end),
    verified: createHash('sha256').update(text).digest('hex') === version,
    ...stateOf(database, span.document, version, quote),
  }
}

function stateOf(
  database: DatabaseSync,
  document: string,
  version: string,
  quote: string,
): Pick<OpenedCitation, 'state' | 'line_now'> {
  const row = database
    .prepare(
      `SELECT document.version, version.text FROM document
       JOIN version ON version.document = document.name AND version.version = document.version
       WHERE document.name = ?`,
    )
    .get(document)
  if (row === undefined) return { state: 'removed' }
  if (row['version'] === version) return { state: 'current' }
  const now = String(row['text'])
  const at = now.indexOf(quote)
  return at < 0 ? { state: 'changed' } : { state: 'changed', line_now: lineAt(now, at) }
}

function headingsAt(text: string, start: number, end: number): readonly string[] {
  return chunksOf(text).find((chunk) => chunk.start <= start && end <= chunk.end)?.headings ?? []
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

function linesBefore(text: string, offset: number): string {
  return text
    .slice(0, offset)
    .split('\n')
    .slice(-CONTEXT_LINES - 1)
    .join('\n')
}

function linesAfter(text: string, offset: number): string {
  return text
    .slice(offset)
    .split('\n')
    .slice(0, CONTEXT_LINES + 1)
    .join('\n')
}
