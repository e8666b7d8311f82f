import { rename, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { syncFolder } from '../../lib/sync-folder.ts'
import type { Expected } from './checksum.ts'
import { factsOfParts } from './folder.ts'
import { type Manifest, writeManifest } from './manifest.ts'
import { partPath, removePart } from './part.ts'

/** A file that is whole: as its part, or in its place already. */
export interface WholeFile {
  /** Its place. */
  readonly path: string
  readonly placed: boolean
  /** Hex. */
  readonly sha256: string
}

/** Where a model came from, and how that is known. */
export interface Origin {
  readonly name: string
  readonly source: string
  readonly revision: string | undefined
  readonly verified: string | null
  readonly licence: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * Reads the headers of whole files and puts them in their places. The manifest is written before the first of them
 * is renamed: a kill in between leaves parts that the next pull finds whole, and never a model of unknown origin.
 * Throws UpshiftError where they are no GGUF model; their parts are removed then, since another attempt would bring
 * the same bytes.
 */
export async function placeAll(
  folder: string,
  files: readonly WholeFile[],
  origin: Origin,
): Promise<Manifest> {
  const paths = files.map(({ path, placed }) => (placed ? path : partPath(path)))
  const facts = await factsOrRemoved(paths, files)
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size))
  const manifest: Manifest = {
    format: 'upshift-model 1',
    name: origin.name,
    source: origin.source,
    revision: origin.revision ?? null,
    pulledAt: new Date(origin.now).toISOString(),
    licence: origin.licence ?? null,
    verified: origin.verified,
    files: files.map(({ path, sha256 }, index) => ({
      name: basename(path),
      bytes: sizes[index] ?? 0,
      sha256,
    })),
    facts,
  }
  writeManifest(folder, manifest)
  syncFolder(folder)
  // The first part last: who looks for a model sees it once all of it is there.
  for (const { path, placed } of files.toReversed()) if (!placed) await rename(partPath(path), path)
  syncFolder(folder)
  for (const { path } of files) await removePart(path)
  return manifest
}

async function factsOrRemoved(paths: readonly string[], files: readonly WholeFile[]) {
  try {
    return await factsOfParts(paths)
  } catch (error) {
    if (!(error instanceof UpshiftError)) throw error
    for (const { path, placed } of files) if (!placed) await removePart(path)
    const removed = files.some(({ placed }) => !placed) ? ' What was fetched has been removed.' : ''
    throw new UpshiftError({ ...error.problem, message: `${error.message}${removed}` }, error)
  }
}

/** Throws UpshiftError where a whole file is not what was expected; it is removed where it is a part. */
export async function expectSame(
  { path, sha256, placed }: WholeFile,
  expected: Expected | undefined,
): Promise<void> {
  if (expected === undefined || expected.sha256 === sha256) return
  if (!placed) await removePart(path)
  const message =
    `${basename(path)} is damaged or another file: its SHA-256 is ${sha256}, and ${expected.from} says ${expected.sha256}. ` +
    `${placed ? 'It is not taken note of.' : 'What was fetched has been removed.'} Get it again; if it stays so, do not use that source.`
  throw new UpshiftError({ code: 'upstream_garbled', message })
}

/** The place of a file in a folder of models. */
export function placeOf(folder: string, fileName: string): string {
  return join(folder, fileName)
}
