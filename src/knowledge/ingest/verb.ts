import type { Readable } from 'node:stream'
import type { PageFetcher } from '../../contract/page.ts'
import { type ExitCode, UsageError, type Verb, type VerbContext } from '../../contract/verb.ts'
import { systemClock } from '../../lib/clock.ts'
import type { Collections } from '../collection/collections.ts'
import { labelFlags } from '../collection/label-verb.ts'
import { TRUSTS, type Trust } from '../collection/origins.ts'
import { COLLECTION_OPTION, collectionOf, openCollections } from '../collection/verbs.ts'
import { tuneIfDue } from '../tune/tune-collection.ts'
import { VectorKeeper } from '../vectors/keep.ts'
import { type VectorRound, type VectorRoundOptions, vectorRound, vectorText } from '../vectors/round.ts'
import { type Incoming, type IngestReport, ingest, MAX_FILE_BYTES } from './ingest.ts'
import { mediaTypeOf, mediaTypeOfPage } from './parse/media.ts'
import { IngestProgress } from './progress.ts'
import { type SourceFile, type Sources, sourcesOf } from './sources.ts'
import { removeAll, vanishedFrom } from './vanished.ts'
import { watchSources } from './watch.ts'

export const addVerb: Verb = {
  name: 'knowledge add',
  summary: 'Read files, folders, web pages or standard input into a collection.',
  operands: '[PATH...]',
  options: {
    collection: COLLECTION_OPTION,
    name: {
      type: 'string',
      value: 'NAME',
      summary: 'What standard input (`-`) is called; its ending says what it is.',
    },
    trust: {
      type: 'string',
      value: 'TRUST',
      summary: 'low: found, but no answer is made of it. ordinary. high: goes before the others.',
    },
    label: {
      type: 'string',
      multiple: true,
      value: 'LABEL',
      summary: 'Only keys that hold it read what is named here; several: that hold them all.',
    },
    embeddings: {
      type: 'string',
      value: 'MODEL',
      summary: 'The model that makes vectors of this collection from now on; none: no vectors any more.',
    },
    'keep-missing': {
      type: 'boolean',
      summary: 'Keep documents whose files have vanished from the folders that are named.',
    },
    watch: {
      type: 'boolean',
      summary: 'Go on until Ctrl-C: read what changes in the files and folders, as it changes.',
    },
  },
  details:
    'Reads PDF, DOCX, PPTX, XLSX, mail, text, Markdown, HTML, source code, JSON, JSON Lines and CSV. A path may be a pattern in quotes, or a web address that `knowledge.urls` allows. What is in the collection already is left alone, a changed file takes the place of its old version, and a file that cannot be read is named and skipped; a run that broke off goes on when it is started again. Documents whose files have vanished from a folder that is named leave the collection. Afterwards the collection tunes its search by itself. Where it has an embedding model, passages without a vector get one from the running server, or from one that the command opens; a run that breaks off goes on here too.',
  examples: [
    'upshift knowledge add ./handbook',
    "upshift knowledge add --collection code 'src/**/*.ts'",
    'upshift knowledge add --label finance --label board ./reports',
    'upshift knowledge add --watch ~/notes',
    'upshift knowledge add --embeddings ollama/nomic-embed-text ./handbook',
    'curl -s https://example.org/page.html | upshift knowledge add - --name page.html',
  ],
  run: runAdd,
}

const WEB = /^https?:\/\//i

interface Round extends IngestReport {
  readonly collection: string
  readonly removed: number
  /** Folders with nothing in them, whose documents stay. */
  readonly emptied: readonly { readonly path: string; readonly documents: number }[]
  readonly passedOver: number
  readonly vectors?: VectorRound
}

