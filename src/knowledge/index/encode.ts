import { UpshiftError } from '../../contract/problem.ts'
import { completed, type Segment } from './segment.ts'

/**
 * DESIGN. A segment as bytes, for a blob: format, number of chunks; of each chunk its document (distance from the one
 * before) and lengths; number of terms; of each term its UTF-8 length and bytes, the number of its postings, and of
 * each posting the distance from the chunk before, times four, plus 1 where a count in the head follows and 2
 * where a count in the body follows (else that is 1, or 0 where a head's stands). Numbers are LEB128 varints:
 * a posting takes little over a byte.
 */
const FORMAT = 1
const HEAD_FOLLOWS = 1
const BODY_FOLLOWS = 2

export function encodeSegment(segment: Segment): Uint8Array {
  const out = new Writer()
  out.number(FORMAT)
  out.number(segment.size)
  for (let chunk = 0, last = 0; chunk < segment.size; chunk++) {
    const document = segment.documents[chunk] ?? 0
    out.number(document - last)
    out.number(segment.headLengths[chunk] ?? 0)
    out.number(segment.bodyLengths[chunk] ?? 0)
    last = document
  }
  out.number(segment.terms.size)
  for (const [term, id] of segment.terms) {
    out.text(term)
    const [start, end] = [segment.offsets[id] ?? 0, segment.offsets[id + 1] ?? 0]
    out.number(end - start)
    for (let index = start, last = 0; index < end; index++) {
      const chunk = segment.chunks[index] ?? 0
      const [head, body] = [segment.head[index] ?? 0, segment.body[index] ?? 0]
      const flags = (head > 0 ? HEAD_FOLLOWS : 0) | (body === (head > 0 ? 0 : 1) ? 0 : BODY_FOLLOWS)
      out.number((chunk - last) * 4 + flags)
      if (flags & HEAD_FOLLOWS) out.number(head)
      if (flags & BODY_FOLLOWS) out.number(body)
      last = chunk
    }
  }
  return out.bytes()
}

/** Throws UpshiftError where the bytes are no segment of this format. */
export function decodeSegment(bytes: Uint8Array): Segment {
  const from = new Reader(bytes)
  if (from.number() !== FORMAT) throw broken()
  const size = from.count()
  const documents = new Uint32Array(size)
  const headLengths = new Uint16Array(size)
  const bodyLengths = new Uint16Array(size)
  for (let chunk = 0, last = 0; chunk < size; chunk++) {
    last += from.number()
    documents[chunk] = last
    headLengths[chunk] = from.number()
    bodyLengths[chunk] = from.number()
  }
  const terms = new Map<string, number>()
  const termCount = from.count()
  const offsets = new Uint32Array(termCount + 1)
  // A posting takes a byte at least.
  const chunks = new Uint32Array(from.left)
  const head = new Uint8Array(from.left)
  const body = new Uint8Array(from.left)
  let at = 0
  for (let id = 0; id < termCount; id++) {
    terms.set(from.text(), id)
    const end = at + from.count()
    for (let last = 0; at < end; at++) {
      const packed = from.number()
      last += packed >>> 2
      chunks[at] = last
      head[at] = packed & HEAD_FOLLOWS ? from.number() : 0
      body[at] = packed & BODY_FOLLOWS ? from.number() : packed & HEAD_FOLLOWS ? 0 : 1
    }
    offsets[id + 1] = at
  }
  return completed({
    size,
    terms,
    offsets,
    chunks: chunks.slice(0, at),
    head: head.slice(0, at),
    body: body.slice(0, at),
    documents,
    headLengths,
    bodyLengths,
  })
}

class Writer {
  #bytes = Buffer.allocUnsafe(1 << 16)
  #length = 0

  number(value: number): void {
    this.#room(5)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#length++] = rest
  }

  text(value: string): void {
    const length = Buffer.byteLength(value)
    this.number(length)
    this.#room(length)
    this.#length += this.#bytes.write(value, this.#length)
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#bytes.length + more))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  number(): number {
    let value = 0
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw broken()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw broken()
  }

  /** A number of things of which each takes a byte at least. */
  count(): number {
    const value = this.number()
    if (value > this.left) throw broken()
    return value
  }

  text(): string {
    const length = this.count()
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }
}

function broken(): UpshiftError {
  return new UpshiftError({
    code: 'internal',
    message:
      'The search index of a collection is damaged. Add its documents again: their texts are read from their sources.',
  })
}
