import { chatRequestSchema } from '../contract/chat.ts'
import { isRecord } from './upstream.ts'

/**
 * DESIGN. A field that Upshift does not know goes on as it came, so a caller could use a vendor's own field to undo
 * what was planned, checked and paid for: choose another model than the one the key may use, lift the limit on the
 * output, or buy something dearer than the worst case that was held. Such fields are data in this one table. What
 * undoes the model or the length is left out for every engine; what only raises the price is left out where a cap
 * stands over the engine, which is off this machine, and goes on where the machine is one's own. Whatever was left
 * out is named in the answer's verdicts. The table holds what vendors document; a field that a vendor invents
 * tomorrow is not in it.
 *
 * Some engines read names loosely: Go's JSON ignores case, protobuf's takes `maxTokens` for `max_tokens`. So names
 * are compared without case, `_` and `-`, and another spelling of a field that Upshift itself reads is left out too:
 * nobody has checked it, and it may win over the one that was checked.
 */
export interface Steering {
  readonly undoes: 'model' | 'length' | 'price'
  /** What it does, after "it": a verdict says so. */
  readonly does: string
  /** Values that ask for no more than its absence does; a list of nothing else passes too. */
  readonly allows?: readonly (string | boolean)[]
  /** Parts of the object that only narrow where the prompt may go or what it may cost: these pass. */
  readonly keeps?: readonly string[]
}

const OTHER_MODELS: Steering = { undoes: 'model', does: 'names other models than the one that was planned' }
const OTHER_WEIGHTS: Steering = { undoes: 'model', does: 'has the engine load other weights' }
const OWN_LIMIT: Steering = { undoes: 'length', does: 'sets a limit on the output beside the planned one' }
const MORE_CHOICES: Steering = { undoes: 'length', does: 'has the engine write more answers than `n` says' }
const WEB_SEARCH: Steering = {
  undoes: 'price',
  does: 'buys web searches, which the price held does not cover',
}
const AUDIO: Steering = { undoes: 'price', does: 'asks for output that costs more than text' }

const TABLE: Readonly<Record<string, Steering>> = {
  // OpenRouter: https://openrouter.ai/docs/features/model-routing, /docs/features/presets
  models: OTHER_MODELS,
  route: { undoes: 'model', does: 'chooses how to fall back to another model' },
  preset: { undoes: 'model', does: 'brings a model and parameters of its own' },
  // LiteLLM's proxy: https://docs.litellm.ai/docs/proxy/client_side_fallbacks, /docs/proxy/clientside_auth
  fallback: OTHER_MODELS,
  fallbacks: OTHER_MODELS,
  context_window_fallbacks: OTHER_MODELS,
  content_policy_fallbacks: OTHER_MODELS,
  user_config: OTHER_MODELS,
  // Groq's compound systems: https://console.groq.com/docs/api-reference
  compound_custom: { undoes: 'model', does: 'chooses the models and tools inside a compound one' },
  // Together: https://docs.together.ai/reference/chat-completions
  safety_model: { undoes: 'model', does: 'adds a second model' },
  // SGLang: https://docs.sglang.ai/advanced_features/lora.html
  lora_path: OTHER_WEIGHTS,
  // mlx-lm: https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/SERVER.md
  adapters: OTHER_WEIGHTS,
  draft_model: OTHER_WEIGHTS,

  // llama.cpp takes its own name for the limit over `max_tokens`, and `n_cmpl` over `n`: tools/server in
  // https://github.com/ggml-org/llama.cpp
  n_predict: OWN_LIMIT,
  n_cmpl: MORE_CHOICES,
  // Ollama's name.
  num_predict: OWN_LIMIT,
  // OpenAI's Responses and Gemini's own API, which proxies in between read too.
  max_output_tokens: OWN_LIMIT,
  generation_config: { undoes: 'length', does: 'may hold a limit on the output beside the planned one' },
  // Text Generation Inference and SGLang, KoboldCpp and Hugging Face's pipelines.
  max_new_tokens: OWN_LIMIT,
  max_length: OWN_LIMIT,
  num_return_sequences: MORE_CHOICES,
  // Older vLLM, and OpenAI's text completions.
  best_of: { undoes: 'length', does: 'has the engine write answers that nobody sees and somebody pays for' },

  // OpenAI: `priority`; Groq: `performance`; `flex` is cheaper everywhere, the others are the standard. Anthropic's
  // `auto` is what its absence means.
  // https://platform.openai.com/docs/api-reference/chat/create
  service_tier: {
    undoes: 'price',
    does: 'chooses a tier of service that may cost more than the price held',
    allows: ['auto', 'default', 'standard', 'standard_only', 'on_demand', 'flex'],
  },
  web_search_options: WEB_SEARCH,
  // Rejected parts of a prediction are billed as output, without a bound that is known beforehand.
  prediction: { undoes: 'price', does: 'is billed as output beyond the limit' },
  modalities: { ...AUDIO, allows: ['text'] },
  audio: AUDIO,
  // xAI: https://docs.x.ai/docs/guides/live-search. Qwen: https://help.aliyun.com/zh/model-studio/web-search
  search_parameters: WEB_SEARCH,
  enable_search: { ...WEB_SEARCH, allows: [false] },
  // OpenRouter: https://openrouter.ai/docs/features/web-search, /docs/features/provider-routing. Who forbids that a
  // prompt is kept or trained on is not overruled for a price.
  plugins: { undoes: 'price', does: 'buys what the price held does not cover' },
  provider: {
    undoes: 'price',
    does: 'chooses providers whose prices differ from the one held',
    keeps: ['data_collection', 'zdr', 'max_price'],
  },
  // Anthropic: https://platform.claude.com/docs/en/api/messages, /docs/en/about-claude/pricing
  speed: {
    undoes: 'price',
    does: 'chooses a speed that costs more than the price held',
    allows: ['standard'],
  },
  inference_geo: { undoes: 'price', does: 'chooses a region whose price differs from the one held' },
  mcp_servers: { undoes: 'price', does: 'has the provider run tools, which the price held does not cover' },
  container: { undoes: 'price', does: 'has the provider run code, which the price held does not cover' },
  context_management: { undoes: 'price', does: 'may have the provider write a summary that nobody sees' },
}

