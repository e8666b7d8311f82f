import { open } from 'node:fs/promises'
import * as z from 'zod'
import { UpshiftError } from '../../contract/problem.ts'
import { NotGguf } from './bytes.ts'
import { type GgufHeader, type GgufValue, readHeader } from './header.ts'
import { FILE_TYPES } from './types.ts'

const count = z.number().int().min(0)
/** One number for all layers, or one for each. */
const byLayer = z.union([count, z.array(count).max(4_096)])

/** What a GGUF file says of itself, as far as anybody here asks. What it leaves open is null. */
export const ggufFacts = z.object({
  /** 2 or 3. */
  version: count,
  /** `model`, or what goes with one: `mmproj`, `adapter`. */
  type: z.string(),
  /** `llama`, `qwen3`, `gemma3`: which graph llama.cpp builds. Empty in the second and later parts of a model. */
  architecture: z.string(),
  name: z.string().nullable(),
  /** As the file names it: `apache-2.0`. */
  licence: z.string().nullable(),
  /** Elements of all tensors in this file. */
  parameters: count,
  /** `Q4_K_M`: the file's own word, else the type that most bytes have. */
  quantisation: z.string().nullable(),
  /** Tokens that the model was trained for. */
  contextTokens: count.nullable(),
  layers: count.nullable(),
  embedding: count.nullable(),
  feedForward: byLayer.nullable(),
  heads: byLayer.nullable(),
  kvHeads: byLayer.nullable(),
  /** Elements of a head's key and value. */
  keyLength: count.nullable(),
  valueLength: count.nullable(),
  /** Tokens that a layer with a sliding window looks back. */
  slidingWindow: count.nullable(),
  experts: count.nullable(),
  expertsUsed: count.nullable(),
  /** Tokens in the vocabulary. */
  vocabulary: count.nullable(),
  /** `gpt2`, `llama`: the kind of tokenizer. */
  tokenizer: z.string().nullable(),
  /** Whether a template for chats is in it. */
  chatTemplate: z.boolean(),
  /** Of a file that is one of several: its number from 1, and how many there are. */
  part: z.object({ number: count, of: count }).nullable(),
  fileBytes: count,
})

export type GgufFacts = Readonly<z.infer<typeof ggufFacts>>

/**
 * Reads what a GGUF file says of itself. Only its header is read, within fixed bounds: 32 MiB, 10,000 values, 200,000
 * tensors; the tensors themselves are not. Throws UpshiftError `invalid_request` that names the file: it cannot be
 * read, is no GGUF file, or is shorter than its tensors need.
 */
export async function readGguf(path: string): Promise<GgufFacts> {
  try {
    await using file = await open(path, 'r')
    const stats = await file.stat()
    if (!stats.isFile()) throw new NotGguf('it is not a file')
    const header = await readHeader(file, stats.size)
    if (stats.size < header.endBytes) {
      throw new NotGguf(
        `it is cut off: it has ${stats.size} bytes, and its tensors end at ${header.endBytes}`,
      )
    }
    return factsOf(header, stats.size)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const message =
      cause instanceof NotGguf
        ? `${path} is no GGUF file that can be used: ${why}. Get the model as a whole .gguf file.`
        : `${path} cannot be read: ${why}. Check the path and who owns it.`
    throw new UpshiftError({ code: 'invalid_request', message }, cause)
  }
}

function factsOf(header: GgufHeader, fileBytes: number): GgufFacts {
  const { values } = header
  const parts = countOf(values.get('split.count')) ?? 0
  const part = parts > 1 ? { number: (countOf(values.get('split.no')) ?? 0) + 1, of: parts } : null
  const architecture = textOf(values.get('general.architecture')) ?? ''
  if (architecture === '' && (part === null || part.number === 1))
    throw new NotGguf('it names no architecture')
  const of = (key: string): GgufValue | undefined => values.get(`${architecture}.${key}`)
  const embedding = countOf(of('embedding_length'))
  const heads = byLayerOf(of('attention.head_count'))
  const ofHead = typeof heads === 'number' && heads > 0 && embedding ? Math.floor(embedding / heads) : null
  return {
    version: header.version,
    type: textOf(values.get('general.type')) ?? 'model',
    architecture,
    name: textOf(values.get('general.name')),
    licence: textOf(values.get('general.license')),
    parameters: header.parameters,
    quantisation: quantisationOf(header),
    contextTokens: countOf(of('context_length')),
    layers: countOf(of('block_count')),
    embedding,
    feedForward: byLayerOf(of('feed_forward_length')),
    heads,
    kvHeads: byLayerOf(of('attention.head_count_kv')) ?? heads,
    keyLength: countOf(of('attention.key_length')) ?? ofHead,
    valueLength: countOf(of('attention.value_length')) ?? ofHead,
    slidingWindow: countOf(of('attention.sliding_window')),
    experts: countOf(of('expert_count')),
    expertsUsed: countOf(of('expert_used_count')),
    vocabulary: lengthOf(values.get('tokenizer.ggml.tokens')) ?? countOf(of('vocab_size')),
    tokenizer: textOf(values.get('tokenizer.ggml.model')),
    chatTemplate: values.has('tokenizer.chat_template'),
    part,
    fileBytes,
  }
}

function quantisationOf({ values, tensorBytes }: GgufHeader): string | null {
  const named = FILE_TYPES.get(countOf(values.get('general.file_type')) ?? -1)
  if (named !== undefined) return named
  const [most] = [...tensorBytes].sort(([, one], [, other]) => other - one)
  return most?.[0] ?? null
}

function countOf(value: GgufValue | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null
}

function byLayerOf(value: GgufValue | undefined): number | number[] | null {
  if (!Array.isArray(value)) return countOf(value)
  const counts = value.flatMap((item) => countOf(item) ?? [])
  return counts.length === value.length ? counts : null
}

/** Of an array that was too long to be kept, or was kept. */
function lengthOf(value: GgufValue | undefined): number | null {
  return typeof value === 'object' ? value.length : null
}

/** A text without control characters, which end up on a terminal or in a log. */
function textOf(value: GgufValue | undefined): string | null {
  return typeof value === 'string' ? value.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?') : null
}