async function runAdd(context: VerbContext): Promise<ExitCode> {
  if (context.args.length === 0 && context.flags['embeddings'] === undefined)
    throw new UsageError('knowledge add takes files, folders, patterns, web addresses, or - for stdin.')
  const urls = context.args.filter((one) => WEB.test(one))
  const paths = context.args.filter((one) => one !== '-' && !WEB.test(one))
  const piped = context.args.includes('-')
  if (context.flags['watch'] === true && paths.length === 0) {
    throw new UsageError('--watch needs a file or folder to watch; web pages are fetched once.')
  }
  const sources = sourcesOf(paths)
  await using pages = urls.length > 0 ? await context.pages?.() : undefined
  const incoming = [
    ...sources.files.map(incomingOf),
    ...urls.map((url) => pageOf(url, pages)),
    ...(piped ? [await standardInput(context)] : []),
  ]
  using collections = await openCollections(context)
  const read = await readRound(context, collections, incoming, sources)
  chooseModel(context, collections)
  const watching = context.flags['watch'] === true
  const vectors = watching ? undefined : await vectorRound(collections, read.collection, roundOf(context))
  const first: Round = { ...read, ...(vectors && { vectors }) }
  tell(context, first)
  const { unread } = first
  const interrupted = context.signal.aborted
  const barren = context.args.length > 0 && !watching && !interrupted && isBarren(first)
  if (barren) context.err.write(barrenText(first, context.args))
  if (interrupted) context.err.write(restOf(unread, incoming.length))
  else if (watching) await keepWatch(context, collections, paths, sources)
  if (interrupted) return 130
  if (vectors?.stopped !== undefined && context.flags['embeddings'] !== undefined) return 1
  if (first.added + first.replaced + first.unchanged > 0) return 0
  return first.skipped.length > 0 || barren ? 1 : 0
}

/** Nothing was there to be read, and nothing to be taken out: a mistaken path, most likely. */
function isBarren({ added, replaced, unchanged, skipped, removed, emptied }: Round): boolean {
  return added + replaced + unchanged + skipped.length + removed + emptied.length === 0
}

function barrenText({ passedOver }: Round, paths: readonly string[]): string {
  const others =
    passedOver === 0
      ? 'no file'
      : `no file of a kind that is read (${passedOver} of other kinds ${passedOver === 1 ? 'was' : 'were'} passed over)`
  return `Nothing was added: ${paths.map(printable).join(', ')} ${paths.length === 1 ? 'holds' : 'hold'} ${others}. \`knowledge add --help\` names the kinds.\n`
}

function incomingOf({ path, mediaType, bytes }: SourceFile): Incoming {
  return { source: path, mediaType, bytes }
}

/** A page, fetched when its turn comes. */
function pageOf(url: string, pages: PageFetcher | undefined): Incoming {
  if (pages === undefined) throw new UsageError('no pages can be fetched here; name files or folders.')
  const load = async (signal: AbortSignal) => {
    const { content, contentType } = await pages.fetch(url, signal)
    const mediaType = mediaTypeOfPage(contentType, new URL(url).pathname)
    if (mediaType === undefined)
      throw new Error(`no parser reads ${contentType || 'what its server does not name'}`)
    return { content, mediaType }
  }
  return { source: url, mediaType: 'text/html', bytes: 0, load }
}

/** Reads, takes out what has vanished, and tunes where that is due. */
async function readRound(
  context: VerbContext,
  collections: Collections,
  incoming: readonly Incoming[],
  sources: Sources,
): Promise<Round> {
  const { signal, flags } = context
  const collection = collectionOf(context)
  const [trust, labels] = [trustFlag(context), labelFlags(flags)]
  const named = incoming.map(({ source }) => source)
  // Before anything is read: a source of low trust is never there with more, nor a labelled one without its labels.
  if (trust !== undefined) collections.trust(collection, named, trust)
  if (labels !== undefined) collections.label(collection, named, labels)
  const progress = new IngestProgress(context.err, systemClock, incoming.length)
  const shown = context.json || incoming.length === 0 ? {} : { progress: progress.show }
  const read = await ingest(incoming, { collections, collection, clock: systemClock, signal, ...shown })
  if ('progress' in shown) progress.end()
  const keeps = flags['keep-missing'] === true || signal.aborted
  const { gone, emptied } = vanishedFrom(collections, collection, keeps ? [] : sources.named)
  const removed = removeAll(collections, collection, gone, signal)
  // Also where nothing new was read: a label that was set has dropped what was tuned.
  if (!signal.aborted && collections.has(collection)) tuneIfDue(collections, collection)
  const skipped = [...sources.unreadable.map(({ path, why }) => ({ source: path, why })), ...read.skipped]
  return { collection, ...read, skipped, removed, emptied, passedOver: sources.passedOver }
}

/** The model that was named makes the collection's vectors from now on. */
function chooseModel(context: VerbContext, collections: Collections): void {
  const named = context.flags['embeddings']
  if (typeof named !== 'string') return
  const collection = collectionOf(context)
  collections.figures(collection) // says what to do where there is no such collection
  collections.vectors.choose(collection, named === 'none' ? undefined : named)
}

