/** Of a host whose numbers lie the other way round. */
const BIG_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0

/** The largest finite number that float32 has. */
export const FLOAT32_MAX = 3.4028234663852886e38

/** Base64 (RFC 4648) of the values as float32 (IEEE 754 binary32), little-endian. Numbers of more digits are rounded. */
export function toBase64(values: Float32Array | Float64Array): string {
  const floats = values instanceof Float32Array ? values : Float32Array.from(values)
  const bytes = Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength)
  return (BIG_ENDIAN ? Buffer.from(bytes).swap32() : bytes).toString('base64')
}

/** The values of such a text; undefined where it is no base64, or none of whole float32 values. */
export function fromBase64(text: string): Float32Array | undefined {
  const digits = text.endsWith('==') ? text.length - 2 : text.endsWith('=') ? text.length - 1 : text.length
  const bytes = Buffer.from(text, 'base64')
  // What is no digit is skipped, so that there are fewer bytes than digits stand for.
  if (bytes.length !== Math.floor((digits * 3) / 4) || bytes.length % 4 !== 0) return undefined
  if (BIG_ENDIAN) bytes.swap32()
  // A copy: the bytes may lie anywhere in a pool, and would keep all of it.
  return new Float32Array(new Uint8Array(bytes).buffer)
}
