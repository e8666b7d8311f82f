import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
} from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { createOnce, readOrCreate } from '../../store/private-file.ts'
import { NEWEST_FILE } from './checkpoint.ts'
import { encodeNote, encodeVerifier, parseVerifier, type Verifier } from './note.ts'

/** Signs what one home's log commits to. */
export interface Signer {
  /** Which log: `upshift/` and 16 hex digits. It is the key's name, and the first line of every checkpoint. */
  readonly origin: string
  /** The public key as `audit.pub` holds it: what a verifier must know, from a safe source. */
  readonly verifierKey: string
  readonly verifier: Verifier
  /** The signed note over a text that ends with a line feed. */
  sign(text: string): string
}

const KEY_FILE = 'audit.key'
const PUBLIC_FILE = 'audit.pub'
const ORIGIN_HEX = 16

/**
 * The key that signs a home's checkpoints: `audit.key` (Ed25519, PKCS8 PEM, 0600), made where there is none, and
 * its public half in `audit.pub`. The origin is taken from the public key's hash, so that the two files can
 * never name different logs and two processes that start at once agree. Throws UpshiftError `conflict` where
 * the key is open to others or no key, where `audit.pub` is another key's, and where the home has signed already and
 * its key is gone: another one would hide the loss, and could go on with nothing that is there.
 */
export function signingKey(home: string): Signer {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const path = join(home, KEY_FILE)
  const { text } = readOrCreate({ path, what: 'The signing key' }, () => {
    const left = signedWith(home)
    // Looked for again: a process that started at the same moment writes the key first.
    if (left !== undefined && !existsSync(path)) throw lost(path, left, home)
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    return { text: String(privateKey.export({ format: 'pem', type: 'pkcs8' })), suffix: draftOf(publicKey) }
  })
  return signerOf(home, readKey(path, text))
}

/** What a key that a home had has left there; undefined in a home that has signed nothing. */
function signedWith(home: string): string | undefined {
  return [join(home, PUBLIC_FILE), join(home, 'tree', NEWEST_FILE)].find((path) => existsSync(path))
}

function lost(path: string, left: string, home: string): UpshiftError {
  return failure(
    `${path} is not there, and ${left} was made with it. Put it back from a backup. If it is lost for good, move ` +
      `the whole home ${home} aside: a new key begins a new log.`,
  )
}

/** No other process drafts the same key. */
function draftOf(publicKey: KeyObject): string {
  return `${process.pid}-${fingerprint(publicKey)}`
}

/** The public key in a home's `audit.pub`, for whoever only checks; undefined where there is none that can be read. */
export function readVerifier(home: string): Verifier | undefined {
  try {
    return parseVerifier(readFileSync(join(home, PUBLIC_FILE), 'utf8').trim())
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function signerOf(home: string, privateKey: KeyObject): Signer {
  const publicKey = createPublicKey(privateKey)
  const origin = `upshift/${fingerprint(publicKey)}`
  const verifierKey = encodeVerifier(origin, rawKey(publicKey))
  const verifier = parseVerifier(verifierKey)
  if (verifier === undefined) throw new Error('a verifier key that was just encoded cannot be read')
  const path = join(home, PUBLIC_FILE)
  const draft = { text: `${verifierKey}\n`, suffix: draftOf(publicKey) }
  createOnce({ path, what: 'The verifier key', mode: 0o644 }, draft)
  if (readFileSync(path, 'utf8').trim() !== verifierKey) {
    throw failure(
      `${path} is not the public half of ${join(home, KEY_FILE)}: one of the two was replaced. Restore both from one backup; ` +
        'where audit.key is the right one, move audit.pub aside and start again.',
    )
  }
  return {
    origin,
    verifierKey,
    verifier,
    sign: (text) => {
      const signature = sign(null, Buffer.from(text), privateKey)
      return encodeNote(text, [{ name: origin, keyId: verifier.keyId, signature }])
    },
  }
}

function readKey(path: string, text: string): KeyObject {
  const advice =
    'Restore it from a backup. Without it, move the whole home aside: a new key begins a new log.'
  try {
    const key = createPrivateKey(text)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch (cause) {
    throw failure(`The signing key ${path} cannot be read as a private key. ${advice}`, cause)
  }
  throw failure(`The signing key ${path} is not an Ed25519 key. ${advice}`)
}

function fingerprint(publicKey: KeyObject): string {
  return hash('sha256', rawKey(publicKey), 'hex').slice(0, ORIGIN_HEX)
}

/** The 32 bytes of an Ed25519 public key: the end of its DER form. */
function rawKey(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
}

function failure(message: string, cause?: unknown): UpshiftError {
  return new UpshiftError({ code: 'conflict', message }, cause)
}
