import { basename } from 'node:path'
import { openCheckpoint } from '../tree/checkpoint.ts'
import type { Verifier } from '../tree/note.ts'
import { rootAt } from '../tree/stored.ts'
import type { StoredFile } from '../tree/stored-file.ts'
import type { Hole } from './alignment.ts'
import type { Findings } from './finding.ts'

/** What an `expired` entry says, as far as an audit needs it. */
interface Expiry {
  readonly seq: number
  readonly what: string
  readonly files: readonly string[]
  readonly first: number
  readonly last: number
  readonly checkpoint: string
}

/** Retention entries kept in mind: one a day for a thousand years. */
const MAX_KEPT = 365_000

/**
 * Collects `expired` entries and says which of the missing records and files they explain. An entry explains only
 * where a signed checkpoint covers it, and where the checkpoint that it carries is signed and is one of this
 * tree: anybody who can write a file could append such an entry, but not sign over it.
 */
export class Expiries {
  readonly #kept: Expiry[] = []

  /** An entry of that type that stands at its place in the log. */
  add(entry: object, seq: number): void {
    const text = (field: string): string => String(Reflect.get(entry, field) ?? '')
    const number = (field: string): number => Number(Reflect.get(entry, field) ?? Number.NaN)
    const files: unknown = Reflect.get(entry, 'files')
    if (this.#kept.length >= MAX_KEPT) return
    this.#kept.push({
      seq,
      what: text('what'),
      files: Array.isArray(files) ? files.map((file) => basename(String(file))) : [],
      first: number('first'),
      last: number('last'),
      checkpoint: text('checkpoint'),
    })
  }

  /** Names the holes that nothing explains, and returns the vault files that have expired. */
  judge(from: {
    readonly holes: readonly Hole[]
    readonly stored: StoredFile
    readonly verifier: Verifier | undefined
    readonly signedSize: number
    readonly findings: Findings
  }): ReadonlySet<string> {
    const covered = this.#kept.filter(({ seq }) => seq < from.signedSize)
    const valid = covered.filter((expiry) => isOfThisTree(expiry, from))
    const ranges = valid.filter(({ what }) => what === 'entries')
    for (const hole of from.holes) {
      for (const { first, last } of without(hole, ranges)) {
        const early = this.#kept.some(
          (one) => one.seq >= from.signedSize && one.first <= last && one.last >= first,
        )
        const why = early
          ? ' An entry says that they expired, and no checkpoint covers it yet: verify again in a minute.'
          : ''
        const detail = `The tree holds ${last > first ? 'their hashes' : 'its hash'}; the log does not hold ${last > first ? 'them' : 'it'}.${why}`
        const several = last > first ? { lastSeq: last } : {}
        const { file, offset } = hole
        from.findings.add({ kind: 'removed', seq: first, ...several, file, offset, detail })
      }
    }
    return new Set(valid.filter(({ what }) => what === 'texts').flatMap(({ files }) => files))
  }
}

function isOfThisTree(
  { seq, last, what, checkpoint }: Expiry,
  { stored, verifier, findings }: { stored: StoredFile; verifier: Verifier | undefined; findings: Findings },
): boolean {
  const opened = verifier && openCheckpoint(checkpoint, verifier)
  if (opened?.type === 'signed') {
    const { size, root } = opened.checkpoint
    const covers = what === 'texts' || size > last
    if (covers && size <= stored.size && rootAt(size, stored.read).equals(root)) return true
  }
  const why = opened?.type === 'refused' ? opened.why : 'is not one of this tree that covers what went'
  const detail = `The entry says that records or texts expired, and the checkpoint that it carries ${why}.`
  findings.add({ kind: 'checkpoint-forged', seq, detail })
  return false
}

/**
 * What is left of a hole. Retention takes the oldest first, and in time the entries that told of it as well: where
 * the log's beginning is gone up to a record that is known to have expired, all before that record may have been told
 * of by entries that have expired themselves.
 */
function without(hole: Range, ranges: readonly Range[]): Range[] {
  const within = ranges.filter(({ first, last }) => first <= hole.last && last >= hole.first)
  if (hole.first === 0) {
    const last = Math.max(-1, ...within.map((range) => range.last))
    return last < hole.last ? [{ first: last + 1, last: hole.last }] : []
  }
  let left: Range[] = [{ first: hole.first, last: hole.last }]
  for (const range of within) {
    left = left.flatMap(({ first, last }) => {
      if (range.last < first || range.first > last) return [{ first, last }]
      const before = first < range.first ? [{ first, last: range.first - 1 }] : []
      const after = last > range.last ? [{ first: range.last + 1, last }] : []
      return [...before, ...after]
    })
  }
  return left
}

interface Range {
  readonly first: number
  readonly last: number
}
