import * as z from 'zod'
import type { Caller } from '../../contract/caller.ts'
import { type Refusal, refuse } from '../../contract/problem.ts'
import { MOMENT_FORMS, parseMoment } from './moment.ts'
import { type Cursor, decodeCursor, type Filter } from './query.ts'
import { DIMENSIONS, type Dimension, OUTCOMES } from './wire.ts'

// DESIGN. What stands behind the `?` of a path, parsed once. A name that is not known is refused: a misspelt filter
// that is passed over answers another question than the one that was asked.

const MAX_LIMIT = 1_000
const DEFAULT_LIMIT = 50
const MAX_WORDS = 16

const word = (description: string) => z.string().min(1).max(256).optional().meta({ description })
const yes = (description: string) =>
  z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional()
    .meta({ description })
const limit = z.coerce
  .number()
  .int()
  .min(1)
  .max(MAX_LIMIT)
  .default(DEFAULT_LIMIT)
  .meta({ description: 'Rows of a page.' })
const range = {
  since: word(`Not before this moment: ${MOMENT_FORMS}.`),
  until: word(`Before this moment: ${MOMENT_FORMS}.`),
}
const key = word('Of this key; a key that is not the owner sees its own only.')
const cursor = word('`nextCursor` of the page before.')

/** Of GET /v1/requests. */
export const listParameters = z.strictObject({
  ...range,
  key,
  subject: word('About this subject, by its pseudonym.'),
  model: word('Answered by this exact model.'),
  tier: word('Answered by this tier.'),
  outcome: z.enum(OUTCOMES).optional().meta({ description: 'How it ended.' }),
  code: word('Ended with this error code.'),
  id: word('This request.'),
  finished: yes('True leaves out what has not ended yet.'),
  children: yes('True shows requests that were made for another one too.'),
  cursor,
  after: word('`tailCursor` of a page: lists what has ended since, the oldest first.'),
  q: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .meta({ description: 'Words to search texts for; the owner only.' }),
  limit,
})

/** Of GET /v1/requests/:id. */
export const oneParameters = z.strictObject({ text: yes('True shows prompt and answer too.') })

/** Of GET /v1/usage. */
export const usageParameters = z.strictObject({
  ...range,
  key,
  by: word(`Some of ${DIMENSIONS.join(', ')}, separated by commas; \`day\` where absent.`),
})

/** Of GET /v1/admin/events. */
export const eventParameters = z.strictObject({ cursor, limit })

type Raw = Readonly<Record<string, string>>

export interface ListParameters {
  readonly filter: Filter
  readonly limit: number
  readonly cursor: Cursor | undefined
  readonly children: boolean
  /** What is searched for; undefined where nothing is. */
  readonly words: readonly string[] | undefined
}

/** Of GET /v1/requests. A caller who is not the owner gets their own key as a filter, and no search. */
export function listOf(raw: Raw, caller: Caller, now: number): ListParameters | Refusal {
  const read = parse(listParameters, raw)
  if ('problem' in read) return read
  const { cursor, after, q, limit: most, children, since: _since, until: _until, ...filter } = read
  const own = ownKey(filter.key, caller)
  if (typeof own === 'object') return own
  const within = rangeOf(read, now)
  if ('problem' in within) return within
  if (q !== undefined && !caller.owner) {
    return refuse(
      'out_of_scope',
      'Only the owner may search texts. Ask for requests by their other fields.',
      {
        param: 'q',
      },
    )
  }
  if (cursor !== undefined && after !== undefined)
    return wrong('after', 'stands beside `cursor`: give one of them')
  if (q !== undefined && after !== undefined) return wrong('after', 'does not go with a search: use `cursor`')
  const place = placeOf(cursor, 'cursor', 'older') ?? placeOf(after, 'after', 'newer')
  if (place?.type === 'refusal') return place
  const words = q?.split(/\s+/).filter((one) => one !== '')
  if (words !== undefined && (words.length === 0 || words.length > MAX_WORDS)) {
    return wrong('q', `takes 1 to ${MAX_WORDS} words`)
  }
  const kept = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
  return {
    filter: { ...kept, ...within, ...(own === undefined ? {} : { key: own }) },
    limit: most,
    cursor: place,
    children: children === true,
    words,
  }
}

