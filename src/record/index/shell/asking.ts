import type * as z from 'zod'
import { expectJson } from '../../../contract/reply.ts'
import {
  type Flags,
  type ServerPort,
  UsageError,
  type VerbContext,
  type VerbOption,
} from '../../../contract/verb.ts'
import { MOMENT_FORMS, parseMoment } from '../moment.ts'
import { OUTCOMES } from '../wire.ts'

/** The options that say which requests are meant. */
export const FILTER_OPTIONS: Readonly<Record<string, VerbOption>> = {
  key: { type: 'string', value: 'ID', summary: 'Only requests of this key (key_…).' },
  model: { type: 'string', value: 'MODEL', summary: 'Only what this exact model served.' },
  tier: { type: 'string', value: 'TIER', summary: 'Only what this tier served: fast, mid, expert.' },
  outcome: { type: 'string', value: 'WORD', summary: `Only this end: ${OUTCOMES.join(', ')}.` },
  code: { type: 'string', value: 'CODE', summary: 'Only requests that ended with this error code.' },
  subject: { type: 'string', value: 'REF', summary: 'Only requests about this subject (sub_…).' },
  id: { type: 'string', value: 'PREFIX', summary: 'Only ids that begin like this.' },
  since: { type: 'string', value: 'TIME', summary: `From then on: ${MOMENT_FORMS}.` },
  until: { type: 'string', value: 'TIME', summary: 'Up to then, not included; as --since.' },
}

/** The filter as parameters of a path. Throws UsageError, in the words that were typed. */
export function filterOf(flags: Flags): URLSearchParams {
  const parameters = new URLSearchParams()
  for (const name of Object.keys(FILTER_OPTIONS)) {
    const value = textOf(flags, name)
    if (value === undefined) continue
    if (value === '') throw new UsageError(`--${name} is empty`)
    checkMoment(name, value)
    checkPublicId(name, value)
    if (name === 'outcome' && !OUTCOMES.some((one) => one === value)) {
      throw new UsageError(`--outcome is one of ${OUTCOMES.join(', ')}, not "${value}"`)
    }
    parameters.set(name, value)
  }
  return parameters
}

/** Whether `--since` and `--until` can be read; when they are is the server's clock to say. */
export function checkMoment(name: string, value: string): void {
  if (name !== 'since' && name !== 'until') return
  if (parseMoment(value, 0) === undefined)
    throw new UsageError(`--${name} takes ${MOMENT_FORMS}, not "${value}"`)
}

/** A name fits no record, and an empty list would look as if there had been no request. */
export function checkPublicId(name: string, value: string): void {
  if (name === 'key' && !value.startsWith('key_'))
    throw new UsageError(
      `--key takes a key's id (key_…), not "${value}"; \`upshift keys list\` shows the ids`,
    )
  if (name === 'subject' && !value.startsWith('sub_'))
    throw new UsageError(
      `--subject takes the pseudonym in the record (sub_…), not "${value}"; \`upshift subject export\` shows it`,
    )
}

const MAX_LINES = 1_000

/** `-n 50`. Throws UsageError. */
export function linesOf(flags: Flags): number {
  const text = textOf(flags, 'lines') ?? '20'
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= MAX_LINES) return count
  throw new UsageError(`--lines takes a number from 1 to ${MAX_LINES}, not "${text}"`)
}

export function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}

/** Asks the server and reads what it says. Throws UpshiftError with the server's own words where it refuses. */
export async function get<Shape>(
  context: VerbContext,
  server: ServerPort,
  path: string,
  parameters: URLSearchParams,
  schema: z.ZodType<Shape>,
): Promise<Shape> {
  const query = parameters.size === 0 ? '' : `?${parameters}`
  return expectJson(await server.call('GET', `${path}${query}`, undefined, context.signal), schema)
}
