import { expectJson } from '../contract/reply.ts'
import type { Flags, Verb, VerbContext } from '../contract/verb.ts'
import { parseDuration } from '../lib/duration.ts'
import { textTable } from '../lib/table.ts'
import { type KeyReply, listReply, revokeReply, type ShownReply, shownReply } from './wire.ts'

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
      expires: { type: 'string', value: 'TIME', summary: 'Ends after this time: 12h, 30d. Default: never.' },
    },
    details:
      'Without options the key may use every tier and every model. An engine off this machine still needs ' +
      'the owner’s `upshift engines allow NAME`. The key is stored as a hash, so it cannot be shown again.',
    examples: [
      'upshift keys create laptop',
      'upshift keys create nightly --tiers fast,mid --engines local --expires 30d',
    ],
    run: create,
  },
  {
    name: 'keys list',
    summary: 'List all API keys, without their secrets.',
    examples: ['upshift keys list', 'upshift keys list --json'],
    run: list,
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

async function create(context: VerbContext): Promise<0 | 2> {
  const [name, ...rest] = context.args
  if (name === undefined || rest.length > 0) return usage(context, 'keys create takes one NAME')
  const expires = textOf(context.flags, 'expires')
  const expiresInMs = expires === undefined ? undefined : parseDuration(expires)
  if (expires !== undefined && !expiresInMs) {
    return usage(context, '--expires takes a time such as 12h or 30d, longer than 0')
  }
  const tiers = listOf(context.flags, 'tiers')
  const models = listOf(context.flags, 'models')
  const engines = textOf(context.flags, 'engines')
  const body = {
    name,
    ...(tiers && { tiers }),
    ...(models && { models }),
    ...(engines && { engines }),
    ...(expiresInMs && { expiresInMs }),
  }
  const server = await context.server()
  const reply = await server.call('POST', '/v1/admin/keys', body, context.signal)
  show(context, await expectJson(reply, shownReply))
  return 0
}

async function list(context: VerbContext): Promise<0 | 2> {
  if (context.args.length > 0) return usage(context, 'keys list takes no arguments')
  const server = await context.server()
  const reply = await server.call('GET', '/v1/admin/keys', undefined, context.signal)
  const found = await expectJson(reply, listReply)
  context.out.write(context.json ? `${JSON.stringify(found)}\n` : table(found.keys))
  return 0
}

async function revoke(context: VerbContext): Promise<0 | 2> {
  const [id, ...rest] = context.args
  if (id === undefined || rest.length > 0) return usage(context, 'keys revoke takes one ID')
  const server = await context.server()
  const path = `/v1/admin/keys/${encodeURIComponent(id)}/revoke`
  const revoked = await expectJson(await server.call('POST', path, undefined, context.signal), revokeReply)
  context.out.write(context.json ? `${JSON.stringify(revoked)}\n` : table([revoked.key]))
  return 0
}

async function rotate(context: VerbContext): Promise<0 | 2> {
  const [id, ...rest] = context.args
  if (id === undefined || rest.length > 0) return usage(context, 'keys rotate takes one ID')
  const graceMs = parseDuration(textOf(context.flags, 'grace') ?? '0')
  if (graceMs === undefined) return usage(context, '--grace takes a time such as 1h, from 0 to 7d')
  const server = await context.server()
  const path = `/v1/admin/keys/${encodeURIComponent(id)}/rotate`
  const rotated = await server.call('POST', path, { graceMs }, context.signal)
  show(context, await expectJson(rotated, shownReply))
  return 0
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
  const head = ['ID', 'NAME', 'STATE', 'TIERS', 'MODELS', 'ENGINES', 'CREATED', 'EXPIRES', 'FINGERPRINT']
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.graceUntil === null ? key.state : `${key.state} (old secret until ${minute(key.graceUntil)})`,
    key.scope.tiers?.join(',') ?? 'all',
    key.scope.models?.join(',') ?? 'all',
    key.scope.engines,
    key.createdAt === null ? '-' : minute(key.createdAt),
    key.expiresAt === null ? 'never' : minute(key.expiresAt),
    key.fingerprint,
  ])
  return textTable(head, rows)
}

/** To the minute, in UTC. */
function minute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')}Z`
}

function usage(context: VerbContext, message: string): 2 {
  context.err.write(`${message}. See \`upshift help keys\`.\n`)
  return 2
}

function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}

/** `fast, mid` as its parts; an empty part stays and is refused by the server. */
function listOf(flags: Flags, name: string): string[] | undefined {
  return textOf(flags, name)
    ?.split(',')
    .map((part) => part.trim())
}
