import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BriefMap } from './brief-map.ts'

test('whatever is set and deleted, it holds what a Map holds, in the same order', () => {
  const change = fc.tuple(
    fc.constantFrom('set', 'delete', 'clear'),
    fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    fc.integer(),
  )
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const brief = new BriefMap<{ readonly n: number }>()
      const plain = new Map<string, { readonly n: number }>()
      for (const [type, key, n] of changes) {
        if (type === 'set') {
          brief.set(key, { n })
          plain.set(key, { n })
        } else if (type === 'delete') {
          brief.delete(key)
          plain.delete(key)
        } else if (n % 5 === 0) {
          brief.clear()
          plain.clear()
        }
        assert.equal(brief.size, plain.size)
        assert.deepEqual(brief.get(key), plain.get(key))
      }
      assert.deepEqual([...brief.entries()], [...plain])
    }),
  )
})

test('entries may be deleted while they are gone through, as those of a Map', () => {
  const brief = new BriefMap<number>()
  for (const n of [1, 2, 3]) brief.set(String(n), n)
  const seen: number[] = []
  for (const [key, n] of brief.entries()) {
    seen.push(n)
    brief.delete(key)
  }
  assert.deepEqual([seen, brief.size], [[1, 2, 3], 0])
})
