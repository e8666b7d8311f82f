import assert from 'node:assert/strict'
import { test } from 'node:test'
import { termCounts } from '../index/query.ts'
import { SegmentBuilder } from '../index/segment.ts'
import { sequence } from '../tune/known-items.ts'
import { decodeModel, encodeModel, withTerms } from './encode.ts'
import { fitLsa, lsaVector, lsaVectors } from './lsa.ts'
import { eigen, gram, matrix, orthonormalise } from './matrix.ts'

const THEMES = [
  'car automobile engine wheel road driver brake garage motor traffic',
  'bread oven flour baker yeast dough crust butter kitchen loaf',
].map((words) => words.split(' '))

/** Chunks of one theme each; "car" and "automobile" never stand in the same one. */
function segment() {
  const chance = sequence(3)
  const builder = new SegmentBuilder()
  for (let chunk = 0; chunk < 200; chunk++) {
    const theme = THEMES[chunk % 2] ?? []
    const left =
      chunk % 4 < 2 ? theme.filter((word) => word !== 'car') : theme.filter((word) => word !== 'automobile')
    const words = Array.from({ length: 6 }, () => left[Math.floor(chance() * left.length)] ?? '')
    builder.add({ document: chunk, head: '', body: `${words.join(' ')} filler${chunk % 50}` })
  }
  return builder.finish()
}

const cosine = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)

test('words that stand among the same words are near, though never in one chunk', () => {
  const model = fitLsa([segment()], sequence(1), 2)
  assert.ok(model)
  const vector = (text: string) => lsaVector(model, termCounts(text))
  const near = cosine(vector('car motor'), vector('automobile'))
  assert.ok(near > cosine(vector('car motor'), vector('bread')) + 0.1, String(near))
})

test("a chunk's vector is that of its words, of length 1, and the same collection has the same", () => {
  const [one, model, again] = [segment(), fitLsa([segment()], sequence(1)), fitLsa([segment()], sequence(1))]
  assert.ok(model)
  assert.deepEqual(again, model)
  const vectors = lsaVectors(model, one)
  const first = vectors.subarray(0, model.dimensions)
  assert.ok(Math.abs(cosine(first, first) - 1) < 1e-5)
})

test('a model comes back from its bytes, about as it was, and without terms that are forgotten', () => {
  const model = fitLsa([segment()], sequence(1))
  assert.ok(model)
  const back = decodeModel(encodeModel(withTerms(model, (term) => term !== 'car')))
  assert.equal(back.terms.has('car'), false)
  assert.equal(Buffer.from(encodeModel(back)).includes('"car"'), false)
  const words = termCounts('automobile motor bread')
  assert.ok(cosine(lsaVector(back, words), lsaVector(model, words)) > 0.999)
})

test('a collection too small to have any structure has no model', () => {
  const builder = new SegmentBuilder()
  builder.add({ document: 0, head: '', body: 'one chunk' })
  assert.equal(fitLsa([builder.finish()], sequence(1)), undefined)
})

test('columns become perpendicular, and eigenvectors are what they are called', () => {
  const chance = sequence(5)
  const dense = matrix(30, 6)
  for (let at = 0; at < dense.values.length; at++) dense.values[at] = chance()
  const symmetric = gram(dense)
  const { values, vectors } = eigen(symmetric.map((row) => row.slice()))
  for (const [at, vector] of vectors.entries()) {
    for (const [row, line] of symmetric.entries()) {
      const product = line.reduce((sum, value, column) => sum + value * (vector[column] ?? 0), 0)
      assert.ok(Math.abs(product - (values[at] ?? 0) * (vector[row] ?? 0)) < 1e-6)
    }
  }
  orthonormalise(dense)
  for (const [row, line] of gram(dense).entries()) {
    for (const [column, value] of line.entries()) assert.ok(Math.abs(value - (row === column ? 1 : 0)) < 1e-5)
  }
})
