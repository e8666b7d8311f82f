import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { replaceWhole } from '../../store/private-file.ts'
import { ggufFacts } from '../gguf/read.ts'
import { isModelName } from './source.ts'

const manifestSchema = z.strictObject({
  format: z.literal('upshift-model 1'),
  name: z.string().refine(isModelName),
  /** As shown: `hf:owner/repo@revision:file`, an address without its query, or a path. */
  source: z.string(),
  /** The commit of a repository, where its server named one. */
  revision: z.string().nullable(),
  pulledAt: z.iso.datetime(),
  /** As known where it came from; what the file says of itself stands in `facts`. */
  licence: z.string().nullable(),
  /** With what the bytes were compared; null where nothing named a checksum. */
  verified: z.string().nullable(),
  files: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\.gguf$/),
        bytes: z.number().int().min(0),
        /** Hex. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1),
  facts: ggufFacts,
})

/** What is known of a model that was pulled; a small file beside it. */
export type Manifest = Readonly<z.infer<typeof manifestSchema>>

const MANIFEST_BYTES_MAX = 1_048_576

export function manifestPath(folder: string, name: string): string {
  return join(folder, `${name}.json`)
}

/** Written whole or not at all. */
export function writeManifest(folder: string, manifest: Manifest): void {
  replaceWhole(manifestPath(folder, manifest.name), `${JSON.stringify(manifest, undefined, 1)}\n`, 0o644)
}

/** Undefined where there is none. Throws UpshiftError `conflict` where it is damaged. */
export async function readManifest(folder: string, name: string): Promise<Manifest | undefined> {
  const path = manifestPath(folder, name)
  try {
    await using file = await fs.open(path, 'r')
    const { size } = await file.stat()
    if (size > MANIFEST_BYTES_MAX) throw new Error('it is too long')
    return manifestSchema.parse(JSON.parse(await file.readFile('utf8')))
  } catch (cause) {
    if (isMissing(cause)) return undefined
    const message = `${path} says where a model came from, and is damaged or from a newer Upshift. Remove it, or the model with \`upshift models rm ${name}\`.`
    throw new UpshiftError({ code: 'conflict', message }, cause)
  }
}
