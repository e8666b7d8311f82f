import { StringDecoder } from 'node:string_decoder'
import type { LlamaModel, Token } from 'node-llama-cpp'

/** Tokens before one that tell whether it begins a word. */
const BEFORE = 4
const REPLACEMENT = '\uFFFD'

interface Spelling {
  readonly bytes: Buffer
  /** It steers the model and is no text. */
  readonly control: boolean
}

/**
 * What single tokens stand for, byte by byte: a token may be a part of a character, which no text can show.
 * Byte-level vocabularies (GPT-2's spelling, which `bpe` means) and SentencePiece's are read from their own words,
 * as llama.cpp's `llama_token_to_piece` does; the others as far as llama.cpp prints their tokens alone.
 */
export class TokenBytes {
  readonly #model: LlamaModel
  readonly #words: readonly string[]
  /** Each token that was asked for; at most the vocabulary. */
  readonly #known = new Map<Token, Spelling>()
  /** Texts of tokens can be put together without looking at their neighbours. */
  readonly independent: boolean

  constructor(model: LlamaModel) {
    this.#model = model
    this.#words = model.fileInfo.metadata.tokenizer.ggml.tokens
    this.independent = model.vocabularyType === 'bpe'
  }

  /** How many tokens there are. */
  get size(): number {
    return this.#words.length
  }

  of(token: Token): Spelling {
    const known = this.#known.get(token)
    if (known !== undefined) return known
    const control = this.#model.isSpecialToken(token)
    const spelling = { bytes: this.#read(token, control), control }
    this.#known.set(token, spelling)
    return spelling
  }

  #read(token: Token, control: boolean): Buffer {
    const model = this.#model
    const word = this.#words[token]
    if (word !== undefined && !control) {
      const { byte, normal } = model.getTokenAttributes(token)
      const kind = model.vocabularyType
      if (kind === 'bpe' && normal) return unspelt(word)
      const hex = byte ? /^<0x([0-9A-F]{2})>$/i.exec(word)?.[1] : undefined
      if (hex !== undefined) return Buffer.from(hex, 'hex')
      if ((kind === 'spm' || kind === 'ugm') && normal) return Buffer.from(word.replaceAll('\u2581', ' '))
    }
    return Buffer.from(model.detokenize([token], true))
  }
}

/** The text of tokens as they come: cut between characters only, with U+FFFD for nothing but invalid bytes. */
export class TokenText {
  readonly #model: LlamaModel
  readonly #bytes: TokenBytes
  readonly #decoder = new StringDecoder('utf8')
  /** The last tokens, for the vocabularies in which a token's text depends on them. */
  #before: Token[] = []
  #open = false

  constructor(model: LlamaModel, bytes: TokenBytes) {
    this.#model = model
    this.#bytes = bytes
  }

  /** Goes on behind tokens whose text is known; each of them ends a character. */
  after(tokens: readonly Token[]): void {
    this.#before = tokens.slice(-BEFORE)
  }

  /** What can be read now; a character whose bytes have not all come waits. */
  push(token: Token): string {
    if (this.#bytes.independent) {
      const { bytes, control } = this.#bytes.of(token)
      return control ? '' : this.#decoder.write(bytes)
    }
    const text = this.#model.detokenize([token], false, this.#before)
    this.#before = [...this.#before, token].slice(-BEFORE)
    const broken = text.includes(REPLACEMENT)
    if (!broken && !this.#open) return text
    const decoded = this.#decoder.write(broken ? this.#bytes.of(token).bytes : Buffer.from(text))
    this.#open = broken
    return decoded
  }

  /** The bytes that were left of a character that did not come whole, as U+FFFD. */
  rest(): string {
    return this.#decoder.end()
  }
}

/** Bytes of a word in GPT-2's spelling; what is no letter of it stands for itself. */
function unspelt(word: string): Buffer {
  const bytes: number[] = []
  for (const letter of word) {
    const byte = BYTE_OF.get(letter)
    if (byte === undefined) bytes.push(...Buffer.from(letter))
    else bytes.push(byte)
  }
  return Buffer.from(bytes)
}

/** GPT-2 spells a byte that can be printed by itself, and the others by letters from U+0100 on. */
const BYTE_OF: ReadonlyMap<string, number> = byteSpelling()

function byteSpelling(): ReadonlyMap<string, number> {
  const spelt = new Map<string, number>()
  let extra = 0
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
    spelt.set(String.fromCodePoint(printable ? byte : 256 + extra++), byte)
  }
  return spelt
}
