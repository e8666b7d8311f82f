import type { Ask } from '../contract/ask.ts'
import type { Caller } from '../contract/caller.ts'
import { type EmbedRequest, inputsOf } from '../contract/embed.ts'
import type { ModelView } from '../contract/model.ts'
import type { Plan } from '../contract/plan.ts'
import { isRefusal, type Refusal, refuse } from '../contract/problem.ts'
import { isTier } from '../contract/tier.ts'
import { allowedTo, BYTES_PER_TOKEN_CEILING, NAMED_MAX, Notes, nowhere, resolveAlias } from './choice.ts'
import type { RouteConfig } from './config.ts'

export interface EmbedPlanPorts {
  readonly config: RouteConfig
  models(): readonly ModelView[]
}

/**
 * Decides which model embeds, and says why. It is always exactly one, whatever is up or cheaper: vectors of two models
 * cannot be compared, so another model in its place would spoil what the caller compares them with.
 */
export function createEmbedPlan(
  ports: EmbedPlanPorts,
): (ask: Ask<EmbedRequest>, caller: Caller) => Plan<'embed'> | Refusal {
  const { config } = ports
  return (ask, caller) => {
    const notes = new Notes()
    const requested = ask.request.model
    const named = resolveAlias(config, requested, notes)
    const model =
      named === 'auto'
        ? defaultModel(ports, caller, notes)
        : exactModel(ports.models(), caller, { named, requested }, notes)
    if (isRefusal(model)) return model
    const tooLong = beyondContext(model, ask.request)
    if (tooLong !== undefined) return tooLong
    return {
      mode: 'embed',
      requested,
      tier: model.tier,
      candidates: [model.id],
      effort: 'fast',
      output: 'hold',
      maxOutputTokens: 0,
      capImposed: false,
      deadlineMs: config.embeddings.deadlineMs,
      reasons: notes.reasons,
      rejected: notes.rejected,
    }
  }
}

/** What `auto` means: the configured model, else the only one that this caller may use. */
function defaultModel({ config, models }: EmbedPlanPorts, caller: Caller, notes: Notes): ModelView | Refusal {
  const { model } = config.embeddings
  if (model !== undefined) {
    notes.reason(`route.embeddings.model is ${model}`)
    return exactModel(models(), caller, { named: model, requested: model }, notes)
  }
  const embedding = models().filter(({ kind }) => kind === 'embedding')
  if (embedding.length === 0) return noEmbedding('auto')
  const usable = allowedTo(caller, embedding, notes)
  if (isRefusal(usable)) return usable
  const [only, ...others] = usable
  if (only === undefined || others.length > 0) return ambiguous('auto', usable)
  notes.reason(`${only.id} is the only model that embeds`)
  return only
}

function exactModel(
  models: readonly ModelView[],
  caller: Caller,
  { named, requested }: { readonly named: string; readonly requested: string },
  notes: Notes,
): ModelView | Refusal {
  if (isTier(named)) return notForTiers(named)
  const byId = models.filter((model) => model.id === named)
  const exact = byId.length > 0 ? byId : models.filter((model) => model.name === named)
  const embedding = exact.filter(({ kind }) => kind === 'embedding')
  if (embedding.length === 0) return exact.length > 0 ? cannotEmbed(named) : unknown(models, named, requested)
  const usable = allowedTo(caller, embedding, notes)
  if (isRefusal(usable)) return usable
  const [only, ...others] = usable
  if (only === undefined || others.length > 0) return ambiguous(named, usable)
  notes.reason(`the exact model ${named} was asked for`)
  return only
}

/** What certainly does not fit: each input has the context to itself, and a character is at least one byte. */
function beyondContext({ id, contextTokens }: ModelView, request: EmbedRequest): Refusal | undefined {
  if (contextTokens === undefined) return undefined
  for (const [at, input] of inputsOf(request).entries()) {
    const least =
      typeof input === 'string' ? Math.floor(input.length / BYTES_PER_TOKEN_CEILING) : input.length
    if (least <= contextTokens) continue
    const message = `Input ${at} is at least ${least} tokens long and ${id} reads ${contextTokens}. Split it, or use a model with a longer context.`
    return refuse('context_length_exceeded', message, { param: 'input' })
  }
  return undefined
}

function noEmbedding(wanted: string): Refusal {
  const message = `No model here embeds (asked for: ${wanted}). Start one on this machine (for example Ollama: \`ollama pull nomic-embed-text\`), or add one under fleet.engines in upshift.yaml, with \`kind: embedding\` where its name does not say so; \`upshift engines list --models\` shows the kind of each.`
  return refuse('no_model', message, { param: 'model' })
}

function unknown(models: readonly ModelView[], wanted: string, requested: string): Refusal {
  const known = models.filter(({ kind }) => kind === 'embedding')
  if (known.length === 0) return noEmbedding(wanted)
  if (requested !== wanted) {
    const loose = `${nowhere(requested, wanted)} These embed: ${listed(known)}.`
    return refuse('unknown_model', loose, { param: 'model' })
  }
  const message = `No engine here has a model "${wanted}". These embed: ${listed(known)}. To keep the name, map it in upshift.yaml under route.aliases.`
  return refuse('unknown_model', message, { param: 'model' })
}

function cannotEmbed(wanted: string): Refusal {
  const message = `${wanted} is no embedding model. If it does embed, say so: \`kind: embedding\` under fleet.engines, at the model.`
  return refuse('invalid_request', message, { param: 'model' })
}

function notForTiers(wanted: string): Refusal {
  const message = `"${wanted}" is a tier, and says nothing about embeddings: name a model that embeds, or \`auto\`.`
  return refuse('invalid_request', message, { param: 'model' })
}

/** Taking one of them unasked would give vectors that do not compare with those of another day. */
function ambiguous(wanted: string, models: readonly ModelView[]): Refusal {
  const message = `"${wanted}" may mean several models that embed, and their vectors do not compare: name one of ${listed(models)}, or set route.embeddings.model.`
  return refuse('invalid_request', message, { param: 'model' })
}

function listed(models: readonly ModelView[]): string {
  const names = models.slice(0, NAMED_MAX).map(({ id }) => id)
  const more = models.length - names.length
  return more > 0 ? `${names.join(', ')}, and ${more} more` : names.join(', ')
}
