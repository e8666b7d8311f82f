import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { UpshiftError } from '../contract/problem.ts'
import { isMissing } from '../lib/missing.ts'

/** Where things lie in a home. */
export interface HomePaths {
  readonly home: string
  readonly log: string
  readonly state: string
  readonly knowledge: string
  /** Documents that were added, with their passages and postings. */
  readonly collections: string
  /** Hashes and checkpoint of the Merkle tree over the log. */
  readonly tree: string
  /** Encrypted texts, and the database of their subjects' keys. */
  readonly vault: string
  readonly vaultState: string
  /** The projections; may be deleted. */
  readonly index: string
  /** What the log adds up to at one point; may be deleted. */
  readonly snapshot: string
  /** States of local models’ KV caches; may be deleted. */
  readonly warm: string
  readonly control: string
  /** Who serves this home: pid, address, start. For people and `doctor`; the lock decides, not this file. */
  readonly server: string
}

/** Linux keeps a socket's path in 108 bytes, macOS in 104, the ending zero included. */
const SOCKET_PATH_BYTES_MAX = 103

export function homePaths(home: string): HomePaths {
  const control = join(home, 'control.sock')
  if (Buffer.byteLength(control) > SOCKET_PATH_BYTES_MAX) {
    const message = `The home ${home} has too long a path for a socket in it. Choose one of at most ${SOCKET_PATH_BYTES_MAX - 13} bytes with UPSHIFT_HOME.`
    throw new UpshiftError({ code: 'invalid_request', message })
  }
  return {
    home,
    control,
    log: join(home, 'log'),
    state: join(home, 'state.db'),
    knowledge: join(home, 'knowledge.db'),
    collections: join(home, 'collections.db'),
    tree: join(home, 'tree'),
    vault: join(home, 'vault'),
    vaultState: join(home, 'vault.db'),
    index: join(home, 'index.db'),
    snapshot: join(home, 'snapshot.json'),
    warm: join(home, 'kv'),
    server: join(home, 'server.json'),
  }
}

export function writeServerFile(
  paths: HomePaths,
  facts: { pid: number; address: string; startedAt: string },
): void {
  writeFileSync(paths.server, `${JSON.stringify(facts)}\n`, { mode: 0o600 })
}

export function removeServerFile(paths: HomePaths): void {
  rmSync(paths.server, { force: true })
}

const serverFile = z.object({ pid: z.number(), address: z.string() })

/** Who serves a home, as its server wrote it down; undefined where none has, or a kill broke the writing off. */
export function readServerFile(paths: HomePaths): z.infer<typeof serverFile> | undefined {
  try {
    return serverFile.parse(JSON.parse(readFileSync(paths.server, 'utf8')))
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError || error instanceof z.ZodError) return undefined
    throw error
  }
}
