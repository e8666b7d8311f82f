import type { Tier } from '../../contract/tier.ts'

/**
 * A short list of open models that run on ordinary machines, with what is known of them. It ages: families are
 * replaced within a year, so the date stands with it wherever it is shown.
 *
 * Where the facts are from: the makers' model cards, and file names and sizes as public pages and programs name them.
 * They were not asked for from the servers when this was written, so every size is approximate; what a server then
 * says of its file is what counts.
 */
export const CURATED_AS_OF = '2026-11-22'

export interface CuratedModel {
  /** What `upshift setup --model` takes. */
  readonly id: string
  readonly maker: string
  /** As `upshift pull` takes it. */
  readonly source: string
  /** Who made the GGUF file: the maker itself, llama.cpp's organisation, or somebody else. */
  readonly published: string
  readonly tier: Tier
  /** Billions. */
  readonly parameters: number
  readonly quantisation: string
  readonly bytes: number
  readonly approximate: true
  readonly licence: string
  /** Tokens that it was trained for. */
  readonly contextTokens: number
  /** Bytes of memory that a token of context takes, as half floats. */
  readonly cacheBytesPerToken: number
  /** Fewer processors make it too slow to talk to: a rule of thumb. */
  readonly cores: number
  readonly goodAt: string
}

const GB = 1e9

