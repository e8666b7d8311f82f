import { EVERY_LABEL } from '../contract/caller.ts'
import { UpshiftError } from '../contract/problem.ts'
import { expectJson } from '../contract/reply.ts'
import {
  type ServerPort,
  UsageError,
  type Verb,
  type VerbContext,
  type VerbOption,
} from '../contract/verb.ts'
import { textTable } from '../lib/table.ts'
import { minuteText } from '../lib/utc.ts'
import { microsOf, usd } from './money.ts'
import { type KeyReply, limitReply, listReply, revokeReply, type ShownReply, shownReply } from './wire.ts'
import {
  checkedName,
  collectionList,
  engineScope,
  expiryMs,
  graceMsOf,
  labelList,
  limitWords,
  modelList,
  tierList,
} from './words.ts'

const LIMIT_OPTIONS: Readonly<Record<string, VerbOption>> = {
  'day-usd': { type: 'string', value: 'USD', summary: 'Dollars that it may spend in a UTC day.' },
  'month-usd': { type: 'string', value: 'USD', summary: 'Dollars that it may spend in a UTC month.' },
  rpm: { type: 'string', value: 'COUNT', summary: 'Requests within any minute.' },
  tpm: { type: 'string', value: 'COUNT', summary: 'Tokens within any minute, prompt and answer together.' },
  concurrent: { type: 'string', value: 'COUNT', summary: 'Requests under way at once.' },
}

export const verbs: readonly Verb[] = [
  {
    name: 'keys create',
    summary: 'Make an API key and show it once.',
    operands: 'NAME',
    options: {
      tiers: { type: 'string', value: 'LIST', summary: 'Only these tiers: fast, mid, expert.' },
      models: { type: 'string', value: 'LIST', summary: 'Only these models: engine/name or engine/*.' },
      engines: {
        type: 'string',
        value: 'WHERE',
        summary: 'local: only engines on this machine. any (default).',
      },
      collections: {
        type: 'string',
        value: 'LIST',
        summary: 'Only these collections of documents; none: not one. Default: all.',
      },
      labels: {
        type: 'string',
        value: 'LIST',
        summary: 'Also documents with these labels, where it holds all that one has; all; none (default).',
      },
      expires: { type: 'string', value: 'TIME', summary: 'Ends after this time: 12h, 30d. Default: never.' },
      ...LIMIT_OPTIONS,
    },
    details:
      'Without options the key may use every tier and every model, without a limit. An engine off this machine still needs ' +
      'the owner’s `upshift engines allow NAME`. The key is stored as a hash, so it cannot be shown again.',
    examples: [
      'upshift keys create laptop',
      'upshift keys create nightly --tiers fast,mid --engines local --expires 30d',
      'upshift keys create team --day-usd 5 --month-usd 50 --rpm 60 --tpm 100000 --concurrent 4',
    ],
    run: create,
  },
  {
    name: 'keys list',
    summary: 'List all API keys, without their secrets.',
    details: 'SPENT is what the key has cost in this UTC day and month.',
    examples: ['upshift keys list', 'upshift keys list --json'],
    run: list,
  },
  {
    name: 'keys limit',
    summary: 'Set or remove what an API key may spend and ask for.',
    operands: 'ID',
    options: LIMIT_OPTIONS,
    details:
      'What is not named stays as it is, and the word none removes a limit. It holds for the very next request. ' +
      '`key_owner` is the owner’s own key.',
    examples: [
      'upshift keys limit key_01jd… --day-usd 10 --rpm none',
      'upshift keys limit key_owner --month-usd 100',
    ],
    run: limit,
  },
  {
    name: 'keys revoke',
    summary: 'End an API key at once.',
    operands: 'ID',
    examples: ['upshift keys revoke key_01jd…'],
    run: revoke,
  },
  {
    name: 'keys rotate',
    summary: 'Give an API key a new secret, shown once.',
    operands: 'ID',
    options: {
      grace: {
        type: 'string',
        value: 'TIME',
        summary: 'The old secret stays valid so long: 0 (default) to 7d.',
      },
    },
    details: 'The id, name and scope stay. `key_owner` is the owner’s own key: its file is rewritten.',
    examples: ['upshift keys rotate key_01jd… --grace 1h', 'upshift keys rotate key_owner'],
    run: rotate,
  },
]

