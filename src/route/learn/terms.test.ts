import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { surfaceOf } from './surface.ts'
import { boundedText, HEAD_CHARS, TAIL_CHARS, TERM_SPACE, TermReader } from './terms.ts'

const reader = new TermReader()

test('any text becomes ascending terms within the space, the same each time it is read', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const { ids, weights } = reader.read(text)
      assert.ok(ids.every((id, at) => id < TERM_SPACE && (at === 0 || id > (ids[at - 1] ?? 0))))
      assert.ok(weights.length === ids.length && weights.every((weight) => weight >= 1))
      assert.deepEqual(reader.read(text), { ids, weights })
    }),
  )
})

test('capitals do not count, repetition and the order of words do', () => {
  const terms = (text: string) => reader.read(text)
  assert.deepEqual(terms('Prime NUMBERS'), terms('prime numbers'))
  assert.notDeepEqual(terms('dog bites man').ids, terms('man bites dog').ids)
  const [once, twice] = [terms('prime'), terms('prime prime')]
  const shared = once.ids.find((id) => twice.ids.includes(id)) ?? 0
  const weight = ({ ids, weights }: typeof once) => weights[ids.indexOf(shared)] ?? 0
  assert.ok(weight(twice) > weight(once))
})

test('of a long prompt only its head and its tail are read, however long it is', () => {
  const [head, tail] = ['a'.repeat(HEAD_CHARS), 'z'.repeat(TAIL_CHARS)]
  assert.equal(boundedText(`${head}${'m'.repeat(2_000_000)}${tail}`), `${head}\n${tail}`)
  assert.deepEqual(reader.read(`${head}${'m'.repeat(100_000)}${tail}`), reader.read(`${head}\n${tail}`))
})

test('the surface is finite for any text, and a longer prompt has a greater length', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.ok(surfaceOf(text).every((figure) => Number.isFinite(figure)))
    }),
  )
  assert.ok((surfaceOf('x'.repeat(900_000))[0] ?? 0) > (surfaceOf('x'.repeat(9_000))[0] ?? 0))
})
