/** One sequence of the context with the tokens that stand in its KV cache. */
export interface Slot<Sequence> {
  readonly index: number
  readonly sequence: Sequence
  /** What the cache holds, in order. */
  tokens: readonly number[]
  busy: boolean
  /** What it holds is to be forgotten when it is free. */
  forget: boolean
  /** On the monotonic clock, milliseconds. */
  usedAt: number
  /** How often it was continued. */
  hits: number
}

/** Where a prompt goes, and how much of it stands there already. */
export interface Chosen<Sequence> {
  readonly slot: Slot<Sequence>
  readonly cachedTokens: number
  /** The slot held another text of some length, which is given up. */
  readonly evicts: boolean
}

/** A cache loses half of its worth in this time. */
const HALF_LIFE_MS = 120_000
/** A common beginning shorter than this is chance: every template begins alike. */
const CONTINUES_MIN = 16

/**
 * The KV caches as a managed resource. A prompt goes where the longest beginning of it stands; where none does, to
 * the free slot whose cache is of least use, so that a conversation that is likely to go on keeps its own.
 */
export class SlotTable<Sequence> {
  readonly slots: readonly Slot<Sequence>[]

  constructor(sequences: readonly Sequence[]) {
    this.slots = sequences.map((sequence, index) => ({
      index,
      sequence,
      tokens: [],
      busy: false,
      forget: false,
      usedAt: Number.NEGATIVE_INFINITY,
      hits: 0,
    }))
  }

  get busy(): number {
    return this.slots.reduce((count, slot) => count + (slot.busy ? 1 : 0), 0)
  }

  get tokens(): number {
    return this.slots.reduce((sum, slot) => sum + slot.tokens.length, 0)
  }

  /** Takes a slot for a prompt; undefined where all are busy. */
  take(prompt: readonly number[], now: number): Chosen<Sequence> | undefined {
    const free = this.slots.filter((slot) => !slot.busy)
    let best: Slot<Sequence> | undefined
    let cachedTokens = 0
    for (const slot of free) {
      const common = commonTokens(slot.tokens, prompt)
      if (common < CONTINUES_MIN || common < cachedTokens) continue
      // Of equals, the one that loses less by it.
      if (common === cachedTokens && best !== undefined && best.tokens.length <= slot.tokens.length) continue
      // Taking a long conversation's cache for a short beginning that others hold too would cost it everything.
      if (common < slot.tokens.length / 2 && free.some((other) => other.tokens.length === 0)) continue
      best = slot
      cachedTokens = common
    }
    const slot = best ?? leastUseful(free, now)
    if (slot === undefined) return undefined
    slot.busy = true
    slot.hits = best === undefined ? 0 : slot.hits + 1
    return { slot, cachedTokens, evicts: best === undefined && slot.tokens.length > 0 }
  }

  /** Gives a slot back with what stands in its cache now. */
  release(slot: Slot<Sequence>, tokens: readonly number[], now: number): void {
    slot.tokens = tokens
    slot.busy = false
    slot.usedAt = now
  }
}

function leastUseful<Sequence>(free: readonly Slot<Sequence>[], now: number): Slot<Sequence> | undefined {
  let least: Slot<Sequence> | undefined
  for (const slot of free) {
    if (least === undefined || usefulness(slot, now) < usefulness(least, now)) least = slot
  }
  return least
}

/** Tokens that it would save, times how often it did, halved with each HALF_LIFE_MS that nobody came. */
function usefulness(slot: Slot<unknown>, now: number): number {
  if (slot.tokens.length === 0) return 0
  return slot.tokens.length * (1 + slot.hits) * 0.5 ** ((now - slot.usedAt) / HALF_LIFE_MS)
}

function commonTokens(left: readonly number[], right: readonly number[]): number {
  const end = Math.min(left.length, right.length)
  let index = 0
  while (index < end && left[index] === right[index]) index += 1
  return index
}
