import { closeSync, openSync, writeSync } from 'node:fs'

/**
 * Writes a GGUF file (version 3) with random weights: a real model to llama.cpp, tiny, and of no use to anybody else.
 * Equal options give equal bytes. Source of the format: ggml's docs/gguf.md.
 */
export interface TinyModel {
  readonly architecture?: 'llama' | 'qwen3moe' | 'grok'
  readonly layers?: number
  readonly embedding?: number
  readonly heads?: number
  readonly kvHeads?: number
  readonly feedForward?: number
  readonly contextTokens?: number
  readonly seed?: number
  /** Words that are never said, to fill a vocabulary of a usual size. */
  readonly padding?: number
  /** How the end of a turn compares with other tokens: −8 is never said, 8 at once; 0 leaves it to chance. */
  readonly endBias?: number
  /** Null: a model without a template. */
  readonly chatTemplate?: string | null
}

/** ChatML, with the tools that are offered. */
const CHAT_TEMPLATE: string = [
  '{% if tools %}<|im_start|>system\nTools: {{ tools | tojson }}<|im_end|>\n{% endif %}',
  "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}",
  "{% if m['tool_calls'] %}{{ m['tool_calls'] | tojson }}{% endif %}<|im_end|>\n{% endfor %}",
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}',
].join('')

const EXPERTS = 4
const EXPERTS_USED = 2
const ALIGNMENT = 32
/** What the bias for the end is worth: the wider and deeper a model, the less of it is left. */
const END_WEIGHT = 100
/** Tensors whose output is added to what a layer was given. */
const ADDS = /\.(attn_output|ffn_down|ffn_down_exps)\.weight$/
/** Standard deviation of the weights before the output. */
const SPREAD = 0.175

export function writeTinyModel(path: string, options: TinyModel = {}): void {
  const model = { ...DEFAULTS, ...options }
  const vocabulary = vocabularyOf(model.padding)
  const tensors = tensorsOf(model, vocabulary.tokens.length)
  const head = new Writer()
  head.bytes(Buffer.from('GGUF')).u32(3).u64(tensors.length)
  const values = metadata(model, vocabulary)
  head.u64(values.length)
  for (const [key, value] of values) head.value(key, value)
  let offset = 0
  for (const { name, shape } of tensors) {
    head.text(name).u32(shape.length)
    for (const side of shape) head.u64(side)
    head.u32(F32).u64(offset)
    offset += padded(4 * sizeOf(shape))
  }
  const file = openSync(path, 'w')
  try {
    writeSync(file, head.end())
    const random = normal(model.seed)
    for (const tensor of tensors) {
      const weights = fill(tensor, model, vocabulary, random)
      const bytes = Buffer.alloc(padded(weights.byteLength))
      Buffer.from(weights.buffer).copy(bytes)
      writeSync(file, bytes)
    }
  } finally {
    closeSync(file)
  }
}

const DEFAULTS = {
  architecture: 'llama',
  layers: 2,
  embedding: 64,
  heads: 4,
  kvHeads: 2,
  feedForward: 128,
  contextTokens: 4_096,
  seed: 1,
  padding: 0,
  endBias: 0,
  chatTemplate: CHAT_TEMPLATE,
} as const satisfies Required<TinyModel>

type Model = Required<TinyModel>

interface Vocabulary {
  readonly tokens: readonly string[]
  readonly merges: readonly string[]
  /** The first of the control tokens, which are the last. */
  readonly control: number
}

const CONTROL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
const WORDS =
  'the and ing tion hello world user system assistant name value type true false null function tool city weather'

/** A byte-level BPE vocabulary in GPT-2's spelling: each byte, some words, the control tokens. */
function vocabularyOf(padding: number): Vocabulary {
  const spelt = byteSpelling()
  const tokens = [...spelt]
  const known = new Set(tokens)
  const merges: string[] = []
  const merge = (left: string, right: string): string => {
    if (!known.has(left + right)) {
      merges.push(`${left} ${right}`)
      tokens.push(left + right)
      known.add(left + right)
    }
    return left + right
  }
  for (const word of WORDS.split(' ')) {
    for (const start of ['', spelt[0x20] ?? '']) [...start, ...word].reduce(merge)
  }
  for (let index = 0; index < padding; index++) tokens.push(`[pad${index}]`)
  return { tokens: [...tokens, ...CONTROL], merges, control: tokens.length }
}

