import { realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { UsageError } from '../../contract/verb.ts'
import type { Clock } from '../../lib/clock.ts'
import { isMissing } from '../../lib/missing.ts'
import { HUB, type ModelsConfig } from '../config.ts'
import type { ConnectionOptions } from '../connections.ts'
import { type Fetched, type FetchOptions, fetchFiles } from './fetch.ts'
import { findModel, lockModel, sameFiles } from './folder.ts'
import { takeFiles } from './local.ts'
import type { Manifest } from './manifest.ts'
import { placeAll, placeOf } from './place.ts'
import { localFiles, type Source, shownSource, type Wanted, wantedFiles } from './source.ts'
import { Web } from './web.ts'

/** What the folder, the hub and the way to it are. */
export interface PullSettings {
  /** Absolute. */
  readonly folder: string
  readonly config: Pick<ModelsConfig, 'mirror' | 'maxBytes' | 'stallMs' | 'tries'>
  readonly connections: ConnectionOptions
  /** The hub's token; asked for only where it is about to be sent. */
  readonly token: () => string | undefined
  readonly clock: Clock
  readonly random: () => number
  /** For tests: how long the first pause between two attempts is. */
  readonly backoffMs?: number | undefined
  readonly syncEveryBytes?: number | undefined
}

export interface PullRequest {
  readonly source: Source
  /** What the model is to be called; default: as its file. */
  readonly name?: string | undefined
  /** Hex, in small letters; one for each file, in order, or none. */
  readonly sha256?: readonly string[]
  /** What is known of its licence, where its file should not say. */
  readonly licence?: string
}

/** What happens on the way, for whoever watches. */
export type PullEvent =
  | { readonly type: 'contacting'; readonly host: string }
  /** `here` bytes have come before; `bytes` in all, where known. */
  | {
      readonly type: 'begin'
      readonly bytes: number | undefined
      readonly here: number
      readonly files: number
    }
  | { readonly type: 'bytes'; readonly done: number; readonly of: number | undefined }
  /** Bytes that are read on this machine, for their checksum. */
  | { readonly type: 'reading'; readonly done: number; readonly of: number }
  | { readonly type: 'waiting'; readonly why: string; readonly ms: number }
  | { readonly type: 'restarted'; readonly why: string }
  | { readonly type: 'unverified'; readonly file: string }
  | { readonly type: 'note'; readonly text: string }

export interface Pulled {
  readonly manifest: Manifest
  /** Of its first file. */
  readonly path: string
  /** True where it was there before: nothing was fetched. */
  readonly already: boolean
}

/**
 * Brings a model into the folder: fetched, compared with its checksum, its header read, and then put in its place by
 * a rename. What a broken attempt has brought is gone on from. Throws UpshiftError and UsageError with what happened
 * and what to do; nothing is ever in the folder under a model's name that is not whole.
 */
export async function pull(
  request: PullRequest,
  settings: PullSettings,
  signal: AbortSignal,
  told: (event: PullEvent) => void,
): Promise<Pulled> {
  const { source, sha256 = [], name } = request
  const { folder, clock, config } = settings
  const wanted =
    source.type === 'file'
      ? { from: 'here' as const, ...localFiles(source.path, name) }
      : { from: 'network' as const, ...wantedFiles(source, new URL(config.mirror), name) }
  if (sha256.length > 0 && sha256.length !== wanted.files.length)
    throw new UsageError(
      `--sha256 is given once for each of the model's ${wanted.files.length} files, in order, not ${sha256.length} times`,
    )
  using _lock = lockModel(folder, wanted.name)
  const path = placeOf(folder, wanted.files[0]?.fileName ?? '')
  const here = await lookUp(folder, wanted, request)
  if (here.type === 'whole') return { manifest: here.manifest, path, already: true }
  const fetched =
    wanted.from === 'here'
      ? await takeFiles({ folder, files: wanted.files, sha256, signal, told })
      : await fromNetwork(
          { folder, files: wanted.files, sha256, placed: here.placed, told },
          settings,
          signal,
        )
  const manifest = await placeAll(folder, fetched.files, {
    name: wanted.name,
    source: shownSource(source),
    revision: fetched.revision,
    verified: fetched.verified,
    licence: request.licence,
    now: clock.now(),
  })
  return { manifest, path, already: false }
}

type Here =
  | { readonly type: 'whole'; readonly manifest: Manifest }
  /** Files that are in their place, with their checksums: a kill came between two renames. */
  | { readonly type: 'missing'; readonly placed: ReadonlyMap<string, string> }

/** What is in the folder under the model's name. Throws UpshiftError `conflict` where that is another model. */
async function lookUp(
  folder: string,
  { name, files }: Wanted<{ readonly fileName: string }>,
  { source, sha256 = [] }: PullRequest,
): Promise<Here> {
  const model = await findModel(folder, name)
  if (model === undefined) return { type: 'missing', placed: new Map() }
  const { manifest } = model
  const itself =
    source.type === 'file' && (await isSameFile(source.path, placeOf(folder, files[0]?.fileName ?? '')))
  if (manifest === null && itself) return { type: 'missing', placed: new Map() }
  if (manifest === null) {
    const why = model.fault ?? `It was put there by hand; \`upshift pull ${model.path}\` takes note of it.`
    throw conflict(
      `There is a model ${name} in ${folder} already. ${why} Or choose another name with --name.`,
    )
  }
  if (!itself && manifest.source !== shownSource(source))
    throw conflict(
      `The model ${name} is here already, from another source: ${manifest.source}. Choose another name with --name, or remove it with \`upshift models rm ${name}\`.`,
    )
  if (sha256.some((one, index) => manifest.files[index]?.sha256 !== one))
    throw conflict(
      `The model ${name} is here already, with another SHA-256 than --sha256 says. Remove it with \`upshift models rm ${name}\`, then pull again.`,
    )
  if (sameFiles(manifest, model.files)) return { type: 'whole', manifest }
  const placed = new Map<string, string>()
  for (const { path, bytes } of model.files) {
    const noted = manifest.files.find((file) => file.name === basename(path))
    if (noted === undefined || noted.bytes !== bytes)
      throw conflict(
        `${path} is not what was pulled: its length has changed. Remove the model with \`upshift models rm ${name}\`, then pull again.`,
      )
    placed.set(noted.name, noted.sha256)
  }
  return { type: 'missing', placed }
}

async function fromNetwork(
  what: Pick<FetchOptions, 'folder' | 'files' | 'sha256' | 'placed' | 'told'>,
  { config, connections, token, clock, random, backoffMs, syncEveryBytes }: PullSettings,
  signal: AbortSignal,
): Promise<Fetched> {
  const { told } = what
  const { mirror, stallMs, maxBytes, tries } = config
  const waiting = (why: string, ms: number): void => told({ type: 'waiting', why, ms })
  await using web = new Web({
    clock,
    hub: new URL(mirror),
    hubIsMirror: new URL(mirror).origin !== HUB,
    token,
    connections,
    headMs: stallMs,
    contacting: (host) => told({ type: 'contacting', host }),
  })
  const patience = { tries, random, signal, backoffMs, waiting }
  return await fetchFiles({ ...what, web, patience, stallMs, maxBytes, syncEveryBytes })
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  try {
    return (await realpath(one)) === (await realpath(other))
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

function conflict(message: string): UpshiftError {
  return new UpshiftError({ code: 'conflict', message })
}