/** Of each tier the preferred first. */
export const CURATED: readonly CuratedModel[] = [
  {
    id: 'qwen3-4b',
    maker: 'Alibaba',
    source: 'hf:Qwen/Qwen3-4B-GGUF:Qwen3-4B-Q4_K_M.gguf',
    published: 'its maker',
    tier: 'fast',
    parameters: 4,
    quantisation: 'Q4_K_M',
    bytes: 2.5 * GB,
    approximate: true,
    licence: 'Apache-2.0',
    contextTokens: 32_768,
    cacheBytesPerToken: 147_456,
    cores: 2,
    goodAt: 'reasoning, code, tools and many languages for its size; it thinks before it answers',
  },
  {
    id: 'gemma-3-4b',
    maker: 'Google',
    source: 'hf:ggml-org/gemma-3-4b-it-GGUF:gemma-3-4b-it-Q4_K_M.gguf',
    published: "llama.cpp's organisation",
    tier: 'fast',
    parameters: 4,
    quantisation: 'Q4_K_M',
    bytes: 2.49 * GB,
    approximate: true,
    licence: 'Gemma Terms of Use',
    contextTokens: 131_072,
    cacheBytesPerToken: 139_264,
    cores: 2,
    goodAt: 'fluent answers in many languages',
  },
  {
    id: 'phi-4-mini',
    maker: 'Microsoft',
    source: 'hf:bartowski/microsoft_Phi-4-mini-instruct-GGUF:microsoft_Phi-4-mini-instruct-Q4_K_M.gguf',
    published: 'bartowski',
    tier: 'fast',
    parameters: 3.8,
    quantisation: 'Q4_K_M',
    bytes: 2.49 * GB,
    approximate: true,
    licence: 'MIT',
    contextTokens: 131_072,
    cacheBytesPerToken: 131_072,
    cores: 2,
    goodAt: 'mathematics and reasoning, mostly in English',
  },
  {
    id: 'llama-3.2-3b',
    maker: 'Meta',
    source: 'hf:bartowski/Llama-3.2-3B-Instruct-GGUF:Llama-3.2-3B-Instruct-Q4_K_M.gguf',
    published: 'bartowski',
    tier: 'fast',
    parameters: 3.2,
    quantisation: 'Q4_K_M',
    bytes: 2.02 * GB,
    approximate: true,
    licence: 'Llama 3.2 Community License',
    contextTokens: 131_072,
    cacheBytesPerToken: 114_688,
    cores: 2,
    goodAt: 'summaries and rewriting',
  },
  {
    id: 'smollm3-3b',
    maker: 'Hugging Face',
    source: 'hf:ggml-org/SmolLM3-3B-GGUF:SmolLM3-Q4_K_M.gguf',
    published: "llama.cpp's organisation",
    tier: 'fast',
    parameters: 3.1,
    quantisation: 'Q4_K_M',
    bytes: 1.92 * GB,
    approximate: true,
    licence: 'Apache-2.0',
    contextTokens: 65_536,
    cacheBytesPerToken: 73_728,
    cores: 2,
    goodAt: 'little memory; its making is open down to the data',
  },
  {
    id: 'granite-3.3-2b',
    maker: 'IBM',
    source: 'hf:ibm-granite/granite-3.3-2b-instruct-GGUF:granite-3.3-2b-instruct-Q4_K_M.gguf',
    published: 'its maker',
    tier: 'fast',
    parameters: 2.5,
    quantisation: 'Q4_K_M',
    bytes: 1.55 * GB,
    approximate: true,
    licence: 'Apache-2.0',
    contextTokens: 131_072,
    cacheBytesPerToken: 81_920,
    cores: 1,
    goodAt: 'little memory; answers from documents, and tools',
  },
  {
    id: 'qwen3-14b',
    maker: 'Alibaba',
    source: 'hf:Qwen/Qwen3-14B-GGUF:Qwen3-14B-Q4_K_M.gguf',
    published: 'its maker',
    tier: 'mid',
    parameters: 14.8,
    quantisation: 'Q4_K_M',
    bytes: 9 * GB,
    approximate: true,
    licence: 'Apache-2.0',
    contextTokens: 32_768,
    cacheBytesPerToken: 163_840,
    cores: 12,
    goodAt: 'reasoning, code and tools; it thinks before it answers',
  },
  {
    id: 'qwen3-8b',
    maker: 'Alibaba',
    source: 'hf:Qwen/Qwen3-8B-GGUF:Qwen3-8B-Q4_K_M.gguf',
    published: 'its maker',
    tier: 'mid',
    parameters: 8.2,
    quantisation: 'Q4_K_M',
    bytes: 5.03 * GB,
    approximate: true,
    licence: 'Apache-2.0',
    contextTokens: 32_768,
    cacheBytesPerToken: 147_456,
    cores: 4,
    goodAt: 'reasoning, code, tools and many languages; it thinks before it answers',
  },
  {
    id: 'phi-4',
    maker: 'Microsoft',
    source: 'hf:microsoft/phi-4-gguf:phi-4-q4.gguf',
    published: 'its maker',
    tier: 'mid',
    parameters: 14.7,
    quantisation: 'Q4_K_M',
    bytes: 9.05 * GB,
    approximate: true,
    licence: 'MIT',
    contextTokens: 16_384,
    cacheBytesPerToken: 204_800,
    cores: 12,
    goodAt: 'mathematics and reasoning, mostly in English',
  },
  {
    id: 'gemma-3-12b',
    maker: 'Google',
    source: 'hf:ggml-org/gemma-3-12b-it-GGUF:gemma-3-12b-it-Q4_K_M.gguf',
    published: "llama.cpp's organisation",
    tier: 'mid',
    parameters: 12,
    quantisation: 'Q4_K_M',
    bytes: 7.3 * GB,
    approximate: true,
    licence: 'Gemma Terms of Use',
    contextTokens: 131_072,
    cacheBytesPerToken: 393_216,
    cores: 10,
    goodAt: 'fluent answers in many languages',
  },
  {
    id: 'granite-3.3-8b',
    maker: 'IBM',
    source: 'hf:ibm-granite/granite-3.3-8b-instruct-GGUF:granite-3.3-8b-instruct-Q4_K_M.gguf',
    published: 'its maker',
    tier: 'mid',
    parameters: 8.2,
    quantisation: 'Q4_K_M',
    bytes: 4.94 * GB,
    approximate: true,
    licence: 'Apache-2.0',
    contextTokens: 131_072,
    cacheBytesPerToken: 163_840,
    cores: 4,
    goodAt: 'answers from documents, and tools',
  },
  {
    id: 'llama-3.1-8b',
    maker: 'Meta',
    source: 'hf:bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf',
    published: 'bartowski',
    tier: 'mid',
    parameters: 8,
    quantisation: 'Q4_K_M',
    bytes: 4.92 * GB,
    approximate: true,
    licence: 'Llama 3.1 Community License',
    contextTokens: 131_072,
    cacheBytesPerToken: 131_072,
    cores: 4,
    goodAt: 'general questions and summaries',
  },
  {
    id: 'mistral-7b',
    maker: 'Mistral AI',
    source: 'hf:bartowski/Mistral-7B-Instruct-v0.3-GGUF:Mistral-7B-Instruct-v0.3-Q4_K_M.gguf',
    published: 'bartowski',
    tier: 'mid',
    parameters: 7.2,
    quantisation: 'Q4_K_M',
    bytes: 4.37 * GB,
    approximate: true,
    licence: 'Apache-2.0',
    contextTokens: 32_768,
    cacheBytesPerToken: 131_072,
    cores: 4,
    goodAt: 'general questions, an older model',
  },
]
