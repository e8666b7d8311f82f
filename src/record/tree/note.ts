import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'

/**
 * Signed notes: a text, a blank line, and signature lines. Strict in what it reads: what does not follow the
 * specification to the letter is no note.
 * Source: C2SP signed-note (c2sp.org/signed-note), Ed25519 signatures (type 0x01) only.
 */
export interface Note {
  /** Ends with a line feed. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

export interface NoteSignature {
  readonly name: string
  /** Four bytes that say which key of that name, as eight hex digits. */
  readonly keyId: string
  readonly signature: Buffer
}

/** A public key with its name: `name+keyid+base64` in text. */
export interface Verifier {
  readonly name: string
  readonly keyId: string
  readonly publicKey: KeyObject
}

const MAX_NOTE_CHARS = 65_536
const MAX_SIGNATURES = 16
const MAX_VERIFIER_CHARS = 512
const ED25519 = 0x01
const KEY_ID_BYTES = 4
const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64
/** DER of a SubjectPublicKeyInfo up to the 32 bytes of an Ed25519 key (RFC 8410, section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const SIGNATURE_LINE = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/
const NAME = /^[^\s+\p{C}]{1,256}$/u

/** The note with one signature more: 64 bytes over the text. */
export function encodeNote(text: string, signatures: readonly NoteSignature[]): string {
  const lines = signatures.map(({ name, keyId, signature }) => {
    return `— ${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), signature]).toString('base64')}\n`
  })
  return `${text}\n${lines.join('')}`
}

/** Undefined where the text is no signed note. */
export function parseNote(note: string): Note | undefined {
  if (note.length > MAX_NOTE_CHARS || !note.endsWith('\n') || !note.isWellFormed()) return undefined
  if (/[\u0000-\u0009\u000b-\u001f\u007f\ufffd]/.test(note)) return undefined
  const blank = note.lastIndexOf('\n\n')
  if (blank === -1) return undefined
  const lines = note.slice(blank + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) return undefined
  const signatures: NoteSignature[] = []
  for (const line of lines) {
    const signature = parseSignature(line)
    if (signature === undefined) return undefined
    signatures.push(signature)
  }
  return { text: note.slice(0, blank + 1), signatures }
}

function parseSignature(line: string): NoteSignature | undefined {
  const [, name, base64] = SIGNATURE_LINE.exec(line) ?? []
  if (name === undefined || base64 === undefined || !NAME.test(name)) return undefined
  const bytes = decodeBase64(base64)
  if (bytes === undefined || bytes.length <= KEY_ID_BYTES) return undefined
  return { name, keyId: bytes.toString('hex', 0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) }
}

/** True where the note carries a valid signature by this key. Others' signatures are not looked at. */
export function isSignedBy(note: Note, verifier: Verifier): boolean {
  const own = note.signatures.filter(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId)
  const [only] = own
  if (only === undefined || own.length > 1 || only.signature.length !== SIGNATURE_BYTES) return false
  return verify(null, Buffer.from(note.text), verifier.publicKey, only.signature)
}

/** `name+keyid+base64(0x01 ‖ key)` for 32 bytes of an Ed25519 public key. */
export function encodeVerifier(name: string, publicKey: Buffer): string {
  const key = Buffer.concat([Buffer.of(ED25519), publicKey])
  return `${name}+${keyIdOf(name, key)}+${key.toString('base64')}`
}

/** Undefined where the text is no Ed25519 verifier key, or its id is not the one of its name and key. */
export function parseVerifier(text: string): Verifier | undefined {
  if (text.length > MAX_VERIFIER_CHARS) return undefined
  const [, name, keyId, base64] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  if (name === undefined || keyId === undefined || base64 === undefined || !NAME.test(name)) return undefined
  const key = decodeBase64(base64)
  if (key === undefined || key.length !== 1 + PUBLIC_KEY_BYTES || key[0] !== ED25519) return undefined
  if (keyIdOf(name, key) !== keyId) return undefined
  const der = Buffer.concat([SPKI_PREFIX, key.subarray(1)])
  return { name, keyId, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) }
}

/** The first four bytes of SHA-256(name ‖ LF ‖ type ‖ key), as hex. */
function keyIdOf(name: string, key: Buffer): string {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), key]), 'hex').slice(0, 2 * KEY_ID_BYTES)
}

/** Undefined where the text is not the one spelling of its bytes. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
