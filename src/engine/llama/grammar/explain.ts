import { type Conjunction, NEVER, type SchemaDocument } from './document.ts'
import type { JsonObject } from './json.ts'
import type { Finding } from './outcome.ts'
import type { Plan } from './plan.ts'
import type { Printer } from './printer.ts'

interface Explaining {
  readonly document: SchemaDocument
  readonly printer: Printer
  /** Whether anything can be printed for it. */
  isPossible(child: Conjunction): boolean
}

const MAX_DEPTH = 16
const ENDLESS = 'it holds itself without end: let something in it be optional, empty or null'

/** Why no value meets these schemas, as near to the fault as can be seen. */
export function explain(conjunction: Conjunction, parts: Explaining): Finding {
  return deepest(conjunction, parts, 0)
}

function deepest({ terms, ...rest }: Conjunction, parts: Explaining, depth: number): Finding {
  const { document, printer } = parts
  const [first] = terms
  const node = first?.node ?? NEVER
  const pointer = document.placeOf(node)
  if (depth >= MAX_DEPTH) return { keyword: '$ref', pointer, why: ENDLESS }
  if (terms.some((term) => term.node === NEVER)) {
    return { keyword: 'false', pointer, why: 'the schema false allows no value' }
  }
  for (const term of terms) {
    const found = term.negated ? undefined : contradiction(term.node, document)
    if (found !== undefined) return found
  }
  for (const plan of printer.plans({ terms, ...rest })) {
    const found = within(plan, node, parts, depth)
    if (found !== undefined) return found
  }
  const keyword = Object.keys(node).find((key) => BEARING.has(key))
  const why = 'no value meets all that is asked for here at once'
  return keyword === undefined ? { keyword: 'not', pointer, why } : document.finding(node, keyword, why)
}

const BEARING: ReadonlySet<string> = new Set([
  'type',
  'enum',
  'const',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'pattern',
  'format',
  'minLength',
  'maxLength',
  'required',
  'propertyNames',
  'items',
  'prefixItems',
  'contains',
  'uniqueItems',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  '$ref',
])

/** Pairs that leave nothing between them, of one schema's own keywords. */
const RANGES: readonly (readonly [low: string, high: string, open: boolean])[] = [
  ['minimum', 'maximum', false],
  ['minimum', 'exclusiveMaximum', true],
  ['exclusiveMinimum', 'maximum', true],
  ['exclusiveMinimum', 'exclusiveMaximum', true],
  ['minLength', 'maxLength', false],
  ['minItems', 'maxItems', false],
  ['minProperties', 'maxProperties', false],
]

function contradiction(node: JsonObject, document: SchemaDocument): Finding | undefined {
  for (const [low, high, open] of RANGES) {
    const least = node[low]
    const most = node[high]
    if (typeof least !== 'number' || typeof most !== 'number') continue
    if (least < most || (least === most && !open)) continue
    return document.finding(node, low, `nothing lies between ${low} ${least} and ${high} ${most}`)
  }
  const { required, maxProperties } = node
  if (Array.isArray(required) && typeof maxProperties === 'number' && required.length > maxProperties) {
    const why = `${required.length} properties are required and maxProperties is ${maxProperties}`
    return document.finding(node, 'required', why)
  }
  return undefined
}

/** The fault of what a plan must hold. */
function within(plan: Plan, node: JsonObject, parts: Explaining, depth: number): Finding | undefined {
  const { document } = parts
  if (plan.kind === 'object') {
    for (const { key, required, value } of plan.entries) {
      if (!required || parts.isPossible(value)) continue
      const what = `the property ${JSON.stringify(key)} is required`
      const never = value.terms.some((term) => term.node === NEVER)
      if (never) return document.finding(node, 'required', `${what}, and its schema is false`)
      return inside(deepest(value, parts, depth + 1), what)
    }
  }
  if (plan.kind === 'array') {
    for (const [index, { plain }] of plan.items.slice(0, plan.least).entries()) {
      if (parts.isPossible(plain)) continue
      return inside(deepest(plain, parts, depth + 1), `an item ${index} is required`)
    }
  }
  return undefined
}

/** Said once, of what is nearest to the fault. */
function inside(found: Finding, what: string): Finding {
  const isSaid = found.why === ENDLESS || found.why.includes(REQUIRED)
  return isSaid ? found : { ...found, why: `${what}${REQUIRED}${found.why}` }
}

const REQUIRED = ', and nothing fits it: '
