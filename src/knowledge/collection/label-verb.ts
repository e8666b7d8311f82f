import { resolve } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { type ExitCode, type Flags, UsageError, type Verb, type VerbContext } from '../../contract/verb.ts'
import { tuneIfDue } from '../tune/tune-collection.ts'
import { matches } from './filter.ts'
import { COLLECTION_OPTION, collectionOf, openCollections } from './verbs.ts'

export const labelVerb: Verb = {
  name: 'knowledge label',
  summary: 'Set which labels documents of a collection have: only keys that hold them all read them.',
  operands: 'SOURCE...',
  options: {
    collection: COLLECTION_OPTION,
    label: { type: 'string', multiple: true, value: 'LABEL', summary: 'In the place of those it has.' },
    none: { type: 'boolean', summary: 'Take all labels away: every key of the collection may read it.' },
  },
  details:
    'SOURCE is what a document is called in `knowledge list --collection`, for a file its path, or a pattern in quotes in which `*` stands for any characters. It holds for the very next request. The tuning of the collection, which reads only documents without labels, is made anew where it had read one of these.',
  examples: [
    'upshift knowledge label ./reports/q3.pdf --label finance --label board',
    "upshift knowledge label '*/drafts/*' --none",
  ],
  run: runLabel,
}

/** The labels that were given, undefined where none were. Throws UsageError. */
export function labelFlags({ label }: Flags): readonly string[] | undefined {
  if (label === undefined) return undefined
  const labels = (Array.isArray(label) ? label : [label]).map(String)
  if (labels.includes('')) throw new UsageError('--label takes the name of a label.')
  return labels
}

async function runLabel(context: VerbContext): Promise<ExitCode> {
  const labels = context.flags['none'] === true ? [] : labelFlags(context.flags)
  const both = context.flags['none'] === true && context.flags['label'] !== undefined
  if (context.args.length === 0 || labels === undefined || both)
    throw new UsageError('knowledge label takes documents, and either --label LABEL or --none.')
  using collections = await openCollections(context)
  const collection = collectionOf(context)
  const sources = collections.documents(collection).map(({ source }) => source)
  const named = [...new Set(context.args.flatMap((name) => sourcesNamed(name, sources, collection)))]
  collections.label(collection, named, labels)
  tuneIfDue(collections, collection)
  const vectors = collections.vectors.state(collection)
  if (vectors?.made !== undefined && vectors.tuning === undefined) {
    context.err.write(
      `What the vectors of ${collection} weigh is chosen anew by the next \`upshift knowledge add --collection ${collection} --embeddings ${vectors.wanted}\`; until then it is searched by words.\n`,
    )
  }
  const told = named.length === 1 ? '1 document' : `${named.length} documents`
  const now = labels.length === 0 ? 'no labels' : `the labels ${labels.join(', ')}`
  context.out.write(
    context.json
      ? `${JSON.stringify({ collection, labels, documents: named }, null, 2)}\n`
      : `${collection}: ${told} with ${now} now.\n`,
  )
  return 0
}

/** The very source, the file of that path, or what a pattern covers. Throws UpshiftError where that is nothing. */
function sourcesNamed(name: string, sources: readonly string[], collection: string): string[] {
  const path = resolve(name)
  const one = sources.find((source) => source === name) ?? sources.find((source) => source === path)
  const found = one === undefined ? sources.filter((source) => matches(name, source)) : [one]
  if (found.length > 0) return found
  throw new UpshiftError({
    code: 'not_found',
    message: `The collection ${collection} holds nothing called ${JSON.stringify(name)}, and nothing was labelled. \`upshift knowledge list --collection ${collection}\` names what it holds.`,
  })
}
