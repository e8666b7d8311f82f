/**
 * What keeps an output finite where its schema sets no limit, so that any model ends. A bound narrows what can be
 * printed and never widens it: whatever a bounded grammar prints is valid.
 */
export interface GrammarBounds {
  /** Code points of a string. A `minLength` beyond it is refused. */
  readonly stringChars: number
  /** Rules that one pattern or format may take: its states times the characters of its longest text; 0: no pattern. */
  readonly patternRules: number
  /** Alternatives that a schema may come down to, once `anyOf`, `allOf` and the like are multiplied out. */
  readonly alternatives: number
  /** Numbers that are printed one by one, where a set of them has no automaton. */
  readonly listedNumbers: number
  /** Code points of a property name that the schema does not give. */
  readonly keyChars: number
  /** Items of an array. A `minItems` beyond it is refused. */
  readonly items: number
  /** Properties of one object whose names the schema does not give. */
  readonly extraKeys: number
  /** How often a schema is entered again from within itself by `$ref`, and how deep free JSON nests. */
  readonly recursion: number
  /** Items of an array, and free properties of an object, that hold their own schema again. */
  readonly recursiveItems: number
  /** Digits before the decimal point of a number that has no limit. */
  readonly integerDigits: number
  /** Digits after the decimal point, unless a limit or `multipleOf` needs more. */
  readonly fractionDigits: number
  /** Tool calls in one answer. */
  readonly calls: number
}

export const DEFAULT_BOUNDS: GrammarBounds = {
  stringChars: 8_192,
  patternRules: 4_096,
  alternatives: 256,
  listedNumbers: 1_024,
  keyChars: 64,
  items: 512,
  extraKeys: 32,
  recursion: 5,
  recursiveItems: 16,
  integerDigits: 15,
  fractionDigits: 6,
  calls: 8,
}

/** What one compilation may cost. Past a limit the bounds are tightened, then the schema is refused. */
export const LIMITS = {
  /** Rules of the grammar; llama.cpp reads some 1,000 of them in a millisecond. */
  rules: 20_000,
  /** UTF-8 bytes of the grammar. */
  bytes: 1_500_000,
  /** What llama.cpp's check for left recursion may walk through; it forgets where it has been. */
  leftmost: 1_000_000,
  /** Steps of all kinds, for each set of bounds that is tried; as many take half a second. */
  steps: 1_000_000,
  /** Branches of one `anyOf` or `oneOf`, each with its alternatives. */
  branches: 1_024,
  /** States of one automaton over characters. */
  states: 2_048,
  /** Rules of one list or object whose members have to be counted. */
  counted: 4_096,
  /** Levels of JSON below which no schema is read, nor compiled. */
  nesting: 128,
  /** Alternatives that one branch of `oneOf` may come to, once it keeps clear of the others. */
  branch: 16,
  /** Patterns of one `patternProperties`; names by more of them are not printed. */
  namePatterns: 16,
  /** Ranges of one character class; what is beyond the largest of them is not printed. */
  ranges: 64,
} as const

/**
 * The bounds that are tried one after the other, until the grammar is small enough: those that are given, a quarter of
 * the room, and the last resort, which leaves patterns and branches that overlap to a validator.
 */
export function boundsToTry(given: Partial<GrammarBounds>): readonly GrammarBounds[] {
  const first = { ...DEFAULT_BOUNDS, ...given }
  const second = tightened(first, 2)
  return [first, second, { ...tightened(second, 2), patternRules: 0 }]
}

function tightened(bounds: GrammarBounds, halvings: number): GrammarBounds {
  const less = (value: number, least: number): number => Math.max(Math.min(value, least), value >> halvings)
  return {
    ...bounds,
    stringChars: less(bounds.stringChars, 256),
    patternRules: less(bounds.patternRules, 256),
    alternatives: less(bounds.alternatives, 16),
    listedNumbers: less(bounds.listedNumbers, 16),
    keyChars: less(bounds.keyChars, 24),
    items: less(bounds.items, 16),
    extraKeys: less(bounds.extraKeys, 4),
    recursion: less(bounds.recursion, 2),
    recursiveItems: less(bounds.recursiveItems, 4),
  }
}
