import type { FileHandle } from 'node:fs/promises'
import { HeaderBytes, NotGguf } from './bytes.ts'
import { TENSOR_TYPES } from './types.ts'

/**
 * DESIGN. The header of a GGUF file comes from strangers, and its counts and lengths say how much a reader should
 * believe. So it is passed over in a window of fixed size, everything that is counted has a bound, vocabularies are
 * skipped without being kept, and tensors are never read: only their names, shapes and places. What is kept of a
 * header is as long as its short texts and some thousand numbers. Source of the format: ggml's docs/gguf.md.
 */

/**
 * The longest header. A vocabulary of 262,144 tokens takes 6 MB; one of 200,000 with 446,000 merges, as in gpt-oss,
 * some 12 MB.
 */
const HEADER_BYTES_MAX = 33_554_432
const VALUES_MAX = 10_000
const TENSORS_MAX = 200_000
const KEY_BYTES_MAX = 1_024
const NAME_BYTES_MAX = 1_024
/** Longer texts (chat templates) are known to be there, and not kept. */
const TEXT_BYTES_MAX = 4_096
/** Items of arrays that are kept, of all arrays together; one beyond them (a vocabulary's types) is only counted. */
const ITEMS_KEPT_MAX = 16_384
const DIMENSIONS_MAX = 8
const ALIGNMENT_DEFAULT = 32
const ALIGNMENT_MAX = 1_048_576

/** A text or array that is too long to be kept has only its length. */
export type GgufValue = number | boolean | string | GgufLong | readonly (number | boolean)[]
export interface GgufLong {
  /** Bytes of a text, items of an array. */
  readonly length: number
}

export interface GgufHeader {
  /** 2 or 3. */
  readonly version: number
  readonly values: ReadonlyMap<string, GgufValue>
  readonly tensors: number
  /** Elements of all tensors. */
  readonly parameters: number
  /** Bytes of tensors by their type. */
  readonly tensorBytes: ReadonlyMap<string, number>
  /** Bytes that the file must have at least: the end of its last tensor. */
  readonly endBytes: number
}

/** Reads the header of an open file. Throws NotGguf. */
export async function readHeader(file: FileHandle, fileBytes: number): Promise<GgufHeader> {
  const bytes = new HeaderBytes(file, fileBytes, HEADER_BYTES_MAX)
  const version = await readStart(bytes)
  await bytes.need(16)
  const tensors = counted(bytes.u64(), TENSORS_MAX, 'tensors')
  const count = counted(bytes.u64(), VALUES_MAX, 'values')
  const values = new Map<string, GgufValue>()
  const kept = { items: 0 }
  for (let index = 0; index < count; index++) {
    const key = await bytes.text(KEY_BYTES_MAX, 'a key')
    if (values.has(key)) throw new NotGguf('a key stands twice in its header')
    await bytes.need(4)
    values.set(key, await readValue(bytes, bytes.u32(), kept))
  }
  return { version, values, tensors, ...(await readTensors(bytes, tensors, alignmentOf(values))) }
}

async function readStart(bytes: HeaderBytes): Promise<number> {
  if (bytes.left < 24) throw new NotGguf('it is shorter than any GGUF header')
  await bytes.need(8)
  if (bytes.take(4).toString('latin1') !== 'GGUF') throw new NotGguf('it does not begin with `GGUF`')
  const version = bytes.u32()
  if (version === 2 || version === 3) return version
  if ((version & 0xffff) === 0) throw new NotGguf('it is big-endian, for another kind of processor')
  throw new NotGguf(`its format is version ${version}, and versions 2 and 3 are known`)
}

function counted(count: number, most: number, what: string): number {
  if (count > most) throw new NotGguf(`its header claims ${count} ${what}, and at most ${most} are believed`)
  return count
}

/** Sizes in bytes of the value types that have one, by number. */
const VALUE_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
}
const TEXT = 8
const ARRAY = 9

