import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import type { Prompt } from './prompt.ts'
import { WARM_TOKENS_MIN, type WarmStates } from './warm-states.ts'

/** Tokens of a prompt that are read before the others get their turn, alone and beside others. */
const ALONE = 512
const BESIDE = 128
/** Tokens that may be read again so that a system prompt's state can be saved without what follows it. */
const AGAIN_MAX = 64

export interface PrefillParts {
  readonly warm: WarmStates | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Other sequences are at work. */
  readonly beside: () => boolean
  /** The caller has left. */
  readonly cancelled: () => boolean
}

/**
 * Brings the sequence to the prompt without its last token, or as far as the caller stays; returns how many of its
 * tokens stood there already, in memory or on the disk.
 */
export async function prefill(
  sequence: LlamaContextSequence,
  { tokens, systemTokens }: Prompt,
  parts: PrefillParts,
): Promise<number> {
  const whole = tokens.slice(0, -1)
  const system = whole.slice(0, systemTokens)
  await sequence.adaptStateToTokens(whole, false)
  const cachedTokens =
    parts.warm !== undefined && system.length >= WARM_TOKENS_MIN
      ? await warmUp(sequence, system, parts.warm, parts)
      : sequence.nextTokenIndex
  await read(sequence, whole, parts)
  return cachedTokens
}

/** Loads the system prompt's state where it is kept, and keeps it where it is worth it. */
async function warmUp(
  sequence: LlamaContextSequence,
  system: Token[],
  warm: WarmStates,
  parts: PrefillParts,
): Promise<number> {
  if (sequence.nextTokenIndex < system.length) await warm.load(sequence, system, parts.now())
  if (!warm.wants(system) || sequence.nextTokenIndex > system.length + AGAIN_MAX) {
    return sequence.nextTokenIndex
  }
  // Every template goes on alike after a system prompt: a few of those tokens stand here too, and must not be saved.
  await sequence.adaptStateToTokens(system, false)
  const cachedTokens = sequence.nextTokenIndex
  await read(sequence, system, parts)
  if (sequence.nextTokenIndex === system.length) await warm.save(sequence, system, parts.now())
  return cachedTokens
}

/** Reads on up to the end of `tokens`, in slices between which a caller may leave and others get their turn. */
async function read(
  sequence: LlamaContextSequence,
  tokens: readonly Token[],
  { cancelled, beside }: PrefillParts,
): Promise<void> {
  while (sequence.nextTokenIndex < tokens.length && !cancelled()) {
    const from = sequence.nextTokenIndex
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(from, from + (beside() ? BESIDE : ALONE)))
  }
}
