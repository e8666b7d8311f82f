import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { plainView } from './plain-view.ts'

test('a text without anything unusual has no other view', () => {
  for (const text of ['plain text', 'Größe, 日本語、中文。', 'a — b “c”…', '50% of \\n and 100%', '😀']) {
    assert.equal(plainView(text), undefined, text)
  }
})

test('what is not seen goes, what is wide or escaped becomes plain, and places lead back', () => {
  const text = 'a\u200bb\u00a0ＡＢ\u{e0041}\\u0041%42\u00ad!'
  const view = plainView(text) ?? assert.fail()
  assert.equal(view.text, 'ab ABAB!')
  assert.equal(view.toOriginal(view.text.indexOf('!')), text.indexOf('!'))
  assert.equal(view.toOriginal(0), 0)
  assert.equal(text.charAt(view.toOriginal(1)), 'b')
})

test('every place of the view leads to the character that it came from', () => {
  const piece = fc.constantFrom('x', 'y', '\u200b', '\u00a0', 'Ａ', '\\u0041', '%41', '\u{e0041}')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('')
      const view = plainView(text)
      if (view === undefined) return
      let last = 0
      for (let at = 0; at <= view.text.length; at++) {
        const place = view.toOriginal(at)
        assert.ok(place >= last && place <= text.length)
        const char = view.text.charAt(at)
        if (char === 'x' || char === 'y') assert.equal(text.charAt(place), char)
        last = place
      }
      assert.equal(view.toOriginal(view.text.length), text.length)
    }),
  )
})
