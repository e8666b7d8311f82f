import { promises as fs, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { type FileLock, lockFile } from '../../store/lock.ts'
import { type GgufFacts, readGguf } from '../gguf/read.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { partProgress } from './part.ts'
import { modelOf } from './source.ts'

/** A model in the folder, whoever put it there. */
export interface LocalModel {
  readonly name: string
  /** Of its only or first file: what an engine loads. */
  readonly path: string
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
  readonly bytes: number
  /** Of all its parts together; null where `fault` says why. */
  readonly facts: GgufFacts | null
  readonly fault: string | null
  /** Null where it was put there by hand. */
  readonly manifest: Manifest | null
}

/** A download that has not come to its end. */
export interface Unfinished {
  readonly name: string
  readonly file: string
  readonly bytes: number
  /** Null where nobody said how long it will be. */
  readonly of: number | null
}

export interface Listing {
  readonly models: readonly LocalModel[]
  readonly unfinished: readonly Unfinished[]
}

/** More files than anybody has models. */
const FILES_MAX = 10_000

/** What is in a folder of models, by name; nothing where there is no folder. */
export async function listModels(folder: string): Promise<Listing> {
  const names = await namesIn(folder)
  const grouped = Map.groupBy(
    names.filter((name) => modelOf(name) !== undefined),
    (name) => modelOf(name) ?? '',
  )
  const models: LocalModel[] = []
  for (const [name, files] of grouped) models.push(await modelFrom(folder, name, files))
  const unfinished: Unfinished[] = []
  for (const part of names.filter((name) => name.endsWith('.gguf.part'))) {
    const file = part.slice(0, -'.part'.length)
    const name = modelOf(file)
    if (name === undefined) continue
    const { size } = await fs.stat(join(folder, part))
    const progress = await partProgress(join(folder, file))
    unfinished.push({ name, file, bytes: progress?.bytes ?? size, of: progress?.of ?? null })
  }
  return { models, unfinished }
}

/** One model of the folder; undefined where there is none of that name. */
export async function findModel(folder: string, name: string): Promise<LocalModel | undefined> {
  const files = (await namesIn(folder)).filter((file) => modelOf(file) === name)
  return files.length === 0 ? undefined : modelFrom(folder, name, files)
}

async function modelFrom(folder: string, name: string, fileNames: readonly string[]): Promise<LocalModel> {
  const files = await Promise.all(
    fileNames.map(async (file) => {
      const path = join(folder, file)
      return { path, bytes: (await fs.stat(path)).size }
    }),
  )
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const base = { name, path: files[0]?.path ?? '', files, bytes }
  let manifest: Manifest | null = null
  try {
    manifest = (await readManifest(folder, name)) ?? null
    const facts =
      manifest !== null && sameFiles(manifest, files)
        ? manifest.facts
        : await factsOfParts(files.map(({ path }) => path))
    return { ...base, facts, fault: null, manifest }
  } catch (error) {
    if (!(error instanceof UpshiftError)) throw error
    return { ...base, facts: null, fault: error.message, manifest }
  }
}

/** True where the files are those that the manifest names, by name and length. */
export function sameFiles(manifest: Manifest, files: LocalModel['files']): boolean {
  const here = new Map(files.map(({ path, bytes }) => [path.split(/[\\/]/).at(-1), bytes]))
  return (
    here.size === manifest.files.length && manifest.files.every(({ name, bytes }) => here.get(name) === bytes)
  )
}

/**
 * What the parts of a model say of it together, in order. Throws UpshiftError where one is no GGUF file, is cut off,
 * or they are not the parts of one model.
 */
export async function factsOfParts(paths: readonly string[]): Promise<GgufFacts> {
  const parts: GgufFacts[] = []
  for (const path of paths) parts.push(await readGguf(path))
  const [first] = parts
  if (first === undefined) throw new Error('a model has at least one file')
  const wrong = parts.findIndex(({ part }, index) =>
    part === null ? parts.length > 1 : part.number !== index + 1 || part.of !== parts.length,
  )
  if (wrong >= 0) {
    const of = parts[wrong]?.part
    const is = of === null || of === undefined ? 'a whole model' : `part ${of.number} of ${of.of}`
    const message = `${paths[wrong]} is ${is}, and should be part ${wrong + 1} of ${parts.length}. Get all parts of one model.`
    throw new UpshiftError({ code: 'invalid_request', message })
  }
  const sum = (of: (facts: GgufFacts) => number): number => parts.reduce((total, one) => total + of(one), 0)
  return { ...first, parameters: sum((one) => one.parameters), fileBytes: sum((one) => one.fileBytes) }
}

/** Takes a model's name in a folder, which is made where it is not there. Throws UpshiftError `conflict` where it is taken. */
export function lockModel(folder: string, name: string): FileLock {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const lock = lockFile(join(folder, `.${name}.lock`))
    if (lock !== undefined) return lock
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `The folder of models ${folder} cannot be written: ${why}. Check who owns it, or choose another with models.dir.`
    throw new UpshiftError({ code: 'conflict', message }, cause)
  }
  const message = `Another command is pulling or removing ${name} right now. Wait for it, then try again.`
  throw new UpshiftError({ code: 'conflict', message })
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    const names = await fs.readdir(folder)
    return names.slice(0, FILES_MAX).sort()
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
