import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { selectQuotations } from '../src/engine/extractive/select.ts'
import { findIn } from '../src/knowledge/answer/find.ts'
import { Collections } from '../src/knowledge/collection/collections.ts'
import { readCorpus } from '../src/knowledge/evaluate/beir.ts'
import { documentOf, groupedByDocument } from '../src/knowledge/evaluate/grouped.ts'
import { tuneCollection } from '../src/knowledge/tune/tune-collection.ts'
import { systemClock } from '../src/lib/clock.ts'
import { textTable } from '../src/lib/table.ts'
import { benchData } from './process/data.ts'

/**
 * Whether a collection knows when it does not know: `npm run bench:refusal [-- --dir DIR --file FILE --json]`,
 * with docs-chunks under $UPSHIFT_DATA (../shared/data where unset).
 *
 * DESIGN. 40 questions that the documents of docs-chunks answer and 40 near misses, written by us after reading the
 * documents and before any of them was asked (docs-chunks-questions.jsonl); nothing was tuned on them. Answers are
 * quotations, without a model. A question is answered rightly where a quotation holds one of the phrases that its author
 * expects; a near miss is a fault where it is answered at all. Intervals are Wilson's, 95 % (Wilson, 1927). It has no
 * gate: it prints what is.
 */
const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    file: { type: 'string', default: new URL('./docs-chunks-questions.jsonl', import.meta.url).pathname },
    json: { type: 'boolean', default: false },
  },
})
const dir = values.dir ?? benchData('retrieval', 'docs-chunks')

const PASSAGES = 6
const Z = 1.959964
const NAME = 'docs'
const lineSchema = z.object({ question: z.string(), expect: z.array(z.string()).min(1).nullable() })

const scratch = mkdtempSync(join(tmpdir(), 'upshift-refusal-'))
try {
  using collections = new Collections(join(scratch, 'collections.db'), systemClock)
  const groups = groupedByDocument(await readCorpus(dir))
  collections.put(
    NAME,
    [...groups].map(([source, group]) => documentOf(source, group)),
  )
  const { settings } = tuneCollection(collections, NAME)
  const searcher = collections.searcher(NAME)
  const lines = readFileSync(values.file, 'utf8').trim().split('\n')
  const asked = lines.map((line) => {
    const { question, expect } = lineSchema.parse(JSON.parse(line))
    const { passages } = findIn(searcher, settings, { collection: NAME, question, limit: PASSAGES })
    const quotes = selectQuotations(question, passages).map(({ quote }) => quote)
    const right = expect?.some((phrase) => quotes.some((quote) => quote.includes(phrase))) === true
    return { question, near: expect === null, answered: quotes.length > 0, right, quotes }
  })
  tell(asked)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

interface Asked {
  readonly question: string
  readonly near: boolean
  readonly answered: boolean
  readonly right: boolean
  readonly quotes: readonly string[]
}

function tell(asked: readonly Asked[]): void {
  const answerable = asked.filter(({ near }) => !near)
  const near = asked.filter((one) => one.near)
  const figures = [
    ['answered', answerable.filter(({ answered }) => answered).length, answerable.length],
    [
      'answered with a quotation that holds the answer',
      answerable.filter(({ right }) => right).length,
      answerable.length,
    ],
    ['near misses refused', near.filter(({ answered }) => !answered).length, near.length],
  ] as const
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ figures, asked }, null, 2)}\n`)
    return
  }
  const rows = figures.map(([what, count, of]) => {
    const [low, high] = wilson(count, of)
    return [what, `${count} of ${of}`, `${(100 * low).toFixed(0)} % to ${(100 * high).toFixed(0)} %`]
  })
  process.stdout.write(textTable(['OF THE QUESTIONS', 'COUNT', '95 % INTERVAL'], rows))
}

function wilson(count: number, of: number): [number, number] {
  const share = count / of
  const centre = share + Z ** 2 / (2 * of)
  const reach = Z * Math.sqrt((share * (1 - share)) / of + Z ** 2 / (4 * of ** 2))
  return [(centre - reach) / (1 + Z ** 2 / of), (centre + reach) / (1 + Z ** 2 / of)]
}
