import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { DocumentFilter } from '../../contract/filter.ts'
import { expectJson } from '../../contract/reply.ts'
import {
  type ExitCode,
  UsageError,
  type Verb,
  type VerbContext,
  type VerbOption,
} from '../../contract/verb.ts'
import { systemClock } from '../../lib/clock.ts'
import { textTable } from '../../lib/table.ts'
import { DEFAULT_SETTINGS } from '../retrieve/settings.ts'
import type { DenseTuning } from '../tune/fusion-weight.ts'
import type { VectorState } from '../vectors/store.ts'
import { Collections } from './collections.ts'
import { FILTER_OPTIONS, filterFlags } from './filter-flags.ts'
import type { Hit } from './searcher.ts'

export const COLLECTION_OPTION: VerbOption = {
  type: 'string',
  short: 'c',
  value: 'NAME',
  summary: 'The collection; `default` where none is named.',
}

const list: Verb = {
  name: 'knowledge list',
  summary: 'List collections, or with --collection the documents of one.',
  options: { collection: { ...COLLECTION_OPTION, summary: 'The collection whose documents are listed.' } },
  examples: ['upshift knowledge list', 'upshift knowledge list --collection default'],
  run: runList,
}

const search: Verb = {
  name: 'knowledge search',
  summary: 'Find passages of a collection, with where they stand.',
  operands: 'QUESTION...',
  options: {
    collection: COLLECTION_OPTION,
    limit: { type: 'string', value: 'N', summary: 'Passages at most, 1 to 100; 5 where not given.' },
    ...FILTER_OPTIONS,
  },
  details:
    'Each passage is named by its document, its headings and its place: UTF-16 offsets into the text of the document as it was read.',
  examples: [
    'upshift knowledge search "how long are invoices kept"',
    'upshift knowledge search --source \'*/contracts/*\' --after 2026-01-01 "notice period"',
  ],
  run: runSearch,
}

const inspect: Verb = {
  name: 'knowledge inspect',
  summary: 'Show what a collection holds, and how its search was tuned, with figures.',
  options: { collection: COLLECTION_OPTION },
  examples: ['upshift knowledge inspect --collection default --json'],
  run: runInspect,
}

export const verbs: readonly Verb[] = [list, search, inspect]

/** Opens the collections of the command's home, which is made where it is missing. */
export async function openCollections(context: VerbContext): Promise<Collections> {
  const home = await context.home()
  mkdirSync(home, { recursive: true, mode: 0o700 })
  return new Collections(join(home, 'collections.db'), systemClock)
}

export function collectionOf({ flags }: VerbContext): string {
  const named = flags['collection']
  return typeof named === 'string' ? named : 'default'
}

async function runList(context: VerbContext): Promise<ExitCode> {
  if (context.args.length > 0) throw new UsageError('knowledge list takes no words.')
  using collections = await openCollections(context)
  if (typeof context.flags['collection'] === 'string') {
    const documents = collections.documents(context.flags['collection'])
    const rows = documents.map((one) => [
      String(one.chunks),
      String(one.bytes),
      one.trust,
      one.labels.join(',') || '-',
      one.mediaType,
      one.source,
    ])
    write(context, { documents }, () =>
      textTable(['PASSAGES', 'BYTES', 'TRUST', 'LABELS', 'TYPE', 'DOCUMENT'], rows),
    )
    return 0
  }
  const all = collections.list()
  const rows = all.map((one) => [one.name, String(one.documents), String(one.chunks)])
  write(context, { collections: all }, () =>
    all.length === 0
      ? 'No collections yet: `upshift knowledge add FILE…` makes one.\n'
      : textTable(['COLLECTION', 'DOCUMENTS', 'PASSAGES'], rows),
  )
  return 0
}

const LIMIT = 5
const MAX_LIMIT = 100

async function runSearch(context: VerbContext): Promise<ExitCode> {
  const question = context.args.join(' ').trim()
  const limit = Number(context.flags['limit'] ?? LIMIT)
  if (question === '') throw new UsageError('knowledge search takes a question.')
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new UsageError(`--limit is a whole number from 1 to ${MAX_LIMIT}.`)
  }
  using collections = await openCollections(context)
  const name = collectionOf(context)
  const filter = filterFlags(context.flags)
  if (await asksEngines(context, collections, name))
    return searchByServer(context, name, { question, limit, ...(filter && { filter }) })
  const settings = collections.tuning(name)?.settings ?? DEFAULT_SETTINGS
  const hits = collections.searcher(name).search(question, settings, limit, { filter })
  write(context, { collection: name, hits }, () => hitsText(hits, context.colour))
  return 0
}

/** Whether a stage of this search would ask an engine: then it takes the server's path. */
async function asksEngines(context: VerbContext, collections: Collections, name: string): Promise<boolean> {
  const vectors = collections.vectors.state(name)
  // One that has not been tuned yet is asked for too: the server says that it took no part.
  if (vectors?.made !== undefined && vectors.tuning?.weight !== 0) return true
  collections.figures(name) // says what to do where there is no such collection
  return (await context.reranks?.()) === true
}

