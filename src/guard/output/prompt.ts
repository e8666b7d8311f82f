import type { ChatMessage, ChatRequest } from '../../contract/chat.ts'
import { textsOf } from '../../contract/text.ts'
import { type AddressContext, plainWords } from './address.ts'

/** Hosts of the configuration as a question: `docs.example.com` exactly, `*.example.com` below it. */
export function trustIn(hosts: readonly string[]): (host: string) => boolean {
  const exact = new Set<string>()
  const below: string[] = []
  for (const host of hosts) {
    const name = host.trim().toLowerCase()
    if (name.startsWith('*.')) below.push(name.slice(1))
    else exact.add(name)
  }
  return (host) => exact.has(host) || below.some((suffix) => host.endsWith(suffix))
}

const MAX_LOOKUPS = 256
/** Characters of the request that the look-ups of one answer read at most: some 20 ms. */
const MAX_LOOKED_CHARS = 33_554_432
const MAX_OCCURRENCES = 64
const MAX_WORDS_CHARS = 131_072
const WINDOW_WORDS = 5

/**
 * What an answer may repeat, asked of its request. Everything is built on the first question, because nearly
 * every answer asks none, and is bounded: 256 look-ups of addresses and secrets (beyond them nothing counts
 * as quoted or sent) and the first 131,072 characters of the messages that the user did not write.
 */
export class PromptMemory implements AddressContext {
  readonly isTrusted: (host: string) => boolean
  readonly #messages: readonly ChatMessage[]
  #texts: readonly { readonly user: boolean; readonly text: string }[] | undefined
  #windows: Set<string> | undefined
  #lookups = 0
  #lookedChars = 0

  constructor(request: ChatRequest, isTrusted: (host: string) => boolean) {
    this.isTrusted = isTrusted
    this.#messages = request.messages
  }

  isQuoted(address: string): boolean {
    if (address.length < 8 || !this.#mayLook()) return false
    return this.#all().some(({ text }) => holdsDelimited(text, address))
  }

  holdsWords(words: string): boolean {
    this.#windows ??= windowsOf(this.#all().filter((message) => !message.user))
    return this.#windows.has(words)
  }

  /**
   * The user typed this very secret, so showing it to the user tells nothing new. A secret of a system
   * prompt, a tool or a document is not the user's and gets no such pass.
   */
  userSent(secret: string): boolean {
    return this.#mayLook() && this.#all().some(({ user, text }) => user && text.includes(secret))
  }

  #mayLook(): boolean {
    if (this.#lookups >= MAX_LOOKUPS || this.#lookedChars >= MAX_LOOKED_CHARS) return false
    this.#lookups++
    for (const { text } of this.#all()) this.#lookedChars += text.length
    return true
  }

  #all(): readonly { readonly user: boolean; readonly text: string }[] {
    this.#texts ??= this.#messages.flatMap((message) => {
      const user = message.role === 'user'
      return textsOf(message).map((text) => ({ user, text }))
    })
    return this.#texts
  }
}

const ADDRESS_ENDS = /[\s"'`<>()[\]{}|,;]/

/** The address stands there whole: a part of a longer one would be the model's own choice of where to cut. */
function holdsDelimited(text: string, address: string): boolean {
  let at = text.indexOf(address)
  for (let turn = 0; at !== -1 && turn < MAX_OCCURRENCES; turn++, at = text.indexOf(address, at + 1)) {
    const after = text.slice(at + address.length, at + address.length + 2)
    const ended = after === '' || ADDRESS_ENDS.test(after.charAt(0)) || /^[.!?:*_](?:\s|$)/.test(after)
    if (ended && (at === 0 || /[\s"'`<>()[\]{}|,;:=*_]/.test(text.charAt(at - 1)))) return true
  }
  return false
}

function windowsOf(messages: readonly { readonly text: string }[]): Set<string> {
  const windows = new Set<string>()
  let left = MAX_WORDS_CHARS
  for (const { text } of messages) {
    if (left <= 0) break
    const words = plainWords(text.slice(0, left)).split(' ')
    left -= text.length
    for (let at = 0; at + WINDOW_WORDS <= words.length; at++) {
      windows.add(words.slice(at, at + WINDOW_WORDS).join(' '))
    }
  }
  return windows
}
