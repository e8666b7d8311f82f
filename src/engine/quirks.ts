import type { EmbedBounds } from '../contract/embed.ts'

/**
 * DESIGN. Every engine here speaks OpenAI's Chat Completions, and none quite; one that speaks another protocol has a
 * folder of its own (messages/). What differs is data in this one table; the code that reads it is the same for all.
 * A row states only what was seen in the engine's documentation, its source or its tracker; what is unknown stays as
 * in `generic`. Error bodies are not in the table: one reader (upstream.ts) knows all their shapes, since proxies in
 * between mix them anyway. Nor is whether an engine enforces a JSON Schema: that is a property of the model as the
 * planner sees it.
 */

export const ENGINE_KINDS = [
  'openai',
  'ollama',
  'vllm',
  'sglang',
  'llama.cpp',
  'lmstudio',
  'xai',
  'gemini',
  'mistral',
  'groq',
  'deepseek',
  'openrouter',
  'generic',
] as const
export type EngineKind = (typeof ENGINE_KINDS)[number]

/**
 * `neutral`: left out where its value asks for nothing (null, false, 0, {}, `n: 1`, `parallel_tool_calls: true`);
 * any other value is sent, and the engine's own refusal tells the caller. `always`: left out whatever it says,
 * and the answer's verdicts name it.
 */
export type Drop = 'neutral' | 'always'

export interface Quirks {
  readonly kind: EngineKind
  /** The field that bounds the answer's length. */
  readonly outputLimit: 'max_tokens' | 'max_completion_tokens'
  /** Understands `stream_options`; where false, usage comes unasked. */
  readonly includeUsage: boolean
  readonly drops: Readonly<Record<string, Drop>>
  readonly renames: Readonly<Record<string, string>>
  /** Cuts a prompt to its context length without a word. */
  readonly cutsSilently: boolean
  /** Where usage stands when there is none at the top of a chunk. */
  readonly usageUnder?: string
  /** A failure in mid-stream comes as the SSE field `error`, not as `data`. */
  readonly errorField: boolean
  readonly embedding: EmbeddingQuirks
  /** The field of an assistant's message that takes what it thought in an earlier turn, as text; absent: none does. */
  readonly reasoningField?: 'reasoning_content'
}

export interface EmbeddingQuirks {
  /**
   * Is asked for vectors as base64, which are a quarter of the same numbers as text. What ignores that answers with
   * numbers, which is understood too; what refuses it is not asked.
   */
  readonly base64: boolean
  /** The field that sets the length of the vectors. */
  readonly dimensions: 'dimensions' | 'output_dimension'
  /** What one request may hold. */
  readonly bounds: EmbedBounds
}

const generic: Quirks = {
  kind: 'generic',
  // `max_tokens` is understood by every engine listed here but OpenAI's reasoning models.
  outputLimit: 'max_tokens',
  includeUsage: true,
  drops: {},
  renames: {},
  cutsSilently: false,
  errorField: false,
  embedding: {
    base64: false,
    dimensions: 'dimensions',
    // Text Embeddings Inference takes 32 inputs unless told otherwise (`--max-client-batch-size`).
    // https://huggingface.co/docs/text-embeddings-inference/cli_arguments
    bounds: { inputs: 32, bytes: 131_072 },
  },
}

/**
 * Servers of one's own: Ollama and llama.cpp know base64 (https://github.com/ggml-org/llama.cpp/issues/10887), vLLM too
 * (https://github.com/vllm-project/vllm/pull/5935), LM Studio and SGLang ignore it
 * (https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/756, https://github.com/sgl-project/sglang/pull/30434).
 */
const LOCAL: EmbeddingQuirks = {
  ...generic.embedding,
  base64: true,
  bounds: { inputs: 64, bytes: 262_144 },
}

