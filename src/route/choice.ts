import type { Ask } from '../contract/ask.ts'
import { type Caller, mayUse } from '../contract/caller.ts'
import type { ModelView } from '../contract/model.ts'
import { type Refusal, refuse } from '../contract/problem.ts'
import { textChars } from '../contract/text.ts'
import { TIERS, type Tier } from '../contract/tier.ts'
import { kept } from '../lib/kept.ts'
import type { RouteConfig } from './config.ts'

const REJECTED_MAX = 32
export const NAMED_MAX = 12
/** No tokenizer in use makes fewer tokens than one in six bytes of ordinary text: a prompt above cannot fit. */
export const BYTES_PER_TOKEN_CEILING = 6

/** Gathers why things were chosen and why others were not. */
export class Notes {
  readonly reasons: string[] = []
  readonly rejected: { option: string; why: string }[] = []

  reason(text: string): void {
    this.reasons.push(text)
  }

  reject(option: string, why: string): void {
    if (this.rejected.length < REJECTED_MAX) this.rejected.push({ option, why })
  }

  /** Passes `keeps` on, and notes the reason where it is false. */
  keep(model: ModelView, keeps: boolean, why: string): boolean {
    if (!keeps) this.reject(model.id, why)
    return keeps
  }
}

export function resolveAlias(config: RouteConfig, requested: string, notes: Notes): string {
  const target = Object.hasOwn(config.aliases, requested) ? config.aliases[requested] : undefined
  if (target === undefined) return requested
  notes.reason(`the alias ${requested} stands for ${target}`)
  return target
}

/** The other tiers by distance, the cheaper first where they are equally near. */
export function nearestTiers(tier: Tier): readonly Tier[] {
  const at = TIERS.indexOf(tier)
  return TIERS.filter((other) => other !== tier).sort((left, right) => {
    const [leftAt, rightAt] = [TIERS.indexOf(left), TIERS.indexOf(right)]
    return Math.abs(leftAt - at) - Math.abs(rightAt - at) || leftAt - rightAt
  })
}

/** The models that this caller may use; a refusal that names why where none is left. */
export function allowedTo(
  caller: Caller,
  models: readonly ModelView[],
  notes: Notes,
): readonly ModelView[] | Refusal {
  const allowed = kept(models, (model) => notes.keep(model, model.allowed, 'its engine is off until allowed'))
  const [off] = models
  if (allowed.length === 0 && off !== undefined) {
    const message = `${off.id} is off this machine and nobody has allowed that yet. Its owner can, with \`upshift engines allow ${off.engine}\`.`
    return refuse('engine_not_allowed', message, { param: 'model' })
  }
  const scoped = kept(allowed, (model) => {
    const verdict = mayUse(caller.scope, model)
    return notes.keep(model, verdict === true, verdict === true ? '' : verdict)
  })
  return scoped.length === 0 ? outOfScope(caller, allowed) : scoped
}

/** Best first: up before down, on this machine before off it, cheaper before dearer, then by name. */
export function rank(models: readonly ModelView[], ask: Ask, notes: Notes): readonly ModelView[] | Refusal {
  // A character is at least one byte; images cost tokens by their size and not by their bytes.
  const leastTokens = Math.floor(textChars(ask.request) / BYTES_PER_TOKEN_CEILING)
  const fitting = kept(models, ({ id, contextTokens }) => {
    const fits = contextTokens === undefined || leastTokens <= contextTokens
    if (!fits) notes.reject(id, `its context of ${contextTokens} tokens is too small`)
    return fits
  })
  if (fitting.length === 0) {
    const largest = Math.max(...models.map((model) => model.contextTokens ?? 0))
    const message = `The prompt is at least ${leastTokens} tokens long and the largest context here is ${largest}. Shorten the prompt, or connect a model with a longer context.`
    return refuse('context_length_exceeded', message, { param: 'messages' })
  }
  const ranked = fitting.length === 1 ? fitting : fitting.toSorted(byPreference)
  const [best, ...others] = ranked
  if (best !== undefined)
    notes.reason(`${best.id} ${best.offMachine ? 'off this machine' : 'on this machine'} is preferred`)
  for (const other of others)
    notes.reject(other.id, other.available ? 'kept as a fallback' : 'not answering now')
  return ranked
}

