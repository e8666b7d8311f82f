import type { ChatRequest } from '../contract/chat.ts'
import type { Verdict } from '../contract/event.ts'
import type { ModelView } from '../contract/model.ts'
import { type Refusal, refuse } from '../contract/problem.ts'
import type { Admitted } from './ports.ts'

/** What a translation may hold that engines off this machine refuse to hear of; those on it take it or ignore it. */
const SAMPLING = 'top_k'

/**
 * The request as an engine may see it. An engine that speaks the caller's own dialect gets the caller's own words
 * beside the translation; any other gets the translation alone, and the verdicts name what it could not say. Refuses
 * what no translation can do without.
 */
export function asSpoken(request: ChatRequest, model: ModelView): Admitted | Refusal {
  const { native } = request
  if (native === undefined || native.dialect === model.dialect) {
    return { type: 'admitted', request, verdicts: NONE }
  }
  if (native.needs !== undefined) {
    const { what, param } = native.needs
    const message = `${param} is ${what}, which ${model.id} cannot take. Leave it out, or use a model of an Anthropic engine.`
    return refuse('invalid_request', message, { param })
  }
  // Not every model that speaks Chat Completions may be asked how much to think: those that do not think refuse.
  const { native: _, reasoning_effort: _effort, [SAMPLING]: sampling, ...rest } = request
  const lost = [...native.lost]
  const kept = sampling !== undefined && !model.offMachine
  if (sampling !== undefined && !kept) lost.push(SAMPLING)
  return {
    type: 'admitted',
    request: kept ? { ...rest, [SAMPLING]: sampling } : rest,
    verdicts: lost.map(leftOut),
  }
}

const NONE: readonly Verdict[] = []

function leftOut(what: string): Verdict {
  const detail = `${what} was left out: the engine that answered does not speak the Messages API`
  return { check: 'request-field', outcome: 'skipped', detail }
}
