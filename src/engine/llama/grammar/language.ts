import { both, type Dfa, TooLarge, without } from './dfa.ts'
import { minimal } from './minimal.ts'
import { searchFor } from './nfa.ts'
import type { Work } from './outcome.ts'
import { type Pattern, parsePattern } from './pattern.ts'

/**
 * The texts that a regular expression is found in. `exact`: all of them, so that the others may be had by
 * subtraction; else a part of them, because quantifiers were cut to keep the automaton small.
 */
export type Language =
  | { readonly type: 'language'; readonly dfa: Dfa; readonly exact: boolean }
  | { readonly type: 'invalid'; readonly why: string }
  | { readonly type: 'unsupported'; readonly why: string }

/** Largest counts of a quantifier that are tried, one after the other, where the whole would be too large. */
const CUTS = [Infinity, 256, 64, 16]

export function languageOf(source: string, work: Work): Language {
  const parsed = parsePattern(source, work)
  if (parsed.type !== 'pattern') return parsed
  const split = takeLookaheads(parsed.pattern)
  if (split === undefined) {
    return { type: 'unsupported', why: 'a lookahead that does not stand first, after ^' }
  }
  for (const cut of CUTS) {
    try {
      return { type: 'language', dfa: build(split, cut, work), exact: cut === Infinity }
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error
      // A lookahead that must not match would have to be cut the other way round.
      if (split.ahead.some(({ negative }) => negative)) break
    }
  }
  return { type: 'unsupported', why: 'more states than an automaton may have here' }
}

interface Split {
  readonly pattern: Pattern
  readonly ahead: readonly { readonly part: Pattern; readonly negative: boolean }[]
}

function build({ pattern, ahead }: Split, cut: number, work: Work): Dfa {
  let dfa = searchFor(cutRepeats(pattern, cut), false, work)
  for (const { part, negative } of ahead) {
    const seen = searchFor(cutRepeats(part, cut), true, work)
    dfa = negative ? without(dfa, seen, work) : both(dfa, seen, work)
  }
  return minimal(dfa, work)
}

/** `^(?=a)(?!b)c` asks three things of one text. Undefined where a lookahead stands elsewhere. */
function takeLookaheads(pattern: Pattern): Split | undefined {
  if (!looksAhead(pattern)) return { pattern, ahead: [] }
  if (pattern.type !== 'sequence') return undefined
  const [first, ...others] = pattern.parts
  if (first?.type !== 'assert' || first.what !== 'start') return undefined
  const count = others.findIndex(({ type }) => type !== 'ahead')
  const leading = count === -1 ? others : others.slice(0, count)
  const rest = count === -1 ? [] : others.slice(count)
  const ahead = leading.filter((part) => part.type === 'ahead')
  if (rest.some(looksAhead) || ahead.some(({ part }) => looksAhead(part))) return undefined
  return { pattern: { type: 'sequence', parts: [first, ...rest] }, ahead }
}

function looksAhead(pattern: Pattern): boolean {
  switch (pattern.type) {
    case 'ahead':
      return true
    case 'sequence':
      return pattern.parts.some(looksAhead)
    case 'choice':
      return pattern.options.some(looksAhead)
    case 'repeat':
      return looksAhead(pattern.part)
    case 'chars':
    case 'assert':
      return false
  }
}

function cutRepeats(pattern: Pattern, most: number): Pattern {
  if (most === Infinity) return pattern
  switch (pattern.type) {
    case 'sequence':
      return { ...pattern, parts: pattern.parts.map((part) => cutRepeats(part, most)) }
    case 'choice':
      return { ...pattern, options: pattern.options.map((option) => cutRepeats(option, most)) }
    case 'repeat': {
      const { min, max } = pattern
      const cut = max === Infinity ? max : Math.max(min, Math.min(max, most))
      return { ...pattern, part: cutRepeats(pattern.part, most), max: cut }
    }
    case 'ahead':
    case 'chars':
    case 'assert':
      return pattern
  }
}
