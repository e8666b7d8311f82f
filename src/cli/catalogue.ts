import type { ExitCode, Verb, VerbContext } from '../contract/verb.ts'

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

/** What `upshift serve` does; the parts for it stand in assemble/. */
export interface OwnRuns {
  serve(context: VerbContext): Promise<ExitCode>
}

export function createCatalogue(own: OwnRuns): Catalogue {
  const from = (
    module: () => Promise<{ verbs: readonly Verb[] }>,
    name: string,
    summary: string,
  ): CatalogueEntry => ({
    name,
    summary,
    load: async () => find((await module()).verbs, name),
  })
  const serve = serveVerb(own)
  const ask = async () => ({ verbs: [(await import('./ask.ts')).ask] })
  const caller = () => import('../caller/verbs.ts')
  const fleet = () => import('../fleet/verbs.ts')
  const knowledge = () => import('../knowledge/verbs.ts')
  const config = () => import('../config/verbs.ts')
  const assemble = () => import('../assemble/verbs.ts')
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
    from(
      assemble,
      'doctor',
      'Check port, disk, clock, lock, state, engines and context lengths; each fault names its fix.',
    ),
  ]
}

function find(verbs: readonly Verb[], name: string): Verb {
  const verb = verbs.find((one) => one.name === name)
  if (!verb) throw new Error(`the catalogue lists \`${name}\`, which its room does not export`)
  return verb
}

/** Host, port, home and configuration file are the flags that the configuration itself takes. */
function serveVerb({ serve }: OwnRuns): Verb {
  return {
    name: 'serve',
    summary: 'Start the server and answer requests until it is told to stop.',
    options: {
      host: { type: 'string', value: 'ADDRESS', summary: 'Address to listen on; default: 127.0.0.1.' },
      port: { type: 'string', value: 'PORT', summary: 'Port to listen on; default: 4000.' },
    },
    details:
      'SIGTERM and SIGINT drain: accepted requests are finished, new ones are refused. One server serves one home.',
    examples: ['upshift serve', 'upshift serve --port 8080 --home /var/lib/upshift'],
    run: serve,
  }
}
