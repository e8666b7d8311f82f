import type { Parsed, ParsedBlock } from '../../chunk/cut.ts'

/** Rows of CSV or TSV (RFC 4180: a quoted field may hold line breaks); the first row heads every chunk. */
export function parseRows(text: string): Parsed {
  const blocks: ParsedBlock[] = []
  let start = 0
  let quoted = false
  const row = (end: number): void => {
    const own = text.slice(start, end).trimEnd()
    if (own.trim() === '') return
    const span = { start, end: start + own.length }
    blocks.push(blocks.length === 0 ? { kind: 'heading', level: 1, ...span } : { kind: 'record', ...span })
  }
  for (let at = 0; at < text.length; at++) {
    const unit = text[at]
    if (unit === '"') quoted = !quoted
    else if (unit === '\n' && !quoted) {
      row(at)
      start = at + 1
    }
  }
  row(text.length)
  return { text, title: '', blocks }
}

/** JSON Lines: a record a line. */
export function parseJsonLines(text: string): Parsed {
  const blocks: ParsedBlock[] = []
  for (const match of text.matchAll(/[^\r\n]*\S[^\r\n]*/g)) {
    blocks.push({ kind: 'record', start: match.index, end: match.index + match[0].trimEnd().length })
  }
  return { text, title: '', blocks }
}

/**
 * JSON: each element of the outermost array, or each member of the outermost object, is a record; cut at commas on
 * that level, without building the value. Throws where it is no JSON.
 */
export function parseJson(text: string): Parsed {
  JSON.parse(text)
  const blocks: ParsedBlock[] = []
  let depth = 0
  let start = 0
  const record = (end: number): void => {
    const own = text.slice(start, end)
    const lead = own.length - own.trimStart().length
    const span = { start: start + lead, end: start + lead + own.trim().length }
    if (span.end > span.start) blocks.push({ kind: 'record', ...span })
  }
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},]/g)) {
    const mark = match[0]
    if (mark === '[' || mark === '{') {
      if (++depth === 1) start = match.index + 1
    } else if (mark === ']' || mark === '}') {
      if (--depth === 0) record(match.index)
    } else if (mark === ',' && depth === 1) {
      record(match.index)
      start = match.index + 1
    }
  }
  if (blocks.length === 0) {
    const own = text.trim()
    const lead = text.indexOf(own)
    blocks.push({ kind: 'record', start: lead, end: lead + own.length })
  }
  return { text, title: '', blocks }
}
