import type * as z from 'zod'
import { nearest } from '../lib/nearest.ts'
import type { Complaint, Layer } from './layer.ts'
import { childOf, fixedLeaves, isBranch, isMapping, nameOf, type Path, type Shape } from './shape.ts'

type Issue = z.core.$ZodIssue

const MAX_SHOWN_CHARS = 60

/** What validation found, said in the user's terms: which source, which line, what belongs there instead. */
export function complaintsOf(
  issues: readonly Issue[],
  merged: unknown,
  layers: readonly Layer[],
  shape: Shape,
): Complaint[] {
  return issues.flatMap((issue) => complaintsOfIssue(issue, issue.path, merged, layers, shape))
}

function complaintsOfIssue(
  issue: Issue,
  path: Path,
  merged: unknown,
  layers: readonly Layer[],
  shape: Shape,
): Complaint[] {
  const secret = secretAbove(issue.code === 'unrecognized_keys' ? [...path, ''] : path, shape)
  if (secret !== undefined) {
    const where = layerOf(secret, layers, shape)?.placeOf(secret, 'value') ?? 'upshift.yaml'
    return [{ where, path: nameOf(secret), message: NO_REFERENCE }]
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...path, key], layers, shape))
  }
  const deeper = issue.code === 'invalid_union' ? variantOf(issue) : undefined
  if (deeper !== undefined) {
    return deeper.flatMap((inner) =>
      complaintsOfIssue(inner, [...path, ...inner.path], merged, layers, shape),
    )
  }
  const layer = layerOf(path, layers, shape)
  const what = issue.code === 'invalid_key' ? 'key' : 'value'
  const where = layer?.placeOf(path, what) ?? 'upshift.yaml'
  return [
    { where, path: nameOf(path), message: messageOf(issue, valueAt(merged, path), shapeAt(shape, path)) },
  ]
}

const NO_REFERENCE =
  'is a secret and stands elsewhere: write { env: NAME }, the name of an environment variable, or { file: PATH }'

/** The path of the secret that this path leads into: what is wrong inside a reference is never repeated. */
function secretAbove(path: Path, shape: Shape): Path | undefined {
  for (let length = 1; length < path.length; length++) {
    if (shapeAt(shape, path.slice(0, length))?.secret === true) return path.slice(0, length)
  }
  return undefined
}

/** Of a union's variants the one that was plainly meant: the only one whose own type the value has. */
function variantOf(issue: Issue & { code: 'invalid_union' }): readonly Issue[] | undefined {
  const meant = issue.errors.filter((issues) =>
    issues.every(({ code, path }) => path.length > 0 || code === 'unrecognized_keys'),
  )
  return meant.length === 1 ? meant[0] : undefined
}

function unknownKey(path: Path, layers: readonly Layer[], shape: Shape): Complaint {
  const key = String(path.at(-1))
  const parent = shapeAt(shape, path.slice(0, -1))
  const known = Object.keys(parent?.properties ?? {})
  const meant = nearest(key, known)
  const elsewhere = fixedLeaves(shape).find((leaf) => leaf.path.at(-1) === key)
  const advice =
    meant !== undefined
      ? `did you mean \`${meant}\`?`
      : elsewhere !== undefined
        ? `did you mean \`${nameOf(elsewhere.path)}\`?`
        : `known here: ${known.join(', ') || 'nothing'}.`
  const where = layerOf(path, layers, shape)?.placeOf(path, 'key') ?? 'upshift.yaml'
  return { where, path: nameOf(path), message: `is not known: ${advice}` }
}

/** The layer that the value at this path came from: the strongest that has it, or what is nearest above it. */
function layerOf(path: Path, layers: readonly Layer[], shape: Shape): Layer | undefined {
  for (let length = leafDepth(path, shape); length > 0; length--) {
    const prefix = path.slice(0, length)
    const found = layers.find((layer) => valueAt(layer.tree, prefix) !== undefined)
    if (found !== undefined) return found
  }
  return undefined
}

