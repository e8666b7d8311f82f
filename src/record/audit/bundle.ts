import * as z from 'zod'
import { openCheckpoint } from '../tree/checkpoint.ts'
import { leafHash } from '../tree/hash.ts'
import { decodeBase64, parseVerifier } from '../tree/note.ts'
import { provesInclusion } from '../tree/proof.ts'

const MAX_ENTRIES = 10_000
/** log₂ of the largest size. */
const MAX_PATH = 64

/**
 * A proof that stands alone: entries of the log, byte for byte, the path of each to the root of one signed
 * checkpoint, and the key that signed it. `bin/verify-proof.mjs` checks it without Upshift.
 */
export const bundleSchema = z.strictObject({
  format: z.literal('upshift-proof 1'),
  /** What was asked for: an id or a sequence number. */
  about: z.string().max(256),
  verifierKey: z.string().max(512),
  /** The signed note. */
  checkpoint: z.string().max(65_536),
  entries: z
    .array(
      z.strictObject({
        index: z.number().int().min(0),
        /** The entry's JSON exactly as the log holds it: the leaf's bytes. */
        entry: z.string(),
        /** RFC 9162 inclusion path, base64, lowest first. */
        path: z.array(z.string().max(64)).max(MAX_PATH),
      }),
    )
    .min(1)
    .max(MAX_ENTRIES),
})

export type Bundle = Readonly<z.infer<typeof bundleSchema>>

const RECEIPT_FORMAT = 'upshift-erasure-receipt 1'

/** A receipt of an erasure carries the proof of its entries; what else it says is checked against nothing here. */
const receiptSchema = z
  .looseObject({ format: z.literal(RECEIPT_FORMAT), id: z.string().max(256), proof: bundleSchema })
  .refine(({ id, proof }) => proof.about === id, {
    path: ['proof', 'about'],
    message: 'the proof is about something else than the receipt',
  })

/** The proof in a document: a bundle itself, or the one that a receipt carries. Throws ZodError. */
export function bundleIn(document: unknown): Bundle {
  const format = typeof document === 'object' && document !== null && Reflect.get(document, 'format')
  return format === RECEIPT_FORMAT ? receiptSchema.parse(document).proof : bundleSchema.parse(document)
}

export const BUNDLE_ENTRIES_MAX = MAX_ENTRIES

export type BundleCheck =
  | { readonly ok: true; readonly origin: string; readonly size: number; readonly seqs: readonly number[] }
  | { readonly ok: false; readonly why: string }

/** Checks a bundle with the given key, or with the one that it carries. `why` is a sentence. */
export function checkBundle(bundle: Bundle, verifierKey: string = bundle.verifierKey): BundleCheck {
  const verifier = parseVerifier(verifierKey.trim())
  if (verifier === undefined) return { ok: false, why: 'The verifier key cannot be read.' }
  const opened = openCheckpoint(bundle.checkpoint, verifier)
  if (opened.type === 'refused') return { ok: false, why: `The checkpoint ${opened.why}.` }
  const { origin, size, root } = opened.checkpoint
  for (const { index, entry, path } of bundle.entries) {
    const hashes = path.map(decodeBase64).filter((hash) => hash?.length === 32)
    const claim = {
      leaf: leafHash(Buffer.from(entry)),
      index,
      size,
      root,
      path: hashes.flatMap((hash) => hash ?? []),
    }
    if (hashes.length < path.length || !provesInclusion(claim)) {
      return { ok: false, why: `Entry ${index} is not in the tree of size ${size} that was signed.` }
    }
    if (!isAbout(entry, bundle.about, index)) {
      return { ok: false, why: `Entry ${index} is in the log, but it is not about ${bundle.about}.` }
    }
  }
  return { ok: true, origin, size, seqs: bundle.entries.map(({ index }) => index) }
}

/** True where an entry's text belongs to an id, or is the record of that number. */
export function isAbout(json: string, what: string, index: number): boolean {
  if (/^\d+$/.test(what)) return Number(what) === index
  try {
    const entry: unknown = JSON.parse(json)
    if (typeof entry !== 'object' || entry === null) return false
    const field = (name: string): unknown => Reflect.get(entry, name)
    if (field('id') === what || field('request') === what) return true
    return field('type') === 'key-changed' && field('key') === what
  } catch {
    return false
  }
}
