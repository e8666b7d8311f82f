import type { GrammarBounds } from './bounds.ts'
import { ALL_CHARS, type CharSet, charOf, charSet, intersect, minus } from './chars.ts'
import { accepts, both, type Dfa, fromTheEnds, isEmpty, spansOf, TooLarge } from './dfa.ts'
import { minimal } from './minimal.ts'
import type { Finding, Work } from './outcome.ts'
import { EMPTY, oneOf, type Parts, type Rules, text } from './rules.ts'

/** A set of strings: of so many code points, and in every one of the languages. */
export interface StringSpec {
  readonly languages: readonly StringLanguage[]
  readonly least: number
  readonly most: number
}

/** `source`: who asks for it, told where it has to be left to a validator. */
export interface StringLanguage {
  readonly dfa: Dfa
  readonly source: Finding
}

export const ANY_STRING: StringSpec = { languages: [], least: 0, most: Infinity }

export function mergeStrings(left: StringSpec, right: StringSpec): StringSpec {
  return {
    languages: [...new Set([...left.languages, ...right.languages])],
    least: Math.max(left.least, right.least),
    most: Math.min(left.most, right.most),
  }
}

export function admitsString({ languages, least, most }: StringSpec, value: string): boolean {
  const length = [...value].length
  return length >= least && length <= most && languages.every(({ dfa }) => accepts(dfa, value))
}

/** Printed only where nothing else would do: DEL and C1, U+FFFD, which stands for broken bytes, and U+FFFE, U+FFFF. */
const AVOIDED: CharSet = [0x7f, 0x9f, 0xfffd, 0xffff]
const CONTROLS: CharSet = [0, 0x1f]
const SHORT_ESCAPES: readonly (readonly [code: number, letter: string])[] = [
  [0x22, '"'],
  [0x5c, '\\'],
  [0x08, 'b'],
  [0x0c, 'f'],
  [0x0a, 'n'],
  [0x0d, 'r'],
  [0x09, 't'],
]
const ESCAPED = charSet(SHORT_ESCAPES.map(([code]) => [code, code]))

/** How a character of the set is written inside a JSON string: one way for each. */
function written(set: CharSet): Parts[] {
  const options: Parts[] = []
  const raw = minus(minus(set, CONTROLS), ESCAPED)
  const preferred = minus(raw, AVOIDED)
  if (raw.length > 0) options.push([oneOf(preferred.length > 0 ? preferred : raw)])
  const letters = SHORT_ESCAPES.filter(([code]) => intersect(set, charOf(code)).length > 0)
  if (letters.length > 0) {
    const among = charSet(letters.map(([, letter]) => [letter.charCodeAt(0), letter.charCodeAt(0)]))
    options.push([...text('\\'), oneOf(among)])
  }
  if (options.length > 0) return options
  const controls = Array.from({ length: 32 }, (_, code) => code)
  return controls
    .filter((code) => intersect(set, charOf(code)).length > 0)
    .map((code) => text(`\\u${code.toString(16).padStart(4, '0')}`))
}

const QUOTE = text('"')
const BLOCK_POWER = 6
const BLOCK = 2 ** BLOCK_POWER

interface StringParts {
  readonly rules: Rules
  readonly bounds: GrammarBounds
  readonly work: Work
  check(finding: Finding): void
}

/** Makes rules for JSON strings, quotes included. */
export class Strings {
  readonly #parts: StringParts
  /** Rules for at most so many more characters and the closing quote. */
  readonly #rest: Parts[] = [QUOTE]
  /** Rules for exactly 1, 2, 4, 8, … characters. */
  readonly #powers: Parts[] = []
  readonly #written = new Map<CharSet, Parts>()
  readonly #numbers = new Map<Dfa, number>()
  readonly #made = new Map<string, Parts | undefined>()

  constructor(parts: StringParts) {
    this.#parts = parts
  }

  /** Undefined where the set is empty. `chars`: the most code points where the set allows more. */
  print(spec: StringSpec, chars: number): Parts | undefined {
    const numbers = spec.languages.map(({ dfa }) => this.#numberOf(dfa))
    const key = `${numbers.join()} ${spec.least} ${spec.most} ${chars}`
    if (!this.#made.has(key)) this.#made.set(key, this.#print(spec, chars))
    return this.#made.get(key)
  }

  #numberOf(dfa: Dfa): number {
    const number = this.#numbers.get(dfa) ?? this.#numbers.size
    this.#numbers.set(dfa, number)
    return number
  }

  #print(spec: StringSpec, chars: number): Parts | undefined {
    const dfa = this.#combined(spec)
    if (dfa !== undefined && isEmpty(dfa)) return undefined
    const most = Math.min(spec.most, Math.max(chars, spec.least))
    if (spec.least > most) return undefined
    if (dfa === undefined) return this.#quoted(this.#any(spec.least, most))
    const [span] = spansOf(dfa).slice(dfa.start)
    const fits = span !== undefined && span.most <= most && span.least >= spec.least
    return this.#quoted(fits ? this.#finite(dfa) : this.#layered(dfa, spec.least, most))
  }

