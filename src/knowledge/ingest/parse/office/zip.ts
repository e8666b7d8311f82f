import { crc32, inflateRawSync } from 'node:zlib'

/** Bytes that one part, and all parts read of a file, may come to: a bomb ends here. */
const MAX_PART_BYTES = 96 * 1024 * 1024
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024
const MAX_PARTS = 50_000

const END = 0x06054b50
const ENTRY = 0x02014b50
const LOCAL = 0x04034b50
const END_SIZE = 22
const ENTRY_SIZE = 46
const LOCAL_SIZE = 30
const MAX_COMMENT = 0xffff
const STORED = 0
const DEFLATED = 8
const ENCRYPTED = 1
/** Begins a compound file: an encrypted office file, or one of before 2007. */
const COMPOUND = Buffer.from('d0cf11e0a1b11ae1', 'hex')

interface Part {
  readonly method: number
  readonly encrypted: boolean
  readonly packed: number
  readonly crc: number
  /** Where its local header begins. */
  readonly at: number
}

/**
 * The parts of an archive (PKWARE's APPNOTE 6.3.10, without Zip64, which a file of 64 MiB does not need), unpacked
 * one by one and only when asked for. Throws, in words for its owner, where the archive is broken, encrypted, or comes
 * to more than the bounds.
 */
export class Zip {
  readonly #bytes: Buffer
  readonly #parts: ReadonlyMap<string, Part>
  #unpacked = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (this.#bytes.subarray(0, COMPOUND.length).equals(COMPOUND)) {
      throw new Error(
        'it is encrypted, or of an office program from before 2007; save it anew in the present format and without a password',
      )
    }
    try {
      this.#parts = partsOf(this.#bytes)
    } catch (error) {
      if (error instanceof RangeError) throw damaged()
      throw error
    }
  }

  get names(): readonly string[] {
    return [...this.#parts.keys()]
  }

  /** Undefined where there is no such part. */
  read(name: string): Buffer | undefined {
    const part = this.#parts.get(name)
    if (part === undefined) return undefined
    if (part.encrypted) throw new Error('it is encrypted; take the password off and add it again')
    const unpacked = this.#unpack(part)
    if (crc32(unpacked) !== part.crc) throw damaged()
    this.#unpacked += unpacked.length
    if (this.#unpacked > MAX_UNPACKED_BYTES) throw tooLarge()
    return unpacked
  }

  #unpack({ method, packed, at }: Part): Buffer {
    const bytes = this.#bytes
    if (at + LOCAL_SIZE > bytes.length || bytes.readUInt32LE(at) !== LOCAL) throw damaged()
    const start = at + LOCAL_SIZE + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28)
    if (start + packed > bytes.length) throw damaged()
    const body = bytes.subarray(start, start + packed)
    if (method === STORED) return body
    if (method !== DEFLATED) throw new Error(`it is packed by method ${method}, which is not read here`)
    try {
      return inflateRawSync(body, { maxOutputLength: MAX_PART_BYTES })
    } catch (error) {
      throw error instanceof RangeError ? tooLarge() : damaged()
    }
  }
}

function partsOf(bytes: Buffer): Map<string, Part> {
  const end = endOf(bytes)
  const count = bytes.readUInt16LE(end + 10)
  if (count > MAX_PARTS) throw new Error(`it has ${count} parts, and at most ${MAX_PARTS} are read`)
  const parts = new Map<string, Part>()
  let at = bytes.readUInt32LE(end + 16)
  for (let number = 0; number < count; number++) {
    if (bytes.readUInt32LE(at) !== ENTRY) throw damaged()
    const name = at + ENTRY_SIZE
    const nameLength = bytes.readUInt16LE(at + 28)
    parts.set(bytes.toString('utf8', name, name + nameLength), {
      method: bytes.readUInt16LE(at + 10),
      encrypted: (bytes.readUInt16LE(at + 8) & ENCRYPTED) !== 0,
      crc: bytes.readUInt32LE(at + 16),
      packed: bytes.readUInt32LE(at + 20),
      at: bytes.readUInt32LE(at + 42),
    })
    at = name + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
  return parts
}

/** Where the end of the central directory's record begins: behind it stands at most a comment. */
function endOf(bytes: Buffer): number {
  const least = Math.max(0, bytes.length - END_SIZE - MAX_COMMENT)
  for (let at = bytes.length - END_SIZE; at >= least; at--) {
    if (bytes.readUInt32LE(at) === END) return at
  }
  throw damaged()
}

function damaged(): Error {
  return new Error('it is damaged, or no office file, whatever its name says')
}

function tooLarge(): Error {
  return new Error(
    `unpacked it comes to more than ${MAX_UNPACKED_BYTES / 2 ** 20} MiB, or one part to more than ${MAX_PART_BYTES / 2 ** 20} MiB`,
  )
}
