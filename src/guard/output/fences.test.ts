import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Fences } from './fences.ts'

function inside(text: string): boolean {
  const fences = new Fences()
  fences.feed(text)
  return fences.inside
}

test('a text inside an ordinary fence is inside, whatever stands around it', () => {
  for (const text of [
    '```\n',
    'Here:\n```html\n<b>',
    '   ~~~~ js `x`\ncode\n~~~\n',
    '> quoted\n> ```\n> code',
    '- item\n\n  ```js\n  code',
    '1. step\n   ```sh\n   npm i\n   ```\n2. step\n   ```sh\n   npm',
    '<b>bold</b>\n\n```\ncode',
    '<https://a.example>\n```\ncode',
    'text\n```\na\n```\ntext\n```\nb',
  ]) {
    assert.equal(inside(text), true, text)
  }
})

test('a text outside every fence is outside, however much it looks like one', () => {
  for (const text of [
    'plain',
    '```\ncode\n```\n',
    '````\n```\n````\n',
    '> ```\n',
    '> ```\n> code\nafter',
    '> ```\n![x](',
    'text\n     ```\n',
    '\t```\n',
    '```a`b\n',
    '``` `\n',
    '```\ncode\n     ```\n',
    '- ```\nafter',
    '- ```\n  code\n  ```\nafter',
    '- ```\n  x\n  ```\n\ntext\n     ```\n',
    '<!--\n```\n-->\n',
    '<div>\n```\n\n',
    '<pre>\n\n```\n</pre>\n',
    '- ```\n  code', // some renderers know no fence behind a bullet
    `\`\`\`${'x'.repeat(2000)}\`\n`,
  ]) {
    assert.equal(inside(text), false, text)
  }
})

test('a longer fence, another mark or an info string does not close', () => {
  assert.equal(inside('````\n```\n'), true)
  assert.equal(inside('```\n~~~\n'), true)
  assert.equal(inside('```\n```js\n'), true)
  assert.equal(inside('```\n> ```\n'), true)
})

test('however a text is fed, the answer is the same', () => {
  const piece = fc.constantFrom(
    '```',
    '~~~',
    '\n',
    '> ',
    '- ',
    '  ',
    '    ',
    'x',
    '<div>',
    '<!--',
    '-->',
    '`',
    '1. ',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('')
      const fences = new Fences()
      for (const char of text) fences.feed(char)
      assert.equal(fences.inside, inside(text))
    }),
  )
})
