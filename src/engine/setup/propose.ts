import type { Tier } from '../../contract/tier.ts'
import { CURATED, type CuratedModel } from './curated.ts'
import type { Machine } from './machine.ts'

/** Tokens of context that a model is reckoned with: a long question and its answer. */
const CONTEXT_TOKENS = 8_192
/** What llama.cpp takes beside weights and context. */
const OVERHEAD_BYTES = 536_870_912
/** What stays for everything else on the machine: a twentieth of it, at least this. */
const RESERVE_BYTES = 536_870_912
const RESERVE_SHARE = 0.05

/** Bytes of memory that a model needs with 8,192 tokens of context: an estimate. */
export function memoryNeed({ bytes, cacheBytesPerToken, contextTokens }: CuratedModel): number {
  return bytes + cacheBytesPerToken * Math.min(CONTEXT_TOKENS, contextTokens) + OVERHEAD_BYTES
}

/** Bytes of memory that models may take on a machine. */
export function memoryFor({ memory }: Machine): number {
  const size = Math.min(memory.totalBytes, memory.limitBytes ?? memory.totalBytes)
  return Math.max(0, memory.availableBytes - Math.max(RESERVE_BYTES, size * RESERVE_SHARE))
}

/**
 * For each tier the first model of the list that fits beside those of the tiers before it, in memory and on the disk,
 * and has the processors to answer at a bearable pace. `taken` are bytes of memory that are spoken for.
 */
export function propose(
  machine: Machine,
  tiers: readonly Tier[],
  diskReserveBytes: number,
  takenBytes = 0,
): readonly CuratedModel[] {
  const chosen: CuratedModel[] = []
  let memory = memoryFor(machine) - takenBytes
  let disk = machine.disk.freeBytes - diskReserveBytes
  for (const tier of tiers) {
    const fit = CURATED.find(
      (model) =>
        model.tier === tier &&
        memoryNeed(model) <= memory &&
        model.bytes <= disk &&
        model.cores <= machine.cores,
    )
    if (fit === undefined) continue
    chosen.push(fit)
    memory -= memoryNeed(fit)
    disk -= fit.bytes
  }
  return chosen
}
