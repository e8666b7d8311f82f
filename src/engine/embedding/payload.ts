import type { EmbedCall } from '../../contract/embed.ts'
import type { Verdict } from '../../contract/event.ts'
import { leftOutVerdicts } from '../payload.ts'
import { byFolded, fold, type LeftOut, withoutSteering } from '../steering.ts'
import type { OpenAiTarget } from '../target.ts'

export interface EmbedPayload {
  /** The JSON text to send. */
  readonly body: string
  /** Inputs in it. */
  readonly count: number
  readonly verdicts: readonly Verdict[]
}

/** Set by `embedPayload` itself, or not for engines. */
const OURS = ['model', 'input', 'encoding_format', 'dimensions', 'upshift'] as const
const OWN_NAMES = byFolded(OURS)

/**
 * Fields by which a server may take text beside `input` (vLLM: `messages`). Nobody has counted it, so it may not go
 * where a cap stands over the engine.
 */
const TEXTS = byFolded([
  'messages',
  'prompt',
  'instruction',
  'instructions',
  'inputs',
  'texts',
  'documents',
  'query',
])

/** The part of the request as this engine understands it: its own model name, vectors as it writes them best. */
export function embedPayload(target: OpenAiTarget, call: EmbedCall): EmbedPayload {
  const { embedding } = target.quirks
  const sent: Record<string, unknown> = {}
  const left: LeftOut = new Map()
  for (const [field, asked] of Object.entries(call.request)) {
    const value = passing(field, asked, target.offMachine, left)
    if (value !== undefined) sent[field] = value
  }
  sent['model'] = target.name
  sent['input'] = call.inputs
  if (embedding.base64) sent['encoding_format'] = 'base64'
  if (call.dimensions !== undefined) sent[embedding.dimensions] = call.dimensions
  return {
    body: JSON.stringify(sent),
    count: call.inputs.length,
    verdicts: leftOutVerdicts(left),
  }
}

/** What may go on of a field that is not ours. */
function passing(field: string, asked: unknown, offMachine: boolean, left: LeftOut): unknown {
  const folded = fold(field)
  const own = OWN_NAMES.get(folded)
  if (own !== undefined) {
    if (field !== own) {
      left.set(`another spelling of ${own}`, 'engines may take it for the field itself, and it is unchecked')
    }
    return undefined
  }
  const text = offMachine ? TEXTS.get(folded) : undefined
  if (text !== undefined) {
    left.set(text, 'it brings text beside `input`, which the price held does not cover')
    return undefined
  }
  return withoutSteering(field, asked, offMachine, left)
}
