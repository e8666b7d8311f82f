import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { isMissing } from '../../lib/missing.ts'
import { isFault } from './fault.ts'
import type { Web } from './web.ts'

/** What a file's bytes must add up to, and who says so. */
export interface Expected {
  /** Hex, in small letters. */
  readonly sha256: string
  /** Ends a sentence: `compared with …`. */
  readonly from: string
}

/** The file of checksums beside a file. */
const SUFFIX = '.sha256'
const SIDECAR_BYTES_MAX = 65_536
const CHUNK_BYTES = 1_048_576

/** The hex digits of a SHA-256, in small letters; undefined for anything else. */
export function parseSha256(text: string): string | undefined {
  const digits = text
    .trim()
    .replace(/^sha256:/i, '')
    .toLowerCase()
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined
}

/**
 * The checksum of `fileName` in a file as sha256sum or BSD's sha256 write them, or alone in it. Undefined where it
 * holds none for that file.
 */
function checksumIn(text: string, fileName: string): string | undefined {
  const lines = text.split('\n').flatMap((line) => lineOf(line.trim()) ?? [])
  const named = lines.find(({ name }) => name?.split(/[\\/]/).at(-1) === fileName)
  if (named !== undefined) return named.sha256
  return lines.length === 1 && lines[0]?.name === undefined ? lines[0]?.sha256 : undefined
}

function lineOf(line: string): { sha256: string; name?: string } | undefined {
  const bsd = /^SHA256 \((?<name>.+)\) = (?<digits>[0-9a-fA-F]{64})$/.exec(line)
  const plain = /^(?<digits>[0-9a-fA-F]{64})(?: [ *](?<name>.+))?$/.exec(line)
  const { digits, name } = bsd?.groups ?? plain?.groups ?? {}
  if (digits === undefined) return undefined
  return { sha256: digits.toLowerCase(), ...(name !== undefined && { name }) }
}

/**
 * The checksum that lies beside a file on its server, or why there is none; null where there simply is none. Throws
 * where the signal aborts.
 */
export async function remoteSidecar(
  web: Web,
  file: URL,
  signal: AbortSignal,
): Promise<Expected | { readonly none: string | null }> {
  const url = new URL(file)
  url.pathname += SUFFIX
  const reply = await web.open(url, {}, signal)
  if (isFault(reply)) {
    return { none: reply.problem.code === 'not_found' ? null : reply.problem.message }
  }
  const text = await boundedText(reply.body)
  const sha256 =
    text === undefined
      ? undefined
      : checksumIn(text, decodeURIComponent(file.pathname.split('/').at(-1) ?? ''))
  if (sha256 === undefined) return { none: `${url.host}${url.pathname} holds no checksum of it` }
  return { sha256, from: `${url.host}${url.pathname}` }
}

/** The checksum that lies beside a file of this machine; undefined where there is none. */
export async function localSidecar(path: string, fileName: string): Promise<Expected | undefined> {
  const beside = `${path}${SUFFIX}`
  try {
    await using file = await open(beside, 'r')
    const { size } = await file.stat()
    const text = size > SIDECAR_BYTES_MAX ? '' : await file.readFile('utf8')
    const sha256 = checksumIn(text, fileName)
    return sha256 === undefined ? undefined : { sha256, from: beside }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Undefined where it is too long, or breaks off. */
async function boundedText(body: Readable): Promise<string | undefined> {
  const pieces: Buffer[] = []
  let bytes = 0
  try {
    for await (const piece of body) {
      const buffer = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece))
      bytes += buffer.length
      if (bytes > SIDECAR_BYTES_MAX) return undefined
      pieces.push(buffer)
    }
    return Buffer.concat(pieces, bytes).toString('utf8')
  } catch {
    // It broke off: then it holds no checksum that could be used, and the caller says so.
    return undefined
  }
}

/** Of a whole file, hex; `progress` hears of bytes read. */
export async function sha256OfFile(
  path: string,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): Promise<string> {
  await using file = await open(path, 'r')
  const digest = createHash('sha256')
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (let at = 0; ; ) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) return digest.digest('hex')
    digest.update(chunk.subarray(0, bytesRead))
    at += bytesRead
    progress(at)
  }
}