/** The number of the token that says this; without padding. Throws where it is not one token. */
export function tinyToken(said: string | Buffer): number {
  const { tokens } = vocabularyOf(0)
  const spelt = byteSpelling()
  const word = typeof said === 'string' ? Buffer.from(said) : said
  const spelling = Array.from(word, (byte) => spelt[byte]).join('')
  const control = tokens.indexOf(word.toString())
  const token = CONTROL.includes(word.toString()) ? control : tokens.indexOf(spelling)
  if (token === -1) throw new Error(`no token says ${JSON.stringify(word.toString())}`)
  return token
}

/** GPT-2's printable stand-in for each byte. */
function byteSpelling(): string[] {
  let extra = 0
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
    return String.fromCodePoint(printable ? byte : 256 + extra++)
  })
}

type Value = number | boolean | string | { readonly float: number } | readonly string[] | Int32Array

function metadata(model: Model, { tokens, merges, control }: Vocabulary): (readonly [string, Value])[] {
  const { architecture, embedding, heads } = model
  const head = embedding / heads
  const own: Record<string, Value> = {
    vocab_size: tokens.length,
    context_length: model.contextTokens,
    embedding_length: embedding,
    block_count: model.layers,
    feed_forward_length: model.feedForward,
    'attention.head_count': heads,
    'attention.head_count_kv': model.kvHeads,
    'attention.key_length': head,
    'attention.value_length': head,
    'attention.layer_norm_rms_epsilon': { float: 1e-5 },
    'rope.dimension_count': head,
    'rope.freq_base': { float: 10_000 },
    ...(architecture === 'llama'
      ? {}
      : {
          expert_count: EXPERTS,
          expert_used_count: EXPERTS_USED,
          expert_feed_forward_length: model.feedForward,
        }),
  }
  return [
    ['general.architecture', architecture],
    ['general.name', `random ${architecture}`],
    ['general.file_type', 0],
    ...Object.entries(own).map(([key, value]) => [`${architecture}.${key}`, value] as const),
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.pre', 'gpt-2'],
    ['tokenizer.ggml.tokens', tokens],
    ['tokenizer.ggml.token_type', Int32Array.from(tokens, (_, index) => (index < control ? 1 : 3))],
    ['tokenizer.ggml.merges', merges],
    ['tokenizer.ggml.bos_token_id', control],
    ['tokenizer.ggml.eos_token_id', control + 2],
    ['tokenizer.ggml.padding_token_id', control],
    ['tokenizer.ggml.add_bos_token', false],
    ...(model.chatTemplate === null ? [] : [['tokenizer.chat_template', model.chatTemplate] as const]),
  ]
}

interface Tensor {
  readonly name: string
  /** Fastest dimension first, as ggml counts. */
  readonly shape: readonly number[]
  readonly holds: 'ones' | 'random' | 'input' | 'output'
}

function tensorsOf(model: Model, words: number): Tensor[] {
  const { embedding: wide, feedForward: inner } = model
  const head = wide / model.heads
  const narrow = model.kvHeads * head
  const tensor = (name: string, shape: readonly number[], holds: Tensor['holds'] = 'random') => ({
    name: `${name}.weight`,
    shape,
    holds,
  })
  const layer = (index: number): Tensor[] => {
    const at = (name: string) => `blk.${index}.${name}`
    return [
      tensor(at('attn_norm'), [wide], 'ones'),
      tensor(at('attn_q'), [wide, wide]),
      tensor(at('attn_k'), [wide, narrow]),
      tensor(at('attn_v'), [wide, narrow]),
      tensor(at('attn_output'), [wide, wide]),
      ...norms(model.architecture, head, wide).map(([name, size]) => tensor(at(name), [size], 'ones')),
      tensor(at('ffn_norm'), [wide], 'ones'),
      ...(model.architecture === 'llama'
        ? [
            tensor(at('ffn_gate'), [wide, inner]),
            tensor(at('ffn_up'), [wide, inner]),
            tensor(at('ffn_down'), [inner, wide]),
          ]
        : [
            tensor(at('ffn_gate_inp'), [wide, EXPERTS]),
            tensor(at('ffn_gate_exps'), [wide, inner, EXPERTS]),
            tensor(at('ffn_up_exps'), [wide, inner, EXPERTS]),
            tensor(at('ffn_down_exps'), [inner, wide, EXPERTS]),
          ]),
    ]
  }
  return [
    tensor('token_embd', [wide, words], 'input'),
    tensor('output_norm', [wide], 'ones'),
    tensor('output', [wide, words], 'output'),
    ...Array.from({ length: model.layers }, (_, index) => layer(index)).flat(),
  ]
}

