import * as z from 'zod'
import type { LsaModel } from './lsa.ts'

const headSchema = z.object({
  dimensions: z.int().min(1).max(4_096),
  terms: z.array(z.string()),
  rarities: z.array(z.number()),
})

const LEVELS = 127

/**
 * A model as bytes: the length of a JSON head (dimensions, terms, rarities), the head, then for each term a scale
 * (32-bit float) and for each term and dimension a signed byte: the number is byte × scale / 127.
 */
export function encodeModel(model: LsaModel): Uint8Array {
  const terms = [...model.terms].sort((a, b) => a[1].row - b[1].row)
  const head = Buffer.from(
    JSON.stringify({
      dimensions: model.dimensions,
      terms: terms.map(([term]) => term),
      rarities: terms.map(([, { rarity }]) => rarity),
    }),
  )
  const scales = new Float32Array(terms.length)
  const bytes = new Int8Array(terms.length * model.dimensions)
  for (const [at, [, { row }]] of terms.entries()) {
    const vector = model.vectors.subarray(row * model.dimensions, (row + 1) * model.dimensions)
    const scale = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    scales[at] = scale
    for (const [i, value] of vector.entries()) {
      bytes[at * model.dimensions + i] = scale === 0 ? 0 : Math.round((value / scale) * LEVELS)
    }
  }
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.length)
  return Buffer.concat([length, head, Buffer.from(scales.buffer), Buffer.from(bytes.buffer)])
}

export function decodeModel(stored: Uint8Array): LsaModel {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength)
  const start = 4 + bytes.readUInt32LE(0)
  const head: unknown = JSON.parse(bytes.toString('utf8', 4, start))
  const { dimensions, terms, rarities } = headSchema.parse(head)
  const values = start + 4 * terms.length
  const vectors = new Float32Array(terms.length * dimensions)
  for (let row = 0; row < terms.length; row++) {
    const scale = bytes.readFloatLE(start + 4 * row) / LEVELS
    for (let i = row * dimensions; i < (row + 1) * dimensions; i++)
      vectors[i] = bytes.readInt8(values + i) * scale
  }
  return {
    dimensions,
    vectors,
    terms: new Map(terms.map((term, row) => [term, { row, rarity: rarities[row] ?? 0 }])),
  }
}

/** The model without the terms that are not wanted. */
export function withTerms(model: LsaModel, wanted: (term: string) => boolean): LsaModel {
  const kept = [...model.terms].filter(([term]) => wanted(term))
  const vectors = new Float32Array(kept.length * model.dimensions)
  for (const [row, [, old]] of kept.entries()) {
    const own = model.vectors.subarray(old.row * model.dimensions, (old.row + 1) * model.dimensions)
    vectors.set(own, row * model.dimensions)
  }
  const terms = new Map(kept.map(([term, { rarity }], row) => [term, { row, rarity }]))
  return { dimensions: model.dimensions, terms, vectors }
}
