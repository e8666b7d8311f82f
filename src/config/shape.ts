import * as z from 'zod'
import type { Section } from '../contract/section.ts'

// DESIGN. Everything here that must know what upshift.yaml may hold (merging, environment, messages, explain,
// the documentation) walks one JSON Schema, made from the features' zod schemas with their `meta` in it. zod
// itself only validates. A *mapping* is merged key by key; everything else (arrays, unions, secrets) is a
// *leaf* that a higher level replaces whole.

export type Sections = Readonly<Record<string, Section>>

/** The configuration's type: each section's own, under its name. */
export type ConfigOf<S extends Sections> = { readonly [Name in keyof S]: z.output<S[Name]['schema']> }

/** A JSON Schema (draft 2020-12) with our annotations: `env`, `flag`, `path`, `secret`. */
export type Shape = z.core.JSONSchema.BaseSchema

export type Path = readonly PropertyKey[]

export function rootSchema(sections: Sections): z.ZodType {
  const fields = Object.entries(sections).map(([name, section]) => [name, section.schema.prefault({})])
  return z.strictObject(Object.fromEntries(fields))
}

/** The shape of the file that a person writes: what has a default is optional. */
export function shapeOf(sections: Sections): Shape {
  const shape = z.toJSONSchema(rootSchema(sections), { io: 'input', unrepresentable: 'any' })
  return inlined(shape, shape, 0)
}

/** zod gives schemas with an id a place of their own; here each stands where it is used. */
const MAX_DEPTH = 32

function inlined(shape: Shape, root: Shape, depth: number): Shape {
  if (depth > MAX_DEPTH)
    throw new Error('a section describes itself by itself: no configuration can be like that')
  const walked: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(targetOf(shape, root))) {
    if (key === '$defs') continue
    walked[key] = inlinedValue(value, root, depth)
  }
  return walked
}

function inlinedValue(value: unknown, root: Shape, depth: number): unknown {
  if (Array.isArray(value)) return value.map((item) => inlinedValue(item, root, depth + 1))
  return isMapping(value) ? inlined(value, root, depth + 1) : value
}

function targetOf(shape: Shape, root: Shape): Shape {
  if (shape.$ref === undefined) return shape
  const target = root.$defs?.[shape.$ref.replace('#/$defs/', '')]
  if (target === undefined) throw new Error(`the schema refers to ${shape.$ref}, which is not there`)
  const { $ref: _, ...beside } = shape
  return { ...target, ...beside }
}

/** A plain object, as YAML and JSON make them. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Sets a value in a tree of mappings; what is no mapping on the way to it is replaced by one. */
export function setAt(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let branch = tree
  for (const key of path.slice(0, -1)) {
    const below = branch[key]
    const next = isMapping(below) ? below : {}
    branch[key] = next
    branch = next
  }
  branch[path.at(-1) ?? ''] = value
}

/** True where the value is merged key by key. */
export function isBranch(shape: Shape): boolean {
  if (shape.secret === true) return false
  return shape.properties !== undefined || isMapping(shape.additionalProperties)
}

/** What may stand under a key (a name, or an index of an array); undefined where nothing may. */
export function childOf(shape: Shape, key: PropertyKey): Shape | undefined {
  if (typeof key === 'number') return isMapping(shape.items) ? shape.items : undefined
  const named = Object.hasOwn(shape.properties ?? {}, key) ? shape.properties?.[String(key)] : undefined
  if (isMapping(named)) return named
  return isMapping(shape.additionalProperties) ? shape.additionalProperties : undefined
}

export interface Leaf {
  readonly path: readonly string[]
  readonly shape: Shape
}

/** Every leaf that has a fixed name: what an environment variable or a flag can set. */
export function fixedLeaves(shape: Shape, path: readonly string[] = []): Leaf[] {
  if (!isBranch(shape)) return [{ path, shape }]
  return Object.entries(shape.properties ?? {}).flatMap(([name, child]) =>
    isMapping(child) ? fixedLeaves(child, [...path, name]) : [],
  )
}

/** `fleet.engines.ollama.urls[0]`; a name that is not a plain word is quoted: `route.aliases["gpt-4.1"]`. */
export function nameOf(path: Path): string {
  return path
    .map((part, at) => {
      if (typeof part === 'number') return `[${part}]`
      const text = String(part)
      if (!/^[\w-]+$/.test(text)) return `[${JSON.stringify(text)}]`
      return at === 0 ? text : `.${text}`
    })
    .join('')
}
