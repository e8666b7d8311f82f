import type { Verb } from '../../contract/verb.ts'
import { MOMENT_FORMS } from './moment.ts'
import { FILTER_OPTIONS } from './shell/asking.ts'
import { events } from './shell/events.ts'
import { search } from './shell/search.ts'
import { show } from './shell/show.ts'
import { tail } from './shell/tail.ts'
import { usage } from './shell/usage.ts'

const LINES = {
  type: 'string',
  short: 'n',
  value: 'N',
  summary: 'How many at most: 1 to 1000; default 20.',
} as const

/** `upshift logs …` and `upshift usage`: what the record says. */
export const verbs: readonly Verb[] = [
  {
    name: 'logs tail',
    summary: 'List the newest requests, and with --follow those that end from now on.',
    options: {
      follow: { type: 'boolean', short: 'f', summary: 'Go on with requests as they end, until Ctrl-C.' },
      lines: LINES,
      ...FILTER_OPTIONS,
    },
    details:
      'The newest request stands last. A cost with ≤ holds a worst case, because nobody stated the true one. ' +
      'With --follow and --json each request is one line of JSON.',
    examples: ['upshift logs tail --follow', 'upshift logs tail -n 100 --outcome failed --since 24h'],
    run: tail,
  },
  {
    name: 'logs show',
    summary: 'Show one request: plan, attempts, cost, checks, and with --text what was said.',
    operands: 'ID',
    options: { text: { type: 'boolean', summary: 'Also show the prompt and the answer.' } },
    details: 'The id is what the caller got as x-request-id.',
    examples: ['upshift logs show req_01jd…', 'upshift logs show req_01jd… --text'],
    run: show,
  },
  {
    name: 'logs search',
    summary: 'Find requests by words in their prompts and answers.',
    operands: 'WORDS...',
    options: { lines: LINES, ...FILTER_OPTIONS },
    details:
      'All words must stand in the same text; case does not matter. Texts are encrypted and have no index, so ' +
      'they are read one after the other, newest first: narrow a long search with --since.',
    examples: ['upshift logs search refund policy --since 7d'],
    run: search,
  },
  {
    name: 'logs events',
    summary: 'List changes of keys and policies, erasures, expiries and starts.',
    options: { lines: LINES },
    examples: ['upshift logs events -n 50'],
    run: events,
  },
  {
    name: 'usage',
    summary: 'Sum up requests, tokens and cost by key, model, tier or day.',
    options: {
      by: { type: 'string', value: 'LIST', summary: 'Some of key, model, tier, day; default: day.' },
      since: { type: 'string', value: 'TIME', summary: `From then on: ${MOMENT_FORMS}; default: 30d.` },
      until: { type: 'string', value: 'TIME', summary: 'Up to then, not included; as --since.' },
      key: { type: 'string', value: 'ID', summary: 'Only this key (key_…).' },
    },
    details:
      'An attempt counts for the model that it ran on, a request for the model that answered. COST is what providers ' +
      'stated, CHARGED what callers are charged, UNKNOWN the worst case of attempts whose cost nobody stated. ' +
      'Times are rounded out to whole hours.',
    examples: ['upshift usage --by tier --since 7d', 'upshift usage --by key,model --json'],
    run: usage,
  },
]
