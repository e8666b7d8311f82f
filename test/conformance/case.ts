import type { Capability, Subject } from './subject.ts'

/** What every engine owes that can do what it needs: a sentence, and the check of it. */
export interface Case {
  readonly name: string
  readonly needs: readonly Capability[]
  run(subject: Subject): Promise<void>
}