function byPreference(left: ModelView, right: ModelView): number {
  return (
    Number(right.available) - Number(left.available) ||
    Number(left.offMachine) - Number(right.offMachine) ||
    priceOf(left) - priceOf(right) ||
    left.id.localeCompare(right.id)
  )
}

function priceOf(model: ModelView): number {
  return model.price === undefined ? 0 : model.price.inputPerMillion + model.price.outputPerMillion
}

export function noModel(models: readonly ModelView[], wanted: string): Refusal {
  const off = [...new Set(models.filter((model) => !model.allowed).map((model) => model.engine))]
  const cloud =
    off.length === 0 ? '' : ` Or allow an engine that is listed and off: \`upshift engines allow ${off[0]}\`.`
  const message = `No model can answer this directly (asked for: ${wanted}). Start one on this machine (for example Ollama: \`ollama run qwen3:4b\`) or add one under fleet.engines in upshift.yaml; \`upshift doctor\` shows what was found.${cloud} Without a model, ask the handbook: "upshift": {"mode": "retrieve"}.`
  return refuse('no_model', message, { param: 'model' })
}

/** @param requested - what the caller wrote: an alias, where it is not `wanted` */
export function unknownModel(models: readonly ModelView[], wanted: string, requested: string): Refusal {
  const isAlias = requested !== wanted
  const asked = isAlias ? `${requested}, an alias of ${wanted}` : wanted
  if (!models.some((model) => model.kind === 'chat')) return noModel(models, asked)
  const known = models.filter((model) => model.kind === 'chat').map((model) => model.id)
  const more = known.length > NAMED_MAX ? `, and ${known.length - NAMED_MAX} more` : ''
  const names = `auto, a tier (${TIERS.join(', ')}), or one of: ${known.slice(0, NAMED_MAX).join(', ')}${more}`
  const message = isAlias
    ? `${nowhere(requested, wanted)} Map it to ${names}.`
    : `No engine here has a model "${wanted}". Use ${names}. To keep the name, map it in upshift.yaml under route.aliases.`
  return refuse('unknown_model', message, { param: 'model' })
}

export function nowhere(alias: string, target: string): string {
  return `The alias "${alias}" leads nowhere: no engine here has a model "${target}". Mend route.aliases in upshift.yaml, or start the engine that has it.`
}

/** A model that answers in vectors was asked to chat. */
export function embedsOnly(wanted: string): Refusal {
  const message = `${wanted} is an embedding model: it makes vectors, and cannot chat. Send the texts to POST /v1/embeddings, or ask a chat model. If it does chat, say so: \`kind: chat\` under fleet.engines, at the model.`
  return refuse('invalid_request', message, { param: 'model' })
}

export function tierOutOfScope(caller: Caller, tier: Tier): Refusal {
  const has = (caller.scope.tiers ?? []).join(', ')
  const message = `The key ${caller.key} may use the tiers ${has}, not ${tier}. Ask for auto, or ask the owner for a key with a wider scope (\`upshift keys create\`).`
  return refuse('out_of_scope', message, { param: 'model' })
}

export function outOfScope(caller: Caller, models: readonly ModelView[]): Refusal {
  const [first] = models
  const why = first === undefined ? 'nothing is left' : mayUse(caller.scope, first)
  const message = `The key ${caller.key} may not use this: ${why === true ? 'its scope excludes it' : why}. Ask the owner for a key with a wider scope (\`upshift keys create\`).`
  return refuse('out_of_scope', message, { param: 'model' })
}
