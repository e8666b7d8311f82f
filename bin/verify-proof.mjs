#!/usr/bin/env node
/**
 * Checks a proof that `upshift audit prove` has written, or the one in the receipt of an erasure or of a
 * document that was forgotten, without Upshift: `node verify-proof.mjs PROOF.json [--key VERIFIERKEY]`. This one
 * file, Node 18 or newer, nothing else. Ends with 0 where the proof holds, with 1 where it does not, and with 2
 * where it was called wrongly.
 *
 * What it does: the checkpoint is a C2SP signed note (Ed25519) over origin, size and root of an RFC 9162 tree; each
 * entry's bytes are a leaf, and its path must lead to that root (section 2.1.3.2).
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'

const MAX_PATH = 64
const RECEIPT_FORMATS = ['upshift-erasure-receipt 1', 'upshift-forget-receipt 1']

function main(args) {
  const at = args.indexOf('--key')
  const key = at === -1 ? undefined : args[at + 1]
  const [path, ...more] = args.filter((_, index) => at === -1 || (index !== at && index !== at + 1))
  if (path === undefined || more.length > 0 || (at !== -1 && key === undefined)) {
    process.stderr.write('usage: node verify-proof.mjs PROOF.json [--key VERIFIERKEY]\n')
    return 2
  }
  try {
    process.stdout.write(prove(JSON.parse(readFileSync(path, 'utf8')), key))
    return 0
  } catch (error) {
    process.stdout.write(`The proof does not hold: ${error.message}\n`)
    return 1
  }
}

/** The words of what is proven. Throws where anything does not hold. */
function prove(document, givenKey) {
  const bundle = bundleIn(document)
  demand(bundle?.format === 'upshift-proof 1', 'the file is no proof of format 1')
  const verifier = parseKey(String(givenKey ?? bundle.verifierKey).trim())
  const { origin, size, root } = parseCheckpoint(openNote(String(bundle.checkpoint), verifier))
  demand(origin === verifier.name, `the checkpoint is of ${origin}, and the key is that of ${verifier.name}`)
  demand(Array.isArray(bundle.entries) && bundle.entries.length > 0, 'there is no entry in it')
  const lines = bundle.entries.map(({ index, entry, path }) => {
    demand(typeof entry === 'string' && Array.isArray(path), 'an entry or its path is missing')
    demand(path.length <= MAX_PATH, 'a path is longer than any tree is high')
    const leaf = hash(Buffer.of(0), Buffer.from(entry))
    const proven = leads(leaf, index, size, path.map(decodeHash), root)
    demand(proven, `entry ${index} is not in the tree of size ${size} that was signed`)
    demand(isAbout(entry, String(bundle.about), index), `entry ${index} is not about ${bundle.about}`)
    return `  entry ${index}: ${describe(entry)}\n`
  })
  const source =
    givenKey === undefined ? 'the key in the proof; compare it with one from a safe source' : 'the given key'
  return (
    `The proof holds. These entries about ${printable(String(bundle.about))}, byte for byte as the proof holds them, were in the log\n` +
    `${printable(origin)} when its first ${size} entries were signed for (${source}):\n${lines.join('')}` +
    'It does not prove that the log has no other entries about it, nor that what they say is true.\n'
  )
}

/** A receipt carries the proof of its entries; what else it says is to be compared with the entries below. */
function bundleIn(document) {
  if (!RECEIPT_FORMATS.includes(document?.format)) return document
  demand(document.proof?.about === document.id, 'its proof is about something else than the receipt')
  return document.proof
}

/** RFC 9162, section 2.1.3.2. */
function leads(leaf, index, size, path, root) {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false
  let node = index
  let last = size - 1
  let at = leaf
  const rise = () => {
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  for (const beside of path) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      at = hash(Buffer.of(1), beside, at)
      while (node % 2 === 0 && node !== 0) rise()
    } else at = hash(Buffer.of(1), at, beside)
    rise()
  }
  return last === 0 && at.equals(root)
}

/** C2SP signed-note: `name+id+base64(0x01 ‖ key)`, the id being the hash of name and key. */
function parseKey(text) {
  const [, name, id, base64] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  demand(base64 !== undefined, 'the verifier key cannot be read')
  const key = Buffer.from(base64, 'base64')
  demand(key.length === 33 && key[0] === 1, 'the verifier key is not an Ed25519 key')
  const own = hash(Buffer.from(`${name}\n`), key)
    .toString('hex')
    .slice(0, 8)
  demand(own === id, 'the id of the verifier key is not that of its name and bytes')
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.subarray(1)])
  return { name, id, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) }
}

/** The text of a note that the key has signed. */
function openNote(note, { name, id, publicKey }) {
  const blank = note.lastIndexOf('\n\n')
  demand(blank !== -1 && note.endsWith('\n'), 'the checkpoint is no signed note')
  const text = note.slice(0, blank + 1)
  const own = []
  for (const line of note.slice(blank + 2, -1).split('\n')) {
    const [, signer, base64] = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? []
    demand(base64 !== undefined, 'the checkpoint has a line that is no signature')
    const bytes = Buffer.from(base64, 'base64')
    if (signer === name && bytes.toString('hex', 0, 4) === id) own.push(bytes.subarray(4))
  }
  demand(own.length === 1 && own[0].length === 64, `the checkpoint is not signed by the key ${name}+${id}`)
  demand(verify(null, Buffer.from(text), publicKey, own[0]), 'the signature of the checkpoint is wrong')
  return text
}

/** C2SP tlog-checkpoint: origin, size and root, a line each. */
function parseCheckpoint(text) {
  const [origin, digits, base64] = text.split('\n')
  demand(
    /^(0|[1-9]\d{0,15})$/.test(digits ?? '') && Number.isSafeInteger(Number(digits)),
    'the checkpoint has no size',
  )
  return { origin, size: Number(digits), root: decodeHash(base64) }
}

function decodeHash(text) {
  const bytes = Buffer.from(String(text), 'base64')
  demand(bytes.length === 32 && bytes.toString('base64') === text, 'a hash cannot be read')
  return bytes
}

function isAbout(json, about, index) {
  if (/^\d+$/.test(about)) return Number(about) === index
  const entry = JSON.parse(json)
  return (
    entry.id === about || entry.request === about || (entry.type === 'key-changed' && entry.key === about)
  )
}

function describe(json) {
  const { type, at, outcome } = JSON.parse(json)
  const when = Number.isSafeInteger(at) ? ` of ${new Date(at).toISOString()}` : ''
  return printable(`${type}${outcome === undefined ? '' : `, ${outcome}`}${when}`)
}

/** What a file holds must not steer the terminal. */
function printable(text) {
  return text.replace(/\p{C}/gu, '?')
}

function hash(...pieces) {
  const made = createHash('sha256')
  for (const piece of pieces) made.update(piece)
  return made.digest()
}

function demand(holds, message) {
  if (!holds) throw new Error(message)
}

process.exitCode = main(process.argv.slice(2))
