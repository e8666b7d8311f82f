import { createHash } from 'node:crypto'
import type { Caller } from '../../contract/caller.ts'
import type { ChatRequest } from '../../contract/chat.ts'
import type { Escalation } from '../../contract/escalation.ts'
import { textsOf } from '../../contract/text.ts'

const SESSIONS_MAX = 8_192
const HASHED_CHARS = 4_096

/**
 * Which model each conversation is with: its prompt lies in that engine's cache, and a reader notices a change of
 * voice. A conversation is known by its key and by how it began. In memory, bounded, the longest unused forgotten.
 */
export class Sessions {
  readonly #models = new Map<string, string>()
  readonly #undecided = new WeakMap<Escalation, string>()

  /** The exact model of the turn before; undefined for a first turn. */
  modelOf(session: string): string | undefined {
    return this.#models.get(session)
  }

  /** The turn may yet go up. */
  mayMove(escalation: Escalation, session: string): void {
    this.#undecided.set(escalation, session)
  }

  /** It has gone up. */
  moved(escalation: Escalation): void {
    const session = this.#undecided.get(escalation)
    const [model] = escalation.strong
    if (session !== undefined && model !== undefined) this.is(session, model)
  }

  is(session: string, model: string): void {
    this.#models.delete(session)
    this.#models.set(session, model)
    if (this.#models.size <= SESSIONS_MAX) return
    const [oldest] = this.#models.keys()
    if (oldest !== undefined) this.#models.delete(oldest)
  }
}

/** What a conversation keeps from turn to turn: the key, and the messages up to the first of its user's. */
export function sessionOf({ messages }: ChatRequest, { key }: Pick<Caller, 'key'>): string {
  const first = messages.findIndex(({ role }) => role === 'user')
  const hash = createHash('sha256').update(key)
  for (const message of messages.slice(0, first + 1)) {
    hash.update(`\0${message.role}\0`)
    for (const text of textsOf(message)) hash.update(text.slice(0, HASHED_CHARS))
  }
  return hash.digest('base64url')
}
