import type { ExitCode, Verb, VerbContext } from '../contract/verb.ts'
import type { OpenModels } from '../engine/verbs.ts'
import { doctorVerb, serveVerb } from './local.ts'

/**
 * DESIGN. `upshift --version` and the help must be there at once, so nothing of a feature is loaded before its
 * verb is called: this table repeats each verb's name and summary, and a test holds it against the verbs
 * themselves.
 */
export interface CatalogueEntry {
  readonly name: string
  readonly summary: string
  load(): Promise<Verb>
}

/** In the order in which the help lists them. */
export type Catalogue = readonly CatalogueEntry[]

/** What the verbs do whose parts stand in assemble/. */
export interface LocalRuns {
  serve(context: VerbContext): Promise<ExitCode>
  doctor(context: VerbContext): Promise<ExitCode>
  /** What the verbs about local models work with. */
  readonly models: OpenModels
}

function from(
  module: () => Promise<{ verbs: readonly Verb[] }>,
  name: string,
  summary: string,
): CatalogueEntry {
  return { name, summary, load: async () => find((await module()).verbs, name) }
}

export function createCatalogue(runs: LocalRuns): Catalogue {
  const serve = serveVerb(runs.serve)
  const doctor = doctorVerb(runs.doctor)
  const ask = async () => ({ verbs: [(await import('./ask.ts')).ask] })
  const caller = () => import('../caller/verbs.ts')
  const fleet = () => import('../fleet/verbs.ts')
  const engine = async () => ({ verbs: (await import('../engine/verbs.ts')).createVerbs(runs.models) })
  const knowledge = () => import('../knowledge/verbs.ts')
  const record = () => import('../record/verbs.ts')
  const govern = () => import('../govern/verbs.ts')
  const config = () => import('../config/verbs.ts')
  return [
    { name: serve.name, summary: serve.summary, load: async () => serve },
    from(
      engine,
      'setup',
      'Look at this machine, propose local models that fit it, and fetch and check them.',
    ),
    from(engine, 'pull', 'Fetch a model in GGUF format, check it, and put it into the folder of models.'),
    from(engine, 'models list', 'List the models in the folder of models, and downloads that broke off.'),
    from(engine, 'models show', 'Show where a model came from, its checksum, and what its file says.'),
    from(engine, 'models rm', 'Remove a model, or what a broken download has left.'),
    from(ask, 'ask', 'Ask a question and print the answer as it arrives.'),
    from(knowledge, 'cite', 'Open a citation at the quoted lines and check it.'),
    ...collectionEntries(),
    from(fleet, 'engines list', 'List engines, their models and state, and what they have cost today.'),
    from(fleet, 'engines allow', 'Let prompts go to an engine off this machine, under a daily cap.'),
    from(fleet, 'engines deny', 'Take back the allowance of an engine: nothing more is sent to it.'),
    from(caller, 'keys create', 'Make an API key and show it once.'),
    from(caller, 'keys list', 'List all API keys, without their secrets.'),
    from(caller, 'keys limit', 'Set or remove what an API key may spend and ask for.'),
    from(caller, 'keys revoke', 'End an API key at once.'),
    from(caller, 'keys rotate', 'Give an API key a new secret, shown once.'),
    from(record, 'logs tail', 'List the newest requests, and with --follow those that end from now on.'),
    from(
      record,
      'logs show',
      'Show one request: plan, attempts, cost, checks, and with --text what was said.',
    ),
    from(record, 'logs search', 'Find requests by words in their prompts and answers.'),
    from(record, 'logs events', 'List changes of keys and policies, erasures, expiries and starts.'),
    from(record, 'usage', 'Sum up requests, tokens and cost by key, model, tier or day.'),
    from(record, 'audit verify', 'Check the whole record and name what was changed, removed, moved or cut.'),
    from(record, 'audit prove', 'Prove that the entries about a request are in the record.'),
    from(record, 'audit check', 'Check a proof that `audit prove` has written, or the one in a receipt.'),
    from(record, 'audit export', 'Hand the newest signed checkpoint to a file or URL outside the home.'),
    from(record, 'audit compare', 'Prove that the record extends every checkpoint that was exported.'),
    from(record, 'backup', 'Copy the home into a new folder, while the server runs.'),
    from(record, 'restore', 'Check a backup and put it in the place of a home.'),
    from(govern, 'subject export', 'Show everything that is kept about a person or key.'),
    from(govern, 'subject erase', 'Erase the texts of a person or key for good, and prove it.'),
    from(config, 'config reload', 'Let the running server read its configuration again.'),
    ...measuring(),
    from(config, 'config explain', 'Show every value of the configuration and where it came from.'),
    from(config, 'config check', 'Look for mistakes in the configuration.'),
    from(config, 'config schema', 'Print the JSON Schema of upshift.yaml.'),
    { name: doctor.name, summary: doctor.summary, load: async () => doctor },
  ]
}

/** What works on recorded data alone. */
function measuring(): Catalogue {
  const evaluate = () => import('../assemble/evaluate.ts')
  const route = () => import('../route/verbs.ts')
  return [
    from(
      evaluate,
      'evaluate toolcalls',
      'Measure what the rescue of printed tool calls is worth on recorded answers.',
    ),
    from(
      route,
      'route evaluate',
      'Measure on recorded answers what learned routing recovers, and at what cost.',
    ),
    from(route, 'route report', 'Show what going up to a stronger tier was worth, by kind of traffic.'),
    from(
      route,
      'route versions',
      'List the weights of the evidence that were learned, and what a replay said of them.',
    ),
    from(route, 'route rollback', 'Go back to the weights that were live before.'),
    from(route, 'route train', 'Train the prior that judges prompts, and write it.'),
    from(
      route,
      'route plot',
      'Draw the curve of cost and quality of learned routing, with its baselines, as SVG.',
    ),
  ]
}

function collectionEntries(): Catalogue {
  const govern = () => import('../govern/verbs.ts')
  const knowledge = () => import('../knowledge/verbs.ts')
  return [
    from(knowledge, 'knowledge add', 'Read files, folders, web pages or standard input into a collection.'),
    from(knowledge, 'knowledge list', 'List collections, or with --collection the documents of one.'),
    from(knowledge, 'knowledge search', 'Find passages of a collection, with where they stand.'),
    from(
      knowledge,
      'knowledge ask',
      'Have a question answered from a collection, with citations that code has checked.',
    ),
    from(
      knowledge,
      'knowledge label',
      'Set which labels documents of a collection have: only keys that hold them all read them.',
    ),
    from(
      govern,
      'knowledge forget',
      'Remove a document from a collection for good, with the answers that quote it, and prove it.',
    ),
    from(
      knowledge,
      'knowledge inspect',
      'Show what a collection holds, and how its search was tuned, with figures.',
    ),
    from(
      knowledge,
      'knowledge evaluate',
      "Measure retrieval on a folder of records, queries and judgements in BEIR's layout.",
    ),
  ]
}

function find(verbs: readonly Verb[], name: string): Verb {
  const verb = verbs.find((one) => one.name === name)
  if (!verb) throw new Error(`the catalogue lists \`${name}\`, which its room does not export`)
  return verb
}
