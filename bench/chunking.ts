import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { cut, type Parsed, SIZES } from '../src/knowledge/chunk/cut.ts'
import { type DocumentChunk, headOf } from '../src/knowledge/collection/document.ts'
import { queryTerms } from '../src/knowledge/index/query.ts'
import { SegmentBuilder } from '../src/knowledge/index/segment.ts'
import { parseMarkdown } from '../src/knowledge/ingest/parse/markdown.ts'
import { LexicalIndex } from '../src/knowledge/retrieve/lexical.ts'
import { DEFAULT_SETTINGS } from '../src/knowledge/retrieve/settings.ts'
import { textTable } from '../src/lib/table.ts'
import { csvRows } from './process/csv.ts'
import { benchData } from './process/data.ts'

/**
 * What cutting by structure is worth beside fixed size with overlap: `node bench/chunking.ts`, over the five
 * documents and 472 questions of chunking-eval under $UPSHIFT_DATA (../shared/data where unset). Every cut is
 * searched alike (BM25, default settings, all five documents as one collection). `recall` is the share of the
 * characters of a question's evidence that the passages hold, taken in order until BUDGET characters are full, so
 * that larger chunks have no advantage; `precision` the share of those characters that is evidence, and `IoU`
 * what both share of what either holds (Smith and Troynikov, "Evaluating chunking strategies for retrieval",
 * 2024). `split` is the share of evidence spans that no single chunk holds whole.
 */
const BUDGET = 4_000
const DOCUMENTS = ['chatlogs', 'finance', 'pubmed', 'state_of_the_union', 'wikitexts']
const folder = benchData('retrieval', 'chunking-eval')

interface Question {
  readonly text: string
  readonly document: number
  readonly spans: readonly { readonly start: number; readonly end: number }[]
}

const references = z.array(z.object({ content: z.string(), start_index: z.number(), end_index: z.number() }))
const parsed = DOCUMENTS.map((name) => parseMarkdown(readFileSync(join(folder, `${name}.md`), 'utf8')))
const questions = readQuestions()

const structure = (target: number, max: number) => (one: Parsed) => cut(one, { target, max })
const fixed = (size: number, overlap: number) => (one: Parsed) => fixedSize(one.text, size, overlap)
const rows = [
  ...[
    [400, 700],
    [600, 1_000],
    [SIZES.target, SIZES.max],
    [1_400, 2_200],
  ].map(([target = 0, max = 0]) => [`structure, ${target} up to ${max}`, structure(target, max)] as const),
  ...[
    [400, 200],
    [800, 0],
    [800, 400],
    [1_200, 0],
    [1_200, 300],
    [1_600, 400],
  ].map(([size = 0, overlap = 0]) => [`fixed ${size}, overlap ${overlap}`, fixed(size, overlap)] as const),
].map(([name, chunker]) => [name, ...measure(chunker)])
process.stdout.write(textTable(['CUT', 'CHUNKS', 'RECALL', 'PRECISION', 'IOU', 'SPLIT'], rows))

function measure(chunker: (one: Parsed) => DocumentChunk[]): string[] {
  const builder = new SegmentBuilder()
  const all: { document: number; start: number; end: number }[] = []
  for (const [document, one] of parsed.entries()) {
    for (const chunk of chunker(one)) {
      const { text } = one
      const whole = { source: '', version: '', mediaType: '', title: one.title, bytes: 0, text, chunks: [] }
      builder.add({ document, head: headOf(whole, chunk), body: text.slice(chunk.start, chunk.end) })
      all.push({ document, start: chunk.start, end: chunk.end })
    }
  }
  const index = new LexicalIndex([builder.finish()])
  const sums = { recall: 0, precision: 0, iou: 0, split: 0, spans: 0 }
  for (const question of questions) {
    const found = index.search(queryTerms(question.text), DEFAULT_SETTINGS, 50)
    const { held, taken, wanted } = within(
      question,
      found.flatMap(({ chunk }) => all[chunk] ?? []),
    )
    sums.recall += held / wanted
    sums.precision += held / taken || 0
    sums.iou += held / (taken + wanted - held)
    for (const span of question.spans) {
      sums.spans++
      const whole = all.some(
        ({ document, start, end }) =>
          document === question.document && start <= span.start && end >= span.end,
      )
      if (!whole) sums.split++
    }
  }
  const percent = (value: number, of: number): string => `${((100 * value) / of).toFixed(1)} %`
  const shares = [sums.recall, sums.precision, sums.iou].map((sum) => percent(sum, questions.length))
  return [String(all.length), ...shares, percent(sums.split, sums.spans)]
}

/** Characters of the evidence that the passages hold, characters that they hold, characters of the evidence. */
function within(
  question: Question,
  found: readonly { readonly document: number; readonly start: number; readonly end: number }[],
): { held: number; taken: number; wanted: number } {
  const marked = new Map<number, Uint8Array>()
  let taken = 0
  for (const { document, start, end } of found) {
    const marks = marked.get(document) ?? new Uint8Array(parsed[document]?.text.length ?? 0)
    marked.set(document, marks)
    for (let at = start; at < end && taken < BUDGET; at++) {
      if (marks[at] === 0) taken++
      marks[at] = 1
    }
  }
  const own = marked.get(question.document)
  let [held, wanted] = [0, 0]
  for (const { start, end } of question.spans) {
    wanted += end - start
    for (let at = start; at < end; at++) held += own?.[at] ?? 0
  }
  return { held, taken, wanted }
}

function fixedSize(text: string, size: number, overlap: number): DocumentChunk[] {
  const chunks: DocumentChunk[] = []
  for (let start = 0; start < text.length; start += size - overlap) {
    chunks.push({ start, end: Math.min(text.length, start + size), kind: 'paragraph', headings: [] })
    if (start + size >= text.length) break
  }
  return chunks
}

/** The file's offsets are in code points; here they become UTF-16, by the evidence's own words where they differ. */
function readQuestions(): Question[] {
  const [, ...lines] = csvRows(readFileSync(join(folder, 'questions_df.csv'), 'utf8'))
  return lines.map(([text = '', spans = '[]', name = '']) => {
    const document = DOCUMENTS.indexOf(name)
    const whole = parsed[document]?.text ?? ''
    const found = references.parse(JSON.parse(spans)).flatMap(({ content, start_index: near }) => {
      const start = whole.startsWith(content, near) ? near : whole.indexOf(content, Math.max(0, near - 5_000))
      return start < 0 ? [] : [{ start, end: start + content.length }]
    })
    if (found.length === 0)
      throw new Error(`the evidence of ${JSON.stringify(text)} does not stand in ${name}`)
    return { text, document, spans: found }
  })
}
