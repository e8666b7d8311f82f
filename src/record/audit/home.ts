import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { NEWEST_FILE, readNewest } from '../tree/checkpoint.ts'
import { parseVerifier, type Verifier } from '../tree/note.ts'
import { readVerifier } from '../tree/signer.ts'

/** The files of a home that an audit reads. Names are as findings give them: relative to the home. */
export const LOG_FOLDER = 'log'
export const HASHES_FILE = 'tree/hashes'
const TREE_FOLDER = 'tree'
export const CHECKPOINT_FILE: string = `${TREE_FOLDER}/${NEWEST_FILE}`
export const KEY_FILE = 'audit.pub'

/** The vault's file of that number. */
export function vaultFile(number: number): string {
  return `vault/${String(number).padStart(6, '0')}.vault`
}

/** The newest signed checkpoint's text; undefined where there is none. */
export function readCheckpoint(home: string): string | undefined {
  return readNewest(join(home, TREE_FOLDER))
}

/** The key to check with: the given one, else the home's own. Throws `invalid_request` where the given one is none. */
export function verifierOf(home: string, given: string | undefined): Verifier | undefined {
  if (given === undefined) return readVerifier(home)
  const verifier = parseVerifier(given.trim())
  if (verifier !== undefined) return verifier
  const message =
    'The verifier key cannot be read. It is one line, `upshift/…+…+…`, as audit.pub in the home holds it.'
  throw new UpshiftError({ code: 'invalid_request', message, param: 'key' })
}
