import { type Purpose, purposeOf } from '../catalogue/catalogue.ts'
import { PROFILES } from '../profiles.ts'
import {
  ask,
  type ListedModel,
  type Listing,
  type ListingAsk,
  MODELS_PER_ENGINE,
  nameOf,
  publicName,
  purposeField,
  rootOf,
  unusable,
} from './ask.ts'
import { listOllama } from './ollama.ts'
import { countOf, fieldOf, listOf } from './probe.ts'

/** Asks a replica for its models in the way of its kind. Never throws. */
export function listModels(ask: ListingAsk): Promise<Listing> {
  switch (PROFILES[ask.kind].listing) {
    case 'ollama':
      return listOllama(ask)
    case 'lmstudio':
      return listLmStudio(ask)
    case 'llama.cpp':
      return listLlamaCpp(ask)
    case 'openai':
      return listOpenAi(ask)
  }
}

/**
 * GET /v1/models. vLLM and SGLang add `max_model_len`, llama.cpp a `meta` object, Groq `context_window`,
 * OpenRouter and Together `context_length`, Mistral `max_context_length`. What a model is for, Together says in `type`;
 * of most others only the name tells.
 */
async function listOpenAi(from: ListingAsk): Promise<Listing> {
  const [probed, embeds] = await Promise.all([ask(from, `${from.baseUrl}/models`), onlyEmbeds(from)])
  if (probed.type !== 'json') return unusable(probed)
  const items = listOf(probed.value, 'data', MODELS_PER_ENGINE)
  if (!items) return { type: 'down', why: 'its list of models has no `data`: is the URL right, up to /v1?' }
  const models: ListedModel[] = []
  for (const item of items) {
    const id = nameOf(fieldOf(item, 'id'))
    if (id === undefined) continue
    const type = fieldOf(item, 'type')
    const contextTokens =
      countOf(fieldOf(item, 'max_model_len')) ??
      countOf(fieldOf(item, 'context_window')) ??
      countOf(fieldOf(item, 'context_length')) ??
      countOf(fieldOf(item, 'max_context_length'))
    models.push({
      name: publicName(id),
      upstream: id,
      ...purposeField(embeds || type === 'embedding' ? 'embedding' : purposeOf(id)),
      ...(contextTokens && { contextTokens, contextFrom: 'server' }),
    })
  }
  return { type: 'listed', models, notes: [] }
}

/** SGLang serves one model, and says whether it generates. Source: its native API, GET /get_model_info. */
async function onlyEmbeds(from: ListingAsk): Promise<boolean> {
  if (from.kind !== 'sglang') return false
  const info = await ask(from, `${rootOf(from.baseUrl)}/get_model_info`)
  return info.type === 'json' && fieldOf(info.value, 'is_generation') === false
}

/** LM Studio's own list tells chat models from embeddings and the loaded length from the possible one. */
async function listLmStudio(from: ListingAsk): Promise<Listing> {
  const probed = await ask(from, `${rootOf(from.baseUrl)}/api/v0/models`)
  if (probed.type !== 'json') {
    return probed.type === 'status' && probed.status === 404 ? listOpenAi(from) : unusable(probed)
  }
  const models: ListedModel[] = []
  for (const item of listOf(probed.value, 'data', MODELS_PER_ENGINE) ?? []) {
    const id = nameOf(fieldOf(item, 'id'))
    const type = fieldOf(item, 'type')
    if (id === undefined) continue
    const loaded = countOf(fieldOf(item, 'loaded_context_length'))
    const trained = countOf(fieldOf(item, 'max_context_length'))
    models.push({
      name: publicName(id),
      upstream: id,
      ...purposeField(purposeOfType(type)),
      ...(loaded && { contextTokens: loaded, contextFrom: 'server' }),
      ...(trained && { trainedTokens: trained }),
    })
  }
  return { type: 'listed', models, notes: [] }
}

function purposeOfType(type: unknown): Purpose {
  if (type === 'llm' || type === 'vlm') return 'chat'
  return type === 'embeddings' ? 'embedding' : 'other'
}

/** llama.cpp's server holds one model; `/props` knows the context of one slot and how many slots there are. */
async function listLlamaCpp(from: ListingAsk): Promise<Listing> {
  const [listed, props] = await Promise.all([
    ask(from, `${from.baseUrl}/models`),
    ask(from, `${rootOf(from.baseUrl)}/props`),
  ])
  if (listed.type !== 'json') return unusable(listed)
  const settings = props.type === 'json' ? fieldOf(props.value, 'default_generation_settings') : undefined
  const contextTokens = countOf(fieldOf(settings, 'n_ctx'))
  const slots = props.type === 'json' ? countOf(fieldOf(props.value, 'total_slots')) : undefined
  const models: ListedModel[] = []
  for (const item of listOf(listed.value, 'data', MODELS_PER_ENGINE) ?? []) {
    const id = nameOf(fieldOf(item, 'id'))
    if (id === undefined) continue
    const meta = fieldOf(item, 'meta')
    const parameters = countOf(fieldOf(meta, 'n_params'))
    const trained = countOf(fieldOf(meta, 'n_ctx_train'))
    models.push({
      name: publicName(id),
      upstream: id,
      ...purposeField(purposeOf(id)),
      ...(contextTokens && { contextTokens, contextFrom: 'server' }),
      ...(trained && { trainedTokens: trained }),
      ...(parameters && { size: { total: parameters / 1e9 } }),
    })
  }
  return { type: 'listed', models, notes: [], ...(slots && { maxConcurrent: slots }) }
}