/** Fields that hold vendors' fields, by vendor or at once: Gemini and LiteLLM; Vercel's AI Gateway. */
const BAGS = ['extra_body', 'provider_options'] as const
/** A bag and its vendors: deeper lie values, such as a JSON Schema with properties of any name. */
const BAG_LEVELS = 2
/** Known fields that have no business in a bag, where nobody has checked them. */
const CHECKED = ['model', 'messages', 'input', 'tools', 'n', 'max_tokens', 'max_completion_tokens'] as const

const KNOWN: ReadonlySet<string> = new Set(Object.keys(chatRequestSchema.shape))
const SPELLINGS = byFolded(Object.keys(chatRequestSchema.shape))
const STEERING = byFolded(Object.keys(TABLE))
const BAG_NAMES = byFolded(BAGS)
const CHECKED_NAMES = byFolded(CHECKED)

/** What was left out and why, by the table's name for it: a caller's spelling never gets into the record. */
export type LeftOut = Map<string, string>

/**
 * What may go on of a field: its value, a part of it, or undefined for nothing. JSON has no undefined of its own.
 *
 * @param offMachine - the engine is off this machine, under a cap
 * @param left - gets an entry for whatever asked for something and was left out
 */
export function withoutSteering(field: string, value: unknown, offMachine: boolean, left: LeftOut): unknown {
  if (KNOWN.has(field)) return value
  const folded = fold(field)
  const known = SPELLINGS.get(folded)
  if (known !== undefined) {
    left.set(`another spelling of ${known}`, 'engines may take it for the field itself, and it is unchecked')
    return undefined
  }
  const bag = BAG_NAMES.get(folded)
  if (bag !== undefined) return ofBag(bag, value, offMachine, left, BAG_LEVELS)
  return ofTable(STEERING.get(folded), '', value, offMachine, left)
}

function ofTable(
  name: string | undefined,
  where: string,
  value: unknown,
  offMachine: boolean,
  left: LeftOut,
): unknown {
  const steering = name === undefined ? undefined : TABLE[name]
  if (steering === undefined || (steering.undoes === 'price' && !offMachine)) return value
  // Null means the default, wherever it is understood.
  if (value === null) return undefined
  const { allows, keeps, does } = steering
  const asked = Array.isArray(value) ? value : [value]
  if (allows !== undefined && asked.every((one) => allows.includes(one))) return value
  const parts = keeps !== undefined && isRecord(value) ? Object.entries(value) : []
  const kept = parts.filter(([part]) => keeps?.includes(part))
  if (kept.length === 0) left.set(`${name}${where}`, `it ${does}`)
  else if (kept.length < parts.length) left.set(`part of ${name}${where}`, `it ${does}`)
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

function ofBag(bag: string, value: unknown, offMachine: boolean, left: LeftOut, levels: number): unknown {
  if (levels === 0 || !isRecord(value)) return value
  const where = ` in ${bag}`
  const passed: [string, unknown][] = []
  for (const [field, inner] of Object.entries(value)) {
    const folded = fold(field)
    const checked = CHECKED_NAMES.get(folded)
    if (checked !== undefined) {
      left.set(`${checked}${where}`, 'it would stand beside the field itself, and it is unchecked')
      continue
    }
    const rest = ofTable(STEERING.get(folded), where, inner, offMachine, left)
    if (rest !== undefined) passed.push([field, ofBag(bag, rest, offMachine, left, levels - 1)])
  }
  return Object.fromEntries(passed)
}

export function byFolded(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [fold(name), name]))
}

/** Upper case first: Go folds `ſ` into `s` and the Kelvin sign into `k`. */
export function fold(name: string): string {
  return name.toUpperCase().toLowerCase().replaceAll(/[_-]/g, '')
}