function roundOf(context: VerbContext): VectorRoundOptions {
  const { json, err, signal } = context
  return { server: () => context.server(), signal, ...(json ? {} : { err }) }
}

async function keepWatch(
  context: VerbContext,
  collections: Collections,
  paths: readonly string[],
  first: Sources,
): Promise<void> {
  const say = (text: string): boolean => context.err.write(`${text}\n`)
  const keeper = new VectorKeeper()
  const collection = collectionOf(context)
  const told = (vectors: VectorRound): void => {
    context.out.write(
      context.json ? `${JSON.stringify({ collection, vectors })}\n` : vectorText(collection, vectors),
    )
  }
  const keeping = keeper.run(collections, collection, roundOf(context), told)
  const watching = watchSources(paths, first, {
    clock: systemClock,
    signal: context.signal,
    ready: (looking) =>
      say(
        looking
          ? 'Watching; some folders are looked at every few seconds. Ctrl-C ends it.'
          : 'Watching. Ctrl-C ends it.',
      ),
    failed: (error) =>
      say(
        `This round came to nothing and will be tried again: ${printable(error instanceof Error ? error.message : String(error))}`,
      ),
    round: async (changed, sources) => {
      const report = await readRound(context, collections, changed.map(incomingOf), sources)
      const news = report.added + report.replaced + report.removed + report.skipped.length > 0
      if (news) tell(context, { ...report, passedOver: 0 })
      if (news) keeper.wake()
    },
  })
  await Promise.all([watching, keeping])
}

function trustFlag({ flags }: VerbContext): Trust | undefined {
  if (flags['trust'] === undefined) return undefined
  const trust = TRUSTS.find((one) => one === flags['trust'])
  if (trust === undefined) throw new UsageError(`--trust is one of ${TRUSTS.join(', ')}.`)
  return trust
}

async function standardInput({ flags, stdin }: VerbContext): Promise<Incoming> {
  const name = flags['name']
  if (typeof name !== 'string') {
    throw new UsageError('standard input needs --name NAME, whose ending says what it is: --name notes.md')
  }
  const mediaType = mediaTypeOf(name)
  if (mediaType === undefined) throw new UsageError(`no parser reads files like ${JSON.stringify(name)}.`)
  const content = await bytesOf(stdin)
  const load = async () => ({ content, mediaType })
  return { source: `stdin:${name}`, mediaType, bytes: content.length, load }
}

async function bytesOf(stdin: Readable): Promise<Uint8Array> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of stdin) {
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(String(part))
    length += bytes.length
    if (length > MAX_FILE_BYTES) {
      throw new UsageError(`standard input is longer than ${MAX_FILE_BYTES} bytes; write it to files.`)
    }
    parts.push(bytes)
  }
  return Buffer.concat(parts)
}

function tell(context: VerbContext, round: Round): void {
  for (const { source, why } of round.skipped)
    context.err.write(`skipped ${printable(source)}: ${printable(why)}\n`)
  for (const { path, documents } of round.emptied) {
    context.err.write(
      `${printable(path)} is empty: is its disk mounted? Its ${documents} ${documents === 1 ? 'document stays' : 'documents stay'}.\n`,
    )
  }
  const watching = context.flags['watch'] === true
  const json = `${JSON.stringify(round, null, watching ? 0 : 2)}\n`
  context.out.write(context.json ? json : roundText(round))
}

function roundText(round: Round): string {
  const parts = [
    `${round.added} added`,
    `${round.replaced} replaced`,
    `${round.unchanged} unchanged`,
    `${round.skipped.length} skipped`,
    ...(round.unread > 0 ? [`${round.unread} not read`] : []),
    ...(round.removed > 0 ? [`${round.removed} removed, whose files have vanished`] : []),
    ...(round.passedOver > 0 ? [`${round.passedOver} of other kinds passed over`] : []),
  ]
  const vectors = round.vectors === undefined ? '' : vectorText(round.collection, round.vectors)
  return `${round.collection}: ${parts.join(', ')}; ${round.chunks} new passages.\n${vectors}`
}

/** What an interruption leaves to be done. */
function restOf(unread: number, all: number): string {
  const rest = unread === 0 ? 'before the end' : `with ${unread} of ${all} not read`
  return `Interrupted ${rest}. What was read stays; run it again for the rest.\n`
}

function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
}
