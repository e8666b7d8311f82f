import type { ExitCode, Verb, VerbContext } from '../contract/verb.ts'

/** The verbs whose parts stand in assemble/: their words are here, their work is passed in by main. */

export function serveVerb(run: (context: VerbContext) => Promise<ExitCode>): Verb {
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
    run,
  }
}

export function doctorVerb(run: (context: VerbContext) => Promise<ExitCode>): Verb {
  return {
    name: 'doctor',
    summary: 'Check port, disk, clock, lock, state, engines and context lengths, and name the fixes.',
    details:
      'Asks the running server; where none runs, opens the home itself. Ends with 1 where a check failed.',
    examples: ['upshift doctor', 'upshift doctor --json'],
    run,
  }
}