async function create(context: VerbContext): Promise<0> {
  const name = checkedName(context.args[0])
  const tiers = tierList(context.flags)
  const models = modelList(context.flags)
  const engines = engineScope(context.flags)
  const collections = collectionList(context.flags)
  const labels = labelList(context.flags)
  const expiresInMs = expiryMs(context.flags)
  const limits = limitWords(context.flags)
  const body = {
    name,
    ...(tiers && { tiers }),
    ...(models && { models }),
    ...(engines && { engines }),
    ...(collections && { collections }),
    ...(labels && { labels }),
    ...(expiresInMs && { expiresInMs }),
    ...(Object.keys(limits).length > 0 && { limits }),
  }
  const server = await context.server()
  const namesakes = (await listed(context, server)).filter((key) => key.name === name)
  const reply = await server.call('POST', '/v1/admin/keys', body, context.signal)
  const shown = await expectJson(reply, shownReply)
  if (namesakes.length > 0) {
    const known = namesakes.map(({ id, state }) => `${id} (${state})`).join(', ')
    const means = 'Both stay; the ids tell them apart.'
    context.err.write(`upshift: there was a key named ${name} already: ${known}. ${means}\n`)
  }
  show(context, shown)
  return 0
}

async function list(context: VerbContext): Promise<0> {
  const keys = await listed(context, await context.server())
  context.out.write(context.json ? `${JSON.stringify({ keys })}\n` : table(keys))
  return 0
}

async function limit(context: VerbContext): Promise<0> {
  const limits = limitWords(context.flags)
  if (Object.keys(limits).length === 0) {
    const flags = Object.keys(LIMIT_OPTIONS).map((flag) => `--${flag}`)
    throw new UsageError(`name at least one limit: ${flags.join(', ')}`)
  }
  const server = await context.server()
  const { id } = await keyOf(context, server, 'limit')
  const path = `/v1/admin/keys/${encodeURIComponent(id)}/limits`
  const limited = await expectJson(await server.call('POST', path, limits, context.signal), limitReply)
  context.out.write(context.json ? `${JSON.stringify(limited)}\n` : table([limited.key]))
  return 0
}

async function revoke(context: VerbContext): Promise<0> {
  const server = await context.server()
  const known = await keyOf(context, server, 'revoke')
  const path = `/v1/admin/keys/${encodeURIComponent(known.id)}/revoke`
  const revoked = await expectJson(await server.call('POST', path, undefined, context.signal), revokeReply)
  context.out.write(context.json ? `${JSON.stringify(revoked)}\n` : table([revoked.key]))
  if (known.revokedAt !== null) {
    context.err.write(`upshift: ${known.id} was revoked before, on ${minuteText(known.revokedAt)}.\n`)
  }
  return 0
}

async function rotate(context: VerbContext): Promise<0> {
  const graceMs = graceMsOf(context.flags)
  const server = await context.server()
  const { id } = await keyOf(context, server, 'rotate')
  const path = `/v1/admin/keys/${encodeURIComponent(id)}/rotate`
  const rotated = await server.call('POST', path, { graceMs }, context.signal)
  show(context, await expectJson(rotated, shownReply))
  return 0
}

async function listed(context: VerbContext, server: ServerPort): Promise<readonly KeyReply[]> {
  const reply = await server.call('GET', '/v1/admin/keys', undefined, context.signal)
  return (await expectJson(reply, listReply)).keys
}

