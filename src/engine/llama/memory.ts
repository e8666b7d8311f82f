import { readFileSync } from 'node:fs'
import { availableParallelism, freemem, totalmem } from 'node:os'
import type { GgufFacts } from '../gguf/read.ts'

/** What a model is, as far as its memory goes. */
export interface ModelShape {
  readonly fileBytes: number
  /** Key and value of one token, in all layers and heads. */
  readonly kvBytesPerToken: number
  readonly trainedTokens: number
}

/** What is taken for a model: the largest that fits. */
export interface Fit {
  readonly contextTokens: number
  readonly slots: number
  readonly bytes: number
}

export interface FitWish {
  readonly contextTokens: number
  /** Sequences that shall run at once: the least number of slots. */
  readonly parallel: number
  /** Sequences beyond those whose caches are kept, where memory is left. */
  readonly spare: number
  readonly availableBytes: number
}

/** Caches hold two bytes a value: F16, llama.cpp's default. */
const VALUE_BYTES = 2
/** llama.cpp's own buffers: batches, graphs, logits. Measured 60–90 MB on a 25M model, and some with the size. */
const BUFFERS_BYTES = 128 * 1_048_576
const BUFFERS_SHARE = 0.05
const CONTEXT_MIN = 512
/** For a file that does not say what its model was trained for. */
const CONTEXT_UNKNOWN = 2_048

/** From the header of a model's file. A head whose length the file leaves open has its share of the embedding. */
export function shapeOf(facts: GgufFacts): ModelShape {
  const { embedding, fileBytes, heads, keyLength, kvHeads, layers, valueLength } = facts
  const wide = embedding ?? 0
  const share = wide / Math.max(1, mean(heads) ?? 1)
  const values = (mean(kvHeads) ?? mean(heads) ?? 1) * ((keyLength ?? share) + (valueLength ?? share))
  return {
    fileBytes,
    kvBytesPerToken: Math.ceil((layers ?? 0) * values * VALUE_BYTES),
    trainedTokens: facts.contextTokens ?? CONTEXT_UNKNOWN,
  }
}

/** Of one number for all layers, or one for each. */
function mean(byLayer: GgufFacts['heads']): number | null {
  if (byLayer === null || typeof byLayer === 'number') return byLayer
  return byLayer.reduce((sum, one) => sum + one, 0) / Math.max(1, byLayer.length)
}

/**
 * How a model is loaded in the memory that there is: the wished context on the wished slots, and spare ones where
 * they fit; else a shorter context on fewer. Undefined where not even the least fits.
 */
export function fit(shape: ModelShape, wish: FitWish): Fit | undefined {
  const fixed = shape.fileBytes * (1 + BUFFERS_SHARE) + BUFFERS_BYTES
  const perToken = shape.kvBytesPerToken
  const left = wish.availableBytes - fixed
  const longest = Math.min(wish.contextTokens, shape.trainedTokens)
  for (
    let contextTokens = longest;
    contextTokens >= Math.min(CONTEXT_MIN, longest);
    contextTokens = Math.floor(contextTokens / 2)
  ) {
    const room = Math.floor(left / (perToken * contextTokens))
    if (room >= wish.parallel || (contextTokens / 2 < CONTEXT_MIN && room >= 1)) {
      const slots = Math.min(room, wish.parallel + wish.spare)
      return { contextTokens, slots, bytes: Math.ceil(fixed + slots * contextTokens * perToken) }
    }
  }
  return undefined
}

/** The least that a model needs: its weights, and one short sequence. */
export function leastBytes(shape: ModelShape): number {
  const tokens = Math.min(CONTEXT_MIN, shape.trainedTokens)
  return Math.ceil(shape.fileBytes * (1 + BUFFERS_SHARE) + BUFFERS_BYTES + tokens * shape.kvBytesPerToken)
}

/** Bytes that can be taken without swapping; a control group's limit counts where it is the lower one. */
export function availableBytes(): number {
  const meminfo = readable('/proc/meminfo')
  const kibibytes = /^MemAvailable:\s+(\d+) kB/m.exec(meminfo ?? '')?.[1]
  const machine = kibibytes === undefined ? freemem() : Number(kibibytes) * 1_024
  const limit = Number(readable('/sys/fs/cgroup/memory.max'))
  const used = Number(readable('/sys/fs/cgroup/memory.current'))
  if (!Number.isFinite(limit) || !Number.isFinite(used) || limit === 0 || limit >= totalmem()) return machine
  return Math.max(0, Math.min(machine, limit - used))
}

/** One core is left for the gateway; more threads than free cores wait for each other. */
export function defaultThreads(): number {
  return Math.max(1, availableParallelism() - 1)
}

/** Undefined where the system has no such file, as outside Linux. */
function readable(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
