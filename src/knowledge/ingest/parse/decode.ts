import { isUtf8 } from 'node:buffer'
import { likeliest } from './legacy.ts'

export interface DecodedText {
  /** Without a byte order mark. */
  readonly text: string
  /** The encoding's name by the WHATWG Encoding Standard. */
  readonly charset: string
}

/** Bytes that are looked at to tell a text without a mark: what kind it is, and what it says of itself. */
const LOOKED_AT = 8_192
/** Of the NULs among them, so many stand on one side of each pair in UTF-16. */
const ONE_SIDED = 0.9
/** HTML and XML say it themselves (HTML, 13.2.3.2; XML 1.0, 4.3.3). */
const DECLARED =
  /<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{2,40})|^\s*<\?xml[^>]{0,200}encoding\s*=\s*["']([\w-]{2,40})/i

/**
 * The text of a file and the encoding that it was read by: a byte order mark decides, then whether it is valid UTF-8, then what
 * HTML or XML declares, then NULs as UTF-16 has them; else the likeliest of the encodings from before Unicode, of which
 * Windows-1252 (and with it Latin-1) has a reading for every byte. Undefined where the bytes are no text.
 */
export function decodeText(bytes: Uint8Array): DecodedText | undefined {
  const [first, second, third, fourth] = bytes
  if (first === 0xff && second === 0xfe) {
    return third === 0 && fourth === 0 ? undefined : read(bytes, 'utf-16le')
  }
  if (first === 0xfe && second === 0xff) return read(bytes, 'utf-16be')
  const start = bytes.subarray(0, LOOKED_AT)
  if (start.includes(0)) return utf16(bytes, start)
  if ((first === 0xef && second === 0xbb && third === 0xbf) || isUtf8(bytes)) return read(bytes, 'utf-8')
  return declared(bytes, start) ?? read(bytes, likeliest(bytes))
}

function read(bytes: Uint8Array, charset: string): DecodedText {
  return { text: new TextDecoder(charset).decode(bytes), charset }
}

/** UTF-16 without a mark: nearly every NUL is the upper half of a Latin letter. */
function utf16(bytes: Uint8Array, start: Uint8Array): DecodedText | undefined {
  let [even, odd] = [0, 0]
  for (const [at, byte] of start.entries()) if (byte === 0) at % 2 === 0 ? even++ : odd++
  const most = Math.max(even, odd)
  if (bytes.length % 2 === 1 || most < ONE_SIDED * (even + odd) || most < start.length / 8) return undefined
  const decoded = read(bytes, odd > even ? 'utf-16le' : 'utf-16be')
  return /[\u0000\ufffd]/.test(decoded.text) ? undefined : decoded
}

function declared(bytes: Uint8Array, start: Uint8Array): DecodedText | undefined {
  const match = DECLARED.exec(Buffer.from(start).toString('latin1'))
  const name = match?.[1] ?? match?.[2]
  if (name === undefined || /^utf-?8$/i.test(name)) return undefined
  try {
    const decoder = new TextDecoder(name, { fatal: true })
    return { text: decoder.decode(bytes), charset: decoder.encoding }
  } catch {
    // It names none that is known, or one by which these bytes have no reading.
    return undefined
  }
}
