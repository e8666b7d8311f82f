import { charactersOf, type KeptText, type SubjectRequest } from '../ports.ts'
import { type NameSearch, nameProbes } from './name.ts'
import { windowsOf } from './windows.ts'

/** Texts whose pieces are kept; beyond them each text still has an equal chance (reservoir sampling). */
const TEXTS_MAX = 1_000

/** What a subject's texts are looked for by, and what was read for it. */
export interface Probes {
  /** Those of the name first. */
  readonly probes: readonly Uint8Array[]
  /** How many are of the name. */
  readonly nameProbes: number
  readonly name: NameSearch
  readonly texts: TextCounts
}

export interface TextCounts {
  readonly prompts: number
  readonly answers: number
  readonly corrections: number
  /** Texts that the scan looks for by pieces of theirs: the others are too short or too plain, or too many. */
  readonly probed: number
  /** Texts that are there and could not be read. */
  readonly damaged: number
}

/**
 * Reads every text of a subject once and keeps a bounded number of pieces. `name` is undefined where it must not
 * be looked for.
 */
export async function collectProbes(
  requests: AsyncIterable<SubjectRequest>,
  name: string | undefined,
  random: () => number,
): Promise<Probes> {
  const sample = new Sample(random)
  const counts = { prompts: 0, answers: 0, corrections: 0, damaged: 0 }
  const take = (kind: 'prompts' | 'answers' | 'corrections', kept: KeptText | undefined): void => {
    if (kept?.type === 'damaged') counts.damaged += 1
    if (kept?.type !== 'text') return
    counts[kind] += 1
    sample.add(windowsOf(charactersOf(kept.text)))
  }
  for await (const request of requests) {
    take('prompts', request.prompt)
    take('answers', request.answer)
    for (const feedback of request.feedback) take('corrections', feedback.correction)
  }
  const named = name === undefined ? ({ search: 'none', probes: [] } as const) : nameProbes(name)
  const texts = { ...counts, probed: sample.kept.length }
  const ofName = distinct(named.probes)
  const probes = distinct([...ofName, ...sample.kept.flat()])
  return { probes, nameProbes: ofName.length, name: named.search, texts }
}

/** Source: Vitter, Random sampling with a reservoir (1985), algorithm R. */
class Sample {
  readonly kept: Uint8Array[][] = []
  readonly #random: () => number
  #seen = 0

  constructor(random: () => number) {
    this.#random = random
  }

  add(windows: Uint8Array[]): void {
    if (windows.length === 0) return
    this.#seen += 1
    if (this.kept.length < TEXTS_MAX) {
      this.kept.push(windows)
      return
    }
    const at = Math.floor(this.#random() * this.#seen)
    if (at < TEXTS_MAX) this.kept[at] = windows
  }
}

function distinct(probes: readonly Uint8Array[]): Uint8Array[] {
  const seen = new Map<string, Uint8Array>()
  // A second one of the same bytes keeps the place of the first.
  for (const probe of probes) seen.set(Buffer.from(probe).toString('latin1'), probe)
  return [...seen.values()]
}
