import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { gunzipSync } from 'node:zlib'
import MiniSearch from 'minisearch'
import { Collections } from '../src/knowledge/collection/collections.ts'
import { createSearchPool } from '../src/knowledge/collection/search-pool.ts'
import { readCorpus, readJudgements, readQueries } from '../src/knowledge/evaluate/beir.ts'
import { documentOf } from '../src/knowledge/evaluate/grouped.ts'
import { mean, ndcg, percentile } from '../src/knowledge/evaluate/measure.ts'
import { DenseIndex } from '../src/knowledge/retrieve/dense.ts'
import { DEFAULT_SETTINGS } from '../src/knowledge/retrieve/settings.ts'
import { type Chance, sequence } from '../src/knowledge/tune/known-items.ts'
import { semanticsOf } from '../src/knowledge/tune/tune-collection.ts'
import { unitVector } from '../src/knowledge/vectors/encode.ts'
import { systemClock as clock } from '../src/lib/clock.ts'
import { textTable } from '../src/lib/table.ts'
import { pdfTimes } from './pdf.ts'
import { benchData } from './process/data.ts'

/**
 * Size and speed of retrieval: `node bench/knowledge.ts [chunks]`, with SciFact under $UPSHIFT_DATA (../shared/data
 * where unset). First SciFact itself, indexed into a collection's file with the default settings, and by MiniSearch
 * into its memory. Then a collection of 100,000 chunks (or as many as are named), each of five sentences drawn from
 * SciFact, searched by SciFact's queries through the worker that a server would use: by words alone, and with the
 * collection's semantics, and with vectors of 384 random numbers in their place, as many and as long as an embedding engine would make
 * (random ones are as far from each other as can be, which costs a search the same), while the delay of this thread's event loop is watched.
 * Last, such vectors compared one by one without the words, and the pages of real PDFs beside unpdf's text alone. Ends with 3 where a promise is missed.
 */
