import type { ErasureBegun, ErasureDone, Expired } from '../contract/entry.ts'
import type { Clock } from '../lib/clock.ts'
import type { ScanReport, ScanTask } from './scan/task.ts'

/** A text of a subject, as far as it can still be read. */
export type KeptText =
  | { readonly type: 'text'; readonly text: Uint8Array | string }
  /** Its file went by the retention policy. */
  | { readonly type: 'expired' }
  /** Its key is gone. */
  | { readonly type: 'erased' }
  /** The bytes on the disk are not those that the log commits to. */
  | { readonly type: 'damaged' }

/** A judgement that a caller gave of an answer. */
export interface SubjectFeedback {
  /** Everything but the text, fit for JSON. */
  readonly facts: object
  readonly correction?: KeptText
}

/** One request about a subject, with everything that is kept of it. */
export interface SubjectRequest {
  /** Metadata: id, times, model, tokens, cost, outcome; fit for JSON. */
  readonly facts: object
  readonly prompt?: KeptText
  readonly answer?: KeptText
  readonly feedback: readonly SubjectFeedback[]
}

/** The names and keys of subjects. */
export interface SubjectsPort {
  /** The pseudonym `sub_…` of a name; undefined where no such subject is known (any more). */
  find(name: string): string | undefined
  /** The name behind a pseudonym; undefined where its key is gone. */
  nameOf(ref: string): string | undefined
}

/** What is known of a subject, for whoever may see it. */
export interface SubjectRecords {
  /**
   * Every request of a subject, one at a time, in bounded memory. Complete: what was recorded before the call is
   * in it.
   */
  requestsOf(ref: string): AsyncIterable<SubjectRequest>
  /** What is known of an API key, without its secret; undefined where the name is no key's id. */
  keyFacts(name: string): object | undefined
  /** What was learned of the subject's requests and is kept under its pseudonym, bounded. */
  learnedOf(ref: string): readonly object[]
}

/** An inclusion proof of an entry, with the signed checkpoint and the key that verifies it. */
export interface EntryProof {
  readonly verifierKey: string
  readonly [field: string]: unknown
}

/** What stands in a collection now. */
export interface Standing {
  readonly collection: string
  /** Where it is from: a path, an address. */
  readonly source: string
  /** Empty, as the text, where only its name is remembered. */
  readonly title: string
  readonly text: string
}

export interface ErasurePorts extends SubjectRecords {
  readonly subjects: SubjectsPort & {
    /**
     * Destroys the subject's key for good: when it returns, the bytes are gone from the disk. Safe to repeat, also
     * where the row is gone already and only its bytes may remain. Throws where they may remain.
     */
    erase(ref: string): void | Promise<void>
  }
  /** Removes what the projections hold of the subject, from their files' bytes too. Safe to repeat. */
  forget(ref: string): Promise<void>
  /** Resolves once the entry is on the disk, whatever the configured durability. */
  record(entry: ErasureBegun | ErasureDone): Promise<void>
  /** A proof of the entries with this id, by a checkpoint that covers them. */
  prove(id: string): Promise<EntryProof>
  /** Looks for the probes in every file of the home, and knows which of these hold documents: `scanInChild`. */
  scan(task: ScanTask): Promise<ScanReport>
  /** True for bytes that stand in the handbook: where they are found says nothing about a subject. */
  ownWords(probe: Uint8Array): boolean
  /** All documents of all collections, one in memory at a time. */
  standing(): Iterable<Standing>
  readonly home: string
  readonly clock: Clock
  readonly newId: (prefix: string) => string
  /** 0 ≤ x < 1. */
  readonly random: () => number
}

/** A file that belongs to one UTC day. */
export interface DatedFile {
  readonly name: string
  /** 20261121 */
  readonly day: number
}

/** A file of the vault. */
export interface DatedTexts extends DatedFile {
  /** Its number. */
  readonly file: number
}

/** A segment of the log. */
export interface DatedSegment extends DatedFile {
  /** Sequence number of its first entry. */
  readonly first: number
}

export interface RetentionPorts {
  /** The vault's files, the oldest first. */
  textFiles(): readonly DatedTexts[]
  /** Removes one by its number; does nothing where it is gone. */
  removeTexts(file: number): void | Promise<void>
  /** The log's segments, the oldest first; the last one is being written. */
  segments(): readonly DatedSegment[]
  /** Removes one by its name; does nothing where it is gone. */
  removeSegment(name: string): void | Promise<void>
  /** Entries before this sequence number are in the snapshot of the folds, on the disk. */
  coveredUpTo(): number | Promise<number>
  /** A signed checkpoint that covers everything recorded before the call, and its size; undefined where the log is empty. */
  checkpoint(): Promise<{ readonly note: string; readonly size: number } | undefined>
  /** Resolves once the entry is on the disk, whatever the configured durability. */
  record(entry: Expired): Promise<void>
}

/** A kept text in characters; bytes are UTF-8. */
export function charactersOf(text: Uint8Array | string): string {
  return typeof text === 'string'
    ? text
    : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8')
}
