import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wordsOf } from './words.ts'

const raws = (text: string): string[] => wordsOf(text).map(({ raw }) => raw)

test('scripts without spaces are cut into their words, and other words beside them as ever', () => {
  assert.deepEqual(raws('油は毎年交換する。'), ['油', 'は', '毎年', '交換', 'する'])
  assert.deepEqual(raws('机油多久更换？'), ['机油', '多久', '更换'])
  assert.deepEqual(raws('เปลี่ยนน้ำมัน'), ['เปลี่ยน', 'น้ำมัน'])
  assert.deepEqual(raws('Dockerのサーバー v2.1'), ['Docker', 'の', 'サーバー', 'v2', '1'])
})

test('the marks of such a script are letters, those of others are none', () => {
  const [glass, crow] = wordsOf('ガラス カラス')
  assert.notEqual(glass?.stem, crow?.stem)
  assert.equal(wordsOf('Café')[0]?.stem, 'cafe')
})

test('a word is what stands at its place, in any text, and words follow each other', () => {
  const any = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'油は毎年ガーネジ换滤น้ำมัน a2é．。? \n') }),
  )
  fc.assert(
    fc.property(any, fc.nat(40), (text, limit) => {
      const words = wordsOf(text, limit)
      assert.ok(words.length <= limit)
      let last = 0
      for (const { raw, start, end } of words) {
        assert.ok(start >= last && end > start)
        assert.equal(text.slice(start, end), raw)
        last = end
      }
    }),
  )
})
