import { EVERY_LABEL } from '../contract/caller.ts'
import { TIERS } from '../contract/tier.ts'
import { type Flags, UsageError } from '../contract/verb.ts'
import { parseDuration } from '../lib/duration.ts'
import { DAY_MS } from '../lib/utc.ts'
import { MAX_GRACE_MS } from './keys.ts'
import { type LimitsBody, limitsBody } from './limits.ts'
import { createBody } from './wire.ts'

// DESIGN. What the command line says of a key, checked before anything is opened and complained of in the words
// that were typed. The bounds are those of the wire's own schemas: nothing here decides what a key may be.

/** The name of a new key. Throws UsageError. */
export function checkedName(name: string | undefined): string {
  const read = createBody.shape.name.safeParse(name)
  if (read.success) return read.data
  throw new UsageError('NAME is 1 to 100 characters long and holds no control characters')
}

/** `--tiers fast,mid`. Throws UsageError. */
export function tierList(flags: Flags): string[] | undefined {
  const tiers = listOf(flags, 'tiers')
  for (const tier of tiers ?? []) {
    if (!TIERS.some((known) => known === tier)) {
      throw new UsageError(
        tier === '' ? `--tiers ${LOOSE_COMMA}` : `there is no tier ${tier}: ${TIERS.join(', ')}`,
      )
    }
  }
  const twice = tiers?.find((tier, at) => tiers.indexOf(tier) !== at)
  if (twice !== undefined) throw new UsageError(`--tiers names ${twice} twice`)
  return tiers
}

/** `--models ollama/*,openai/gpt-5`. Throws UsageError. */
export function modelList(flags: Flags): string[] | undefined {
  const models = listOf(flags, 'models')
  for (const model of models ?? []) {
    if (model === '') throw new UsageError(`--models ${LOOSE_COMMA}`)
    if (!createBody.shape.models.safeParse([model]).success) {
      throw new UsageError(
        `--models takes exact models (engine/name) or all of an engine (engine/*), not "${model}"`,
      )
    }
  }
  if (createBody.shape.models.safeParse(models).success) return models
  throw new UsageError('--models names too many models; use engine/* for all of an engine')
}

/** `--engines local`. Throws UsageError. */
export function engineScope(flags: Flags): string | undefined {
  const engines = textOf(flags, 'engines')
  if (createBody.shape.engines.safeParse(engines).success) return engines
  throw new UsageError(`--engines is local or any, not "${engines}"`)
}

/** `--collections manuals,code`, or `none`. Throws UsageError. */
export function collectionList(flags: Flags): string[] | undefined {
  const named = listOf(flags, 'collections')
  if (named?.length === 1 && named[0] === 'none') return []
  if (createBody.shape.collections.safeParse(named).success) return named
  throw new UsageError('--collections takes names of 1 to 64 characters, separated by commas, or none')
}

/** `--labels finance,board`, `all`, or `none`, as where nothing is said. Throws UsageError. */
export function labelList(flags: Flags): string[] | undefined {
  const named = listOf(flags, 'labels')
  if (named?.length === 1 && named[0] === 'all') return [EVERY_LABEL]
  if (named?.length === 1 && named[0] === 'none') return undefined
  if (createBody.shape.labels.safeParse(named).success) return named
  throw new UsageError(
    '--labels takes words of small letters, digits, dots, dashes and underscores, separated by commas, or all, or none',
  )
}

/** `--expires 30d`, in milliseconds from now. Throws UsageError. */
export function expiryMs(flags: Flags): number | undefined {
  const text = textOf(flags, 'expires')
  if (text === undefined) return undefined
  const expiresInMs = parseDuration(text)
  if (!expiresInMs)
    throw new UsageError(`--expires takes a time longer than 0, such as 12h or 30d, not "${text}"`)
  const field = createBody.shape.expiresInMs
  if (field.safeParse(expiresInMs).success) return expiresInMs
  throw new UsageError(`--expires is at most ${Math.floor((field.unwrap().maxValue ?? 0) / DAY_MS)}d`)
}

/** `--grace 1h`, in milliseconds; 0 where it is not given. Throws UsageError. */
export function graceMsOf(flags: Flags): number {
  const text = textOf(flags, 'grace') ?? '0'
  const graceMs = parseDuration(text)
  if (graceMs === undefined)
    throw new UsageError(`--grace takes a time such as 1h or 7d, or 0, not "${text}"`)
  if (graceMs > MAX_GRACE_MS) throw new UsageError(`--grace is at most ${MAX_GRACE_MS / DAY_MS}d`)
  return graceMs
}

/** `--day-usd 5 --rpm none`: the limits that are named, `none` as null. Throws UsageError. */
export function limitWords(flags: Flags): LimitsBody {
  const limits: LimitsBody = {}
  for (const [flag, name] of LIMIT_FLAGS) {
    const text = textOf(flags, flag)
    if (text !== undefined) limits[name] = text === 'none' ? null : amountOf(flag, name, text)
  }
  return limits
}

/** The flags in the order in which the help lists them. */
const LIMIT_FLAGS = [
  ['day-usd', 'usdPerDay'],
  ['month-usd', 'usdPerMonth'],
  ['rpm', 'requestsPerMinute'],
  ['tpm', 'tokensPerMinute'],
  ['concurrent', 'concurrentRequests'],
] as const satisfies readonly (readonly [string, keyof LimitsBody])[]

const DOLLARS = /^\$?(\d{1,10}(?:\.\d{1,6})?)$/
const COUNT = /^(\d{1,10})$/

function amountOf(flag: string, name: keyof LimitsBody, text: string): number {
  const money = flag.endsWith('-usd')
  const digits = (money ? DOLLARS : COUNT).exec(text)?.[1]
  const amount = digits === undefined ? undefined : Number(digits)
  if (amount !== undefined && limitsBody.shape[name].safeParse(amount).success) return amount
  const what = money ? 'dollars such as 5 or 0.50, from 0.000001' : 'a whole number from 1'
  throw new UsageError(`--${flag} takes ${what} to 1000000000, or none, not "${text}"`)
}

const LOOSE_COMMA = 'holds an empty part: look for a comma too many'

function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}

/** `fast, mid` as its parts. */
function listOf(flags: Flags, name: string): string[] | undefined {
  return textOf(flags, name)
    ?.split(',')
    .map((part) => part.trim())
}
