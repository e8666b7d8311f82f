import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { UpshiftError } from '../../contract/problem.ts'

/** What a backup holds. It is written last: a folder without it is no backup. */
export const MANIFEST_FILE = 'manifest.json'

/** A path of ours is a name, or a name in one folder: nothing that could lead out of a home. */
const PATH = /^(?:[a-z]{1,16}\/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}$/

const manifestSchema = z.strictObject({
  format: z.literal('upshift-backup 1'),
  madeAt: z.iso.datetime(),
  /** Of the Upshift that made it. */
  version: z.string(),
  /** The signed checkpoint up to which the copy can be proven; null where nothing had been recorded. */
  checkpoint: z.string().nullable(),
  /** Whether the secret keys are in it. */
  keys: z.boolean(),
  files: z.array(
    z.strictObject({
      path: z.string().regex(PATH),
      bytes: z.number().int().min(0),
      /** Hex. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
})

export type Manifest = z.infer<typeof manifestSchema>
export type ManifestFile = Manifest['files'][number]

export function encodeManifest(manifest: Manifest): { readonly text: string; readonly sha256: string } {
  const text = `${JSON.stringify(manifest, undefined, 1)}\n`
  return { text, sha256: hash('sha256', text, 'hex') }
}

/** Throws UpshiftError where the folder holds no whole backup. */
export function readManifest(folder: string): Manifest {
  const path = join(folder, MANIFEST_FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const message = `${folder} holds no ${MANIFEST_FILE}: it is no backup, or one that was broken off. Name the folder of a whole backup.`
    throw new UpshiftError({ code: 'invalid_request', message }, cause)
  }
  try {
    const manifest = manifestSchema.parse(JSON.parse(text))
    if (new Set(manifest.files.map((file) => file.path)).size === manifest.files.length) return manifest
    throw new Error('a file is named twice')
  } catch (cause) {
    const message = `${path} cannot be used: it is damaged, or written by a newer Upshift. Use another backup, or that version.`
    throw new UpshiftError({ code: 'invalid_request', message }, cause)
  }
}
