import { isAbsolute, join, resolve } from 'node:path'
import { UpshiftError } from '../contract/problem.ts'
import { UsageError } from '../contract/verb.ts'
import { nearest } from '../lib/nearest.ts'
import { complaintsOf, maskOf, valueAt } from './complain.ts'
import { type FileLayer, readLayer } from './file.ts'
import type { Complaint, Layer } from './layer.ts'
import { place } from './place.ts'
import {
  type ConfigOf,
  childOf,
  isBranch,
  isMapping,
  nameOf,
  type Path,
  rootSchema,
  type Sections,
  type Shape,
  shapeOf,
} from './shape.ts'
import { type Surroundings, surroundingLayers, variablesOf } from './surroundings.ts'

// DESIGN. Levels, the strongest first: flag, environment, the project's file (`--config FILE`, else
// `UPSHIFT_CONFIG`, else `./upshift.yaml`), the user's `$XDG_CONFIG_HOME/upshift/upshift.yaml`, default. Each becomes
// a plain tree; the trees are merged leaf by leaf along the shape (lists replace), validated once, and each
// leaf remembers which level it came from. A complaint is a value with a place; all of them are shown at once.

const FILE_NAME = 'upshift.yaml'
/** The variable that names the user's file. */
const CONFIG_VARIABLE = 'UPSHIFT_CONFIG'
const MAX_COMPLAINTS_SHOWN = 20

/** One leaf: its value, validated and with its paths absolute, and the level that set it. */
export interface Source {
  readonly value: unknown
  /** `flag --port`, `env PORT`, `project /srv/upshift.yaml:3`, `user …:3`, `default`. */
  readonly from: string
  readonly secret: boolean
}

export interface Loaded<S extends Sections> {
  readonly type: 'loaded'
  readonly config: ConfigOf<S>
  /** Every leaf by its path, `server.port`, in the order of the sections. */
  readonly sources: ReadonlyMap<string, Source>
  /** The files that were read. */
  readonly files: readonly string[]
  /** Worth a line on stderr: a variable that looks like one of ours and is none. */
  readonly warnings: readonly string[]
}

export interface Invalid {
  readonly type: 'invalid'
  readonly complaints: readonly Complaint[]
}

/**
 * The whole configuration, or an UpshiftError that names every fault with file, line and column. Where only
 * flags are wrong it is a UsageError in the words of the command line.
 */
export function loadConfig<S extends Sections>(sections: S, around: Surroundings): Loaded<S> {
  const read = readConfig(sections, around)
  if (read.type === 'loaded') return read
  if (read.complaints.every(({ where }) => where.startsWith('--')))
    throw new UsageError(read.complaints.map(({ where, message }) => `${where} ${message}`).join('; '))
  throw new UpshiftError({ code: 'invalid_request', message: wordsOf(read.complaints) })
}

/** As `loadConfig`, with the faults as values. */
export function readConfig<S extends Sections>(sections: S, around: Surroundings): Loaded<S> | Invalid {
  const gathered = gather(shapeOf(sections), around)
  return gathered.complaints.length > 0
    ? { type: 'invalid', complaints: gathered.complaints }
    : checkGathered(sections, gathered, around)
}

/**
 * As `readConfig`, and also what stands in a file and does not count now, because a flag, a variable or a
 * stronger file sets the same value: it would come to light on the day when that is taken away.
 */
export function checkConfig<S extends Sections>(sections: S, around: Surroundings): Loaded<S> | Invalid {
  const gathered = gather(shapeOf(sections), around)
  if (gathered.complaints.length > 0) return { type: 'invalid', complaints: gathered.complaints }
  const read = checkGathered(sections, gathered, around)
  const masked = gathered.layers.flatMap((layer, at) => maskedFaults(sections, gathered, layer, at))
  if (masked.length === 0) return read
  return { type: 'invalid', complaints: [...(read.type === 'invalid' ? read.complaints : []), ...masked] }
}

