import type { ContinueStyle } from '../contract/model.ts'
import type { ForeignDialect } from '../contract/native.ts'

/**
 * What the fleet must know about each kind of engine: where it usually lives, which environment variables name
 * its key and address, how its models are listed, and how much it takes at once. How each one bends the chat
 * protocol is not here: that is the engine room's table.
 */
export const KINDS = [
  'openai-compatible',
  'ollama',
  'lmstudio',
  'llama.cpp',
  'vllm',
  'sglang',
  'openai',
  'xai',
  'gemini',
  'mistral',
  'groq',
  'deepseek',
  'openrouter',
  'anthropic',
  'together',
] as const

export type Kind = (typeof KINDS)[number]

export interface Profile {
  /** How the models are listed. */
  readonly listing: 'openai' | 'ollama' | 'lmstudio' | 'llama.cpp'
  readonly defaultUrl?: string
  /** A service in somebody else's house: known by the key in the environment, off until allowed. */
  readonly cloud: boolean
  /** Environment variables that may hold the key, in order of preference. */
  readonly keyNames: readonly string[]
  /** The environment variable that moves the address. */
  readonly urlName?: string
  /** Requests that one replica takes at once, unless the configuration or the server says otherwise. */
  readonly maxConcurrent: number
  /** It tells logprobs, at little cost. Absent where it does not, or nobody has said so. */
  readonly tellsLogprobs?: true
  /** The engine decodes under a JSON Schema, so that its answer cannot break it. False where in doubt. */
  readonly enforcesSchema: boolean
  /** What it writes to its prompt cache costs more than what it reads, where a request marks a prompt to be kept. */
  readonly billsCacheWrites: boolean
  /** What it speaks; Chat Completions where absent. */
  readonly dialect?: ForeignDialect
  /** Undefined: it cannot go on from the beginning of an answer, or nobody has said so. */
  readonly continues?: ContinueStyle
}

const LOCAL = {
  cloud: false,
  keyNames: [],
  enforcesSchema: false,
  billsCacheWrites: false,
  maxConcurrent: 4,
} as const
const CLOUD = {
  cloud: true,
  listing: 'openai',
  enforcesSchema: false,
  billsCacheWrites: false,
  maxConcurrent: 64,
} as const

export const PROFILES: Readonly<Record<Kind, Profile>> = {
  'openai-compatible': { ...LOCAL, listing: 'openai', maxConcurrent: 16 },
  ollama: { ...LOCAL, listing: 'ollama', defaultUrl: 'http://127.0.0.1:11434/v1' },
  lmstudio: { ...LOCAL, listing: 'lmstudio', defaultUrl: 'http://127.0.0.1:1234/v1' },
  // Its server takes a last message of the assistant's as the beginning of the answer (`--prefill-assistant`, default).
  'llama.cpp': {
    ...LOCAL,
    listing: 'llama.cpp',
    defaultUrl: 'http://127.0.0.1:8080/v1',
    continues: 'last_message',
    tellsLogprobs: true,
  },
  // vLLM and SGLang decode under a grammar (structured outputs) and batch up to 256 sequences by default.
  vllm: {
    ...LOCAL,
    listing: 'openai',
    defaultUrl: 'http://127.0.0.1:8000/v1',
    continues: 'continue_final_message',
    tellsLogprobs: true,
    enforcesSchema: true,
    maxConcurrent: 256,
  },
  sglang: {
    ...LOCAL,
    listing: 'openai',
    defaultUrl: 'http://127.0.0.1:30000/v1',
    continues: 'continue_final_message',
    tellsLogprobs: true,
    enforcesSchema: true,
    maxConcurrent: 256,
  },
  openai: {
    ...CLOUD,
    defaultUrl: 'https://api.openai.com/v1',
    keyNames: ['OPENAI_API_KEY'],
    urlName: 'OPENAI_BASE_URL',
    enforcesSchema: true,
  },
  xai: {
    ...CLOUD,
    defaultUrl: 'https://api.x.ai/v1',
    keyNames: ['XAI_API_KEY'],
    urlName: 'XAI_BASE_URL',
  },
  gemini: {
    ...CLOUD,
    defaultUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    keyNames: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    urlName: 'GEMINI_BASE_URL',
  },
  mistral: {
    ...CLOUD,
    defaultUrl: 'https://api.mistral.ai/v1',
    continues: 'prefix',
    keyNames: ['MISTRAL_API_KEY'],
    urlName: 'MISTRAL_BASE_URL',
  },
  groq: {
    ...CLOUD,
    defaultUrl: 'https://api.groq.com/openai/v1',
    keyNames: ['GROQ_API_KEY'],
    urlName: 'GROQ_BASE_URL',
  },
  deepseek: {
    ...CLOUD,
    defaultUrl: 'https://api.deepseek.com/v1',
    keyNames: ['DEEPSEEK_API_KEY'],
    urlName: 'DEEPSEEK_BASE_URL',
  },
  openrouter: {
    ...CLOUD,
    defaultUrl: 'https://openrouter.ai/api/v1',
    keyNames: ['OPENROUTER_API_KEY'],
    urlName: 'OPENROUTER_BASE_URL',
    // It passes marks on to Anthropic's models, and Anthropic's price for writing.
    billsCacheWrites: true,
  },
  anthropic: {
    ...CLOUD,
    defaultUrl: 'https://api.anthropic.com/v1',
    keyNames: ['ANTHROPIC_API_KEY'],
    urlName: 'ANTHROPIC_BASE_URL',
    billsCacheWrites: true,
    dialect: 'messages',
  },
  together: {
    ...CLOUD,
    defaultUrl: 'https://api.together.xyz/v1',
    keyNames: ['TOGETHER_API_KEY'],
    urlName: 'TOGETHER_BASE_URL',
  },
}

export function isKind(text: string): text is Kind {
  return (KINDS as readonly string[]).includes(text)
}
