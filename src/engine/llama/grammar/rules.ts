import { LIMITS } from './bounds.ts'
import { type CharSet, narrow } from './chars.ts'
import { GivenUp, type Work } from './outcome.ts'

/**
 * The rules of a grammar while it is made.
 *
 * DESIGN. A rule can only be made of rules that are there already, so no rule leads back to itself and every output
 * ends; `longest` says where. (`open` is the one exception: free text beside tool calls.) Equal rules are one rule.
 * What alternatives begin with in common is taken out in front of them, character by character: llama.cpp follows
 * every alternative that still fits, and looks through the whole vocabulary for each.
 */

/** `"text` stands for itself, `[…]` is a character class in GBNF, `@number` a rule. */
export type Part = string
export type Parts = readonly Part[]

interface Rule {
  readonly alternatives: readonly Parts[]
  readonly longest: number
  readonly empty: boolean
  /** What llama.cpp's check for left recursion walks through below this rule. */
  readonly leftmost: number
}

/** As long as this a rule's only alternative is written where the rule is used. */
const INLINE_PARTS = 6
const INLINE_CHARS = 48

export const EMPTY: Parts = []

export class Rules {
  readonly #rules: Rule[] = []
  readonly #known = new Map<string, number>()
  readonly #work: Work

  constructor(work: Work) {
    this.#work = work
  }

  /** One of these, or undefined where there is none: then nothing can be printed here. */
  choice(options: readonly (Parts | undefined)[]): Parts | undefined {
    const given = options.filter((option) => option !== undefined)
    if (given.length < 2) return this.#short(given[0])
    const alternatives = this.#factored(given)
    return alternatives.length === 1 ? this.#short(alternatives[0]) : [this.#rule(alternatives)]
  }

  /** So many rules that may lead to one another: free text. `fill` is given all of them, and gives what each is. */
  open(count: number, fill: (selves: readonly Part[]) => readonly (readonly Parts[])[]): readonly Part[] {
    const first = this.#rules.length
    const unbounded = { longest: Infinity, empty: true, leftmost: 1 }
    for (let index = 0; index < count; index++) this.#rules.push({ alternatives: [], ...unbounded })
    const selves = Array.from({ length: count }, (_, index): Part => `@${first + index}`)
    for (const [index, alternatives] of fill(selves).entries()) {
      this.#rules[first + index] = { alternatives, ...unbounded }
    }
    return selves
  }

  longest(parts: Parts): number {
    return parts.reduce((sum, part) => sum + this.#sizeOf(part), 0)
  }

  /** The grammar in llama.cpp's form, of the rules that `root` leads to. Throws GivenUp where it is too large. */
  print(root: Parts): string {
    const queue = root.filter(isRule)
    const seen = new Set(queue)
    const lines = [`root ::= ${gbnf(root)}`]
    const walked = new Set<Part>()
    let bytes = 0
    let leftmost = 0
    for (const part of queue) {
      const rule = this.#at(part)
      const line = `${nameOf(part)} ::= ${alternativesOf(rule.alternatives)}`
      lines.push(line)
      bytes += Buffer.byteLength(line)
      if (!walked.has(part)) leftmost += this.#walk(part, walked)
      for (const alternative of rule.alternatives) {
        for (const inner of alternative) {
          if (!isRule(inner) || seen.has(inner)) continue
          seen.add(inner)
          queue.push(inner)
        }
      }
    }
    if (lines.length > LIMITS.rules) throw tooBig(`${lines.length} rules`, `${LIMITS.rules}`)
    if (bytes > LIMITS.bytes) throw tooBig(`${bytes} bytes`, `${LIMITS.bytes}`)
    if (leftmost > LIMITS.leftmost) throw tooBig('too many alternatives within alternatives', 'the limit')
    return `${lines.join('\n')}\n`
  }

  /** What llama.cpp walks through from a rule that it has not seen yet; all that it comes to is then seen. */
  #walk(from: Part, walked: Set<Part>): number {
    const queue = [from]
    for (let part = queue.pop(); part !== undefined; part = queue.pop()) {
      if (walked.has(part)) continue
      walked.add(part)
      for (const parts of this.#at(part).alternatives) queue.push(...this.#leading(parts))
    }
    return this.#at(from).leftmost
  }

  /** The rules that an alternative may begin with. */
  #leading(parts: Parts): readonly Part[] {
    const end = parts.findIndex((part) => !isRule(part) || !this.#at(part).empty)
    const last = parts[end]
    return end === -1 ? parts : parts.slice(0, last !== undefined && isRule(last) ? end + 1 : end)
  }

  #at(part: Part): Rule {
    const rule = this.#rules[Number(part.slice(1))]
    if (rule === undefined) throw new Error(`there is no rule ${part}`)
    return rule
  }