/** What of `stronger` keeps the value at this path of `layer` from counting; undefined where nothing does. */
export function maskOf(
  path: Path,
  layer: Layer,
  stronger: readonly Layer[],
  shape: Shape,
): string | undefined {
  const leaf = path.slice(0, leafDepth(path, shape))
  const value = valueAt(layer.tree, leaf)
  const at = shapeAt(shape, leaf)
  // Mappings are merged and have been looked at as they are merged.
  if (value === undefined || at === undefined || (isBranch(at) && isMapping(value))) return undefined
  return stronger.find((one) => valueAt(one.tree, leaf) !== undefined)?.sourceOf(leaf)
}

/** How much of the path leads to a leaf: what lies below it came with it, from one layer. */
function leafDepth(path: Path, shape: Shape): number {
  let at: Shape | undefined = shape
  for (let depth = 0; depth < path.length; depth++) {
    if (at === undefined || !isBranch(at)) return depth
    at = childOf(at, path[depth] ?? '')
  }
  return path.length
}

export function valueAt(tree: unknown, path: Path): unknown {
  let value = tree
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = Reflect.get(value, part)
  }
  return value
}

function shapeAt(shape: Shape, path: Path): Shape | undefined {
  let at: Shape | undefined = shape
  for (const part of path) at = at === undefined ? undefined : childOf(at, part)
  return at
}

function messageOf(issue: Issue, value: unknown, shape: Shape | undefined): string {
  if (issue.code === 'invalid_key')
    return `is no name that can stand here: ${issue.issues[0]?.message ?? 'see the documentation'}`
  // Words that a section chose itself say more than its shape does.
  if (shape?.secret === true || issue.code === 'custom') return issue.message
  if (shape === undefined) return issue.message
  const expected = expectationOf(shape)
  if (value === undefined) return `is missing: expected ${expected}`
  return `is ${shown(value)}; expected ${expected}`
}

/** What may stand in a place, in words: its `title` where it has one, else `a whole number from 0 to 65535`. */
export function expectationOf(shape: Shape): string {
  if (shape.secret === true) return 'a secret by reference, { env: NAME } or { file: PATH }'
  if (typeof shape.title === 'string') return shape.title
  if (shape.anyOf !== undefined) return shape.anyOf.filter(isMapping).map(expectationOf).join(', or ')
  if (shape.enum !== undefined) return `one of ${shape.enum.join(', ')}`
  if (shape.const !== undefined) return JSON.stringify(shape.const)
  switch (shape.type) {
    case 'integer':
      return `a whole number${rangeOf(shape)}`
    case 'number':
      return `a number${rangeOf(shape)}`
    case 'boolean':
      return 'true or false'
    case 'string':
      return `a text${lengthOf('characters', shape.minLength, shape.maxLength)}${formOf(shape)}`
    case 'array': {
      const items = isMapping(shape.items) ? expectationOf(shape.items) : 'anything'
      return `a list${lengthOf('items', shape.minItems, shape.maxItems)}, each ${items}`
    }
    case 'object':
      return 'a mapping of names to values'
    case 'null':
      return 'nothing'
    default:
      return 'another value'
  }
}

function rangeOf(shape: Shape): string {
  const { minimum, maximum } = shape
  const low = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined
  const high = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`
  if (low !== undefined) return `, at least ${low}`
  return high === undefined ? '' : `, at most ${high}`
}

function lengthOf(unit: string, low: number | undefined, high: number | undefined): string {
  if (low !== undefined && low > 0 && high !== undefined) return ` of ${low} to ${high} ${unit}`
  if (low !== undefined && low > 0) return ` of at least ${low} ${unit}`
  return high === undefined ? '' : ` of at most ${high} ${unit}`
}

function formOf(shape: Shape): string {
  if (shape.format === 'uri') return ' that is a URL'
  return shape.pattern === undefined ? '' : ` of the form ${shape.pattern}`
}

/** A value in a message: scalars as they are, cut off; of lists and mappings only that they are one. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value === null) return 'empty'
  if (typeof value === 'object') return 'a mapping'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text
}
