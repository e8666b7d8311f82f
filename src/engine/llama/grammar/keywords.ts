import { compileSchema } from './compile.ts'
import type { Json } from './json.ts'

/** One use of a keyword, with values that meet it and that do not. */
export interface Probe {
  readonly keyword: string
  /** What this use is, where a keyword has several. */
  readonly use: string
  readonly schema: { readonly [keyword: string]: Json }
  readonly meets: Json
  readonly fails: Json
}

/** What the compiler makes of a probe, as it says itself. */
export type Support =
  | { readonly type: 'enforced' }
  | { readonly type: 'checked'; readonly why: string }
  | { readonly type: 'refused'; readonly why: string }

export function supportOf({ keyword, schema }: Probe): Support {
  const compiled = compileSchema(schema)
  if (compiled.type === 'refused') return { type: 'refused', why: compiled.why }
  const finding = compiled.checked.find((one) => one.keyword === keyword)
  return finding === undefined ? { type: 'enforced' } : { type: 'checked', why: finding.why }
}

type Row = readonly [keyword: string, use: string, schema: Probe['schema'], meets: Json, fails: Json]

const AB = { a: { type: 'integer' }, b: { type: 'integer' } }

/** As text, because an object with a method's name for a key is taken for a promise. */
const CONDITIONAL: Probe['schema'] = JSON.parse(
  '{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a"],"if":{"properties":{"a":{"const":1}}},"then":{"required":["b"]}}',
)

const VALUES: readonly Row[] = [
  ['type', 'one, or a list of them', { type: ['integer', 'null'] }, null, 'x'],
  ['enum', 'any JSON values', { enum: ['a', 1, { b: [null] }] }, { b: [null] }, 'b'],
  ['const', 'any JSON value', { const: { a: [1, 'x'] } }, { a: [1, 'x'] }, { a: [1] }],
  ['nullable', "OpenAPI's", { type: 'string', nullable: true }, null, 1],
  ['minimum', '', { type: 'integer', minimum: 10 }, 10, 9],
  ['maximum', '', { type: 'number', maximum: 2.5 }, 2.5, 2.6],
  ['exclusiveMinimum', '', { type: 'number', exclusiveMinimum: 0 }, 0.5, 0],
  ['exclusiveMaximum', '', { type: 'integer', exclusiveMaximum: 10 }, 9, 10],
  [
    'multipleOf',
    'a whole number, 0.1, 0.01 and so on, a half, a quarter and so on',
    { type: 'number', multipleOf: 0.01 },
    0.07,
    0.075,
  ],
  [
    'multipleOf',
    'another fraction between limits',
    { type: 'number', multipleOf: 0.15, minimum: 0, maximum: 1_000 },
    0.45,
    0.5,
  ],
  ['multipleOf', 'another fraction without limits', { type: 'number', multipleOf: 0.15 }, 0.45, 0.5],
  ['minLength', '', { type: 'string', minLength: 3 }, 'abc', 'ab'],
  ['maxLength', '', { type: 'string', maxLength: 3 }, '日本語', 'abcd'],
  [
    'pattern',
    'classes, groups, alternation, quantifiers, anchors, `\\b`, `\\p{…}`',
    { type: 'string', pattern: '^[A-Z]{2}\\d+$' },
    'AB1',
    'A1',
  ],
  [
    'pattern',
    'lookaheads that stand first, after `^`',
    { type: 'string', pattern: '^(?=.*\\d)[a-z0-9]{4}$' },
    'abc1',
    'abcd',
  ],
  ['pattern', 'other lookaheads, lookbehinds', { type: 'string', pattern: 'a(?!b)' }, 'ac', 'ab'],
  ['pattern', 'backreferences', { type: 'string', pattern: '^(a|b)\\1$' }, 'aa', 'ab'],
  ['pattern', 'no regular expression', { type: 'string', pattern: '(' }, 'x', 'x'],
  [
    'format',
    'date, time, date-time, duration',
    { type: 'string', format: 'date' },
    '2024-02-29',
    '2023-02-29',
  ],
  [
    'format',
    'email, hostname, ipv4, ipv6, uri, uri-reference, uri-template, url, uuid, json-pointer, relative-json-pointer, byte',
    { type: 'string', format: 'ipv4' },
    '10.0.0.1',
    '10.0.0.256',
  ],
  ['format', 'int32, int64, float, double', { type: 'integer', format: 'int32' }, 7, 3_000_000_000],
  ['format', 'regex, and names that are not known', { type: 'string', format: 'regex' }, 'a', '('],
]