async function searchByServer(
  context: VerbContext,
  name: string,
  body: { readonly question: string; readonly limit: number; readonly filter?: DocumentFilter },
): Promise<ExitCode> {
  const server = await context.server()
  const path = `/v1/knowledge/${encodeURIComponent(name)}/search`
  const reply = await server.call('POST', path, body, context.signal)
  const { hits, verdicts } = await expectJson(reply, foundReply)
  const named = hits.map(({ document, ...hit }) => ({ ...hit, source: document }))
  write(context, { collection: name, verdicts, hits: named }, () => hitsText(named, context.colour))
  for (const { check, outcome, detail = '' } of verdicts) {
    if (outcome !== 'passed') context.err.write(`${check}: ${outcome}, ${printable(detail)}\n`)
  }
  return 0
}

const foundReply = z.object({
  verdicts: z.array(z.object({ check: z.string(), outcome: z.string(), detail: z.string().optional() })),
  hits: z.array(
    z.looseObject({
      document: z.string(),
      headings: z.array(z.string()),
      page: z.number().exactOptional(),
      start: z.number(),
      end: z.number(),
      text: z.string(),
    }),
  ),
})

async function runInspect(context: VerbContext): Promise<ExitCode> {
  if (context.args.length > 0) throw new UsageError('knowledge inspect takes no words.')
  using collections = await openCollections(context)
  const name = collectionOf(context)
  const figures = collections.figures(name)
  const tuning = collections.tuning(name)
  const settings = tuning?.settings ?? DEFAULT_SETTINGS
  const vectors = collections.vectors.state(name)
  write(context, { ...figures, settings, tuning: tuning ?? null, vectors: vectors ?? null }, () =>
    textTable(
      ['FIGURE', 'VALUE'],
      [
        ['collection', name],
        ['documents', String(figures.documents)],
        ['passages', String(figures.chunks)],
        ['passages without labels, which are tuned by', String(collections.figures(name, []).chunks)],
        ['segments of the index', String(figures.segments)],
        ...Object.entries(settings).map(([key, value]) => [key, String(value)]),
        ['tuned', tuning === undefined ? 'never' : new Date(tuning.at).toISOString()],
        ...(tuning === undefined
          ? []
          : [
              ['queries that chose, that judged', `${tuning.chosenBy}, ${tuning.heldOut}`],
              [
                'nDCG on held-out queries',
                `${tuning.before.toFixed(4)} before, ${tuning.after.toFixed(4)} after`,
              ],
              ...(tuning.kept ? [['the defaults stand', tuning.kept]] : []),
              ...fusionRows('semantics', tuning.semantics),
            ]),
        ...vectorRows(vectors),
      ],
    ),
  )
  return 0
}

function fusionRows(name: string, tuning: DenseTuning | undefined): string[][] {
  if (tuning === undefined) return []
  const { weight, lexical, dense, fused, heldOut } = tuning
  const nDCG = [lexical, dense, fused].map((value) => value.toFixed(4)).join(', ')
  return [
    [`weight of ${name}`, String(weight)],
    ...(heldOut === 0 ? [] : [[`nDCG of words, ${name}, both`, `${nDCG}, on ${heldOut} held-out queries`]]),
  ]
}

function vectorRows(state: VectorState | undefined): string[][] {
  if (state === undefined) return [['embedding model', 'none']]
  const { wanted, made, embedded, passages, tuning } = state
  return [
    ['embedding model', made === undefined ? `${wanted}, no vector yet` : made.model],
    ...(made === undefined ? [] : [['dimensions of its vectors', String(made.dimensions)]]),
    ['passages with a vector', `${embedded} of ${passages}`],
    ...fusionRows('vectors', tuning),
    ...(tuning?.kept === undefined ? [] : [['why that weight', tuning.kept]]),
  ]
}

const BOLD = '\u001b[1m'
const RESET = '\u001b[0m'
const SHOWN = 500

type Shown = Pick<Hit, 'source' | 'headings' | 'page' | 'start' | 'end' | 'text'>

function hitsText(hits: readonly Shown[], colour: boolean): string {
  if (hits.length === 0) return 'Nothing in the collection was found for the question.\n'
  return hits
    .map((hit, at) => {
      const page = hit.page === undefined ? '' : `, page ${hit.page}`
      const where = printable([hit.source, ...hit.headings].join(' › ')).replace(/\s+/g, ' ')
      const head = `${at + 1}. ${where}${page}, characters ${hit.start}–${hit.end}`
      const text = printable(hit.text.length > SHOWN ? `${hit.text.slice(0, SHOWN).trimEnd()} …` : hit.text)
      return `${colour ? BOLD + head + RESET : head}\n${text.replace(/^/gm, '   ')}\n`
    })
    .join('\n')
}

/** Without control characters, so that a document cannot steer the terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
}

function write(context: VerbContext, value: unknown, text: () => string): void {
  context.out.write(context.json ? `${JSON.stringify(value, null, 2)}\n` : text())
}
