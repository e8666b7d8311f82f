import type { WireChoice, WireMessage } from '../../contract/chat.ts'
import type { LooseFields } from './loose-fields.ts'
import type { TextScanner } from './text-scanner.ts'

/** The fields of a message that people are shown, as engines name them. */
export const TEXT_FIELDS = ['content', 'reasoning_content', 'reasoning', 'thinking', 'refusal'] as const
export type TextField = (typeof TEXT_FIELDS)[number]

/** Thoughts with what their engine signed them with; in a stream, the signature of the thought that has just ended. */
export const SIGNED_FIELD = 'thinking_blocks'

/** Signed thoughts after screening: the signature of one that was changed would be refused, and goes. */
export function unsigned(screened: unknown, before: unknown): unknown {
  if (!Array.isArray(screened) || !screened.some(isSigned)) return screened
  return screened.map((block: unknown, at) => {
    const same = Array.isArray(before) && block === before[at]
    return same || !isSigned(block) ? block : { ...block, signature: '' }
  })
}

function isSigned(block: unknown): block is object {
  return typeof block === 'object' && block !== null && 'signature' in block
}

const KNOWN_FIELDS = new Set<string>(['role', ...TEXT_FIELDS])

/** The fields of a message that hold something and are none of the texts; a list of parts counts as one. */
export function looseFieldsOf(message: WireMessage): readonly string[] {
  let fields: string[] | undefined
  for (const field in message) {
    const value = message[field]
    if (value == null || value === '') continue
    if (KNOWN_FIELDS.has(field) && typeof value === 'string') continue
    fields ??= []
    fields.push(field)
  }
  return fields ?? NO_FIELDS
}

const NO_FIELDS: readonly string[] = []

export type Texts = Partial<Record<TextField, string>>

export interface Taken {
  /** What each field of the delta says now; only fields that changed. */
  readonly fields: Texts
  changed: boolean
}

/** A chunk of our own goes before the one at hand, so what that one says of the same field moves into it. */
export function withBefore(text: Taken, rest: Texts): Texts {
  for (const field of TEXT_FIELDS) {
    if (rest[field] === undefined) continue
    rest[field] = (text.fields[field] ?? '') + rest[field]
    text.fields[field] = ''
    text.changed = true
  }
  return rest
}

/** One choice: a scanner for each of its text fields, its other fields, and the log-probabilities of text that is held back. */
export class ChoiceScan {
  readonly #create: () => TextScanner
  readonly #loose: LooseFields
  readonly #scanners = new Map<TextField, TextScanner>()
  #heldLogprobs: unknown[] = []
  #lostText = false
  #lostThought = false

  constructor(create: () => TextScanner, loose: LooseFields) {
    this.#create = create
    this.#loose = loose
  }

  scanner(field: TextField): TextScanner {
    let scanner = this.#scanners.get(field)
    if (scanner === undefined) {
      scanner = this.#create()
      this.#scanners.set(field, scanner)
    }
    return scanner
  }

  get holds(): boolean {
    return this.holdsText || this.#loose.holds
  }

  get holdsText(): boolean {
    for (const scanner of this.#scanners.values()) if (scanner.held > 0) return true
    return false
  }

  take(delta: WireMessage): Taken {
    const taken: Taken = { fields: {}, changed: false }
    for (const field of TEXT_FIELDS) {
      const text = delta[field]
      if (typeof text !== 'string' || text === '') continue
      const scanner = this.scanner(field)
      const removals = scanner.removals
      const screened = scanner.push(text)
      if (scanner.removals > removals) this.#lost(field)
      if (screened === text) continue
      taken.fields[field] = screened
      taken.changed = true
    }
    return taken
  }

  /** What the other fields say now; undefined where none changed. `last`: nothing of this choice follows. */
  takeLoose(message: WireMessage, last: boolean): Readonly<Record<string, unknown>> | undefined {
    let changed: Record<string, unknown> | undefined
    for (const field of looseFieldsOf(message)) {
      let screened = this.#loose.take(field, message[field], last)
      if (field === SIGNED_FIELD && this.#lostThought) {
        const sealed = screened
        screened = unsigned(sealed, undefined)
        this.#lostThought = screened === sealed
      }
      if (screened === message[field]) continue
      changed ??= {}
      changed[field] = screened
    }
    return changed
  }

  #lost(field: TextField): void {
    this.#lostText = true
    if (field !== 'content' && field !== 'refusal') this.#lostThought = true
  }

  /** What is held back of the other fields, each to leave in a delta of its own. */
  flushLoose(): readonly Readonly<Record<string, unknown>>[] {
    return this.#loose.flush()
  }

  flush(): Texts {
    const rest: Texts = {}
    for (const [field, scanner] of this.#scanners) {
      if (scanner.held === 0) continue
      const removals = scanner.removals
      rest[field] = scanner.flush()
      if (scanner.removals > removals) this.#lost(field)
    }
    return rest
  }

  /**
   * Log-probabilities spell the text token by token, so they wait while it is held back and are dropped with
   * what is removed. Returns what the chunk at hand should carry.
   */
  logprobs(choice: WireChoice | undefined, changed: boolean): unknown {
    const own = choice?.logprobs
    if (own == null && this.#heldLogprobs.length === 0) {
      this.#lostText = this.holdsText && this.#lostText
      return own
    }
    if (!changed && this.#heldLogprobs.length === 0 && !this.holdsText) return own
    this.#heldLogprobs.push(...tokensOf(own))
    if (this.holdsText) return null
    const tokens = this.#lostText ? [] : this.#heldLogprobs
    this.#heldLogprobs = []
    this.#lostText = false
    return tokens.length === 0 ? null : { content: tokens, refusal: null }
  }
}

function tokensOf(logprobs: unknown): readonly unknown[] {
  if (typeof logprobs !== 'object' || logprobs === null || !('content' in logprobs)) return []
  return Array.isArray(logprobs.content) ? logprobs.content : []
}
