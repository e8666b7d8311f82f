import { readFileSync } from 'node:fs'
import { isMissing } from '../lib/missing.ts'
import { type Fault, loadPrior } from './learn/packing.ts'
import type { Prior } from './learn/prior.ts'

/** The prior that ships with Upshift; `upshift route train` writes it, docs/routing-prior.md describes it. */
export const DEFAULT_PRIOR = new URL('./default.prior', import.meta.url)

/** Reads a stored prior. A file that is missing or damaged is a Fault, for the caller to show. */
export function openPrior(file: URL | string): Prior | Fault {
  try {
    return loadPrior(readFileSync(file))
  } catch (error) {
    if (!isMissing(error)) throw error
    return { type: 'fault', why: `there is no file ${String(file)}` }
  }
}