/** The norms that an architecture has beyond llama's. */
function norms(architecture: Model['architecture'], head: number, wide: number): [string, number][] {
  if (architecture === 'qwen3moe') {
    return [
      ['attn_q_norm', head],
      ['attn_k_norm', head],
    ]
  }
  if (architecture === 'llama') return []
  return [
    ['attn_output_norm', wide],
    ['layer_output_norm', wide],
  ]
}

/**
 * With a bias for the end, the first dimension is a constant that no layer adds to, and the control tokens look at
 * nothing else.
 */
function fill(tensor: Tensor, model: Model, { control }: Vocabulary, random: () => number): Float32Array {
  const weights = new Float32Array(sizeOf(tensor.shape))
  if (tensor.holds === 'ones') return weights.fill(1)
  const spread = tensor.holds === 'output' ? 2 * SPREAD : SPREAD
  for (let index = 0; index < weights.length; index++) weights[index] = random() * spread
  if (model.endBias === 0) return weights
  const wide = model.embedding
  if (tensor.holds === 'random') {
    if (!ADDS.test(tensor.name)) return weights
    const [inner = 0] = tensor.shape
    // What it puts into the first dimension, of each expert.
    for (let at = 0; at < weights.length; at += inner * wide) weights.fill(0, at, at + inner)
    return weights
  }
  for (let word = 0; word * wide < weights.length; word++) {
    if (tensor.holds === 'input') weights[word * wide] = 2
    else if (word < control) weights[word * wide] = 0
    else
      weights
        .fill(0, word * wide, (word + 1) * wide)
        .fill(END_WEIGHT * model.endBias, word * wide, word * wide + 1)
  }
  return weights
}

/** Normally distributed numbers from a seed: mulberry32 and Box–Muller, both halves of each pair. */
function normal(seed: number): () => number {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  let spare: number | undefined
  return () => {
    if (spare !== undefined) {
      const kept = spare
      spare = undefined
      return kept
    }
    const radius = Math.sqrt(-2 * Math.log(uniform() + 1e-12))
    const angle = 2 * Math.PI * uniform()
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1)
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
}

/** Type numbers of GGUF's values, and of its tensors. */
const TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, array: 9 } as const
const F32 = 0

/** Little-endian bytes in GGUF's order. */
class Writer {
  readonly #parts: Buffer[] = []

  bytes(bytes: Buffer): this {
    this.#parts.push(bytes)
    return this
  }

  u32(value: number): this {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(value)
    return this.bytes(bytes)
  }

  u64(value: number): this {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt(value))
    return this.bytes(bytes)
  }

  text(text: string): this {
    const bytes = Buffer.from(text)
    return this.u64(bytes.length).bytes(bytes)
  }

  value(key: string, value: Value): void {
    this.text(key)
    if (typeof value === 'number') this.u32(TYPE.u32).u32(value)
    else if (typeof value === 'boolean') this.u32(TYPE.bool).bytes(Buffer.from([value ? 1 : 0]))
    else if (typeof value === 'string') this.u32(TYPE.text).text(value)
    else if (value instanceof Int32Array) {
      this.u32(TYPE.array).u32(TYPE.i32).u64(value.length).bytes(Buffer.from(value.buffer))
    } else if ('float' in value) {
      const bytes = Buffer.alloc(4)
      bytes.writeFloatLE(value.float)
      this.u32(TYPE.f32).bytes(bytes)
    } else {
      this.u32(TYPE.array).u32(TYPE.text).u64(value.length)
      for (const text of value) this.text(text)
    }
  }

  /** All of it, padded to where the tensors begin. */
  end(): Buffer {
    const all = Buffer.concat(this.#parts)
    return Buffer.concat([all, Buffer.alloc(padded(all.length) - all.length)])
  }
}
