import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { encodeCheckpoint, openCheckpoint, parseCheckpoint, splitNotes } from './checkpoint.ts'
import { leafHash } from './hash.ts'
import { encodeNote, encodeVerifier, isSignedBy, parseNote, parseVerifier, type Verifier } from './note.ts'

/** The example of the specification and of golang.org/x/mod/sumdb/note. */
const KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const NOTE =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n" +
  '\n' +
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'

function keyOf(text: string): Verifier {
  const verifier = parseVerifier(text)
  assert.ok(verifier)
  return verifier
}

test('the published note verifies, and no altered one does', () => {
  const note = parseNote(NOTE)
  assert.ok(note && isSignedBy(note, keyOf(KEY)))
  for (const [from, to] of [
    ['problem is', 'problem Is'],
    ['x08go', 'x08gp'],
    ['ZJku', 'ZJkv'],
    ['PeterNeumann x', 'PeterNewmann x'],
  ] as const) {
    const altered = parseNote(NOTE.replace(from, to))
    assert.ok(altered && !isSignedBy(altered, keyOf(KEY)), to)
  }
})

test('what is not a note to the letter is none', () => {
  const wrong = [
    '',
    'text\n',
    NOTE.slice(0, -1),
    `${NOTE}\n`,
    NOTE.replace('— ', '- '),
    NOTE.replace('\n\n', '\n'),
    NOTE.replace('If', '\u0007If'),
    NOTE.replace('If', '\uD800If'),
    NOTE.replace('nAM=', 'nAM'),
    NOTE.replace('nAM=', 'nAN='),
    NOTE.replace('— PeterNeumann', '— Peter+Neumann'),
    NOTE.replace('\n— ', `\n${NOTE.split('\n')[3]}\n`.repeat(17)),
  ]
  for (const text of wrong) assert.equal(parseNote(text), undefined, JSON.stringify(text.slice(0, 80)))
})

test('a verifier key whose id is not that of its name and key is refused', () => {
  for (const text of [
    '',
    KEY.replace('Peter', 'Paul'),
    KEY.replace('c74f20a3', 'c74f20a4'),
    KEY.replace('+ARpc', '+AhRc'),
    KEY.slice(0, -4),
    `${KEY}=`,
  ]) {
    assert.equal(parseVerifier(text), undefined, text)
  }
})

test('a checkpoint says origin, size and root, and is read back only from exactly that', () => {
  const root = leafHash(Buffer.from('x'))
  const text = encodeCheckpoint({ origin: 'upshift/0123456789abcdef', size: 7, root })
  assert.deepEqual(parseCheckpoint(text), { origin: 'upshift/0123456789abcdef', size: 7, root })
  assert.ok(parseCheckpoint(`${text}an extension\n`))
  for (const wrong of ['07', '-1', '1e3', '9007199254740993', '']) {
    assert.equal(parseCheckpoint(text.replace('\n7\n', `\n${wrong}\n`)), undefined, wrong)
  }
  assert.equal(parseCheckpoint(text.slice(0, -1)), undefined)
  assert.equal(parseCheckpoint(text.replace('=', '')), undefined)
})

test('a checkpoint of another log or by another key is told from one of ours', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const verifier = keyOf(encodeVerifier('upshift/a', raw))
  const signed = (origin: string, name = origin): string => {
    const text = encodeCheckpoint({ origin, size: 1, root: leafHash(Buffer.alloc(0)) })
    const signature = sign(null, Buffer.from(text), privateKey)
    return encodeNote(text, [{ name, keyId: verifier.keyId, signature }])
  }
  assert.equal(openCheckpoint(signed('upshift/a'), verifier).type, 'signed')
  const other = openCheckpoint(signed('upshift/b'), verifier)
  assert.ok(other.type === 'refused' && other.why.includes('another log'))
  const unsigned = openCheckpoint(signed('upshift/a', 'upshift/b'), verifier)
  assert.ok(unsigned.type === 'refused' && unsigned.why.includes('not signed'))
  const garbage = openCheckpoint('garbage', verifier)
  assert.ok(garbage.type === 'refused' && garbage.checkpoint === undefined)
})

test('notes one after another are taken apart again, with blank lines between them or without', () => {
  assert.deepEqual(splitNotes(NOTE + NOTE), [NOTE, NOTE])
  assert.deepEqual(splitNotes(`${NOTE}\n${NOTE}\n`), [NOTE, NOTE])
  assert.deepEqual(splitNotes(''), [])
  assert.deepEqual(splitNotes(`${NOTE}torn`), [NOTE, 'torn'])
})
