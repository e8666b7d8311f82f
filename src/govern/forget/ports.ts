import type { ForgetBegun, ForgetDone, TextRef, TextsWiped } from '../../contract/entry.ts'
import type { ErasurePorts } from '../ports.ts'

/** A document of a collection, by the number of its source. */
export interface DocumentRef {
  readonly collection: string
  readonly origin: number
}

/** What a document is looked for by. */
export interface DocumentTexts {
  readonly source: string
  /** The texts of its passages. */
  readonly passages: readonly string[]
}

/** The collections, as far as a forgetting needs them. */
export interface DocumentsPort {
  /** The names of all collections. */
  collections(): readonly string[]
  find(collection: string, source: string): DocumentRef | undefined
  /** Undefined where it is gone. */
  texts(document: DocumentRef): DocumentTexts | undefined
  /** Takes it out with its passages, postings and words, and from the file's bytes. Safe to repeat. */
  remove(document: DocumentRef): Promise<void>
  /** The collections that hold a document of this source. */
  holding(source: string): readonly string[]
  /** True where a search for these words finds a passage of it. */
  finds(document: DocumentRef, words: string): Promise<boolean>
}

export interface ForgettingPorts
  extends Pick<
    ErasurePorts,
    'prove' | 'scan' | 'ownWords' | 'standing' | 'home' | 'clock' | 'newId' | 'random'
  > {
  readonly documents: DocumentsPort
  /** Resolves once the entry is on the disk, whatever the configured durability. */
  record(entry: ForgetBegun | TextsWiped | ForgetDone): Promise<void>
  /** Requests whose record says that they quote it, everything that was recorded before the call included. */
  quoting(document: DocumentRef): AsyncIterable<{ readonly id: string; readonly answer: TextRef }>
  /** Overwrites a kept text; false where its file went before. */
  wipe(text: TextRef): boolean
  /** Drops what caches hold of prompts, and so of passages. */
  forgetCaches(): Promise<void>
}
