import type { Readable } from 'node:stream'
import { type ExitCode, UsageError, type Verb, type VerbContext } from '../../contract/verb.ts'
import { systemClock } from '../../lib/clock.ts'
import type { Collections } from '../collection/collections.ts'
import { TRUSTS, type Trust } from '../collection/origins.ts'
import { COLLECTION_OPTION, collectionOf, openCollections } from '../collection/verbs.ts'
import { tuneCollection, tuningDue } from '../tune/tune-collection.ts'
import { type Incoming, type IngestReport, ingest } from './ingest.ts'
import { mediaTypeOf } from './parse/media.ts'
import { IngestProgress } from './progress.ts'
import { sourcesOf } from './sources.ts'

export const addVerb: Verb = {
  name: 'knowledge add',
  summary: 'Read files, folders or standard input into a collection.',
  operands: 'PATH...',
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
  },
  details:
    'Reads text, Markdown, HTML, source code, JSON, JSON Lines and CSV. A path may be a pattern in quotes. What is in the collection already is left alone, a changed file takes the place of its old version, and a file that cannot be read is named and skipped; a run that broke off goes on when it is started again. Afterwards the collection tunes its search by itself.',
  examples: [
    'upshift knowledge add ./handbook',
    "upshift knowledge add --collection code 'src/**/*.ts'",
    'curl -s https://example.org/page.html | upshift knowledge add - --name page.html',
  ],
  run: runAdd,
}

async function runAdd(context: VerbContext): Promise<ExitCode> {
  if (context.args.length === 0)
    throw new UsageError('knowledge add takes files, folders, patterns, or - for stdin.')
  const collection = collectionOf(context)
  const named = context.args.filter((path) => path !== '-')
  const { files, unreadable, passedOver } = sourcesOf(named)
  const incoming: Incoming[] = files.map(({ path, mediaType, bytes }) => ({ source: path, mediaType, bytes }))
  if (named.length < context.args.length) incoming.push(await standardInput(context))
  const trust = trustFlag(context)
  using collections = await openCollections(context)
  // Before anything is read: a source of low trust is never there with more.
  if (trust !== undefined)
    collections.trust(
      collection,
      incoming.map(({ source }) => source),
      trust,
    )
  const progress = new IngestProgress(context.err, systemClock, incoming.length)
  const { signal } = context
  const shown = context.json ? {} : { progress: progress.show }
  const read = await ingest(incoming, { collections, collection, clock: systemClock, signal, ...shown })
  if (!context.json) progress.end()
  const skipped = [...unreadable.map(({ path, why }) => ({ source: path, why })), ...read.skipped]
  const report = { collection, ...read, skipped, passedOver }
  if (read.added + read.replaced > 0 && !signal.aborted) tuneIfDue(collections, collection)
  for (const { source, why } of skipped)
    context.err.write(`skipped ${printable(source)}: ${printable(why)}\n`)
  context.out.write(context.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report))
  return read.added + read.replaced + read.unchanged === 0 && skipped.length > 0 ? 1 : 0
}

function trustFlag({ flags }: VerbContext): Trust | undefined {
  if (flags['trust'] === undefined) return undefined
  const trust = TRUSTS.find((one) => one === flags['trust'])
  if (trust === undefined) throw new UsageError(`--trust is one of ${TRUSTS.join(', ')}.`)
  return trust
}

function tuneIfDue(collections: Collections, name: string): void {
  if (!tuningDue(collections.figures(name).chunks, collections.tuning(name)?.chunks)) return
  tuneCollection(collections, name)
}

const MAX_STDIN_BYTES = 64 * 1024 * 1024

async function standardInput({ flags, stdin }: VerbContext): Promise<Incoming> {
  const name = flags['name']
  if (typeof name !== 'string') {
    throw new UsageError('standard input needs --name NAME, whose ending says what it is: --name notes.md')
  }
  const mediaType = mediaTypeOf(name)
  if (mediaType === undefined) throw new UsageError(`no parser reads files like ${JSON.stringify(name)}.`)
  const content = await bytesOf(stdin)
  return { source: `stdin:${name}`, mediaType, bytes: content.length, content }
}

async function bytesOf(stdin: Readable): Promise<Uint8Array> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of stdin) {
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(String(part))
    length += bytes.length
    if (length > MAX_STDIN_BYTES) {
      throw new UsageError(`standard input is longer than ${MAX_STDIN_BYTES} bytes; write it to files.`)
    }
    parts.push(bytes)
  }
  return Buffer.concat(parts)
}

function reportText(report: IngestReport & { collection: string; passedOver: number }): string {
  const parts = [
    `${report.added} added`,
    `${report.replaced} replaced`,
    `${report.unchanged} unchanged`,
    `${report.skipped.length} skipped`,
    ...(report.passedOver > 0 ? [`${report.passedOver} of other kinds passed over`] : []),
  ]
  return `${report.collection}: ${parts.join(', ')}; ${report.chunks} new passages.\n`
}

function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
}
