import * as z from 'zod'
import type { Verdict } from '../../contract/event.ts'
import { type Refusal, refuse } from '../../contract/problem.ts'
import type { Usage } from '../../contract/usage.ts'
import { responseIdOf } from './ids.ts'
import type { Said } from './output.ts'
import { type ResponsesRequest, responsesRequestSchema } from './wire.ts'

/** What the record says of one response. assemble/ makes it fit. */
export interface StoredResponse {
  readonly request: {
    readonly id: string
    /** Milliseconds since the epoch. */
    readonly at: number
    readonly totalMs: number | null
    readonly outcome: string
    readonly code: string | null
    readonly model: string | null
    readonly tier: string | null
    readonly mode: string | null
    readonly turns: number
    readonly costMicros: number | null
  }
  readonly plan?: { readonly maxOutputTokens: number; readonly reasons: readonly string[] }
  readonly verdicts: readonly Verdict[]
  readonly sources: readonly string[]
  readonly usage?: Usage
  /** The body as it arrived. */
  readonly prompt: string
  /** What was said, as the path keeps it; null where nothing was. */
  readonly answer: string | null
}

/** From the newest to the oldest that can be read; `end` says why there are no more, and `at` names the one missing. */
export interface StoredChain {
  readonly links: readonly StoredResponse[]
  readonly end: 'whole' | 'links' | 'bytes' | 'unknown' | 'expired' | 'erased' | 'damaged'
  readonly at: string | null
}

export interface ResponsesPort {
  /** False where no texts are kept: then no response can be asked for again. */
  readonly keepsTexts: boolean
  /**
   * A request's response and those that it goes on from, of this key, `links` at most. What another key has is not
   * found. Refuses where too many questions of the key are under way; throws UpshiftError where the record cannot
   * be read now.
   */
  chain(
    asked: { readonly id: string; readonly key: string; readonly links: number },
    signal: AbortSignal,
  ): Promise<StoredChain | Refusal>
  /** Takes a response back; resolves once that is recorded. */
  remove(asked: { readonly id: string; readonly key: string }): Promise<void>
  /** Milliseconds since the epoch. */
  now(): number
}

const saidSchema = z.object({
  choices: z.array(
    z.object({
      index: z.number(),
      content: z.string(),
      reasoning: z.string().optional(),
      refusal: z.string().optional(),
      tool_calls: z
        .array(z.object({ id: z.string().optional(), name: z.string(), arguments: z.string() }))
        .optional(),
      finish_reason: z.string().optional(),
    }),
  ),
  truncated: z.literal(true).optional(),
})

/** A stored response that was read. */
export interface ReadBack {
  readonly requestId: string
  readonly request: ResponsesRequest
  readonly said: Said
  /** It was too long to be kept whole. */
  readonly truncated: boolean
  /** What of it goes into a later request, in bytes. */
  readonly bytes: { readonly prompt: number; readonly answer: number }
}

/** Throws nothing: a text of another version is refused with `conflict`. */
export function readBack({ request: { id }, prompt, answer }: StoredResponse): ReadBack | Refusal {
  const request = responsesRequestSchema.safeParse(jsonOf(prompt))
  const said = answer === null ? NOTHING : saidSchema.safeParse(jsonOf(answer))
  if (!request.success || !said.success) {
    const message = `The response ${responseIdOf(id)} was stored in a form that this version cannot read. Send its items instead.`
    return refuse('conflict', message)
  }
  const choice = said.data.choices.find(({ index }) => index === 0)
  return {
    requestId: id,
    request: request.data,
    said: {
      reasoning: choice?.reasoning ?? '',
      content: choice?.content ?? '',
      refusal: choice?.refusal ?? '',
      calls: choice?.tool_calls ?? [],
      logprobs: [],
      finish: choice?.finish_reason,
    },
    truncated: said.data.truncated === true,
    bytes: { prompt: Buffer.byteLength(prompt), answer: Buffer.byteLength(answer ?? '') },
  }
}

const NOTHING = { success: true, data: saidSchema.parse({ choices: [] }) } as const

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // no response of ours: the schema refuses it
  }
}

/** Why a response cannot be read, or not to its beginning. */
export function gapRefusal(chain: StoredChain, asked: string, param: string | undefined): Refusal {
  const missing = chain.at === null ? asked : responseIdOf(chain.at)
  const which =
    missing === asked
      ? `The response ${asked}`
      : `The response ${asked} goes on from ${missing}, and that one`
  const at = param === undefined ? {} : { param }
  switch (chain.end) {
    case 'expired':
      return refuse('not_found', `${which} has expired. ${INSTEAD}`, at)
    case 'erased':
      return refuse('not_found', `${which} is about somebody who was erased. ${INSTEAD}`, at)
    case 'damaged': {
      const message = `${which} is damaged: \`upshift audit verify\` says more. ${INSTEAD}`
      return refuse('conflict', message, at)
    }
    case 'links': {
      const message = `The conversation behind ${asked} has too many responses to go on from. Begin a new one, with a summary of what was said.`
      return refuse('invalid_request', message, at)
    }
    case 'bytes': {
      const message = `The conversation behind ${asked} is larger than a request may be (guard.bounds.maxBodyBytes). Begin a new one, with a summary of what was said.`
      return refuse('body_too_large', message, at)
    }
    default:
      return refuse(
        'not_found',
        `${which} is not there: no such response of this key is stored. ${INSTEAD}`,
        at,
      )
  }
}

const INSTEAD =
  'A response can be asked for while it is stored: until it expires, is deleted, or newer ones take its place. Send the items themselves instead.'
