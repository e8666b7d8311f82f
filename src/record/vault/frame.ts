import { createDecipheriv } from 'node:crypto'

/**
 * DESIGN. A text lies in a file of the vault as one frame. All numbers are big-endian:
 *
 *     byte  0   4  `UVF1`: what it is, and the version of the format
 *     byte  4  16  the subject's id, the 128 bits of its `sub_…`
 *     byte 20  12  nonce of the stream
 *     byte 32   6  offset in the stream, in bytes
 *     byte 38   4  length of the text
 *     byte 42      the text, encrypted
 *
 * A stream is AES-256 in counter mode under the subject's key (NIST SP 800-38A), with the nonce and a counter of
 * 32 bits that starts at 0 as its first block; the texts that a process keeps for a subject follow each other in it.
 * Making a cipher for each text would cost more than encrypting it. Every stream has a fresh random nonce of 96
 * bits, lives in one process's memory only, and only moves forward (leaving out a byte here and there): so no byte of a key stream is used twice, also
 * where a write failed or the process died. Counter mode protects no integrity: the log's SHA-256 of the frame does,
 * and so a frame is never opened without it.
 */
export const FRAME_HEADER_BYTES = 42
export const NONCE_BYTES = 12
/** What two frames of one stream have in common. */
const FRAME_PREFIX_BYTES = 32

const MAGIC = 'UVF1'
const ID_AT = 4
const NONCE_AT = 20
const OFFSET_AT = 32
const LENGTH_AT = 38
const BLOCK_BYTES = 16

/** Counter and nonce are the cipher's first block. */
export function firstBlock(nonce: Uint8Array, counter = 0): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  block.set(nonce)
  block.writeUInt32BE(counter, NONCE_BYTES)
  return block
}

/** The first 32 bytes of every frame of a stream. */
export function framePrefix(id: Uint8Array, nonce: Uint8Array): Buffer {
  const prefix = Buffer.alloc(FRAME_PREFIX_BYTES)
  prefix.write(MAGIC, 'latin1')
  prefix.set(id, ID_AT)
  prefix.set(nonce, NONCE_AT)
  return prefix
}

/** Writes a frame's header at `at`. */
export function writeHeader(
  into: Buffer,
  at: number,
  prefix: Uint8Array,
  streamOffset: number,
  textBytes: number,
): void {
  into.set(prefix, at)
  into.writeUIntBE(streamOffset, at + OFFSET_AT, 6)
  into.writeUInt32BE(textBytes, at + LENGTH_AT)
}

/** One frame's parts, as views of its bytes. */
export interface Frame {
  readonly id: Buffer
  readonly nonce: Buffer
  readonly streamOffset: number
  readonly sealed: Buffer
}

/** Undefined where the bytes are not exactly one frame. */
export function readFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < FRAME_HEADER_BYTES || bytes.toString('latin1', 0, ID_AT) !== MAGIC) return undefined
  if (bytes.readUInt32BE(LENGTH_AT) !== bytes.length - FRAME_HEADER_BYTES) return undefined
  return {
    id: bytes.subarray(ID_AT, NONCE_AT),
    nonce: bytes.subarray(NONCE_AT, OFFSET_AT),
    streamOffset: bytes.readUIntBE(OFFSET_AT, 6),
    sealed: bytes.subarray(FRAME_HEADER_BYTES),
  }
}

/** The text of a frame whose hash was found right. */
export function openFrame(frame: Frame, textKey: Uint8Array): Buffer {
  const into = frame.streamOffset % BLOCK_BYTES
  const block = firstBlock(frame.nonce, (frame.streamOffset - into) / BLOCK_BYTES)
  const decipher = createDecipheriv('aes-256-ctr', textKey, block)
  // Turns the key stream to where the text begins within its first block.
  if (into > 0) decipher.update(Buffer.alloc(into))
  return decipher.update(frame.sealed)
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const REF = /^sub_[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}$/

/** The 128 bits behind a `sub_…` (lib/ids.ts: 48 bits of time, 80 random ones); undefined where it is none. */
export function idOfRef(ref: string): Buffer | undefined {
  if (!REF.test(ref)) return undefined
  const id = Buffer.alloc(16)
  id.writeUIntBE(digits(ref.slice(4, 14)), 0, 6)
  id.writeUIntBE(digits(ref.slice(14, 22)), 6, 5)
  id.writeUIntBE(digits(ref.slice(22, 30)), 11, 5)
  return id
}

/** At most ten digits of base 32, of which the first is below 8: 48 bits, exact in a double. */
function digits(text: string): number {
  let value = 0
  for (const digit of text) value = value * 32 + ALPHABET.indexOf(digit)
  return value
}
