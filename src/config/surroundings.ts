import { resolve } from 'node:path'
import type { Flags } from '../contract/verb.ts'
import type { Complaint, Layer, Level } from './layer.ts'
import { place } from './place.ts'
import { fixedLeaves, isMapping, type Leaf, nameOf, type Path, type Shape, setAt } from './shape.ts'

/** Everything outside the files that a configuration is made from. */
export interface Surroundings {
  /** The parsed command line; a flag that no section declares is left to its verb. */
  readonly flags: Flags
  readonly env: Readonly<Record<string, string | undefined>>
  /** Absolute. */
  readonly cwd: string
  /** Absolute. */
  readonly homedir: string
}

export interface SurroundingLayers {
  /** The strongest first. */
  readonly layers: readonly Layer[]
  readonly complaints: readonly Complaint[]
}

/**
 * What the command line and the environment set. An empty variable counts as unset (`PORT= upshift`), a list
 * is written with commas or as JSON, and a secret's variable `NAME` is kept as a reference to it, or
 * `NAME_FILE` as one to the file; both at once is a complaint.
 */
export function surroundingLayers(around: Surroundings, shape: Shape): SurroundingLayers {
  const flags = new Draft('flag')
  const env = new Draft('env')
  const complaints: Complaint[] = []
  for (const leaf of fixedLeaves(shape)) {
    const { flag, env: variable } = leaf.shape
    if (typeof flag === 'string') {
      const given = around.flags[flag]
      if (given !== undefined)
        flags.set(leaf.path, typeof given === 'string' ? typedValue(given, leaf.shape) : given, `--${flag}`)
    }
    if (typeof variable !== 'string') continue
    if (leaf.shape.secret === true) {
      const fault = secretFrom(env, leaf, variable, around)
      if (fault !== undefined) complaints.push(fault)
    } else {
      const text = around.env[variable]
      if (text !== undefined && text !== '') env.set(leaf.path, typedValue(text, leaf.shape), variable)
    }
  }
  const layers = [flags, env].map((draft) => draft.layer(shape, around))
  return { layers, complaints }
}

/** The names that `surroundingLayers` reads. */
export function variablesOf(shape: Shape): string[] {
  return fixedLeaves(shape).flatMap(({ shape: { env, secret } }) => {
    if (typeof env !== 'string') return []
    return secret === true ? [env, `${env}_FILE`] : [env]
  })
}

function secretFrom(env: Draft, leaf: Leaf, variable: string, around: Surroundings): Complaint | undefined {
  const fileVariable = `${variable}_FILE`
  const file = around.env[fileVariable]
  const here = around.env[variable] !== undefined && around.env[variable] !== ''
  if (here && file) {
    const message = `and ${fileVariable} are both set, and only one can count: unset one of them`
    return { where: variable, path: nameOf(leaf.path), message }
  }
  if (here) env.set(leaf.path, { env: variable }, variable)
  if (file) env.set(leaf.path, { file: resolve(around.cwd, file) }, fileVariable)
  return undefined
}

class Draft {
  readonly #level: Level
  readonly #tree: Record<string, unknown> = {}
  readonly #names = new Map<string, string>()

  constructor(level: Level) {
    this.#level = level
  }

  set(path: readonly string[], value: unknown, name: string): void {
    setAt(this.#tree, path, value)
    this.#names.set(nameOf(path), name)
  }

  layer(shape: Shape, around: Surroundings): Layer {
    const names = this.#names
    const find = (path: Path): string => {
      for (let length = path.length; length > 0; length--) {
        const name = names.get(nameOf(path.slice(0, length)))
        if (name !== undefined) return name
      }
      return this.#level === 'env' ? 'the environment' : 'the command line'
    }
    const tree = place(this.#tree, shape, around.cwd, around.homedir)
    return {
      level: this.#level,
      tree: isMapping(tree) ? tree : {},
      sourceOf: (path) => `${this.#level} ${find(path)}`,
      placeOf: find,
    }
  }
}

const TRUE = new Set(['true', '1', 'yes', 'on'])
const FALSE = new Set(['false', '0', 'no', 'off'])

/** Text as the kind of value that belongs there; what cannot be one stays text, and validation says so. */
function typedValue(text: string, shape: Shape): unknown {
  const kinds = shape.anyOf === undefined ? [shape] : shape.anyOf.filter(isMapping)
  for (const kind of kinds) {
    const value = typedValueOfKind(text.trim(), kind)
    if (value !== undefined) return value
  }
  return text
}

function typedValueOfKind(text: string, shape: Shape): unknown {
  if (shape.type === 'integer' || shape.type === 'number') {
    return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
  }
  if (shape.type === 'boolean') {
    const word = text.toLowerCase()
    return TRUE.has(word) ? true : FALSE.has(word) ? false : undefined
  }
  if (shape.type === 'array') {
    if (text.startsWith('[')) return parsedJson(text)
    const items = isMapping(shape.items) ? shape.items : {}
    return text.split(',').map((part) => typedValue(part.trim(), items))
  }
  return shape.type === 'object' ? parsedJson(text) : undefined
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // No JSON: it stays text, and the complaint says what is expected in its place.
    return undefined
  }
}