/** Of GET /v1/requests/:id. */
export function oneOf(raw: Raw): { readonly text: boolean } | Refusal {
  const read = parse(oneParameters, raw)
  return 'problem' in read ? read : { text: read.text === true }
}

export interface UsageParameters {
  readonly by: readonly Dimension[]
  readonly since?: number
  readonly until?: number
  readonly key?: string
}

/** Of GET /v1/usage. */
export function usageOf(raw: Raw, caller: Caller, now: number): UsageParameters | Refusal {
  const read = parse(usageParameters, raw)
  if ('problem' in read) return read
  const own = ownKey(read.key, caller)
  if (typeof own === 'object') return own
  const within = rangeOf(read, now)
  if ('problem' in within) return within
  const by = dimensionsOf(read.by ?? 'day')
  if (by === undefined)
    return wrong('by', `takes some of ${DIMENSIONS.join(', ')}, separated by commas, each once`)
  return { by, ...within, ...(own === undefined ? {} : { key: own }) }
}

/** `key,model` as its parts; undefined where one is unknown or stands twice. */
export function dimensionsOf(text: string): Dimension[] | undefined {
  const parts = text.split(',').map((part) => part.trim())
  const known = parts.flatMap((part) => DIMENSIONS.filter((name) => name === part))
  return known.length === parts.length && new Set(known).size === known.length ? known : undefined
}

/** Of GET /v1/admin/events. */
export function eventsOf(
  raw: Raw,
): { readonly limit: number; readonly cursor: Cursor | undefined } | Refusal {
  const read = parse(eventParameters, raw)
  if ('problem' in read) return read
  const place = placeOf(read.cursor, 'cursor', 'older')
  return place?.type === 'refusal' ? place : { limit: read.limit, cursor: place }
}

function ownKey(asked: string | undefined, caller: Caller): string | undefined | Refusal {
  if (caller.owner) return asked
  if (asked === undefined || asked === caller.key) return caller.key
  const message = `The key ${caller.key} may see its own requests only. Leave \`key\` out, or use the owner's key.`
  return refuse('out_of_scope', message, { param: 'key' })
}

function rangeOf(
  { since, until }: { readonly since?: string | undefined; readonly until?: string | undefined },
  now: number,
): { readonly since?: number; readonly until?: number } | Refusal {
  const from = since === undefined ? undefined : parseMoment(since, now)
  if (since !== undefined && from === undefined) return wrong('since', `takes ${MOMENT_FORMS}`)
  const to = until === undefined ? undefined : parseMoment(until, now)
  if (until !== undefined && to === undefined) return wrong('until', `takes ${MOMENT_FORMS}`)
  if (from !== undefined && to !== undefined && from >= to) return wrong('until', 'is not after `since`')
  return { ...(from === undefined ? {} : { since: from }), ...(to === undefined ? {} : { until: to }) }
}

function placeOf<Type extends Cursor['type']>(
  text: string | undefined,
  param: string,
  type: Type,
): Extract<Cursor, { type: Type }> | Refusal | undefined {
  if (text === undefined) return undefined
  const cursor = decodeCursor(text)
  if (isOf(cursor, type)) return cursor
  return wrong(param, 'is not a cursor that a list gave: take it from `nextCursor` or `tailCursor` as it is')
}

function isOf<Type extends Cursor['type']>(
  cursor: Cursor | undefined,
  type: Type,
): cursor is Extract<Cursor, { type: Type }> {
  return cursor?.type === type
}

function parse<Shape extends z.ZodType<object>>(schema: Shape, raw: Raw): z.infer<Shape> | Refusal {
  const read = schema.safeParse(raw)
  if (read.success) return read.data
  const first = read.error.issues[0]
  if (first?.code === 'unrecognized_keys') {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(', ') : ''
    return wrong(first.keys[0] ?? '', `is not known here; these are: ${known}`)
  }
  return wrong(first?.path.map(String).join('.') ?? '', `was not understood: ${first?.message ?? 'unknown'}`)
}

function wrong(param: string, how: string): Refusal {
  return refuse('invalid_request', `The parameter \`${param}\` ${how}.`, { param })
}
