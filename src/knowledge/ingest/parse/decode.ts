import { isUtf8 } from 'node:buffer'

/** Bytes that tell a binary file from a text. */
const LOOKED_AT = 8_192

/**
 * The text of a file: UTF-8 and UTF-16 by their byte order mark (which is no part of the text), UTF-8 where it is
 * valid, else Windows-1252, which has a reading for every byte. Undefined where the bytes are no text: a NUL stands
 * among the first of them.
 */
export function decodeText(bytes: Uint8Array): string | undefined {
  const [first, second, third] = bytes
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  if (bytes.subarray(0, LOOKED_AT).includes(0)) return undefined
  if ((first === 0xef && second === 0xbb && third === 0xbf) || isUtf8(bytes)) {
    return new TextDecoder('utf-8').decode(bytes)
  }
  return new TextDecoder('windows-1252').decode(bytes)
}
