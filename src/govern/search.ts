import { setImmediate as turn } from 'node:timers/promises'
import type { ErasurePorts, Standing } from './ports.ts'
import type { Probes } from './probe/collect.ts'
import { createMatcher } from './scan/matcher.ts'
import type { ScanReport } from './scan/task.ts'

/** A scan as the receipt tells it: without words that are somebody else's. */
export interface Scanned extends Omit<ScanReport, 'hits'> {
  readonly probes: number
  readonly textsProbed: number
  readonly name: Probes['name']
  /** Places in all; `findings` tells the first of them. */
  readonly found: number
  readonly findings: { file: string; offset: number }[]
  /** Byte strings that were found where documents stand, are words of one, and so do not count. */
  readonly inDocuments: number
}

export interface SearchPorts extends Pick<ErasurePorts, 'scan' | 'ownWords' | 'standing' | 'home'> {}

const FINDINGS_MAX = 100
/** UTF-16 units of documents that are looked through before others have their turn. */
const TURN_CHARS = 1_048_576

/**
 * Looks for the probes in every byte of the home. The handbook's words do not count. Neither does what was found in
 * the file of the collections and stands in a document there that `isOther` says yes to: the bytes are that
 * document's. The same bytes in any other file count, and so do bytes in that file that no such document holds (any
 * more). Names count in documents too, unless `shared` says that they may stand there.
 */
export async function search(
  { scan, ownWords, standing, home }: SearchPorts,
  probes: Probes,
  shared: { readonly names: boolean; isOther(document: Standing): boolean },
): Promise<Scanned> {
  const { files, bytes, unread, hits } = await scan({ home, probes: [...probes.probes] })
  const mayBeDocuments = hits
    .filter(({ probe, inDocuments }) => inDocuments && (shared.names || probe >= probes.nameProbes))
    .map(({ probe }) => probe)
  const held = await heldBy(probes.probes, mayBeDocuments, () => others(standing(), shared.isOther))
  let found = 0
  const findings: { file: string; offset: number }[] = []
  for (const hit of hits) {
    const probe = probes.probes[hit.probe]
    if ((hit.inDocuments && held.has(hit.probe)) || (probe !== undefined && ownWords(probe))) continue
    found += hit.count
    findings.push(...hit.places.slice(0, FINDINGS_MAX - findings.length))
  }
  return {
    ...{ files, bytes, probes: probes.probes.length, textsProbed: probes.texts.probed, name: probes.name },
    ...{ found, findings, inDocuments: held.size, unread },
  }
}

function* others(
  standing: Iterable<Standing>,
  isOther: (document: Standing) => boolean,
): Generator<Standing> {
  for (const document of standing) if (isOther(document)) yield document
}

/** Which of these probes stand in documents. All of them are looked for at once, and each document is read once. */
async function heldBy(
  probes: readonly Uint8Array[],
  wanted: readonly number[],
  standing: () => Iterable<Standing>,
): Promise<ReadonlySet<number>> {
  const held = new Set<number>()
  if (wanted.length === 0) return held
  const matcher = createMatcher(wanted.flatMap((index) => probes[index] ?? []))
  let looked = 0
  for (const { source, title, text } of standing()) {
    for (const words of [source, title, text]) {
      const bytes = Buffer.from(words)
      matcher.find(bytes, bytes.length, ({ probe }) => void held.add(wanted[probe] ?? -1))
      looked += words.length
    }
    if (held.size === wanted.length) return held
    if (looked < TURN_CHARS) continue
    looked = 0
    await turn()
  }
  return held
}
