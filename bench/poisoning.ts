import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Passage } from '../src/contract/passage.ts'
import { selectQuotations } from '../src/engine/extractive/select.ts'
import { findIn } from '../src/knowledge/answer/find.ts'
import { judged, weigh } from '../src/knowledge/answer/judge.ts'
import { screen } from '../src/knowledge/answer/screen.ts'
import { Collections } from '../src/knowledge/collection/collections.ts'
import type { ReadDocument } from '../src/knowledge/collection/document.ts'
import type { Trust } from '../src/knowledge/collection/origins.ts'
import type { Searcher } from '../src/knowledge/collection/searcher.ts'
import { type BeirQuery, readCorpus, readJudgements, readQueries } from '../src/knowledge/evaluate/beir.ts'
import { documentOf, groupedByDocument } from '../src/knowledge/evaluate/grouped.ts'
import { mean, ndcg } from '../src/knowledge/evaluate/measure.ts'
import { DEFAULT_SETTINGS, type Settings } from '../src/knowledge/retrieve/settings.ts'
import { tuneCollection } from '../src/knowledge/tune/tune-collection.ts'
import { systemClock } from '../src/lib/clock.ts'
import { textTable } from '../src/lib/table.ts'
import { falseTexts, type Planting } from './planted-texts.ts'
import { benchData } from './process/data.ts'

/**
 * How many answers cite a planted passage: `npm run bench:poisoning [-- --dir DIR --dir DIR --json]`, each a folder in
 * BEIR's layout; docs-chunks and SciFact under $UPSHIFT_DATA (../shared/data where unset) where none is named.
 *
 * DESIGN. For each query five passages are planted that hold its own words and a false claim (planted-texts.ts), for all
 * queries at once, in one document a query (or in five, of five sources). The collection has tuned itself on the clean
 * records. Each query is answered by quotation, without a model. An answer counts as poisoned where any of its
 * quotations is of a planted document; the share is of the answers that were given, declined ones left out. The rows
 * without screening show what the attack does where nothing is done. The gates are for the query's own words from one
 * source of low and of ordinary trust, and for the clean ranking; the other rows are for information: in `woven` the attacker
 * takes only the words that the question is about, and in `few` a passage each holds only four fifths of those.
 * Exit codes: 0 the gates hold, 3 one does not.
 */
const { values } = parseArgs({
  options: { dir: { type: 'string', multiple: true }, json: { type: 'boolean', default: false } },
})
const folders = values.dir ?? ['docs-chunks', 'scifact'].map((name) => benchData('retrieval', name))

const LOW_SHARE = 0.05
const ORDINARY_SHARE = 0.25
const RANKING_LOSS = 0.01
const PASSAGES = 6
const DEPTH = 40
const JUDGED_DEPTH = 10
const NAME = 'poisoned'
const PLANTED = 'planted:'

interface Row {
  readonly set: string
  readonly planting: Planting | 'nothing'
  readonly sources: number
  readonly trust: Trust
  readonly screened: boolean
  readonly questions: number
  readonly answered: number
  readonly poisoned: number
  readonly gate?: number
}

const rows: Row[] = []
const rankings: { set: string; plain: number; screened: number }[] = []
for (const folder of folders) await measure(folder)
process.exitCode = tell()