const TABLE: Readonly<Record<EngineKind, Quirks>> = {
  generic,
  // `max_tokens` is deprecated and refused by the reasoning models.
  // https://platform.openai.com/docs/api-reference/chat/create
  // 2,048 inputs and 300,000 tokens are taken at once; fewer here, so that no answer is large.
  // https://platform.openai.com/docs/api-reference/embeddings/create
  openai: {
    ...generic,
    kind: 'openai',
    outputLimit: 'max_completion_tokens',
    embedding: { ...generic.embedding, base64: true, bounds: { inputs: 256, bytes: 524_288 } },
  },
  // A prompt beyond the context is cut and answered with 200; the OpenAI endpoint ignores `num_ctx`
  // (https://github.com/ollama/ollama/issues/17889, /issues/3839).
  ollama: { ...generic, kind: 'ollama', cutsSilently: true, embedding: LOCAL },
  // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
  vllm: { ...generic, kind: 'vllm', reasoningField: 'reasoning_content', embedding: LOCAL },
  // https://docs.sglang.ai/basic_usage/openai_api_completions.html
  sglang: { ...generic, kind: 'sglang', reasoningField: 'reasoning_content', embedding: LOCAL },
  // Older builds write a failure in mid-stream as `error: {…}`. tools/server in
  // https://github.com/ggml-org/llama.cpp
  'llama.cpp': {
    ...generic,
    kind: 'llama.cpp',
    reasoningField: 'reasoning_content',
    errorField: true,
    embedding: LOCAL,
  },
  // llama.cpp or MLX below it.
  lmstudio: { ...generic, kind: 'lmstudio', errorField: true, embedding: LOCAL },
  // Refuses the penalties on most models even at 0 (https://github.com/n8n-io/n8n/issues/14581); `max_tokens` is
  // deprecated. https://docs.x.ai/docs/api-reference
  xai: {
    ...generic,
    kind: 'xai',
    outputLimit: 'max_completion_tokens',
    drops: { presence_penalty: 'neutral', frequency_penalty: 'neutral' },
  },
  // An unknown name is a 400, and `parallel_tool_calls` is unknown to it
  // (https://github.com/jackmpcollins/magentic/pull/382). Tool-call deltas come
  // without `index` (tool-indexes.ts gives it back). https://ai.google.dev/gemini-api/docs/openai
  // It refuses base64 (https://github.com/RooCodeInc/Roo-Code/issues/7761) and more than 100 inputs
  // (https://github.com/StarTrail-org/LEANN/pull/214).
  gemini: {
    ...generic,
    kind: 'gemini',
    drops: { parallel_tool_calls: 'always' },
    embedding: { ...generic.embedding, bounds: { inputs: 100, bytes: 131_072 } },
  },
  // Extra fields are a 422: `stream_options` (https://github.com/openai/openai-agents-python/issues/442),
  // `max_completion_tokens` (https://github.com/editor-code-assistant/eca/issues/231). The seed has its own name,
  // and usage stands unasked in the chunk that finishes. https://docs.mistral.ai/api/
  mistral: {
    ...generic,
    kind: 'mistral',
    includeUsage: false,
    drops: { logprobs: 'neutral', top_logprobs: 'neutral', logit_bias: 'neutral' },
    renames: { seed: 'random_seed' },
    // 16,384 tokens at once (https://github.com/langchain-ai/langchain/issues/20523); the length of a vector has a name
    // of its own. https://docs.mistral.ai/api/endpoint/embeddings
    embedding: {
      ...generic.embedding,
      dimensions: 'output_dimension',
      bounds: { inputs: 32, bytes: 32_768 },
    },
  },
  // `logprobs`, `top_logprobs` and `logit_bias` are a 400 where they are supplied at all; older deployments give
  // usage only under `x_groq`. https://console.groq.com/docs/openai
  groq: {
    ...generic,
    kind: 'groq',
    outputLimit: 'max_completion_tokens',
    drops: { logprobs: 'neutral', top_logprobs: 'neutral', logit_bias: 'neutral' },
    usageUnder: 'x_groq',
  },
  // Sends `: keep-alive` comments while a request waits. https://api-docs.deepseek.com/quick_start/rate_limit
  deepseek: { ...generic, kind: 'deepseek' },
  // Sends `: OPENROUTER PROCESSING` comments, and a failure in mid-stream as a chunk with an `error` of its own
  // and `finish_reason: "error"`. https://openrouter.ai/docs/api-reference/streaming
  openrouter: { ...generic, kind: 'openrouter' },
}

/** The row of the table. */
export function quirksFor(kind: EngineKind): Quirks {
  return TABLE[kind]
}

export function isEngineKind(text: string): text is EngineKind {
  return (ENGINE_KINDS as readonly string[]).includes(text)
}
