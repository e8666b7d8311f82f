import { openCheckpoint } from '../tree/checkpoint.ts'
import { leafHash } from '../tree/hash.ts'
import { decodeBase64, parseVerifier } from '../tree/note.ts'
import { provesInclusion } from '../tree/proof.ts'

export const BUNDLE_ENTRIES_MAX = 10_000

/**
 * A proof that stands alone: entries of the log, byte for byte, the path of each to the root of one signed
 * checkpoint, and the key that signed it. `bin/verify-proof.mjs` checks it without Upshift. An alias, since an
 * interface does not pass for a document of unknown fields.
 */
export type Bundle = {
  readonly format: 'upshift-proof 1'
  /** What was asked for: an id or a sequence number. */
  readonly about: string
  readonly verifierKey: string
  /** The signed note. */
  readonly checkpoint: string
  readonly entries: readonly {
    readonly index: number
    /** The entry's JSON exactly as the log holds it: the leaf's bytes. */
    readonly entry: string
    /** RFC 9162 inclusion path, base64, lowest first. */
    readonly path: readonly string[]
  }[]
}

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