const ARRAYS: readonly Row[] = [
  ['items', '', { type: 'array', items: { type: 'integer' } }, [1, 2], ['x']],
  [
    'prefixItems',
    "and draft 7's list under items",
    { type: 'array', prefixItems: [{ type: 'integer' }], items: false },
    [1],
    ['x'],
  ],
  ['minItems', '', { type: 'array', items: { type: 'integer' }, minItems: 2 }, [1, 2], [1]],
  ['maxItems', '', { type: 'array', items: { type: 'integer' }, maxItems: 1 }, [1], [1, 2]],
  [
    'uniqueItems',
    'of enum, const, booleans, integers of a short range',
    { type: 'array', items: { enum: ['a', 'b'] }, uniqueItems: true },
    ['a', 'b'],
    ['a', 'a'],
  ],
  [
    'uniqueItems',
    'of anything else',
    { type: 'array', items: { type: 'string' }, uniqueItems: true },
    ['a'],
    ['a', 'a'],
  ],
  [
    'contains',
    'with minContains and maxContains',
    { type: 'array', items: { type: 'integer' }, contains: { const: 7 }, maxContains: 1 },
    [1, 7],
    [7, 7],
  ],
  [
    'unevaluatedItems',
    '',
    { type: 'array', prefixItems: [{ type: 'integer' }], unevaluatedItems: false },
    [1],
    [1, 2],
  ],
  [
    'unevaluatedItems',
    'beside contains',
    { type: 'array', contains: { type: 'integer' }, unevaluatedItems: false },
    [1],
    [1, 'x'],
  ],
]

const OBJECTS: readonly Row[] = [
  [
    'properties',
    'in the order of the schema',
    { type: 'object', properties: AB },
    { a: 1, b: 2 },
    { a: 'x' },
  ],
  ['required', '', { type: 'object', properties: AB, required: ['b'] }, { b: 2 }, { a: 1 }],
  [
    'additionalProperties',
    'false',
    { type: 'object', properties: AB, additionalProperties: false },
    { a: 1 },
    { c: 1 },
  ],
  [
    'additionalProperties',
    'true, or a schema',
    { type: 'object', properties: AB, additionalProperties: { type: 'null' } },
    { a: 1, c: null },
    { c: 1 },
  ],
  [
    'patternProperties',
    '',
    { type: 'object', patternProperties: { '^n_': { type: 'integer' } }, additionalProperties: false },
    { n_1: 1 },
    { n_1: 'x' },
  ],
  ['propertyNames', '', { type: 'object', propertyNames: { pattern: '^[a-z]+$' } }, { a: 1 }, { A: 1 }],
  [
    'minProperties',
    'of named properties',
    { type: 'object', properties: AB, minProperties: 1, additionalProperties: false },
    { b: 1 },
    {},
  ],
  [
    'minProperties',
    'of properties with free names',
    { type: 'object', minProperties: 2 },
    { a: 1, b: 2 },
    { a: 1 },
  ],
  ['maxProperties', '', { type: 'object', properties: AB, maxProperties: 1 }, { a: 1 }, { a: 1, b: 2 }],
  [
    'dependentRequired',
    "and draft 7's dependencies",
    { type: 'object', properties: AB, dependentRequired: { a: ['b'] } },
    { a: 1, b: 2 },
    { a: 1 },
  ],
  [
    'dependentSchemas',
    "and draft 7's dependencies",
    { type: 'object', properties: AB, dependentSchemas: { a: { required: ['b'] } } },
    { a: 1, b: 2 },
    { a: 1 },
  ],
  [
    'unevaluatedProperties',
    '',
    { type: 'object', allOf: [{ properties: AB }], unevaluatedProperties: false },
    { a: 1 },
    { c: 1 },
  ],
]

