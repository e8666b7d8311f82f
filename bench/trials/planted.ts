import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * What a trial plants and looks for again, by none of Upshift's code.
 *
 * DESIGN. Every planted text holds one root, again and again, so that no piece of it is without one. The root is lower
 * case and ASCII: a text index that folds letters keeps it, and JSON needs no escape for it, while what stands around it
 * (quotes, other alphabets) makes each writer show its escapes. A home keeps texts encrypted, so a search for the root
 * finds nothing even before an erasure; the bytes that an erasure must destroy are a subject's row in vault.db, which
 * `subjectRows` reads beforehand.
 */
const ROOT = 'planted0bytes'

/** A text that speaks of somebody: 3 roots, quotes, and letters beyond ASCII. */
export function plant(what: string, nonce: number | string): string {
  return `${ROOT} "${what}" ${ROOT}-${nonce} — Ümlaut, 名前 ${ROOT}.`
}

/** Without what a name of a user may not hold. */
export function plantName(nonce: number | string): string {
  return `${ROOT}-${nonce}-${ROOT}@example.org`
}

export interface Sighting {
  /** Path below the home. */
  readonly file: string
  readonly offset: number
  /** What was found, or what form of it. */
  readonly what: string
}

export interface Needle {
  readonly what: string
  readonly bytes: Buffer
}

/** The root as it stands in UTF-8 and JSON, in base64 at each of its three phases, in both orders of UTF-16, and in hex. */
export function rootForms(): readonly Needle[] {
  const base64 = [0, 1, 2].map((phase) => {
    const text = Buffer.concat([Buffer.alloc(phase), Buffer.from(ROOT)]).toString('base64')
    // Characters that depend on what stands before or after the root do not count.
    const first = phase === 0 ? 0 : phase + 1
    const last = Math.floor(((phase + ROOT.length) * 8) / 6)
    return { what: `base64, phase ${phase}`, bytes: Buffer.from(text.slice(first, last)) }
  })
  const wide = Buffer.from(ROOT, 'utf16le')
  return [
    { what: 'text', bytes: Buffer.from(ROOT) },
    ...base64,
    // Without its last zero: the bytes of the other order hold it too, one place on.
    { what: 'UTF-16', bytes: wide.subarray(0, -1) },
    { what: 'hex', bytes: Buffer.from(Buffer.from(ROOT).toString('hex')) },
  ]
}

/** What stands in the home of each subject: its wrapped keys, its encrypted name and the tag that it is found by. */
export function subjectRows(home: string): ReadonlyMap<string, readonly Needle[]> {
  const database = new DatabaseSync(join(home, 'vault.db'), { readOnly: true })
  try {
    const rows = database.prepare('SELECT * FROM vault_subject').all()
    return new Map(
      rows.map((row) => {
        const ref = String(row['ref'])
        const blobs = Object.entries(row).flatMap(([name, value]) =>
          value instanceof Uint8Array ? [{ what: `${name} of ${ref}`, bytes: Buffer.from(value) }] : [],
        )
        if (blobs.length === 0) throw new Error(`vault.db holds no key of ${ref}`)
        return [ref, blobs]
      }),
    )
  } finally {
    database.close()
  }
}

/** Every place in the files below a home where one of the needles stands, at most so many for each file and needle. */
export function sight(home: string, needles: readonly Needle[], eachMax = 3): readonly Sighting[] {
  const sightings: Sighting[] = []
  for (const path of filesBelow(home)) {
    const bytes = bytesOf(path)
    for (const { what, bytes: needle } of needles) {
      let at = bytes.indexOf(needle)
      for (let count = 0; at !== -1 && count < eachMax; count++) {
        sightings.push({ file: relative(home, path), offset: at, what })
        at = bytes.indexOf(needle, at + 1)
      }
    }
  }
  return sightings
}

export function bytesBelow(home: string): { readonly files: number; readonly bytes: number } {
  const sizes = filesBelow(home).map((path) => bytesOf(path).length)
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

/** Nothing where a running server has renamed or removed it since it was listed. */
function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

/** Sockets hold no bytes. */
function filesBelow(home: string): string[] {
  const entries = readdirSync(home, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  if (files.length === 0) throw new Error(`there is no file below ${home}: nothing was looked at`)
  return files
}
