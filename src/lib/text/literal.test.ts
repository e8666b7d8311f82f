import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonOf, MAX_VALUE_DEPTH, readAlone, readValue } from './literal.ts'
import { readNow, Tape } from './tape.ts'

/** What a text alone is, as JSON; undefined where it is no value. */
function json(text: string): string | undefined {
  const value = readNow(readAlone(Tape.of(text)))
  return value === undefined ? undefined : jsonOf(value)
}

test('every JSON text is read as the value that it is', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      assert.deepEqual(JSON.parse(json(text) ?? 'undefined'), JSON.parse(text))
    }),
  )
})

test('literals of Python are read: quotes, tuples, True and None, signs, a comma too many', () => {
  const cases: readonly [string, unknown][] = [
    [`{'a': True, "b": None, 'c': (1, -2.5, +3),}`, { a: true, b: null, c: [1, -2.5, 3] }],
    [`('only')`, 'only'],
    [`('only',)`, ['only']],
    [`'it\\'s "so"'`, `it's "so"`],
    [`"a 'b' \\n \\x41\\u00e9\\U0001F600"`, `a 'b' \n Aé😀`],
    [`r'C:\\new'`, 'C:\\new'],
    [`'\\d+'`, '\\d+'],
    [`'''two\n"lines" and 'quotes'\nhere'''`, `two\n"lines" and 'quotes'\nhere`],
    [`''`, ''],
    ['[1_000, .5, 5., 1e3]', [1000, 0.5, 5, 1000]],
    ['{a: 1, 2: "b"}', { a: 1, 2: 'b' }],
    ['well-known.word', 'well-known.word'],
  ]
  for (const [text, value] of cases) assert.deepEqual(JSON.parse(json(text) ?? 'null'), value, text)
})

test('a number keeps every digit it was written with', () => {
  for (const text of ['12345678901234567890', '0.10', '-0', '1e400', '3.14159265358979323846']) {
    assert.equal(json(text), text)
  }
})

test('what is no literal is none: nothing is guessed', () => {
  for (const text of [
    ...["'open", '{"a" 1}', '{"a": 1', '[1 2]', '007', '1.2.3', '0x1f', '2 + 2', '25/1', "'it's'", 'f(1)'],
    ...['{"a": 1, "a": 2}', "f'{x}'", '', '1, 2', '{1, 2}', '"\\u12"', '"\\U00110000"', '@', '2024-01-05'],
  ]) {
    assert.equal(json(text), undefined, text)
  }
})

test('nesting is bounded', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  assert.equal(json(nested(MAX_VALUE_DEPTH)), nested(MAX_VALUE_DEPTH))
  assert.equal(json(nested(MAX_VALUE_DEPTH + 1)), undefined)
  assert.equal(json('{"a":'.repeat(100_000)), undefined)
})

test('a value is the same however its text was cut, and is read no further than it goes', () => {
  const piece = fc.oneof(
    fc.json(),
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      ',',
      ':',
      "'",
      '"',
      "'''",
      '\\',
      '\\u00',
      'True',
      '-',
      '.5',
      'a',
    ),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(40)), (parts, cuts) => {
      const text = parts.join('')
      const whole = Tape.of(text)
      const value = readNow(readValue(whole))
      const tape = new Tape()
      const reading = readValue(tape)
      let step = reading.next()
      let at = 0
      for (const size of [...cuts, text.length]) {
        if (step.done === true) break
        tape.push(text.slice(at, at + size))
        at = Math.min(text.length, at + size)
        if (at === text.length) tape.ended = true
        step = reading.next()
      }
      if (step.done !== true) {
        tape.ended = true
        step = reading.next()
      }
      assert.ok(step.done)
      assert.deepEqual(step.value, value)
      assert.equal(tape.offset, whole.offset)
    }),
  )
})