const CHUNKS = Number(process.argv[2] ?? 100_000)
const BATCH = 5_000
const DEPTH = 10
const QUERIES = 200
const ENGINE_DIMENSIONS = 384
const MODEL = 'bench/random'
const folder = benchData('retrieval', 'scifact')
const scratch = mkdtempSync(join(tmpdir(), 'upshift-bench-'))
const rows: string[][] = []
const missed: string[] = []
try {
  await scifact()
  await large()
  vectors()
  await pdfs()
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
process.stdout.write(textTable(['FIGURE', 'SEEN', 'PROMISED'], rows))
if (missed.length > 0) process.exitCode = 3

function row(name: string, value: number, unit: string, bound?: number): void {
  rows.push([
    name,
    `${value.toFixed(value < 10 ? 2 : 0)} ${unit}`,
    bound === undefined ? '' : `≤ ${bound} ${unit}`,
  ])
  if (bound !== undefined && value > bound) missed.push(name)
}

async function scifact(): Promise<void> {
  const records = await readCorpus(folder)
  const queries = await readQueries(folder)
  const judgements = await readJudgements(folder)
  const score = (find: (question: string) => string[]): number =>
    mean(
      queries.flatMap(({ _id, text }) => {
        const judged = judgements.get(_id)
        return judged === undefined ? [] : ndcg(find(text), judged, DEPTH)
      }),
    )
  using collections = new Collections(join(scratch, 'scifact.db'), clock)
  const began = clock.elapsed()
  collections.put(
    'scifact',
    records.map((record) => documentOf(record._id, [record])),
  )
  const searcher = collections.searcher('scifact')
  row('SciFact indexed, in its file and ready to be searched', (clock.elapsed() - began) / 1_000, 's', 3)
  const own = score((question) =>
    searcher.search(question, DEFAULT_SETTINGS, DEPTH).map(({ source }) => source),
  )
  row('nDCG@10, settings not tuned', own, '')
  const miniBegan = clock.elapsed()
  const mini = new MiniSearch<{ id: string; text: string }>({ fields: ['text'] })
  mini.addAll(records.map(({ _id, title, text }) => ({ id: _id, text: `${title} ${text}` })))
  row('MiniSearch: SciFact indexed, in memory', (clock.elapsed() - miniBegan) / 1_000, 's')
  const theirs = score((question) =>
    mini
      .search(question)
      .slice(0, DEPTH)
      .map(({ id }) => String(id)),
  )
  row('MiniSearch: nDCG@10', theirs, '')
}

async function large(): Promise<void> {
  const path = join(scratch, 'large.db')
  const questions = (await readQueries(folder)).slice(0, QUERIES).map(({ text }) => text)
  const filled = clock.elapsed()
  fill(path)
  row(`${CHUNKS} chunks indexed`, (clock.elapsed() - filled) / 1_000, 's')
  const pool = createSearchPool(path)
  try {
    const chance = sequence(4)
    for (const [name, dense, weight, bound] of [
      ['words', 0, 0, 30],
      ['words and semantics', 0.2, 0, 80],
      [`words and ${ENGINE_DIMENSIONS} numbers of an engine`, 0, 0.3, 80],
    ] as const) {
      const search = (question: string) => {
        const vector = unitVector(randoms(chance, ENGINE_DIMENSIONS))
        const asked = weight > 0 ? { asked: { model: MODEL, vector, weight } } : {}
        return pool.search({ collection: 'large', question, limit: DEPTH, dense, ...asked }, [])
      }
      const opened = clock.elapsed()
      await search('warm')
      row(`${name}: first search, with the index read`, (clock.elapsed() - opened) / 1_000, 's')
      for (const question of questions.slice(0, QUERIES / 10)) await search(question)
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      const times: number[] = []
      for (const question of questions) {
        const start = clock.elapsed()
        await search(question)
        times.push(clock.elapsed() - start)
      }
      delay.disable()
      row(`${name}: median of a search`, percentile(times, 0.5), 'ms')
      row(`${name}: 95 % of searches within`, percentile(times, 0.95), 'ms', bound)
      row(`${name}: event loop delayed meanwhile, p99`, delay.percentile(99) / 1e6, 'ms', 10)
    }
  } finally {
    await pool.close()
  }
}

/** Chunks of five sentences each, drawn at random, ten to a document. */
function fill(path: string): void {
  const chance = sequence(1)
  const sentences = gunzipSync(readFileSync(join(folder, 'corpus.jsonl.gz')))
    .toString()
    .trim()
    .split('\n')
    .flatMap((line) => String(JSON.parse(line).text).split(/(?<=[.?!])\s+/))
  const draw = (): string => sentences[Math.floor(chance() * sentences.length)] ?? ''
  using collections = new Collections(path, clock)
  for (let made = 0; made < CHUNKS; made += BATCH) {
    const batch = Array.from({ length: BATCH / 10 }, (_, at) =>
      documentOf(
        `document ${made / 10 + at}`,
        Array.from({ length: 10 }, () => ({
          _id: '',
          title: '',
          text: Array.from({ length: 5 }, draw).join(' '),
        })),
      ),
    )
    collections.put('large', batch)
  }
  const tuned = { settings: DEFAULT_SETTINGS, chosenBy: 0, heldOut: 0, before: 0, after: 0 }
  const began = clock.elapsed()
  const model = semanticsOf(collections.searcher('large').segments)
  row('semantics made of it', (clock.elapsed() - began) / 1_000, 's')
  collections.keepTuning('large', tuned, model)
  row('size of the file', collections.bytes() / 2 ** 20, 'MiB')
  keepVectors(collections)
  row('size of the file with them', collections.bytes() / 2 ** 20, 'MiB')
}

function randoms(chance: Chance, size: number): Float32Array {
  return Float32Array.from({ length: size }, () => chance() - 0.5)
}

/** A vector of random numbers for each chunk, as `knowledge add` keeps what an engine makes. */
function keepVectors(collections: Collections): void {
  const chance = sequence(3)
  const [wanted, stored] = [MODEL, clock.elapsed()]
  collections.vectors.choose('large', wanted)
  for (let after = 0; ; ) {
    const missing = collections.vectors.missing('large', after, BATCH)
    const vectors = missing.map(({ chunk }) => ({ chunk, values: randoms(chance, ENGINE_DIMENSIONS) }))
    after = missing.at(-1)?.chunk ?? 0
    if (vectors.length === 0) break
    collections.vectors.put('large', { wanted, model: wanted, vectors })
  }
  row(`${CHUNKS} vectors of ${ENGINE_DIMENSIONS} numbers kept`, (clock.elapsed() - stored) / 1_000, 's')
}

async function pdfs(): Promise<void> {
  const { own, unpdf } = await pdfTimes(join(folder, '..', 'filings'))
  row('a page of a PDF, read and cut', own, 'ms')
  row("unpdf: a page's text alone", unpdf, 'ms')
}

function vectors(): void {
  const chance = sequence(2)
  const random = (size: number): Float32Array => randoms(chance, size)
  const index = new DenseIndex(ENGINE_DIMENSIONS, [random(CHUNKS * ENGINE_DIMENSIONS)])
  const times = Array.from({ length: 20 }, () => {
    const query = random(ENGINE_DIMENSIONS)
    const start = clock.elapsed()
    index.search(query, DEPTH)
    return clock.elapsed() - start
  })
  row(`${CHUNKS} vectors of ${ENGINE_DIMENSIONS}: median of an exact search`, percentile(times, 0.5), 'ms')
}