/** The key whose id was given. Throws UpshiftError where there is none, with the id where a name was given. */
async function keyOf(context: VerbContext, server: ServerPort, verb: string): Promise<KeyReply> {
  const id = context.args[0] ?? ''
  const keys = await listed(context, server)
  const found = keys.find((key) => key.id === id)
  if (found !== undefined) return found
  const named = keys.filter((key) => key.name === id)
  const shown = /^[^\p{C}]{1,64}$/u.test(id) ? id : 'with that id'
  const hint =
    named.length === 0
      ? '`upshift keys list` shows all.'
      : `That is a name, and ${verb} takes the id: ${named.map((key) => `\`upshift keys ${verb} ${key.id}\` (${key.state})`).join(', ')}.`
  throw new UpshiftError({ code: 'not_found', message: `There is no key ${shown}. ${hint}`, param: 'id' })
}

/** The secret alone on stdout, so that `KEY=$(upshift keys create ci)` works; what is said of it on stderr. */
function show(context: VerbContext, shown: ShownReply): void {
  if (context.json) {
    context.out.write(`${JSON.stringify(shown)}\n`)
    return
  }
  context.err.write(table([shown.key]))
  if (shown.file !== null) context.err.write(`Written to ${shown.file}, which the command line reads.\n`)
  context.err.write('This is the only time that the key is shown:\n')
  context.out.write(`${shown.secret}\n`)
}

function table(keys: readonly KeyReply[]): string {
  const head = [
    'ID',
    'NAME',
    'STATE',
    'TIERS',
    'MODELS',
    'ENGINES',
    'COLLECTIONS',
    'LABELS',
    'LIMITS',
    'SPENT',
    'CREATED',
    'EXPIRES',
    'FINGERPRINT',
  ]
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.graceUntil === null ? key.state : `${key.state} (old secret until ${minuteText(key.graceUntil)})`,
    listOf(key.scope.tiers),
    listOf(key.scope.models),
    key.scope.engines,
    listOf(key.scope.collections),
    key.scope.labels?.includes(EVERY_LABEL) === true ? 'all' : listOf(key.scope.labels ?? []),
    limitsOf(key.limits),
    spentOf(key.spent),
    key.createdAt === null ? '-' : minuteText(key.createdAt),
    key.expiresAt === null ? 'never' : minuteText(key.expiresAt),
    key.fingerprint,
  ])
  return textTable(head, rows)
}

/** As the flags of `keys create` take it. Without a list there is no limit. */
function listOf(names: readonly string[] | undefined): string {
  if (names === undefined) return 'all'
  return names.length === 0 ? 'none' : names.join(',')
}

/** `$5.00/day, 60 requests/min`. */
function limitsOf(limits: KeyReply['limits']): string {
  const { usdPerDay, usdPerMonth, requestsPerMinute, tokensPerMinute, concurrentRequests } = limits
  const parts = [
    usdPerDay === null ? '' : `${money(usdPerDay)}/day`,
    usdPerMonth === null ? '' : `${money(usdPerMonth)}/month`,
    requestsPerMinute === null ? '' : `${requestsPerMinute} requests/min`,
    tokensPerMinute === null ? '' : `${tokensPerMinute} tokens/min`,
    concurrentRequests === null ? '' : `${concurrentRequests} at once`,
  ].filter((part) => part !== '')
  return parts.length === 0 ? 'none' : parts.join(', ')
}

/** `$0.12 today, $3.40 this month ($0.05 unknown)`. */
function spentOf(spent: KeyReply['spent']): string {
  if (spent.usdThisMonth === 0) return '-'
  const unknown = spent.usdUnknownThisMonth === 0 ? '' : `${money(spent.usdUnknownThisMonth)} unknown`
  const overshoot = spent.usdOvershootThisMonth === 0 ? '' : `${money(spent.usdOvershootThisMonth)} overshoot`
  const doubtful = [unknown, overshoot].filter((part) => part !== '').join(', ')
  const figures = `${money(spent.usdToday)} today, ${money(spent.usdThisMonth)} this month`
  return doubtful === '' ? figures : `${figures} (${doubtful})`
}

function money(dollars: number): string {
  return usd(microsOf(dollars))
}
