/** What can be wrong with a record, or with the proof of it. */
export type FindingKind =
  | 'changed'
  | 'removed'
  | 'inserted'
  | 'reordered'
  | 'truncated'
  | 'older-copy'
  | 'checkpoint-forged'
  | 'checkpoint-missing'
  | 'key-missing'
  | 'tree-changed'
  | 'text-changed'
  | 'text-missing'

export interface Finding {
  readonly kind: FindingKind
  /** Sequence number of the record. */
  readonly seq?: number
  /** The last of several in a row. */
  readonly lastSeq?: number
  /** The request, or what else the record is about, where that can still be read. */
  readonly id?: string
  /** Relative to the home. */
  readonly file?: string
  /** Byte in the file. */
  readonly offset?: number
  /** What happened and how that is known, in a sentence. */
  readonly detail: string
}

/** Findings listed; more are counted. */
const MAX_FINDINGS = 1_000

/** Collects findings in bounded memory. */
export class Findings {
  readonly list: Finding[] = []
  /** Findings that found no place in the list. */
  unlisted = 0

  add(finding: Finding): void {
    if (this.list.length < MAX_FINDINGS) this.list.push(finding)
    else this.unlisted += 1
  }
}
