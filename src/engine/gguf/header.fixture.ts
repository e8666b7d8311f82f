/** Values of a made-up header: `u32`, a text, texts, or bytes as they are. */
export type MadeValue = number | string | readonly string[] | { readonly raw: Buffer }

export interface MadeTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** ggml's number. */
  readonly type: number
  readonly offset: number
}

export interface MadeHeader {
  readonly magic?: string
  readonly version?: number
  readonly values?: readonly (readonly [string, MadeValue])[]
  readonly tensors?: readonly MadeTensor[]
  /** What the header claims, where that is not what follows. */
  readonly claimedTensors?: bigint
  readonly claimedValues?: bigint
  /** Bytes after the header and its padding. */
  readonly dataBytes?: number
}

/** A GGUF file that may lie about itself, byte by byte. */
export function madeFile(header: MadeHeader): Buffer {
  const { values = [['general.architecture', 'llama']], tensors = [] } = header
  const parts = [
    Buffer.from(header.magic ?? 'GGUF', 'latin1'),
    u32(header.version ?? 3),
    u64(header.claimedTensors ?? BigInt(tensors.length)),
    u64(header.claimedValues ?? BigInt(values.length)),
    ...values.flatMap(([key, value]) => [text(key), encoded(value)]),
    ...tensors.flatMap(({ name, shape, type, offset }) => [
      text(name),
      u32(shape.length),
      ...shape.map((side) => u64(BigInt(side))),
      u32(type),
      u64(BigInt(offset)),
    ]),
  ]
  const head = Buffer.concat(parts)
  const padding = tensors.length === 0 ? 0 : Math.ceil(head.length / 32) * 32 - head.length
  return Buffer.concat([head, Buffer.alloc(padding + (header.dataBytes ?? 0))])
}

/** `type` and `count` of an array, then the bytes of its items as they are. */
export function rawArray(type: number, count: bigint, items: Buffer = Buffer.alloc(0)): MadeValue {
  return { raw: Buffer.concat([u32(9), u32(type), u64(count), items]) }
}

/** A value with its type's number and any bytes after it. */
export function rawValue(type: number, bytes: Buffer): MadeValue {
  return { raw: Buffer.concat([u32(type), bytes]) }
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([u64(BigInt(bytes.length)), bytes])
}

function encoded(value: MadeValue): Buffer {
  if (typeof value === 'number') return Buffer.concat([u32(4), u32(value)])
  if (typeof value === 'string') return Buffer.concat([u32(8), text(value)])
  if ('raw' in value) return value.raw
  return Buffer.concat([u32(9), u32(8), u64(BigInt(value.length)), ...value.map(text)])
}
