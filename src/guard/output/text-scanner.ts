import { MAX_SECRET_CHARS, SECRET_MARKERS, SECRET_SIGNS, SecretReader } from '../secrets.ts'
import type { AddressRule } from './address.ts'
import { judgeAddress } from './address.ts'
import { Fences } from './fences.ts'
import { readAddress, readDestination, readTag } from './link-forms.ts'
import type { PromptMemory } from './prompt.ts'

/**
 * DESIGN. One pass over a text that arrives in pieces, with the same result however it was cut. The text is
 * searched for *markers*: what every dangerous form must contain (`](`, `]:`, `://`, `<`, `![`, the fixed
 * beginnings of secrets). A marker itself says nothing, so it passes at once; only the *body* that follows is
 * held back, until its reader can decide without looking beyond the text that is there. Then it passes, or is
 * replaced by `[link removed: RULE]`. A clean text is therefore never delayed, not even by a letter, and an
 * answer full of ordinary links is delayed only while an address is being written.
 *
 * Why every cut gives the same text: a marker is found at the same place (the last characters are kept to
 * find one that two pieces share); a reader decides only once its decision cannot change, or at its bound, which
 * counts characters from the marker and not from the cut; and what has been decided is never looked at again.
 *
 * Held back at most: 2,048 characters for an address or a tag, 4,096 for a JWT, 8,192 for a private key.
 *
 * No text is slow: what a reader has read it remembers (secrets), a tag ends where the next one begins, an
 * address that can only be relative is not read on, and addresses nested in addresses are counted.
 *
 * Fences. A remote image in a fenced code block is shown as text, and answers about HTML are full of them, so
 * there an image is judged as a link. `Fences` sees what leaves, because that is what will be rendered. A
 * renderer that disagrees about where a fence ends could be made to fetch an image, but never one whose
 * address carries data by the criteria of a link.
 */
export type TextRule = AddressRule | `output.secret.${string}`

export interface ScannerRules {
  readonly links: boolean
  readonly secrets: boolean
  /** Told once for each removal. */
  readonly found: (rule: TextRule) => void
}

/** True for a whole text in which nothing needs a closer look: then no scanner is needed for it. */
export function isPlainText(text: string): boolean {
  return !SUSPICIOUS.test(text)
}

export class TextScanner {
  readonly #rules: ScannerRules
  readonly #memory: PromptMemory
  /** Begins with a line break that was never sent, so that the start of the text is the start of a line. */
  #text = '\n'
  /** How much of `#text` has been sent. */
  #sent = 1
  /** Where the search goes on; what lies before is decided. */
  #at = 0
  #out = ''
  /** The last thing sent was a removal: a bracket right after it must not turn it into a link. */
  #removed = false
  /** A `![` stands in this paragraph: any destination may be an image's. */
  #imageOpen = false
  #imageSeen = false
  /** A reference definition with a remote address has passed: a later `![…][label]` could use it. */
  #definitionPassed = false
  /** Removals so far. */
  removals = 0
  /** Only links are judged by it. */
  readonly #fences: Fences | undefined
  #secrets = new SecretReader()
  #severed = false
  /** Where a tag stopped that nothing has closed: what follows may be its attributes. */
  #openTagEnd = -1
  /** A style sheet fetches what it names. */
  #styleOpen = false
  /** Where the latest address ends, and how many have begun inside one another. */
  #addressEnd = -1
  #nested = 0

  constructor(rules: ScannerRules, memory: PromptMemory) {
    this.#rules = rules
    this.#memory = memory
    this.#fences = rules.links ? new Fences() : undefined
  }

  /** Characters that are held back now. */
  get held(): number {
    return this.#text.length - this.#sent
  }

