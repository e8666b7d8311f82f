import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Chance } from './chance.ts'
import { DENSE_DIMENSIONS, DenseNeighbours, dot, projected } from './dense.ts'

function randomVector(length: number, chance: Chance): Float32Array {
  return Float32Array.from({ length }, () => chance.next() - 0.5)
}

test('a projection keeps the angles of long embeddings, as nearly as its dimensions allow', () => {
  const chance = new Chance(3)
  for (let times = 0; times < 20; times++) {
    const [left, other] = [randomVector(768, chance), randomVector(768, chance)]
    const share = chance.next()
    const right = left.map((value, at) => share * value + (1 - share) * (other[at] ?? 0))
    const cosine = dot(left, right) / Math.sqrt(dot(left, left) * dot(right, right))
    const [one, two] = [projected(left), projected(right)]
    assert.ok(one !== undefined && two !== undefined)
    assert.ok(Math.abs(dot(one, one) - 1) < 1e-5)
    assert.ok(
      Math.abs(dot(one, two) - cosine) < 4 / Math.sqrt(DENSE_DIMENSIONS),
      `${dot(one, two)} ${cosine}`,
    )
  }
})

test('what is no direction has no projection', () => {
  assert.equal(projected([0, 0, 0]), undefined)
  assert.equal(projected([1, Number.NaN]), undefined)
  assert.equal(projected([1, Number.POSITIVE_INFINITY]), undefined)
})

test('rows of like meaning say how the models do, and rows of another one do not', () => {
  const [up, down] = [projected([1, 0.1]), projected([-1, 0.1])]
  assert.ok(up !== undefined && down !== undefined)
  const rows = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? up : down))
  const weak = Float64Array.from(rows, (_, at) => (at % 2 === 0 ? 0 : 1))
  const dense = new DenseNeighbours(
    rows,
    weak,
    weak.map(() => 1),
  )
  const [hard, easy] = [dense.near(up), dense.near(down)]
  assert.ok(hard.weak < 0.1 && easy.weak > 0.9, JSON.stringify({ hard, easy }))
  assert.equal(hard.strong, 1)
})