/** What is wrong with the values of one file that a stronger level masks. */
function maskedFaults(
  sections: Sections,
  { shape, layers }: Gathered,
  layer: Layer,
  at: number,
): Complaint[] {
  const [stronger, here] = [layers.slice(0, at), layers.slice(at)]
  if (layer.level === 'flag' || layer.level === 'env') return []
  const merged = mergedTree(
    shape,
    here.map(({ tree }) => tree),
  )
  const parsed = rootSchema(sections).safeParse(merged)
  const issues = parsed.error?.issues ?? []
  return issues.flatMap((issue) => {
    const mask = maskOf(issue.path, layer, stronger, shape)
    if (mask === undefined) return []
    return complaintsOf([issue], merged, here, shape).map((complaint) => ({
      ...complaint,
      message: `${complaint.message} (it does not count now: ${mask} stands above it)`,
    }))
  })
}

/** The levels as they stand there, and what cannot even be read. */
interface Gathered {
  readonly shape: Shape
  /** The strongest first. */
  readonly layers: readonly Layer[]
  readonly files: readonly string[]
  readonly complaints: readonly Complaint[]
}

function gather(shape: Shape, around: Surroundings): Gathered {
  const above = surroundingLayers(around, shape)
  const project = projectFile(around)
  const user = userFile(around)
  const complaints = [...above.complaints]
  const layers = [...above.layers]
  const files: string[] = []
  const read: [string, FileLayer][] = [
    [project.path, readLayer('project', project.path, shape, around.homedir)],
  ]
  if (user !== project.path) read.push([user, readLayer('user', user, shape, around.homedir)])
  for (const [file, layer] of read) {
    if (layer === undefined) continue
    if ('complaint' in layer) complaints.push(layer.complaint)
    else layers.push(layer)
    files.push(file)
  }
  if (project.named !== undefined && !files.includes(project.path)) {
    const message = `names ${project.path}, and there is no such file: create it or leave ${project.named} out`
    complaints.push({ where: project.named, path: '', message })
  }
  return { shape, layers, files, complaints }
}

function checkGathered<S extends Sections>(
  sections: S,
  { shape, layers, files }: Gathered,
  around: Surroundings,
): Loaded<S> | Invalid {
  const checked = checkLayers(sections, shape, layers, around)
  return checked.type === 'invalid'
    ? checked
    : { ...checked, files, warnings: strayVariables(around.env, shape) }
}

/** One file on its own, without environment, flags or any other file. */
export function readOneFile<S extends Sections>(
  sections: S,
  file: string,
  around: Surroundings,
): Loaded<S> | Invalid {
  const shape = shapeOf(sections)
  const layer = readLayer('project', file, shape, around.homedir)
  if (layer === undefined) {
    const complaint = { where: file, path: '', message: 'is not there: check the name' }
    return { type: 'invalid', complaints: [complaint] }
  }
  if ('complaint' in layer) return { type: 'invalid', complaints: [layer.complaint] }
  const checked = checkLayers(sections, shape, [layer], around)
  return checked.type === 'invalid' ? checked : { ...checked, files: [file], warnings: [] }
}

/** The complaints as lines: `/srv/upshift.yaml:3:9: server.port is "x"; expected …`. */
export function wordsOf(complaints: readonly Complaint[]): string {
  const lines = complaints
    .slice(0, MAX_COMPLAINTS_SHOWN)
    .map(({ where, path, message }) => `${where}: ${path === '' ? '' : `${path} `}${message}`)
  const more = complaints.length - lines.length
  if (more > 0) lines.push(`and ${more} more`)
  lines.push('Mend this and look again with `upshift config check`; docs/configuration.md lists every value.')
  return lines.join('\n')
}

