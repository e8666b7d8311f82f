import { readFileSync } from 'node:fs'
import { isMissing } from '../lib/missing.ts'
import { type Fault, isFault, loadPrior, soundPrior } from './learn/packing.ts'
import type { Prior } from './learn/prior.ts'

/** The prior that ships with Upshift; `upshift route train` writes it, docs/routing-prior.md describes it. */
export const DEFAULT_PRIOR = new URL('./default.prior', import.meta.url)

/** Reads a stored prior. A file that is missing, damaged or cannot be read is a Fault, for the caller to show. */
export function openPrior(file: URL | string): Prior | Fault {
  const bytes = bytesOf(file)
  return isFault(bytes) ? bytes : loadPrior(bytes)
}

/** Whether a file could be a prior that was not changed: undefined, or why not. A millisecond a megabyte. */
export function checkPrior(file: URL | string): Fault | undefined {
  const bytes = bytesOf(file)
  const sound = isFault(bytes) ? bytes : soundPrior(bytes)
  return isFault(sound) ? sound : undefined
}

function bytesOf(file: URL | string): Buffer | Fault {
  try {
    return readFileSync(file)
  } catch (error) {
    const why = isMissing(error) ? 'there is no file' : `${String(error)}: cannot read the file`
    return { type: 'fault', why: `${why} ${String(file)}` }
  }
}