  /** True where `piece` may pass without a closer look; it must then be handed to `pass`. */
  isPlain(piece: string): boolean {
    if (this.#text.length > this.#sent || this.#removed || this.#imageOpen || this.#severed) return false
    return !SUSPICIOUS.test(this.#text.slice(Math.max(this.#at, this.#text.length - OVERLAP_CHARS)) + piece)
  }

  /** Takes note of a piece that `isPlain` let through. */
  pass(piece: string): void {
    this.#text += piece
    this.#fences?.feed(piece)
    this.#sent = this.#text.length
    this.#at = Math.max(this.#at, this.#sent - OVERLAP_CHARS)
    if (this.#sent > MAX_PASSED_CHARS) this.#trim()
  }

  /** Takes the next piece and returns what may be sent now. */
  push(piece: string): string {
    if (piece === '') return ''
    this.#text += piece
    if (this.#severed) this.#fences?.feed('\n')
    const sent = this.#run(false)
    if (!this.#severed) return sent
    this.#severed = false
    return `\n${sent}`
  }

  /**
   * The text ends here, or something else comes between: returns the rest. Where a form was cut short, a line
   * break goes before whatever text still follows, so that it cannot continue the form.
   */
  flush(): string {
    if (this.held === 0) return ''
    const rest = this.#run(true)
    this.#text = '\n'
    this.#sent = 1
    this.#at = 0
    this.#secrets = new SecretReader()
    this.#openTagEnd = -1
    this.#addressEnd = -1
    this.#severed = true
    return rest
  }

  #run(final: boolean): string {
    this.#out = ''
    for (;;) {
      const marker = this.#imageOpen ? MARKER_OR_BREAK : MARKER
      marker.lastIndex = this.#at
      const match = marker.exec(this.#text)
      if (match === null) {
        this.#send(this.#text.length)
        this.#at = Math.max(this.#at, this.#text.length - OVERLAP_CHARS)
        break
      }
      if (!this.#decide(match[0], match.index, final)) break
    }
    this.#trim()
    return this.#out
  }

  #trim(): void {
    const drop = Math.min(this.#at, this.#sent) - KEPT_CHARS
    if (drop <= 0) return
    this.#text = this.#text.slice(drop)
    this.#at -= drop
    this.#sent -= drop
    this.#secrets.shift(drop)
    this.#openTagEnd -= drop
    this.#addressEnd -= drop
  }

  /** Handles one marker; false where more text is needed, with the body held. */
  #decide(marker: string, start: number, final: boolean): boolean {
    const body = start + marker.length
    switch (marker) {
      case '![':
        return this.#image(start, body)
      case '<':
        return this.#tag(start, final)
      case '](':
      case ']:':
        return this.#destination(marker, body, final)
      case '://':
      case ':\\/\\/':
      case 'www.':
      case 'WWW.':
        return this.#address(marker, start, body, final)
    }
    if (marker.startsWith('\n')) {
      this.#imageOpen = false
      this.#at = start + 1
      return true
    }
    return this.#secret(start, body, final)
  }

  #image(start: number, body: number): boolean {
    this.#imageSeen = true
    this.#imageOpen = true
    this.#send(start)
    if (
      this.#rules.links &&
      this.#definitionPassed &&
      this.#sent <= start + 1 &&
      this.#fences?.inside === false
    ) {
      // The definition is out already, so the reference must not become an image.
      this.#send(start + 1)
      this.#put('\\')
      this.#report('output.image.remote')
    }
    this.#at = body
    return true
  }

  #tag(start: number, final: boolean): boolean {
    if (!this.#rules.links) return this.#skip(start + 1)
    if (this.#styleOpen) {
      const head = this.#text.slice(start, start + STYLE_END.length).toLowerCase()
      if (head === STYLE_END) this.#styleOpen = false
      else if (!final && STYLE_END.startsWith(head)) return this.#wait(start, start)
    }
    const reading = readTag(this.#text, start, final, start === this.#openTagEnd)
    if (reading === 'more') return this.#wait(start, start)
    this.#send(start)
    this.#openTagEnd = reading.open ? reading.end : -1
    if (STYLE_START.test(this.#text.slice(start + 1, start + STYLE_END.length))) this.#styleOpen = true
    for (const target of reading.targets) {
      const rule = this.#judge(target.address, target.use)
      if (rule !== undefined) return this.#remove(start, reading.end, rule)
    }
    return this.#skip(start + 1)
  }

  #destination(marker: string, body: number, final: boolean): boolean {
    if (!this.#rules.links) return this.#skip(body)
    const reading = readDestination(this.#text, body, marker === '](', final)
    if (reading === 'more') return this.#wait(body - marker.length, body)
    if (reading.address === '') return this.#skip(body)
    this.#send(body)
    if (this.#isChained(body, reading.end))
      return this.#remove(reading.start, reading.end, 'output.link.data')
    const definition = marker === ']:'
    const image = definition ? this.#imageSeen : this.#imageOpen
    const rule = this.#judge(reading.address, image ? 'image' : 'link')
    if (rule !== undefined) return this.#remove(reading.start, reading.end, rule)
    if (definition && this.#judge(reading.address, 'image') === 'output.image.remote')
      this.#definitionPassed = true
    return this.#skip(body)
  }

  #address(marker: string, start: number, body: number, final: boolean): boolean {
    const word = marker === 'www.' || marker === 'WWW.'
    const before = this.#text.slice(Math.max(0, start - 5), start)
    const opens = word ? !/[A-Za-z0-9]$/.test(before) : /(?:https?|ftp)$/i.test(before)
    if (!this.#rules.links || !opens) return this.#skip(body)
    const reading = readAddress(this.#text, body, final)
    if (reading === 'more') return this.#wait(start, body)
    this.#send(body)
    if (this.#isChained(body, reading.end)) return this.#remove(body, reading.end, 'output.link.data')
    const scheme = word ? `http://${marker}` : `${/(?:https?|ftp)$/i.exec(before)?.[0]}://`
    const written = word ? marker : `${scheme.slice(0, -3)}${marker}`
    const use = this.#styleOpen ? 'image' : 'link'
    const rule = this.#judge(scheme + reading.address, use, written + reading.address)
    return rule === undefined ? this.#skip(body) : this.#remove(body, reading.end, rule)
  }

  /** Counts addresses that begin inside the one before. */
  #isChained(start: number, end: number): boolean {
    this.#nested = start < this.#addressEnd ? this.#nested + 1 : 0
    this.#addressEnd = Math.max(this.#addressEnd, end)
    return this.#nested > MAX_NESTED_ADDRESSES
  }

  #secret(start: number, body: number, final: boolean): boolean {
    if (!this.#rules.secrets) return this.#skip(body)
    const reading = this.#secrets.read(this.#text, start, body, final)
    if (reading === 'more') return this.#wait(start, body)
    if (reading === 'none' || this.#memory.userSent(this.#text.slice(reading.body, reading.end)))
      return this.#skip(body)
    return this.#remove(reading.body, reading.end, `output.secret.${reading.kind}`)
  }

  #judge(address: string, use: 'link' | 'image', written = address): AddressRule | undefined {
    if (address === '') return undefined
    const shown = use === 'image' && this.#fences?.inside ? 'link' : use
    const rule = judgeAddress(address, shown, this.#memory)
    if (rule !== 'output.link.data' || written === address) return rule
    return this.#memory.isQuoted(written) ? undefined : rule
  }

  #skip(to: number): true {
    this.#at = to
    return true
  }

  /** Sends up to `from` and holds the rest; the marker is found again when more has come. */
  #wait(marker: number, from: number): false {
    this.#send(from)
    this.#at = marker
    return false
  }

  #remove(from: number, to: number, rule: TextRule): true {
    this.#send(from)
    this.#put(`[${rule.split('.')[1]} removed: ${rule}]`)
    this.#removed = true
    this.#sent = to
    this.#at = to
    this.#report(rule)
    return true
  }

  #report(rule: TextRule): void {
    this.removals++
    this.#rules.found(rule)
  }

  #send(to: number): void {
    if (to <= this.#sent) return
    this.#put(this.#text.slice(this.#sent, to))
    this.#sent = to
  }

  #put(piece: string): void {
    if (this.#removed) {
      if (/^[([:]/.test(piece)) this.#out += ' '
      this.#removed = false
    }
    this.#fences?.feed(piece)
    this.#out += piece
  }
}

const STYLE_START = /^style[\s>]?$/i
const STYLE_END = '</style'
/** Addresses inside an address, as redirects have them; a longer chain is made to be read again and again. */
const MAX_NESTED_ADDRESSES = 16
/** A text that only passed is shortened this seldom. */
const MAX_PASSED_CHARS = 1024
/** As long as the longest marker, less one: a marker may lie across two pieces. */
const OVERLAP_CHARS = 18
/** Kept before that, for what a reader must see in front of a marker: a line's indentation, a scheme. */
const KEPT_CHARS = 48

const LINK_MARKERS = '\\]\\(|\\]:|!\\[|<|:\\/\\/|:\\\\/\\\\/|www\\.|WWW\\.'
const MARKER = new RegExp(`${LINK_MARKERS}|${SECRET_MARKERS}`, 'g')
const MARKER_OR_BREAK = new RegExp(`${LINK_MARKERS}|${SECRET_MARKERS}|\\n[ \\t]{0,8}\\r?\\n`, 'g')
/** Holds for the same texts as MARKER, each link marker by its rarest character as SECRET_SIGNS are. */
const SUSPICIOUS = new RegExp(
  `<|\\](?=[(:])|!(?=\\[)|:(?=\\/\\/|\\\\/\\\\/)|\\.(?<=www\\.|WWW\\.)|${SECRET_SIGNS}`,
)

/** The most that a scanner ever holds back. */
export const MAX_HELD_CHARS = MAX_SECRET_CHARS