/** A file that is named stands in for `./upshift.yaml`. */
export function projectFile(around: Surroundings): { path: string; named: string | undefined } {
  const flag = around.flags['config']
  if (typeof flag === 'string') return { path: resolve(around.cwd, flag), named: '--config' }
  const variable = around.env[CONFIG_VARIABLE]
  if (variable) return { path: resolve(around.cwd, variable), named: CONFIG_VARIABLE }
  return { path: resolve(around.cwd, FILE_NAME), named: undefined }
}

/** The user's own file, whether it is there or not. */
export function userFile(around: Surroundings): string {
  // The XDG base directory specification: a relative path there is invalid and ignored.
  const xdg = around.env['XDG_CONFIG_HOME']
  const folder = xdg && isAbsolute(xdg) ? xdg : join(around.homedir, '.config')
  return join(folder, 'upshift', FILE_NAME)
}

function checkLayers<S extends Sections>(
  sections: S,
  shape: Shape,
  layers: readonly Layer[],
  around: Surroundings,
): Omit<Loaded<S>, 'files' | 'warnings'> | Invalid {
  const merged = mergedTree(
    shape,
    layers.map((layer) => layer.tree),
  )
  const parsed = rootSchema(sections).safeParse(merged)
  if (!parsed.success) {
    return { type: 'invalid', complaints: complaintsOf(parsed.error.issues, merged, layers, shape) }
  }
  // Defaults have not been placed yet; what the layers set already is.
  const config = place(parsed.data, shape, around.cwd, around.homedir)
  const sources = new Map<string, Source>()
  collect(config, shape, [], layers, shape, sources)
  // A parser's cast: rootSchema is made of exactly these sections' schemas, under the same names.
  return { type: 'loaded', config: config as ConfigOf<S>, sources }
}

/** `trees`, the strongest first, as one: mappings key by key, leaves whole. */
function mergedTree(shape: Shape | undefined, trees: readonly unknown[]): unknown {
  const set = trees.filter((tree) => tree !== undefined)
  if (shape === undefined || !isBranch(shape) || !isMapping(set[0])) return set[0]
  const branches = set.filter(isMapping)
  // The weakest first, so that keys keep the order of the file that introduced them.
  const keys = new Set(branches.toReversed().flatMap((branch) => Object.keys(branch)))
  return Object.fromEntries(
    [...keys].map((key) => [
      key,
      mergedTree(
        childOf(shape, key),
        branches.map((branch) => valueAt(branch, [key])),
      ),
    ]),
  )
}

function collect(
  value: unknown,
  shape: Shape,
  path: Path,
  layers: readonly Layer[],
  root: Shape,
  into: Map<string, Source>,
): void {
  if (isBranch(shape) && (value === undefined || isMapping(value))) {
    const keys = new Set([...Object.keys(shape.properties ?? {}), ...Object.keys(value ?? {})])
    for (const key of keys) {
      const child = childOf(shape, key)
      if (child !== undefined) collect(valueAt(value, [key]), child, [...path, key], layers, root, into)
    }
    // An empty mapping (`engines: {}`) is a value too.
    if (keys.size > 0) return
  }
  const layer = layers.find((one) => valueAt(one.tree, path) !== undefined)
  const from = layer?.sourceOf(path) ?? 'default'
  into.set(nameOf(path), { value, from, secret: shape.secret === true })
}

/** `UPSHIFT_HOEM=/srv` would do nothing, silently; other programs' variables are none of our business. */
function strayVariables(env: Surroundings['env'], shape: Shape): string[] {
  const known = new Set([...variablesOf(shape), CONFIG_VARIABLE])
  const byStem = new Map([...known].map((name) => [name.replace(PREFIX, ''), name]))
  return Object.keys(env)
    .filter((name) => PREFIX.test(name) && !known.has(name))
    .flatMap((name) => {
      const meant = byStem.get(nearest(name.replace(PREFIX, ''), byStem.keys()) ?? '')
      return meant === undefined ? [] : [`The variable ${name} sets nothing. Did you mean ${meant}?`]
    })
}

const PREFIX = /^UPSHIFT_/
