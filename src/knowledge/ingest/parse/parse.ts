import type { Parsed } from '../../chunk/cut.ts'
import { decodeText } from './decode.ts'
import { parseHtml } from './html.ts'
import { mailParser } from './mail.ts'
import { parseMarkdown } from './markdown.ts'
import { MAIL, OFFICE, PDF } from './media.ts'
import { parseJson, parseJsonLines, parseRows } from './records.ts'
import { parseCode, parseText } from './text.ts'

/** Reads a file's bytes: its text, title and blocks. Throws, with words for its owner, where it cannot. */
export type Parse = (bytes: Uint8Array) => Parsed | Promise<Parsed>

const PARSERS: Readonly<Record<string, Parse>> = {
  'text/markdown': ofText(parseMarkdown),
  'text/html': ofText(parseHtml),
  'text/csv': ofText(parseRows),
  'application/json': ofText(parseJson),
  'application/jsonl': ofText(parseJsonLines),
  'text/x-source': ofText(parseCode),
  'text/plain': ofText(parseText),
  // Loaded where they are needed: they are large.
  [PDF]: async (bytes) => (await import('./pdf/pdf.ts')).parsePdf(bytes),
  [`${OFFICE}.wordprocessingml.document`]: async (bytes) =>
    (await import('./office/docx.ts')).parseDocx(bytes),
  [`${OFFICE}.presentationml.presentation`]: async (bytes) =>
    (await import('./office/pptx.ts')).parsePptx(bytes),
  [`${OFFICE}.spreadsheetml.sheet`]: async (bytes) => (await import('./office/xlsx.ts')).parseXlsx(bytes),
  [MAIL]: mailParser(parse),
}

/**
 * Reads bytes of a media type that `mediaTypeOf` names. Another format is another row: `{ text, title, blocks }` with
 * offsets into that text. Runs in a worker with bounds on time and memory, and may throw or never end.
 */
export async function parse(bytes: Uint8Array, mediaType: string): Promise<Parsed> {
  const parser = PARSERS[mediaType]
  if (parser === undefined) throw new Error(`no parser reads ${mediaType}`)
  return await parser(bytes)
}

function ofText(parser: (text: string) => Parsed): Parse {
  return (bytes) => {
    const decoded = decodeText(bytes)
    if (decoded === undefined) throw new Error('it is a binary file, whatever its name says')
    const { text, charset } = decoded
    return charset === 'utf-8' ? parser(text) : { ...parser(text), charset }
  }
}
