import { readFileSync } from 'node:fs'
import { isMissing } from '../lib/missing.ts'
import { type Fault, loadPrior } from './learn/packing.ts'
import type { Prior } from './learn/prior.ts'

/** The prior that ships with Upshift; `upshift route train` writes it, docs/routing-prior.md describes it. */
export const DEFAULT_PRIOR = new URL('./default.prior', import.meta.url)

/** Reads a stored prior. A file that is missing, damaged or cannot be read is a Fault, for the caller to show. */
export function openPrior(file: URL | string): Prior | Fault {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const why = isMissing(error) ? 'there is no file' : `${String(error)}: cannot read the file`
    return { type: 'fault', why: `${why} ${String(file)}` }
  }
  return loadPrior(bytes)
}
