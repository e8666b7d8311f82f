import type { Entry, Keep, Opened, TextRef } from '../contract/entry.ts'

/** What an entry is appended to. */
export interface EntryLog {
  append(entry: Entry): Promise<void>
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
        return this.#log.append({ ...entry, ...this.#answer(entry.id, keep) })
      case 'feedback':
        return this.#log.append({ ...entry, ...this.#correction(keep) })
      default:
        return this.#log.append(entry)
    }
  }

  #open(entry: Opened, keep: Keep | undefined): Promise<void> {
    if (keep === undefined || this.#vault === undefined) return this.#log.append(entry)
    const { id } = entry
    const subject = this.#vault.subject(keep.subject)
    const prompt = this.#vault.seal(subject, keep.text)
    const told = { subject: subject.ref, ...(prompt === undefined ? {} : { prompt }) }
    const appended = this.#log.append({ ...entry, ...told })
    this.#subjects.set(id, subject)
    // What was not opened is never closed. The failure itself is the caller's to hear.
    appended.catch(() => this.#subjects.delete(id))
    return appended
  }

  #answer(id: string, keep: Keep | undefined): { answer?: TextRef } {
    const subject = this.#subjects.get(id)
    this.#subjects.delete(id)
    if (subject === undefined || keep === undefined) return {}
    const answer = this.#vault?.seal(subject, keep.text)
    return answer === undefined ? {} : { answer }
  }

  #correction(keep: Keep | undefined): { correction?: TextRef } {
    if (keep === undefined || this.#vault === undefined) return {}
    const correction = this.#vault.seal(this.#vault.subject(keep.subject), keep.text)
    return correction === undefined ? {} : { correction }
  }
}
