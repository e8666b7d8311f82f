/**
 * llama.cpp's grammars see code points, and take E0 82 80 for U+0080 as they take C2 80: an overlong form, which UTF-8
 * forbids (RFC 3629, section 3) and every decoder turns into U+FFFD. Then a string has more characters than the
 * grammar counted. The bytes that make one come just after a lone E0 or F0; models that say single bytes must be kept
 * from them at that place.
 */
export class OverlongGuard {
  readonly #leads = new Map<number, readonly number[]>()

  /** `tokens`: the texts of a vocabulary as its file has them. */
  constructor(tokens: readonly string[], spelling: TokenSpelling) {
    const edges = tokens.map((text) => edgesOf(text, spelling))
    for (const [lead, below] of FORMS) {
      const banned = [...edges.keys()].filter((token) => {
        const first = edges[token]?.first ?? 0
        return first >= 0x80 && first < below
      })
      for (const [token, { last }] of edges.entries()) if (last === lead) this.#leads.set(token, banned)
    }
  }

  /** Tokens that must not be said just after this one. The list is the same object wherever it is the same. */
  after(token: number | undefined): readonly number[] {
    return (token === undefined ? undefined : this.#leads.get(token)) ?? NONE
  }
}

/** `bytes`: GPT-2's, each byte a printable character; `pieces`: SentencePiece's, single bytes as `<0xE0>`. */
export type TokenSpelling = 'bytes' | 'pieces'

const NONE: readonly number[] = []
/** A lead byte, and the least second byte that is not overlong. */
const FORMS: readonly (readonly [lead: number, below: number])[] = [
  [0xe0, 0xa0],
  [0xf0, 0x90],
]

interface Edges {
  readonly first: number
  readonly last: number
}

function edgesOf(text: string, spelling: TokenSpelling): Edges {
  if (spelling === 'bytes') {
    const bytes = [...text].map((char) => BYTES.get(char.codePointAt(0) ?? 0) ?? 0)
    return { first: bytes[0] ?? 0, last: bytes.at(-1) ?? 0 }
  }
  const byte = Number.parseInt(/^<0x([0-9A-F]{2})>$/.exec(text)?.[1] ?? '0', 16)
  return { first: byte, last: byte }
}

/** GPT-2's stand-ins: printable bytes for themselves, the others counted up from U+0100. */
const BYTES: ReadonlyMap<number, number> = new Map(
  ((): [number, number][] => {
    let extra = 0
    return Array.from({ length: 256 }, (_, byte) => {
      const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
      return [printable ? byte : 0x100 + extra++, byte]
    })
  })(),
)
