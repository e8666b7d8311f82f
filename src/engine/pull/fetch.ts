import { type Problem, UpshiftError } from '../../contract/problem.ts'
import { askAgain, type Patience } from './attempts.ts'
import { type Expected, remoteSidecar } from './checksum.ts'
import { expectRoom, explainedWrite } from './disk.ts'
import { download, tooLong } from './download.ts'
import { fault } from './fault.ts'
import { shownBytes } from './figures.ts'
import { Part, partProgress } from './part.ts'
import { expectSame, placeOf, type WholeFile } from './place.ts'
import type { PullEvent } from './pull.ts'
import type { WantedFile } from './source.ts'
import { type Identity, ignore, type Web } from './web.ts'

export interface FetchOptions {
  readonly web: Web
  readonly folder: string
  readonly files: readonly WantedFile[]
  /** What the command line says, one for each file, or none. */
  readonly sha256: readonly string[]
  /** Files that are in their place already, with their checksums. */
  readonly placed: ReadonlyMap<string, string>
  readonly patience: Patience
  readonly stallMs: number
  readonly maxBytes: number
  readonly syncEveryBytes?: number | undefined
  readonly told: (event: PullEvent) => void
}

export interface Fetched {
  readonly files: readonly WholeFile[]
  readonly revision: string | undefined
  /** With what the bytes were compared; null where nothing named a checksum. */
  readonly verified: string | null
}

/** One file as its server describes it before anything is fetched. */
interface Surveyed {
  readonly file: WantedFile
  readonly identity: Identity
  readonly expected: Expected | undefined
}

/**
 * Fetches files of a model as parts, whole and compared with their checksums. Nothing is fetched before all of them
 * are known to fit: the disk, and `maxBytes`. Throws UpshiftError; what has arrived stays for the next attempt, unless
 * it is wrong.
 */
export async function fetchFiles(options: FetchOptions): Promise<Fetched> {
  const { folder, placed } = options
  const surveyed: Surveyed[] = []
  for (const [index, file] of options.files.entries()) surveyed.push(await survey(options, file, index))
  const bytes = await expectFit(options, surveyed)
  const files: WholeFile[] = []
  const from = new Set<string>()
  let before = 0
  for (const one of surveyed) {
    const path = placeOf(folder, one.file.fileName)
    const done = placed.get(one.file.fileName)
    if (done !== undefined) {
      files.push({ path, placed: true, sha256: done })
      before += one.identity.bytes ?? 0
      continue
    }
    const offset = before
    const progress = (here: number): void => options.told({ type: 'bytes', done: offset + here, of: bytes })
    const { sha256, expected, length } = await fetchOne(options, one, progress)
    files.push({ path, placed: false, sha256 })
    before += length
    if (expected === undefined) options.told({ type: 'unverified', file: one.file.fileName })
    from.add(expected?.from ?? '')
  }
  const verified = from.has('') ? null : `SHA-256 of ${[...from].join(', ')}`
  return { files, verified, revision: surveyed[0]?.identity.revision }
}

/** Asks for the first byte only: the reply says what the file is. */
async function survey(options: FetchOptions, file: WantedFile, index: number): Promise<Surveyed> {
  const { web, patience, sha256 } = options
  const reply = await askAgain(patience, () => web.open(file.url, { range: 'bytes=0-0' }, patience.signal))
  if (!('type' in reply)) throw new UpshiftError(reply)
  reply.body.on('error', ignore).destroy()
  const { identity } = reply
  if (reply.status === 416 || identity.bytes === 0)
    throw thrown(
      fault('upstream_rejected', `${reply.host} has no bytes of ${file.fileName}: it is empty there.`)
        .problem,
    )
  const given = sha256[index]
  const linked = identity.sha256 && { sha256: identity.sha256, from: `${file.url.host} (X-Linked-Etag)` }
  if (given !== undefined && linked && linked.sha256 !== given) {
    const message = `${file.fileName} is not the file that you mean: ${file.url.host} says that its SHA-256 is ${linked.sha256}, and --sha256 says ${given}. Nothing was fetched.`
    throw new UpshiftError({ code: 'conflict', message })
  }
  const expected =
    given !== undefined ? { sha256: given, from: '--sha256' } : linked || (await sidecarOf(options, file))
  if (identity.bytes === undefined && expected === undefined) {
    const message = `${reply.host} does not say how long ${file.fileName} is, and no checksum is known: a file that was cut off could not be told from a whole one. Name its checksum with --sha256.`
    throw new UpshiftError({ code: 'upstream_rejected', message })
  }
  return { file, expected, identity: { ...identity, sha256: expected?.sha256 } }
}