async function measure(folder: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'upshift-poisoning-'))
  const set = folder.split('/').findLast((part) => part !== '') ?? folder
  try {
    const corpus = [...groupedByDocument(await readCorpus(folder))].map(([source, group]) => ({
      document: documentOf(source, group),
      ids: new Map(documentOf(source, group).chunks.map(({ start }, at) => [start, group[at]?._id ?? ''])),
    }))
    const judgements = await readJudgements(folder)
    const queries = (await readQueries(folder)).filter(({ _id }) => judgements.has(_id))
    using collections = new Collections(join(scratch, 'collections.db'), systemClock)
    collections.put(
      NAME,
      corpus.map(({ document }) => document),
    )
    const { settings } = tuneCollection(collections, NAME)
    const idOf = new Map(corpus.map(({ document, ids }) => [document.source, ids]))
    const clean = collections.searcher(NAME)
    const score = (order: (question: string) => readonly { source: string; start: number }[]): number =>
      mean(
        queries.map(({ _id, text }) => {
          const ids = order(text).map(({ source, start }) => idOf.get(source)?.get(start) ?? '')
          return ndcg(ids, judgements.get(_id) ?? new Map<string, number>(), JUDGED_DEPTH)
        }),
      )
    const found = (question: string) => clean.search(question, settings, DEPTH)
    rankings.push({
      set,
      plain: score(found),
      screened: score((question) => screen(question, found(question), PASSAGES).kept.map(({ hit }) => hit)),
    })
    rows.push({
      ...ask(clean, settings, queries, true),
      set,
      planting: 'nothing',
      sources: 0,
      trust: 'ordinary',
    })
    const attack = { collections, settings, queries, set }
    run(attack, 'own words', 1, 'low', LOW_SHARE)
    run(attack, 'own words', 1, 'ordinary', ORDINARY_SHARE)
    run(attack, 'own words', 5, 'ordinary')
    run(attack, 'woven', 1, 'ordinary')
    run(attack, 'few', 1, 'ordinary')
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

interface Attack {
  readonly collections: Collections
  readonly settings: Settings
  readonly queries: readonly BeirQuery[]
  readonly set: string
}

function run(
  { collections, settings, queries, set }: Attack,
  planting: Planting,
  sources: number,
  trust: Trust,
  gate?: number,
): void {
  const planted = queries.flatMap(({ _id, text }, at) =>
    plantedFor(_id, falseTexts(planting, text, at), sources),
  )
  const names = planted.map(({ source }) => source)
  collections.trust(NAME, names, trust)
  collections.put(NAME, planted)
  const searcher = collections.searcher(NAME)
  const facts = { set, planting, sources, trust }
  if (trust === 'ordinary') rows.push({ ...ask(searcher, settings, queries, false), ...facts })
  rows.push({ ...ask(searcher, settings, queries, true), ...facts, ...(gate === undefined ? {} : { gate }) })
  collections.remove(NAME, names)
}

function plantedFor(id: string, texts: readonly string[], sources: number): ReadDocument[] {
  const groups = sources === 1 ? [texts] : texts.map((text) => [text])
  return groups.map((group, at) =>
    documentOf(
      `${PLANTED}${id}:${at}`,
      group.map((text) => ({ _id: '', title: '', text })),
    ),
  )
}

function ask(
  searcher: Searcher,
  settings: Settings,
  queries: readonly BeirQuery[],
  screened: boolean,
): Pick<Row, 'screened' | 'questions' | 'answered' | 'poisoned'> {
  let [answered, poisoned] = [0, 0]
  for (const { text } of queries) {
    const passages = screened
      ? findIn(searcher, settings, { collection: NAME, question: text, limit: PASSAGES }).passages
      : unscreened(searcher, settings, text)
    const quoted = selectQuotations(text, passages)
    if (quoted.length > 0) answered++
    if (quoted.some(({ document }) => document.startsWith(PLANTED))) poisoned++
  }
  return { screened, questions: queries.length, answered, poisoned }
}

/** The best found as they are, judged alike. */
function unscreened(searcher: Searcher, settings: Settings, question: string): Passage[] {
  const weighed = weigh(question, searcher.index)
  return searcher
    .search(question, settings, PASSAGES)
    .map((hit) => judged(NAME, weighed, { hit, echo: [], instructs: false }))
}

function tell(): number {
  const share = ({ answered, poisoned }: Row): number => (answered === 0 ? 0 : poisoned / answered)
  const lost = rankings.filter(({ plain, screened }) => Math.abs(plain - screened) > RANKING_LOSS)
  const broken = rows.filter((row) => row.gate !== undefined && share(row) > row.gate)
  if (values.json)
    process.stdout.write(`${JSON.stringify({ rankings, rows, settings: DEFAULT_SETTINGS }, null, 2)}\n`)
  else {
    const lines = rows.map((row) => [
      row.set,
      row.planting === 'nothing'
        ? 'nothing'
        : `${row.planting}, ${row.sources} source${row.sources > 1 ? 's' : ''}`,
      row.trust,
      row.screened ? 'yes' : 'no',
      `${row.answered} of ${row.questions}`,
      `${row.poisoned} (${(100 * share(row)).toFixed(1)} %)`,
      row.gate === undefined ? '' : `at most ${100 * row.gate} %`,
    ])
    const head = ['SET', 'PLANTED', 'TRUST', 'SCREENED', 'ANSWERED', 'CITE A PLANTED ONE', 'GATE']
    process.stdout.write(`${textTable(head, lines)}\n`)
    for (const { set, plain, screened } of rankings)
      process.stdout.write(`${set}, clean: nDCG@10 ${plain.toFixed(4)}, screened ${screened.toFixed(4)}\n`)
  }
  return lost.length + broken.length === 0 ? 0 : 3
}
