import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { UpshiftError } from '../../contract/problem.ts'
import { syncFolder } from '../../lib/sync-folder.ts'
import { decodeEntry, splitLine } from '../log/line.ts'
import { listSegments, readLines } from '../log/segments.ts'

// DESIGN. Whoever was erased after a backup was made comes back with it, key and all. The log of the home that is
// replaced knows who that was: their pseudonyms are written into the restored home, and its first start erases
// them again before it serves. The list is removed when that is done, so a crash in between costs nothing.

const AGAIN_FILE = 'erase-again.json'

const againSchema = z.strictObject({ subjects: z.array(z.string().regex(/^sub_[0-9a-z]{1,64}$/)) })

/** Pseudonyms of subjects that must be erased before this home serves; empty as a rule. Throws where the list is damaged. */
export function eraseAgain(home: string): readonly string[] {
  const path = join(home, AGAIN_FILE)
  if (!existsSync(path)) return []
  try {
    return againSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).subjects
  } catch (cause) {
    const message = `${path} lists subjects that must be erased again after a restore, and is damaged. Restore once more; without the file they stay readable.`
    throw new UpshiftError({ code: 'conflict', message }, cause)
  }
}

/** They are erased: the list goes. */
export function erasedAgain(home: string): void {
  rmSync(join(home, AGAIN_FILE), { force: true })
  syncFolder(home)
}

export function againFile(subjects: readonly string[]): { readonly name: string; readonly text: string } {
  return { name: AGAIN_FILE, text: `${JSON.stringify({ subjects })}\n` }
}

/** What a log tells about erasures, and how far it reaches. */
export interface LogFacts {
  /** Sequence number that the next entry would get. */
  readonly nextSeq: number
  /** Id of an erasure → whom it was about. */
  readonly erasures: ReadonlyMap<string, string>
}

const ERASURE = Buffer.from('"type":"erasure-begun"')

/** Reads a whole log in bounded memory; lines that cannot be read are passed over. Throws where a file cannot be. */
export function logFacts(home: string): LogFacts {
  const folder = join(home, 'log')
  const erasures = new Map<string, string>()
  let nextSeq = 0
  for (const { path, first } of existsSync(folder) ? listSegments(folder) : []) {
    let lines = 0
    readLines(path, 0, ({ bytes }) => {
      lines += 1
      if (!bytes.includes(ERASURE)) return true
      const json = splitLine(bytes)
      const entry = json === undefined ? undefined : decodeEntry(json)
      if (entry?.type === 'erasure-begun') erasures.set(entry.id, entry.subject)
      return true
    })
    nextSeq = Math.max(nextSeq, first + lines)
  }
  return { nextSeq, erasures }
}
