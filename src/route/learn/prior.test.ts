import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { outcomes } from './outcomes.fixture.ts'
import { isFault, loadPrior, packPrior } from './packing.ts'
import { Prior } from './prior.ts'

const prior = Prior.fit(outcomes(800, 1))
const ORIGIN = { rows: 800, sources: [{ name: 'made.jsonl', sha256: '00', rows: 800 }] }
const packed = packPrior(prior, ORIGIN)
const unseen = outcomes(300, 2)

function loaded(bytes: Uint8Array): Prior {
  const read = loadPrior(bytes)
  assert.ok(!isFault(read), JSON.stringify(read))
  return read
}

test('a prompt with hard words is worth the strong model, one with easy words is not', () => {
  const mean = (hard: boolean): number => {
    const gains = unseen.filter((one) => one.hard === hard).map(({ text }) => prior.decide(text).gain)
    return gains.reduce((sum, gain) => sum + gain, 0) / gains.length
  }
  assert.ok(Math.abs(mean(true) - 0.7) < 0.15, `${mean(true)}`)
  assert.ok(Math.abs(mean(false)) < 0.15, `${mean(false)}`)
})

test('a decision names shares of right answers and what speaks for it', () => {
  const { pWeak, pStrong, reasons } = prior.decide('what is the integral of a theorem and one proof?')
  assert.ok(pWeak < pStrong && pWeak >= 0 && pStrong <= 1)
  assert.equal(reasons.length, 3)
  assert.match(reasons.join('; '), /its words \+\d|small model [+-]\d/)
  // They stand in a header.
  for (const reason of [...reasons, ...prior.decide('7').reasons]) assert.match(reason, /^[\x20-\x7e]+$/)
})

test('any prompt gets a gain between -1 and 1, the empty one and one of a megabyte too', () => {
  const judged = (text: string): void => {
    const { gain } = prior.decide(text)
    assert.ok(gain >= -1 && gain <= 1)
  }
  fc.assert(fc.property(fc.string({ unit: 'binary' }), judged), { numRuns: 50 })
  judged('')
  judged('proof '.repeat(170_000))
})

test('a stored prior decides like the one that was stored, and the same rows are stored as the same bytes', () => {
  const stored = loaded(packed)
  for (const { text } of unseen.slice(0, 50)) {
    assert.ok(Math.abs(stored.decide(text).gain - prior.decide(text).gain) < 0.02)
  }
  assert.ok(packPrior(Prior.fit(outcomes(800, 1)), ORIGIN).equals(packed))
})

test('every cut, every changed byte and every foreign file is a fault that says why, never an exception', () => {
  const why = (bytes: Uint8Array): string => {
    const read = loadPrior(bytes)
    return isFault(read) ? read.why : 'none'
  }
  assert.match(why(new Uint8Array()), /does not begin/)
  assert.match(why(Buffer.from('PK\u0003\u0004 something else')), /does not begin/)
  for (const at of [20, 50, packed.length >> 1, packed.length - 1]) {
    const changed = Buffer.from(packed)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.match(why(changed), /checksum/)
    assert.match(why(packed.subarray(0, at)), /checksum/)
  }
  const MARK = 16
  const sealed = (body: Buffer): Buffer =>
    Buffer.concat([packed.subarray(0, MARK), createHash('sha256').update(body).digest(), body])
  assert.match(why(sealed(Buffer.from('not deflated'))), /cannot be unpacked/)
  assert.match(why(sealed(deflateRawSync(Buffer.alloc(3)))), /head cannot be read/)
  assert.match(
    why(sealed(deflateRawSync(Buffer.from('\u00ff\u00ff\u00ff\u00ffx', 'latin1')))),
    /head cannot be read/,
  )
  assert.match(why(sealed(deflateRawSync(Buffer.from('\u0002\0\0\0{}', 'latin1')))), /head cannot be read/)
})