async function readValue(bytes: HeaderBytes, type: number, kept: { items: number }): Promise<GgufValue> {
  if (type === TEXT) {
    await bytes.need(8)
    const length = bytes.u64()
    if (length > TEXT_BYTES_MAX) {
      bytes.skip(length)
      return { length }
    }
    await bytes.need(length)
    return bytes.take(length).toString('utf8')
  }
  if (type === ARRAY) return readArray(bytes, kept)
  const size = sizeOf(type)
  await bytes.need(size)
  return scalarOf(bytes.take(size), type)
}

async function readArray(bytes: HeaderBytes, kept: { items: number }): Promise<GgufValue> {
  await bytes.need(12)
  const type = bytes.u32()
  const length = bytes.u64()
  if (type === ARRAY) throw new NotGguf('an array of arrays stands in its header')
  if (type === TEXT) {
    // Each has at least its own length, so that a wild count ends here and not in a long loop.
    if (length * 8 > bytes.left) throw new NotGguf(`its header claims ${length} texts in one array`)
    await bytes.skipTexts(length)
    return { length }
  }
  const size = sizeOf(type)
  if (length > ITEMS_KEPT_MAX - kept.items) {
    bytes.skip(length * size)
    return { length }
  }
  kept.items += length
  await bytes.need(length * size)
  return Array.from({ length }, () => scalarOf(bytes.take(size), type))
}

function sizeOf(type: number): number {
  const size = VALUE_BYTES[type]
  if (size === undefined) throw new NotGguf(`a value in its header has the unknown type ${type}`)
  return size
}

function scalarOf(bytes: Buffer, type: number): number | boolean {
  switch (type) {
    case 0:
      return bytes.readUInt8()
    case 1:
      return bytes.readInt8()
    case 2:
      return bytes.readUInt16LE()
    case 3:
      return bytes.readInt16LE()
    case 4:
      return bytes.readUInt32LE()
    case 5:
      return bytes.readInt32LE()
    case 6:
      return bytes.readFloatLE()
    case 7:
      return bytes.readUInt8() !== 0
    case 10:
      return Number(bytes.readBigUInt64LE())
    case 11:
      return Number(bytes.readBigInt64LE())
    default:
      return bytes.readDoubleLE()
  }
}

function alignmentOf(values: ReadonlyMap<string, GgufValue>): number {
  const value = values.get('general.alignment') ?? ALIGNMENT_DEFAULT
  if (typeof value === 'number' && value >= 1 && value <= ALIGNMENT_MAX && Number.isInteger(Math.log2(value)))
    return value
  throw new NotGguf('its alignment is no power of two')
}

async function readTensors(
  bytes: HeaderBytes,
  count: number,
  alignment: number,
): Promise<Pick<GgufHeader, 'parameters' | 'tensorBytes' | 'endBytes'>> {
  const tensorBytes = new Map<string, number>()
  let parameters = 0
  let end = 0
  for (let index = 0; index < count; index++) {
    await bytes.text(NAME_BYTES_MAX, "a tensor's name")
    await bytes.need(4)
    const dimensions = counted(bytes.u32(), DIMENSIONS_MAX, 'dimensions of a tensor')
    await bytes.need(dimensions * 8 + 12)
    let elements = 1
    for (let side = 0; side < dimensions; side++) elements *= bytes.u64()
    const type = TENSOR_TYPES.get(bytes.u32())
    const offset = bytes.u64()
    // The size of a type that is newer than this table is not known: its tensor counts as empty.
    const size = type === undefined ? 0 : Math.ceil(elements / type.elements) * type.bytes
    if (!Number.isSafeInteger(elements) || !Number.isSafeInteger(offset + size))
      throw new NotGguf('a tensor in its header is larger than any file')
    parameters += elements
    end = Math.max(end, offset + size)
    const name = type?.name ?? 'unknown'
    tensorBytes.set(name, (tensorBytes.get(name) ?? 0) + size)
  }
  const start = Math.ceil(bytes.position / alignment) * alignment
  // Without tensors nothing follows the header, not even its padding.
  return { parameters, tensorBytes, endBytes: count === 0 ? bytes.position : start + end }
}