  #quoted(rest: Parts | undefined): Parts | undefined {
    return rest === undefined ? undefined : [...QUOTE, ...rest]
  }

  /** Undefined: any text. A language that would make the automaton too large is left to a validator. */
  #combined({ languages }: StringSpec): Dfa | undefined {
    const { work, check } = this.#parts
    let whole: Dfa | undefined
    for (const { dfa, source } of languages) {
      try {
        whole = whole === undefined ? dfa : both(whole, dfa, work)
      } catch (error) {
        if (!(error instanceof TooLarge)) throw error
        check({
          ...source,
          why: 'together with the other patterns of this string it is too large an automaton',
        })
      }
    }
    return languages.length > 1 && whole !== undefined ? minimal(whole, work) : whole
  }

  /** Between so many characters, then the closing quote. */
  #any(least: number, most: number): Parts {
    return [...this.#exactly(least), ...this.#upTo(most - least)]
  }

  #exactly(count: number): Parts {
    const found: Parts[] = []
    for (let power = 0; 2 ** power <= count; power++) {
      if (Math.floor(count / 2 ** power) % 2 === 1) found.push(this.#power(power))
    }
    return found.flat()
  }

  /** Exactly 2 to the power of so many characters. */
  #power(power: number): Parts {
    const { rules } = this.#parts
    const half = power === 0 ? EMPTY : this.#power(power - 1)
    this.#powers[power] ??= rules.choice(power === 0 ? written(ALL_CHARS) : [[...half, ...half]]) ?? EMPTY
    return this.#powers[power]
  }

  /**
   * At most so many characters and the closing quote: a block and what may follow it, or an end within the block. So
   * thousands of characters take some hundred rules, and llama.cpp follows two ways at a time.
   */
  #upTo(count: number): Parts {
    const { rules } = this.#parts
    const one = this.#power(0)
    for (let at = count % BLOCK; at <= count; at += BLOCK) {
      if (this.#rest[at] !== undefined) continue
      for (let left = 1; left < BLOCK; left++) {
        this.#rest[left] ??= rules.choice([QUOTE, [...one, ...(this.#rest[left - 1] ?? QUOTE)]]) ?? QUOTE
      }
      if (at < BLOCK) continue
      const longer = [...this.#power(BLOCK_POWER), ...(this.#rest[at - BLOCK] ?? QUOTE)]
      this.#rest[at] = rules.choice([longer, this.#rest[BLOCK - 1]]) ?? QUOTE
    }
    return this.#rest[count] ?? QUOTE
  }

  #after(set: CharSet, rest: Parts | undefined): Parts | undefined {
    const one = this.#written.get(set) ?? this.#parts.rules.choice(written(set))
    if (one !== undefined) this.#written.set(set, one)
    return one === undefined || rest === undefined ? undefined : [...one, ...rest]
  }

  /** All texts of an automaton without cycles. */
  #finite(dfa: Dfa): Parts | undefined {
    const { rules, work } = this.#parts
    const made: (Parts | undefined)[] = []
    for (const id of fromTheEnds(dfa, new Set(dfa.states.keys()))) {
      const state = dfa.states[id]
      const options = (state?.edges ?? []).map(({ set, to }) => this.#after(set, made[to]))
      work.spend(options.length)
      made[id] = rules.choice(state?.accepts ? [QUOTE, ...options] : options)
    }
    return made[dfa.start]
  }

  /**
   * The texts of so many characters: a rule for each state and each number of characters read. The length is cut so
   * that states times characters stay within the bound.
   */
  #layered(dfa: Dfa, least: number, most: number): Parts | undefined {
    const { rules, work } = this.#parts
    const spans = spansOf(dfa)
    const shortest = Math.max(least, spans[dfa.start]?.least ?? 0)
    const counted = dfa.states.filter((_, id) => !acceptsAll(dfa, id)).length
    const length = Math.min(
      most,
      Math.max(shortest + SLACK, Math.floor(this.#parts.bounds.patternRules / (counted + 1))),
    )
    const layers: ReadonlySet<number>[] = [new Set([dfa.start])]
    for (let at = 0; at < length; at++) {
      const next = new Set<number>()
      for (const id of layers[at] ?? []) {
        if (acceptsAll(dfa, id)) continue
        for (const { to } of dfa.states[id]?.edges ?? []) {
          if (at + 1 + (spans[to]?.least ?? 0) <= length) next.add(to)
        }
      }
      work.spend(4 * next.size)
      layers.push(next)
    }
    let later = new Map<number, Parts>()
    for (let at = length; at >= 0; at--) {
      const made = new Map<number, Parts>()
      for (const id of layers[at] ?? []) {
        const state = dfa.states[id]
        const rest = acceptsAll(dfa, id)
          ? this.#any(Math.max(0, least - at), length - at)
          : rules.choice([
              state?.accepts && at >= least ? QUOTE : undefined,
              ...(state?.edges ?? []).map(({ set, to }) => this.#after(set, later.get(to))),
            ])
        if (rest !== undefined) made.set(id, rest)
      }
      later = made
    }
    return later.get(dfa.start)
  }
}

/** Characters that a pattern's text may have beyond its shortest, however large its automaton is. */
const SLACK = 8

/** A state from which every text is accepted. */
function acceptsAll(dfa: Dfa, id: number): boolean {
  const state = dfa.states[id]
  const [edge] = state?.edges ?? []
  if (state === undefined || edge === undefined || !state.accepts || state.edges.length !== 1) return false
  return edge.to === id && edge.set.length === ALL_CHARS.length && minus(ALL_CHARS, edge.set).length === 0
}
