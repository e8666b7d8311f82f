import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { extractText, getDocumentProxy } from 'unpdf'
import { cut } from '../src/knowledge/chunk/cut.ts'
import { parse } from '../src/knowledge/ingest/parse/parse.ts'
import { systemClock as clock } from '../src/lib/clock.ts'

export interface PdfTimes {
  /** Milliseconds a page: read and cut, and unpdf's text alone. */
  readonly own: number
  readonly unpdf: number
  /** The pages' texts as unpdf alone reads them, by the path of the file. */
  readonly pages: ReadonlyMap<string, readonly string[]>
}

/** Reads the PDFs of a folder by both in turn, in this thread; each first reads one file that is not counted. */
export async function pdfTimes(folder: string): Promise<PdfTimes> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.pdf'))
  const pages = new Map<string, readonly string[]>()
  const ms = { own: 0, unpdf: 0 }
  for (const [at, name] of [files[0] ?? '', ...files].entries()) {
    const bytes = readFileSync(join(folder, name))
    const began = clock.elapsed()
    const { text } = await extractText(await getDocumentProxy(new Uint8Array(bytes)))
    const between = clock.elapsed()
    cut(await parse(new Uint8Array(bytes), 'application/pdf'))
    if (at > 0) {
      ms.unpdf += between - began
      ms.own += clock.elapsed() - between
    }
    pages.set(join(folder, name), text)
  }
  const count = [...pages.values()].reduce((sum, { length }) => sum + length, 0)
  return { own: ms.own / count, unpdf: ms.unpdf / count, pages }
}
