import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { offered } from './offered.fixture.ts'
import { type Rescue, rescueText, TextRescue } from './text-rescue.ts'

/** What holds for every text, whatever a model prints. */

const FRAGMENTS = [
  ...[
    '[',
    ']',
    '{',
    '}',
    '(',
    ')',
    '"',
    "'",
    '`',
    '```',
    '```json\n',
    '\n',
    ' ',
    ',',
    ';',
    ':',
    '=',
    '.',
    '<',
    '>',
  ],
  ...[
    'get_weather',
    'math.gcd',
    'math_gcd',
    'list_files',
    'light.set',
    'functions.',
    'city',
    '"city"',
    'Oslo',
  ],
  ...[
    'get_weather(city="Oslo")',
    '{"name": "get_weather", "arguments": {"city": "Oslo"}}',
    'get_weather\n{"city": "x"}',
  ],
  ...[
    '"name": "get_weather"',
    '"arguments": {',
    '<tool_call>',
    '</tool_call>',
    '<function=',
    '<parameter=city>',
  ],
  ...[
    '[TOOL_CALLS]',
    '[ARGS]',
    '<|python_tag|>',
    '<｜tool▁call▁begin｜>',
    '<think>',
    '</think>',
    'Action:',
    'Call',
  ],
  ...[
    'Sure.',
    'I will look.',
    'for example',
    'a plain sentence',
    '\\',
    '\\n',
    'True',
    'None',
    '3',
    '-2.5',
    '🙂',
    '\u0000',
  ],
]
const anyText = fc
  .array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...FRAGMENTS) }, fc.string({ maxLength: 6 })), {
    maxLength: 24,
  })
  .map((parts) => parts.join(''))

interface Streamed {
  readonly rescue: Rescue | undefined
  /** How far the text had left when it ended. */
  readonly left: number
}

function streamed(text: string, sizes: readonly number[]): Streamed {
  const rescue = new TextRescue(offered())
  let at = 0
  let left = 0
  for (let turn = 0; at < text.length; turn++) {
    const piece = text.slice(at, at + Math.max(1, sizes[turn % sizes.length] ?? 1))
    if (!rescue.pass(piece)) rescue.push(piece)
    at += piece.length
    assert.equal(rescue.length, at)
    assert.ok(rescue.heldFrom >= left && rescue.heldFrom <= at, 'what has left is not taken back')
    left = rescue.heldFrom
  }
  return { rescue: rescue.end(), left }
}

test('a text that is cut anywhere comes to the same calls, and none of them has left before', () => {
  fc.assert(
    fc.property(
      anyText,
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }),
      (text, sizes) => {
        const whole = rescueText(text, offered())
        const { rescue, left } = streamed(text, sizes)
        assert.deepEqual(rescue, whole)
        for (const { from } of whole?.cuts ?? []) assert.ok(left <= from)
      },
    ),
    { numRuns: 3000 },
  )
})

test('what is cut out are whole stretches of the text, one after the other', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      let at = 0
      for (const { from, to } of rescueText(text, offered())?.cuts ?? []) {
        assert.ok(from >= at && to > from && to <= text.length)
        at = to
      }
    }),
    { numRuns: 2000 },
  )
})

const key = fc.stringMatching(/^[a-z_]{1,8}$/)
const value = fc.jsonValue({ maxDepth: 3 }).filter((one) => !JSON.stringify(one).includes('-0'))
const callsToPrint = fc.array(fc.dictionary(key, value, { maxKeys: 4 }), { minLength: 1, maxLength: 3 })
const anything = offered([{ name: 'do.it', parameters: { type: 'object' } }])

/** As Python writes a value. */
function python(one: unknown): string {
  if (one === null) return 'None'
  if (typeof one === 'boolean') return one ? 'True' : 'False'
  if (typeof one === 'string')
    return `'${one.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`
  if (Array.isArray(one)) return `[${one.map(python).join(', ')}]`
  if (typeof one !== 'object') return String(one)
  return `{${Object.entries(one)
    .map(([name, inner]) => `${python(name)}: ${python(inner)}`)
    .join(', ')}}`
}

const named = (one: object): string =>
  Object.entries(one)
    .map(([name, inner]) => `${name}=${python(inner)}`)
    .join(', ')
const object = (one: object): string => JSON.stringify({ name: 'do.it', arguments: one })

const WRITERS: Readonly<Record<string, (calls: readonly object[]) => string>> = {
  objects: (calls) => `[${calls.map(object).join(', ')}]`,
  lines: (calls) => calls.map(object).join('\n'),
  'texts in objects': (calls) =>
    calls.map((one) => JSON.stringify({ name: 'do_it', parameters: JSON.stringify(one) })).join(' '),
  python: (calls) => `[${calls.map((one) => `do.it(${named(one)})`).join(', ')}]`,
  dicts: (calls) => calls.map((one) => `do_it(${python(one)})`).join(';'),
  tags: (calls) => calls.map((one) => `<tool_call>\n${object(one)}\n</tool_call>`).join('\n'),
  names: (calls) => calls.map((one) => `do.it\n${JSON.stringify(one, null, 2)}`).join('\n'),
  pairs: (calls) => `[${calls.map((one) => `['do.it', ${python(one)}]`).join(', ')}]`,
}

test('what was printed is what is called, value for value, in every dialect', () => {
  fc.assert(
    fc.property(callsToPrint, fc.constantFrom(...Object.keys(WRITERS)), (printed, writer) => {
      // A sole argument that is called like all arguments is taken for them.
      fc.pre(!printed.some((one) => /^(?:args|params|input|kwargs)$/.test(Object.keys(one).join())))
      const text = WRITERS[writer]?.(printed) ?? ''
      const calls = rescueText(text, anything)?.calls
      assert.deepEqual(
        calls?.map((call) => JSON.parse(call.arguments)),
        printed.map((one) => JSON.parse(JSON.stringify(one))),
        text,
      )
    }),
    { numRuns: 1500 },
  )
})

test('a hostile megabyte comes to nothing, without a fault', () => {
  const patterns = [
    ...['[', '{"a":', 'list_files(list_files(', '\n[', '\n{', '<tool_call>', '<tool_call>{', '\n```', '`<'],
    ...[
      'get_weather(city="',
      '\n["get_weather(city=[",',
      '.get_weather\n{',
      '</think>\n[',
      '<parameter=city>',
    ],
  ]
  for (const pattern of patterns) {
    const text = pattern.repeat(Math.ceil(1_048_576 / pattern.length))
    assert.equal(rescueText(text, offered()), undefined, pattern)
    assert.equal(streamed(text, [65_537]).rescue, undefined, pattern)
  }
})
