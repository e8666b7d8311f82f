import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isPlainText } from './text-scanner.ts'

test('a text is plain where it holds none of the forms that are looked at, wherever they are cut', () => {
  const forms = ['](', ']:', '![', '<', '://', ':\\/\\/', 'www.', 'WWW.', 'AKIA', 'sk-', '-----BEGIN', 'ghp_']
  const pieces = forms.flatMap((form) => [
    form,
    form.slice(0, -1),
    form.slice(1),
    form.toLowerCase(),
    'w',
    ' ',
  ])
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 6 }), (all) => {
      const text = all.join('')
      assert.equal(isPlainText(text), !forms.some((form) => text.includes(form)), text)
    }),
    { numRuns: 20_000 },
  )
})
