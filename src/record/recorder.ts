import type { Entry, Keep, Opened, TextRef } from '../contract/entry.ts'
import type { Told } from './log/line.ts'

/** What an entry is appended to. Entries that share their fate share the promise. */
export interface EntryLog {
  append(entry: Entry, told?: Told): Promise<void>
}

/** Somebody whose texts are encrypted with a key of their own. */
export interface KeptSubject {
  readonly ref: string
}

/** Where texts go. Both calls are synchronous: the bytes reach the operating system before the entry does. */
export interface TextVault<Subject extends KeptSubject> {
  subject(name: string): Subject
  /** Undefined where the subject has been erased meanwhile. */
  seal(subject: Subject, text: Uint8Array | string): TextRef | undefined
}

/**
 * Appends entries and keeps their texts: the log gets the pseudonym of the subject and the hash of what was
 * encrypted, never a name or a text. A request's answer is sealed for whom its prompt was sealed for, so that
 * an erasure in between takes the answer too. What cannot be sealed throws at once; nothing is appended then.
 */
export class Recorder<Subject extends KeptSubject> {
  readonly #log: EntryLog
  readonly #vault: TextVault<Subject> | undefined
  /** Of requests under way. */
  readonly #subjects = new Map<string, Subject>()
  /** The newest of those that were opened together, which are written or refused together. */
  #newest: { readonly appended: Promise<void>; readonly ids: string[] } | undefined

  /** Without a vault no text is kept. */
  constructor(log: EntryLog, vault: TextVault<Subject> | undefined) {
    this.#log = log
    this.#vault = vault
  }

  append(entry: Entry, keep?: Keep): Promise<void> {
    switch (entry.type) {
      case 'opened':
        return this.#open(entry, keep)
      case 'closed':
        return this.#log.append(entry, this.#answer(entry.id, keep))
      case 'feedback':
        return this.#log.append(entry, this.#correction(keep))
      default:
        return this.#log.append(entry)
    }
  }

  #open(entry: Opened, keep: Keep | undefined): Promise<void> {
    if (keep === undefined || this.#vault === undefined) return this.#log.append(entry)
    const subject = this.#vault.subject(keep.subject)
    const prompt = this.#vault.seal(subject, keep.text)
    const { ref } = subject
    const told = prompt === undefined ? { subject: ref } : { subject: ref, prompt }
    // Before it is written: a string that was a key is flat, and in V8 only flat ones become JSON the fast way.
    this.#subjects.set(entry.id, subject)
    const appended = this.#log.append(entry, told)
    this.#watch(appended, entry.id)
    return appended
  }

  /** What was not opened is never closed. The failure itself is the caller's to hear. */
  #watch(appended: Promise<void>, id: string): void {
    if (appended === this.#newest?.appended) {
      this.#newest.ids.push(id)
      return
    }
    const ids = [id]
    this.#newest = { appended, ids }
    appended.catch(() => {
      for (const one of ids) this.#subjects.delete(one)
    })
  }

  #answer(id: string, keep: Keep | undefined): Told | undefined {
    const subject = this.#subjects.get(id)
    if (subject === undefined) return undefined
    this.#subjects.delete(id)
    const answer = keep === undefined ? undefined : this.#vault?.seal(subject, keep.text)
    return answer === undefined ? undefined : { answer }
  }

  #correction(keep: Keep | undefined): Told | undefined {
    if (keep === undefined || this.#vault === undefined) return undefined
    const correction = this.#vault.seal(this.#vault.subject(keep.subject), keep.text)
    return correction === undefined ? undefined : { correction }
  }
}
