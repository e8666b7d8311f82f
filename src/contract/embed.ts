import * as z from 'zod'
import type { Verdict } from './event.ts'
import type { Problem } from './problem.ts'
import type { Usage } from './usage.ts'

/** Inputs that one request may hold. Source: OpenAI's API reference, POST /v1/embeddings (read 2026-11). */
const INPUTS_MAX = 2_048
/** Dimensions of a vector: twice what the widest model in use makes. */
export const DIMENSIONS_MAX = 8_192
const TOKEN_MAX = 2 ** 31 - 1

const SHAPES =
  'expected a text, a list of texts, a list of tokens (whole numbers), or a list of such lists, and at least one of them'
const EMPTY = 'an input must not be empty'
const TOKENS = {
  type: 'array',
  minItems: 1,
  items: { type: 'integer', minimum: 0, maximum: TOKEN_MAX },
} as const
const TEXT = { type: 'string', minLength: 1 } as const
const LISTS = { type: 'array', minItems: 1, maxItems: INPUTS_MAX } as const

type Input = string | string[] | number[] | number[][]

/** Checked by hand: a union of lists would name the wrong one, and look at each of ten thousand tokens four times. */
const input = z
  .custom<Input>()
  .superRefine((value, context) => {
    const fault = faultOf(value)
    if (fault !== undefined)
      context.addIssue({ code: 'custom', message: fault.message, path: [...fault.path] })
  })
  .meta({
    description: 'What to embed. Tokens are those of the model itself.',
    oneOf: [TEXT, { ...LISTS, items: TEXT }, TOKENS, { ...LISTS, items: TOKENS }],
  })

interface Fault {
  readonly message: string
  readonly path: readonly number[]
}

/** What is wrong with an input, and where; undefined where it is one of the four shapes. */
function faultOf(value: unknown): Fault | undefined {
  if (typeof value === 'string') return value === '' ? { message: EMPTY, path: [] } : undefined
  if (!Array.isArray(value) || value.length === 0) return { message: SHAPES, path: [] }
  const [first] = value
  if (typeof first === 'number') return tokensFault(value, [])
  if (value.length > INPUTS_MAX) {
    return {
      message: `it holds ${value.length} inputs, and at most ${INPUTS_MAX} are taken at once`,
      path: [],
    }
  }
  return typeof first === 'string' ? textsFault(value) : listsFault(value)
}

function textsFault(list: readonly unknown[]): Fault | undefined {
  for (const [at, one] of list.entries()) {
    if (typeof one !== 'string') return { message: 'expected a text, as the first one is', path: [at] }
    if (one === '') return { message: EMPTY, path: [at] }
  }
  return undefined
}

function listsFault(list: readonly unknown[]): Fault | undefined {
  for (const [at, one] of list.entries()) {
    if (!Array.isArray(one)) return { message: 'expected a text, or a list of tokens', path: [at] }
    if (one.length === 0) return { message: EMPTY, path: [at] }
    const fault = tokensFault(one, [at])
    if (fault !== undefined) return fault
  }
  return undefined
}

function tokensFault(list: readonly unknown[], path: readonly number[]): Fault | undefined {
  for (let at = 0; at < list.length; at++) {
    const token = list[at]
    if (typeof token === 'number' && Number.isInteger(token) && token >= 0 && token <= TOKEN_MAX) continue
    return { message: `expected a token: a whole number up to ${TOKEN_MAX}`, path: [...path, at] }
  }
  return undefined
}

/**
 * OpenAI's request for embeddings. Loose: a field that is not named here reaches the engine as it came, unless it
 * would undo the plan (engine/steering.ts) or bring text that nobody counted.
 */
export const embedRequestSchema = z.looseObject({
  model: z.string().min(1).max(256).default('auto').meta({
    description: 'An exact model that embeds, an alias, or `auto` for the one that is configured or alone.',
  }),
  input,
  encoding_format: z.enum(['float', 'base64']).nullable().optional().meta({
    description: 'How vectors are written: numbers, or float32 in little-endian order as base64.',
  }),
  dimensions: z.number().int().min(1).max(DIMENSIONS_MAX).nullable().optional().meta({
    description: 'The length of the vectors, where the model can shorten them.',
  }),
  user: z.string().max(512).optional(),
})

export type EmbedRequest = z.infer<typeof embedRequestSchema>

/** One thing to embed: a text, or tokens of the model's own vocabulary. */
export type EmbedInput = string | readonly number[]

/** The inputs of a request, in order: never empty. */
export function inputsOf({ input }: Pick<EmbedRequest, 'input'>): readonly EmbedInput[] {
  if (typeof input === 'string') return [input]
  return isTokens(input) ? [input] : input
}

function isTokens(input: Exclude<EmbedRequest['input'], string>): input is number[] {
  return typeof input[0] === 'number'
}

/** A vector as an engine made it: float64 where it sent numbers as text, so that none of them is rounded. */
export type Vector = Float32Array | Float64Array

/** What one call of `embed` may hold. One input may exceed `bytes` by itself, where it is alone. */
export interface EmbedBounds {
  readonly inputs: number
  /** UTF-8 bytes of all texts together; a token counts as four. */
  readonly bytes: number
}

/**
 * One call of an engine that embeds: a bounded part of a request. The engine aborts at `signal` and at `deadline`,
 * and then resolves at once.
 */
export interface EmbedCall {
  readonly id: string
  /** Within the lease's bounds, at least one. */
  readonly inputs: readonly EmbedInput[]
  /** How long the vectors must be; undefined for the model's own length. */
  readonly dimensions: number | undefined
  /** The request that they are part of, for its other fields. */
  readonly request: EmbedRequest
  /** On the monotonic clock. */
  readonly deadline: number
  readonly signal: AbortSignal
}

/** Expected failures are values; an engine throws only for bugs. What comes back is checked by the path, not here. */
export type EmbedEnd =
  | {
      readonly type: 'embedded'
      /** One for each input, in their order. */
      readonly vectors: readonly Vector[]
      /** `completionTokens` is 0. Absent where the engine stated none. */
      readonly usage?: Usage
      readonly verdicts: readonly Verdict[]
    }
  | {
      readonly type: 'failed'
      readonly problem: Problem
      /** Zero where nothing was sent; absent where nobody knows. */
      readonly usage?: Usage
    }
