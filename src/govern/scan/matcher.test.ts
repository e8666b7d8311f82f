import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createMatcher, type Match } from './matcher.ts'

function naive(bytes: Uint8Array, end: number, probes: readonly Uint8Array[]): string[] {
  const view = Buffer.from(bytes)
  const found: string[] = []
  for (const [probe, wanted] of probes.entries()) {
    for (let at = view.indexOf(wanted); at !== -1 && at < end; at = view.indexOf(wanted, at + 1)) {
      found.push(`${probe}@${at}`)
    }
  }
  return found.sort()
}

function found(bytes: Uint8Array, end: number, probes: readonly Uint8Array[]): string[] {
  const matches: string[] = []
  createMatcher(probes).find(bytes, end, ({ probe, at }: Match) => matches.push(`${probe}@${at}`))
  return matches.sort()
}

test('the matcher finds exactly what a search for each string finds, over few letters and over all bytes', () => {
  const letters = fc.constantFrom(97, 98)
  const any = fc.integer({ min: 0, max: 255 })
  for (const alphabet of [letters, any]) {
    fc.assert(
      fc.property(
        fc.array(fc.array(alphabet, { minLength: 3, maxLength: 40 }), { minLength: 1, maxLength: 12 }),
        fc.array(alphabet, { maxLength: 300 }),
        fc.array(fc.nat(11), { maxLength: 6 }),
        fc.nat(400),
        (strings, noise, planted, end) => {
          const probes = strings.map((bytes) => Uint8Array.from(bytes))
          const pieces = planted.flatMap((index) => [...noise.slice(0, index), ...(strings[index] ?? [])])
          const bytes = Uint8Array.from([...noise, ...pieces])
          assert.deepEqual(found(bytes, end, probes), naive(bytes, end, probes))
        },
      ),
      { numRuns: 300 },
    )
  }
})

test('a string at the very beginning and at the very end is found', () => {
  const bytes = Buffer.from('beginning of it all and the end of it all')
  const probes = [Buffer.from('beginning of it all'), Buffer.from('the end of it all'), Buffer.from('all')]
  assert.deepEqual(found(bytes, bytes.length, probes), ['0@0', '1@24', '2@16', '2@38'])
})