const WHOLES: readonly Row[] = [
  ['anyOf', '', { anyOf: [{ type: 'integer' }, { type: 'null' }] }, null, 'x'],
  [
    'oneOf',
    'branches that differ by a type, a const or a required property, or whose overlap can be taken out',
    { oneOf: [{ type: 'integer' }, { type: 'number', minimum: 5 }] },
    4,
    6,
  ],
  [
    'oneOf',
    'branches whose overlap has no counterpart',
    {
      oneOf: [
        { type: 'array', items: { enum: [1, 2] }, uniqueItems: true },
        { type: 'array', items: { enum: [1, 2] }, maxItems: 1 },
      ],
    },
    [1, 2],
    [1],
  ],
  ['allOf', '', { allOf: [{ type: 'integer', minimum: 2 }, { maximum: 4 }] }, 3, 5],
  [
    'not',
    'type, enum, const, limits, lengths, pattern, required, properties, items, contains, allOf, anyOf',
    { type: 'string', not: { enum: ['a', 'b'] } },
    'c',
    'a',
  ],
  [
    'not',
    'other keywords',
    { type: 'array', items: { type: 'integer' }, not: { uniqueItems: true } },
    [1, 1],
    [1, 2],
  ],
  ['if', 'with then and else', CONDITIONAL, { a: 2 }, { a: 1 }],
  [
    '$ref',
    'within the schema, also to itself; $defs, definitions, $id, $anchor',
    {
      $ref: '#/$defs/n',
      $defs: { n: { anyOf: [{ type: 'null' }, { type: 'array', items: { $ref: '#/$defs/n' } }] } },
    },
    [null, []],
    [1],
  ],
  ['$ref', 'to elsewhere: nothing is fetched', { $ref: 'https://example.org/schema' }, 1, 1],
  [
    '$ref',
    'that leads back to itself before any property or item',
    { anyOf: [{ $ref: '#' }, { type: 'null' }] },
    null,
    1,
  ],
]

const IMPOSSIBLE: readonly Row[] = [
  ['minimum', 'above maximum', { type: 'integer', minimum: 5, maximum: 3 }, 4, 4],
  [
    'required',
    'of a property that cannot be',
    { type: 'object', properties: { a: false }, required: ['a'] },
    {},
    {},
  ],
  [
    'allOf',
    'of schemas that exclude one another',
    { allOf: [{ type: 'integer' }, { type: 'string' }] },
    1,
    1,
  ],
  ['minItems', 'more than the bound on items', { type: 'array', minItems: 100_000 }, [], []],
]

/** Every keyword of JSON Schema 2020-12 that bears on what is valid, in each way in which it is treated. */
export const PROBES: readonly Probe[] = [...VALUES, ...ARRAYS, ...OBJECTS, ...WHOLES, ...IMPOSSIBLE].map(
  ([keyword, use, schema, meets, fails]) => ({ keyword, use, schema, meets, fails }),
)

/** The page of the handbook, as Markdown. */
export function keywordPage(): string {
  const rows = PROBES.map((probe) => {
    const support = supportOf(probe)
    const remark = support.type === 'enforced' ? '' : sentence(support.why)
    return `| \`${probe.keyword}\` | ${cell(probe.use)} | ${support.type} | ${cell(remark)} |`
  })
  return `${HEAD}\n${rows.join('\n')}\n`
}

const HEAD = `# JSON Schema keywords, as local models are held to them

This page is generated from what the compiler does with one schema for each row (\`node src/engine/generate.ts\`).

- **enforced**: the grammar lets nothing else through.
- **checked**: the grammar does not follow it wholly, and a validator checks the whole answer after it.
- **refused**: there is no grammar, and the request is told why.

| keyword | use | treated | remark |
|---|---|---|---|`

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