async function sidecarOf(
  { web, patience, told }: FetchOptions,
  file: WantedFile,
): Promise<Expected | undefined> {
  const found = await remoteSidecar(web, file.url, patience.signal)
  if (!('none' in found)) return found
  if (found.none !== null)
    told({ type: 'note', text: `No checksum of ${file.fileName} is known: ${found.none}` })
  return undefined
}

/** Bytes of all files together; undefined where a server does not say. */
async function expectFit(
  { folder, placed, maxBytes, told }: FetchOptions,
  surveyed: readonly Surveyed[],
): Promise<number | undefined> {
  let bytes = 0
  let here = 0
  for (const { file, identity } of surveyed) {
    bytes += identity.bytes ?? 0
    const part = await partProgress(placeOf(folder, file.fileName))
    here += placed.has(file.fileName) ? (identity.bytes ?? 0) : (part?.bytes ?? 0)
  }
  const host = surveyed[0]?.file.url.host ?? ''
  if (bytes > maxBytes) throw thrown(tooLong(host, bytes, maxBytes).problem)
  await expectRoom(folder, Math.max(0, bytes - here))
  const known = surveyed.every(({ identity }) => identity.bytes !== undefined)
  told({ type: 'begin', bytes: known ? bytes : undefined, here, files: surveyed.length })
  return known ? bytes : undefined
}

async function fetchOne(
  options: FetchOptions,
  { file, identity, expected }: Surveyed,
  progress: (here: number) => void,
): Promise<{ sha256: string; expected: Expected | undefined; length: number }> {
  const { web, patience, folder, stallMs, maxBytes, told, syncEveryBytes } = options
  const path = placeOf(folder, file.fileName)
  const { signal } = patience
  const rereading = (done: number, of: number): void => told({ type: 'reading', done, of })
  try {
    await using part = await Part.open({ path, url: file.url, signal, rereading, syncEveryBytes }, identity)
    const restarted = (why: string): void => told({ type: 'restarted', why })
    const failed = await download({
      web,
      url: file.url,
      part,
      patience,
      stallMs,
      maxBytes,
      progress,
      restarted,
    })
    if (failed !== undefined) throw await givenUp(failed, part)
    const sha256 = part.sha256()
    const now = expectedNow(part, expected, file)
    await expectSame({ path, sha256, placed: false }, now)
    return { sha256, expected: now, length: part.bytes }
  } catch (error) {
    throw explainedWrite(error, folder)
  }
}

/** Where the file has changed on its server meanwhile, its server has named another checksum too. */
function expectedNow(
  { identity }: Part,
  expected: Expected | undefined,
  file: WantedFile,
): Expected | undefined {
  const { sha256 } = identity
  if (sha256 === undefined || sha256 === expected?.sha256 || expected?.from === '--sha256') return expected
  return { sha256, from: `${file.url.host} (X-Linked-Etag)` }
}

async function givenUp(problem: Problem, part: Part): Promise<UpshiftError> {
  if (part.bytes === 0) {
    await part.remove()
    return new UpshiftError(problem)
  }
  const of = part.identity.bytes === undefined ? '' : ` of ${shownBytes(part.identity.bytes)}`
  const message = `${problem.message} ${shownBytes(part.bytes)}${of} are here and stay: the same command goes on from there.`
  return new UpshiftError({ ...problem, message })
}

function thrown(problem: Problem): UpshiftError {
  return new UpshiftError(problem)
}
