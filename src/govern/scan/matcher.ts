/**
 * DESIGN. Thousands of byte strings are looked for at once by Wu and Manber's algorithm (TR-94-17, University of
 * Arizona, 1994): a table over blocks of three bytes says how far the window may jump, so that most bytes are
 * never looked at. Its jumps are bounded by the shortest string of a group, so short strings (a name in quotes)
 * form a group of their own and do not slow the others down. `Buffer.indexOf` for each string would read every
 * byte once per string.
 */
export interface Match {
  /** Which of the strings. */
  readonly probe: number
  /** Where it begins in the bytes. */
  readonly at: number
}

export interface Matcher {
  /** Length of the longest string: a match may need so many bytes. */
  readonly longest: number
  /** Every occurrence that begins in `bytes` before `end`, in no particular order. */
  find(bytes: Uint8Array, end: number, visit: (match: Match) => void): void
}

const BLOCK_BYTES = 3
const LONG_FROM_BYTES = 16
const TABLE_BITS = 20
/** Knuth's multiplicative hash, 2³² divided by the golden ratio. */
const GOLDEN = 0x9e3779b1
const MAX_JUMP = 255

/** Looks for all of `probes` at once. Each is at least three bytes long. */
export function createMatcher(probes: readonly Uint8Array[]): Matcher {
  const short: number[] = []
  const long: number[] = []
  let longest = 0
  for (const [index, probe] of probes.entries()) {
    if (probe.length < BLOCK_BYTES) throw new Error(`a string of ${probe.length} bytes cannot be looked for`)
    longest = Math.max(longest, probe.length)
    if (probe.length < LONG_FROM_BYTES) short.push(index)
    else long.push(index)
  }
  const groups = [short, long]
    .filter((members) => members.length > 0)
    .map((members) => new Group(probes, members))
  return {
    longest,
    find(bytes, end, visit) {
      for (const group of groups) group.find(bytes, end, visit)
    },
  }
}

/** Strings that are looked for together, by their first `#window` bytes. */
class Group {
  readonly #probes: readonly Uint8Array[]
  readonly #window: number
  /** How far the window may jump for the block at its end; 0 where a string may end there. */
  readonly #jumps: Uint8Array
  /** The strings whose window ends with a block of this hash. */
  readonly #ending = new Map<number, number[]>()

  constructor(probes: readonly Uint8Array[], members: readonly number[]) {
    this.#probes = probes
    const lengths = members.map((index) => probes[index]?.length ?? 0)
    this.#window = lengths.reduce((least, length) => Math.min(least, length), MAX_JUMP)
    const furthest = this.#window - BLOCK_BYTES + 1
    this.#jumps = new Uint8Array(1 << TABLE_BITS).fill(furthest)
    for (const index of members) this.#add(index)
  }

  find(bytes: Uint8Array, end: number, visit: (match: Match) => void): void {
    const jumps = this.#jumps
    const window = this.#window
    const last = Math.min(bytes.length - 1, end + window - 2)
    let at = window - 1
    while (at <= last) {
      const hash = hashOf(bytes, at)
      // Indexes are within the table by the hash's bits; `at` and the two before it are within the bytes.
      const jump = jumps[hash] ?? 1
      if (jump !== 0) at += jump
      else {
        this.#compare(bytes, at - window + 1, hash, visit)
        at += 1
      }
    }
  }

  #add(index: number): void {
    const probe = this.#probes[index]
    if (probe === undefined) throw new Error(`there is no string ${index}`)
    for (let end = BLOCK_BYTES - 1; end < this.#window; end++) {
      const hash = hashOf(probe, end)
      const jump = this.#window - 1 - end
      if (jump < (this.#jumps[hash] ?? 0)) this.#jumps[hash] = jump
      if (jump !== 0) continue
      const same = this.#ending.get(hash)
      if (same === undefined) this.#ending.set(hash, [index])
      else same.push(index)
    }
  }

  #compare(bytes: Uint8Array, start: number, hash: number, visit: (match: Match) => void): void {
    for (const index of this.#ending.get(hash) ?? []) {
      const probe = this.#probes[index]
      if (probe !== undefined && startsWith(bytes, start, probe)) visit({ probe: index, at: start })
    }
  }
}

/** Of the three bytes that end at `end`. */
function hashOf(bytes: Uint8Array, end: number): number {
  const block = ((bytes[end - 2] ?? 0) << 16) | ((bytes[end - 1] ?? 0) << 8) | (bytes[end] ?? 0)
  return Math.imul(block, GOLDEN) >>> (32 - TABLE_BITS)
}

function startsWith(bytes: Uint8Array, start: number, probe: Uint8Array): boolean {
  if (start + probe.length > bytes.length) return false
  for (let at = 0; at < probe.length; at++) if (bytes[start + at] !== probe[at]) return false
  return true
}
