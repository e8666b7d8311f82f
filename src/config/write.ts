import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Document, isMap, isScalar, parseDocument } from 'yaml'
import { UpshiftError } from '../contract/problem.ts'
import { readBounded } from './file.ts'
import { projectFile, readOneFile, userFile, wordsOf } from './load.ts'
import { isMapping, type Sections, setAt } from './shape.ts'
import type { Surroundings } from './surroundings.ts'

// DESIGN. A command that has found out what should be configured writes it into the file that counts: the project's
// where there is one, else the user's, which is made. The file is the user's own: comments, order and everything that
// is not meant stay, though a comment may move to the next line and spaces are evened out. That no other value changes
// is proven before it is written: the new text means what the old one meant, and the change. It is checked as
// `config check` would, and replaced whole or not at all.

/** A value and where it belongs: `['models', 'tiers', 'small']`. */
export interface ConfigChange {
  readonly path: readonly string[]
  readonly value: string | number | boolean
}

export interface ConfigWritten {
  readonly file: string
  /** False where all of it stood there before: the file was not touched. */
  readonly changed: boolean
}

const MODE_NEW = 0o600
const INDENT_DEFAULT = 2
const ALIASES_MAX = 100
const HEAD = '# Written by Upshift; yours to change. `upshift config explain` shows what counts.\n'

/**
 * Sets values in the configuration file. Throws UpshiftError `conflict` with the lines to be added by hand where the
 * file cannot be changed without harm, or not be written.
 */
export function writeConfig(
  sections: Sections,
  around: Surroundings,
  changes: readonly ConfigChange[],
): ConfigWritten {
  const project = projectFile(around)
  const file = fs.existsSync(project.path) || project.named !== undefined ? project.path : userFile(around)
  try {
    const before = readBounded(file)
    const text = changed(before ?? '', changes)
    if (text === undefined) return { file, changed: false }
    replace(sections, around, file, before === undefined ? `${HEAD}${text}` : text)
    return { file, changed: true }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `The configuration ${file} was not changed: ${why}\nAdd this to it by hand:\n${linesOf(changes)}`
    throw new UpshiftError({ code: 'conflict', message }, cause)
  }
}

/** The text with the changes in it; undefined where they stand in it already. */
function changed(text: string, changes: readonly ConfigChange[]): string | undefined {
  const document = parseDocument(text, { version: '1.2' })
  const fault = document.errors[0] ?? document.warnings[0]
  if (fault !== undefined) throw new Error(`it is not valid YAML: ${fault.message}`)
  const wanted = plain(document)
  if (changes.every(({ path, value }) => valueAt(wanted, path) === value)) return undefined
  for (const { path, value } of changes) {
    fillEmpty(document, path)
    document.setIn(path, value)
    setAt(wanted, path, value)
  }
  const after = document.toString({ lineWidth: 0, indent: indentOf(text) })
  if (!isDeepStrictEqual(plain(parseDocument(after, { version: '1.2' })), wanted))
    throw new Error('another value would have changed with it, through an alias or a merge.')
  return after
}

function plain(document: Document): Record<string, unknown> {
  // What an alias stands for is a value of its own here, so that a change of the one shows in the other.
  const value: unknown = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: ALIASES_MAX }) ?? {}))
  if (!isMapping(value)) throw new Error('it holds no sections.')
  return value
}

/** `models:` with nothing under it holds nothing, and takes something; its comment stays. */
function fillEmpty(document: Document, path: readonly string[]): void {
  for (let length = 1; length < path.length; length++) {
    const above = path.slice(0, length)
    const node: unknown = document.getIn(above, true)
    if (isMap(node) || node === undefined) continue
    if (!isScalar(node) || node.value !== null) throw new Error(`${above.join('.')} is no mapping.`)
    const filled = document.createNode({})
    filled.comment = node.comment ?? null
    filled.commentBefore = node.commentBefore ?? null
    document.setIn(above, filled)
  }
}

function valueAt(tree: unknown, path: readonly string[]): unknown {
  let value = tree
  for (const key of path) value = isMapping(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return value
}

/** The indentation that the file has: its first line that has one. */
function indentOf(text: string): number {
  return /^( +)[^\s#-]/m.exec(text)?.[1]?.length ?? INDENT_DEFAULT
}

/** Checked beside its place, then renamed into it; a link stays one. */
function replace(sections: Sections, around: Surroundings, file: string, text: string): void {
  fs.mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const real = fs.existsSync(file) ? fs.realpathSync(file) : file
  const mode = fs.existsSync(real) ? fs.statSync(real).mode & 0o777 : MODE_NEW
  const fresh = `${real}.fresh`
  try {
    fs.rmSync(fresh, { force: true })
    const handle = fs.openSync(fresh, 'wx', mode)
    try {
      fs.writeFileSync(handle, text)
      fs.fsyncSync(handle)
    } finally {
      fs.closeSync(handle)
    }
    const read = readOneFile(sections, fresh, around)
    if (read.type === 'invalid') throw new Error(`it would not be valid: ${wordsOf(read.complaints)}`)
    fs.renameSync(fresh, real)
  } finally {
    fs.rmSync(fresh, { force: true })
  }
}

function linesOf(changes: readonly ConfigChange[]): string {
  const tree: Record<string, unknown> = {}
  for (const { path, value } of changes) setAt(tree, path, value)
  return new Document(tree).toString({ lineWidth: 0 })
}
