import type { ExitCode, Verb, VerbContext } from '../contract/verb.ts'
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
}

export function createCatalogue(runs: LocalRuns): Catalogue {
  const from = (
    module: () => Promise<{ verbs: readonly Verb[] }>,
    name: string,
    summary: string,
  ): CatalogueEntry => ({
    name,
    summary,
    load: async () => find((await module()).verbs, name),
  })
  const serve = serveVerb(runs.serve)
  const doctor = doctorVerb(runs.doctor)
  const ask = async () => ({ verbs: [(await import('./ask.ts')).ask] })
  const caller = () => import('../caller/verbs.ts')
  const fleet = () => import('../fleet/verbs.ts')
  const knowledge = () => import('../knowledge/verbs.ts')
  const config = () => import('../config/verbs.ts')
  return [
    { name: serve.name, summary: serve.summary, load: async () => serve },
    from(ask, 'ask', 'Ask a question and print the answer as it arrives.'),
    from(knowledge, 'cite', 'Open a citation at the quoted lines and check it.'),
    from(fleet, 'engines list', 'List engines, their models and state, and what they have cost today.'),
    from(fleet, 'engines allow', 'Let prompts go to an engine off this machine, under a daily cap.'),
    from(fleet, 'engines deny', 'Take back the allowance of an engine: nothing more is sent to it.'),
    from(caller, 'keys create', 'Make an API key and show it once.'),
    from(caller, 'keys list', 'List all API keys, without their secrets.'),
    from(caller, 'keys revoke', 'End an API key at once.'),
    from(caller, 'keys rotate', 'Give an API key a new secret, shown once.'),
    from(config, 'config explain', 'Show every value of the configuration and where it came from.'),
    from(config, 'config check', 'Look for mistakes in the configuration.'),
    from(config, 'config schema', 'Print the JSON Schema of upshift.yaml.'),
    { name: doctor.name, summary: doctor.summary, load: async () => doctor },
  ]
}

function find(verbs: readonly Verb[], name: string): Verb {
  const verb = verbs.find((one) => one.name === name)
  if (!verb) throw new Error(`the catalogue lists \`${name}\`, which its room does not export`)
  return verb
}