  #sizeOf(part: Part): number {
    if (isRule(part)) return this.#at(part).longest
    return isText(part) ? [...part].length - 1 : 1
  }

  #short(parts: Parts | undefined): Parts | undefined {
    if (parts === undefined) return undefined
    const joined = join(parts)
    const chars = joined.reduce((sum, part) => sum + part.length, 0)
    return joined.length <= INLINE_PARTS && chars <= INLINE_CHARS ? joined : [this.#rule([joined])]
  }

  #rule(alternatives: readonly Parts[]): Part {
    const key = alternatives.map((parts) => parts.join('\u0000')).join('\u0001')
    const known = this.#known.get(key)
    if (known !== undefined) return `@${known}`
    this.#work.spend(1 + (key.length >> 5))
    if (this.#rules.length > 4 * LIMITS.rules) throw tooBig('too many rules', `${LIMITS.rules}`)
    const id = this.#rules.push({ alternatives, ...this.#measure(alternatives) }) - 1
    this.#known.set(key, id)
    return `@${id}`
  }

  #measure(alternatives: readonly Parts[]): Pick<Rule, 'longest' | 'empty' | 'leftmost'> {
    let longest = 0
    let empty = false
    let leftmost = 1
    for (const parts of alternatives) {
      longest = Math.max(longest, this.longest(parts))
      for (const part of this.#leading(parts)) leftmost += this.#at(part).leftmost
      empty ||= parts.every((part) => isRule(part) && this.#at(part).empty)
    }
    return { longest, empty, leftmost }
  }

  /** The same alternatives, with equal beginnings taken together. */
  #factored(options: readonly Parts[]): readonly Parts[] {
    const groups = new Map<string, Parts[]>()
    for (const option of options) {
      const parts = join(option)
      const [first] = parts
      const key = first === undefined ? '' : isText(first) ? `"${first.codePointAt(1)}` : first
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [parts])
      else group.push(parts)
    }
    this.#work.spend(options.length)
    return [...groups].map(([key, group]) => (key === '' ? EMPTY : this.#headed(group)))
  }

  #headed(group: readonly Parts[]): Parts {
    const [one] = group
    if (group.length === 1 && one !== undefined) return one
    const head: Part[] = []
    let rests = group
    for (let shared = sharedFirst(rests); shared !== undefined; shared = sharedFirst(rests)) {
      const first = shared
      head.push(first)
      rests = rests.map((parts) => behind(parts, first))
    }
    const distinct = new Map(rests.map((parts) => [parts.join('\u0000'), parts]))
    const tail = this.choice([...distinct.values()])
    return join([...head, ...(tail ?? EMPTY)])
  }
}

function tooBig(what: string, most: string): GivenUp {
  const why = `the grammar of this schema would have ${what}, and at most ${most} are allowed: make the schema smaller, or set maxLength, maxItems and additionalProperties: false`
  return new GivenUp({ keyword: '$schema', pointer: '', why }, true)
}

/** What all of them begin with: a part, or the beginning of a text. */
function sharedFirst(group: readonly Parts[]): Part | undefined {
  const [one] = group
  const first = one?.[0]
  if (first === undefined) return undefined
  if (!isText(first)) return group.every((parts) => parts[0] === first) ? first : undefined
  let length = first.length
  for (const parts of group) {
    const other = parts[0]
    if (other === undefined || !isText(other)) return undefined
    let same = 0
    while (same < Math.min(length, other.length) && other[same] === first[same]) same++
    length = same
  }
  // Half of a surrogate pair is no beginning.
  if (/[\uD800-\uDBFF]/.test(first[length - 1] ?? '')) length--
  return length > 1 ? first.slice(0, length) : undefined
}

function behind(parts: Parts, head: Part): Parts {
  const [first = '', ...rest] = parts
  return first.length === head.length ? rest : [`"${first.slice(head.length)}`, ...rest]
}

function isRule(part: Part): boolean {
  return part.startsWith('@')
}

function isText(part: Part): boolean {
  return part.startsWith('"')
}

/** Neighbouring texts as one, and no empty ones. */
function join(parts: Parts): Parts {
  const joined: Part[] = []
  for (const part of parts) {
    const last = joined.at(-1)
    if (part === '"') continue
    if (isText(part) && last !== undefined && isText(last)) joined[joined.length - 1] = last + part.slice(1)
    else joined.push(part)
  }
  return joined
}

export function text(chars: string): Parts {
  return chars === '' ? EMPTY : [`"${chars}`]
}

/** One character of the set, which must not be empty. */
export function oneOf(set: CharSet): Part {
  const kept = narrow(set, LIMITS.ranges)
  if (kept.length === 2 && kept[0] === kept[1]) return `"${String.fromCodePoint(kept[0] ?? 0)}`
  let ranges = ''
  for (let at = 0; at < kept.length; at += 2) {
    const low = kept[at] ?? 0
    const high = kept[at + 1] ?? 0
    ranges += low === high ? escaped(low) : `${escaped(low)}-${escaped(high)}`
  }
  return `[${ranges}]`
}

function escaped(code: number): string {
  const isPlain =
    (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
  if (isPlain) return String.fromCodePoint(code)
  const hex = code.toString(16).toUpperCase()
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

function alternativesOf(alternatives: readonly Parts[]): string {
  // An empty alternative comes first: after a last bar llama.cpp reads on into the next line.
  const sorted = [...alternatives].sort((left, right) => Number(left.length > 0) - Number(right.length > 0))
  return sorted.map(gbnf).join(' | ')
}

function gbnf(parts: Parts): string {
  return parts.length === 0 ? '' : parts.map(partText).join(' ')
}

function partText(part: Part): string {
  if (isRule(part)) return nameOf(part)
  if (!isText(part)) return part
  const chars = [...part.slice(1)].map((char) => {
    if (char === '"' || char === '\\') return `\\${char}`
    const code = char.codePointAt(0) ?? 0
    return code < 0x20 || code === 0x7f ? escaped(code) : char
  })
  return `"${chars.join('')}"`
}

function nameOf(part: Part): string {
  return `r${Number(part.slice(1)).toString(36)}`
}
