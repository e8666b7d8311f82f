import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml'
import { isMissing } from '../lib/missing.ts'
import type { Complaint, Layer } from './layer.ts'
import { place } from './place.ts'
import { childOf, isBranch, isMapping, type Path, type Shape } from './shape.ts'

/** A configuration longer than this was not written by a person. */
const MAX_FILE_BYTES = 1_048_576
/** Aliases that a file may resolve in all; without a bound, nine lines become a billion values. */
const MAX_ALIASES = 100

export type FileLayer = Layer | { readonly complaint: Complaint } | undefined

/**
 * Reads one YAML file: undefined where there is none, a complaint with line and column where it is no YAML,
 * too long, or not a mapping. What it says is not yet checked against the sections.
 */
export function readLayer(level: 'project' | 'user', file: string, shape: Shape, homedir: string): FileLayer {
  const lines = new LineCounter()
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  try {
    const text = readBounded(file)
    if (text === undefined) return undefined
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' })
    const fault = document.errors[0] ?? document.warnings[0]
    if (fault !== undefined) return complaint(at(fault.pos[0]), `is not valid YAML: ${fault.message}`)
    const proto = prototypeKey(document)
    if (proto !== undefined) return complaint(at(proto), '`__proto__` is no name here; remove it')
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {}
    if (!isMapping(value))
      return complaint(`${file}:1:1`, 'must hold sections, such as `server:`, at its top')
    const tree = place(filled(value, shape), shape, dirname(file), homedir)
    return {
      level,
      tree: isMapping(tree) ? tree : {},
      sourceOf: (path) => `${level} ${file}:${lines.linePos(offsetOf(document, path, 'key')).line}`,
      placeOf: (path, what) => at(offsetOf(document, path, what)),
    }
  } catch (error) {
    const why =
      error instanceof RangeError
        ? 'it is nested too deeply'
        : String(error instanceof Error ? error.message : error)
    return complaint(file, `cannot be read: ${why}`)
  }
}

function complaint(where: string, message: string): FileLayer {
  return { complaint: { where, path: '', message } }
}

/** The text of a configuration file; undefined where there is none. Throws where it cannot be one. */
export function readBounded(file: string): string | undefined {
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    const stats = fstatSync(handle)
    if (!stats.isFile()) throw new Error('it is not a file')
    if (stats.size > MAX_FILE_BYTES) throw new Error(`it is longer than ${MAX_FILE_BYTES} bytes`)
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(handle))
  } finally {
    closeSync(handle)
  }
}

/** A section with nothing under it (`server:` and only comments) says nothing, which is no error. */
function filled(value: unknown, shape: Shape | undefined): unknown {
  if (shape === undefined || !isBranch(shape)) return value
  if (value === null) return {}
  if (!isMapping(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, filled(item, childOf(shape, key))]),
  )
}

function prototypeKey(document: Document): number | undefined {
  let found: number | undefined
  visit(document, {
    Pair: (_, pair) => {
      if (!isScalar(pair.key) || pair.key.value !== '__proto__') return undefined
      found = pair.key.range?.[0] ?? 0
      return visit.BREAK
    },
  })
  return found
}

/** Where the deepest part of the path that the file has begins, as an offset. */
function offsetOf(document: Document, path: Path, what: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const [depth, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document)
    const wantsKey = what === 'key' && depth === path.length - 1
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
      if (pair === undefined) return offset
      const { key } = pair
      const keyOffset = isNode(key) ? (key.range?.[0] ?? offset) : offset
      node = pair.value
      offset = wantsKey || !isNode(node) ? keyOffset : (node.range?.[0] ?? keyOffset)
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part]
      if (!isNode(node)) return offset
      offset = node.range?.[0] ?? offset
    } else return offset
  }
  return offset
}
