import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Collections } from '../src/knowledge/collection/collections.ts'
import type { Hit } from '../src/knowledge/collection/searcher.ts'
import { ingest } from '../src/knowledge/ingest/ingest.ts'
import { DEFAULT_SETTINGS } from '../src/knowledge/retrieve/settings.ts'
import { tuneCollection } from '../src/knowledge/tune/tune-collection.ts'
import { systemClock as clock } from '../src/lib/clock.ts'
import { textTable } from '../src/lib/table.ts'
import { pdfTimes } from './pdf.ts'
import { benchData } from './process/data.ts'

/**
 * Eight real PDFs of companies' filings and 17 questions whose evidence is a page (`filings` under $UPSHIFT_DATA,
 * ../shared/data where unset; CC BY-NC: measured with, and nothing of it kept). The files are read into one collection,
 * which tunes itself, and each question is asked of all of them together: is its evidence page, or one of
 * them, among the pages of the five best passages, and among the five best pages (those of the best passages, each
 * counted once)? Then each of the five passages is opened at its page by unpdf alone: do its words stand there? Last,
 * milliseconds a page. Ends with 3 where a passage does not stand on its page.
 */
const DEPTH = 5
/** Passages that are looked through for five pages, and for a rank. */
const LOOKED_AT = 100
const folder = benchData('retrieval', 'filings')
const files = readdirSync(folder).filter((name) => name.endsWith('.pdf'))
const scratch = mkdtempSync(join(tmpdir(), 'upshift-bench-'))
try {
  await asked()
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

async function asked(): Promise<void> {
  using collections = new Collections(join(scratch, 'filings.db'), clock)
  const incoming = files.map((name) => {
    const source = join(folder, name)
    return { source, mediaType: 'application/pdf', bytes: readFileSync(source).length }
  })
  const { signal } = new AbortController()
  const began = clock.elapsed()
  const report = await ingest(incoming, { collections, collection: 'filings', clock, signal })
  const seconds = (clock.elapsed() - began) / 1_000
  const settings = { ...DEFAULT_SETTINGS, ...tuneCollection(collections, 'filings').settings }
  const searcher = collections.searcher('filings')
  const rows: string[][] = []
  const shown: Hit[] = []
  const found = { passages: 0, pages: 0 }
  for (const { question, doc, evidence } of questions()) {
    const hits = searcher.search(question, settings, LOOKED_AT)
    const right = (hit: Hit): boolean =>
      hit.source.endsWith(`${doc}.pdf`) && hit.page !== undefined && evidence.has(hit.page)
    const passage = hits.findIndex(right) + 1
    const page =
      passage === 0 ? 0 : new Set(hits.slice(0, passage).map((hit) => `${hit.page} ${hit.source}`)).size
    if (passage > 0 && passage <= DEPTH) found.passages++
    if (page > 0 && page <= DEPTH) found.pages++
    shown.push(...hits.slice(0, DEPTH))
    const rank = (place: number): string => (place === 0 ? '-' : String(place))
    rows.push([rank(passage), rank(page), [...evidence].join(' '), doc, question.slice(0, 60)])
  }
  const { own, unpdf, pages } = await pdfTimes(folder)
  const standing = shown.filter((hit) => standsOn(pages.get(hit.source)?.[(hit.page ?? 0) - 1], hit.text))
  const all = [...pages.values()].reduce((sum, { length }) => sum + length, 0)
  process.stdout.write(textTable(['PASSAGE', 'PAGE', 'EVIDENCE', 'DOCUMENT', 'QUESTION'], rows))
  process.stdout.write(
    [
      `${found.pages} of ${rows.length} questions have an evidence page among the ${DEPTH} best pages of all files together, ${found.passages} among those of the ${DEPTH} best passages`,
      `${standing.length} of ${shown.length} passages stand on the page that they name, as unpdf alone reads it`,
      `${report.chunks} passages of ${all} pages in ${report.added} files, read in ${seconds.toFixed(1)} s`,
      `${own.toFixed(1)} ms a page, read and cut; unpdf's text alone ${unpdf.toFixed(1)} ms`,
      '',
    ].join('\n'),
  )
  if (standing.length < shown.length) process.exitCode = 3
}

/** Whether a page holds a text, white space and hyphens apart. */
function standsOn(page: string | undefined, text: string): boolean {
  const bare = (words: string): string => words.normalize('NFKC').replace(/[\s\u00ad\u0000-\u001f-]+/g, '')
  return page !== undefined && bare(page).includes(bare(text))
}

function questions(): { question: string; doc: string; evidence: Set<number> }[] {
  const lines = readFileSync(join(folder, 'questions.jsonl'), 'utf8').trim().split('\n')
  return lines.map((line) => {
    const { question, doc_name: doc, evidence } = JSON.parse(line)
    // The data counts pages from 0.
    const numbers = evidence.map((one: { evidence_page_num: number }) => one.evidence_page_num + 1)
    return { question: String(question), doc: String(doc), evidence: new Set<number>(numbers) }
  })
}
