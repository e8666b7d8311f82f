import type { TextRef } from '../../contract/entry.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Bundle } from '../../record/audit/bundle.ts'
import type { KeptText, Query, Reply } from '../../record/index/query.ts'
import type { LogPosition } from '../../record/log/opening.ts'

/** What crosses between the main thread, which writes the log, and the follower, which reads it. */

/** How the follower is started. */
export interface FollowerData {
  readonly home: string
  /** The master key where the configuration names one; else the home's own is used. */
  readonly masterKey: string | undefined
}

/** A question to the follower, and what answers it. */
export interface Questions {
  /** The projections. */
  readonly index: { readonly ask: Query; readonly reply: Reply }
  /** Nothing but the moment at which everything is read. */
  readonly 'caught-up': { readonly ask: null; readonly reply: null }
  /** One kept text. */
  readonly text: {
    readonly ask: { readonly subject: string; readonly ref: TextRef }
    readonly reply: KeptText
  }
  /** Removes what the projections hold of a subject. */
  readonly forget: { readonly ask: string; readonly reply: null }
  /** Signs a checkpoint now. */
  readonly checkpoint: {
    readonly ask: null
    readonly reply: { readonly note: string; readonly size: number }
  }
  /** A proof of every entry with this id, by a checkpoint that is signed for it. */
  readonly prove: { readonly ask: string; readonly reply: Bundle }
  /** Writes a snapshot now; entries before the sequence number are in it. */
  readonly snapshot: { readonly ask: null; readonly reply: LogPosition }
}

export type Kind = keyof Questions

export type ToFollower =
  /** Entries before this sequence number are on the disk. */
  | { readonly type: 'synced'; readonly seq: number }
  /** To be answered when everything before `seq` has been read. */
  | {
      readonly type: 'ask'
      readonly id: number
      readonly seq: number
      readonly kind: Kind
      readonly ask: unknown
    }
  /** Read up to `seq`, sign, write the snapshot, and end. */
  | { readonly type: 'stop'; readonly seq: number }

export type FromFollower =
  | { readonly type: 'reply'; readonly id: number; readonly reply: unknown }
  | { readonly type: 'refused'; readonly id: number; readonly problem: Problem }
  /** Everything before this sequence number is in the tree and in the projections; `note` is the newest checkpoint. */
  | { readonly type: 'reached'; readonly seq: number; readonly note: string }
  /** Something that a person should know of, and that mended itself. */
  | { readonly type: 'remark'; readonly words: string }
  | { readonly type: 'stopped' }
