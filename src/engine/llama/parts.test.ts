import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FairLine } from './fair-line.ts'
import { fit, leastBytes } from './memory.ts'
import { StopScan } from './stop-scan.ts'
import { ThoughtSplit } from './thought.ts'

function pieces(text: string, sizes: readonly number[]): string[] {
  const cut: string[] = []
  let at = 0
  for (const size of [...sizes, text.length]) {
    if (at < text.length) cut.push(text.slice(at, at + size))
    at += size
  }
  return cut
}

const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 60 })

test('a stop sequence is found however the text is cut, and nothing of it leaves', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\n'), maxLength: 40 })
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  })
  fc.assert(
    fc.property(letters, stops, cuts, (text, wanted, sizes) => {
      const scan = new StopScan(wanted)
      let out = ''
      let stopped = false
      for (const piece of pieces(text, sizes)) {
        const pushed = scan.push(piece)
        out += pushed.text
        stopped = pushed.stopped
        if (stopped) break
      }
      if (!stopped) out += scan.rest()
      const ends = wanted.flatMap((stop) => (text.includes(stop) ? [text.indexOf(stop) + stop.length] : []))
      assert.equal(stopped, ends.length > 0)
      assert.ok(text.startsWith(out))
      if (stopped) assert.ok(wanted.every((stop) => !out.includes(stop)))
      else assert.equal(out, text)
    }),
  )
})

test('a thought is parted from the answer however it is cut; the words alone are text', () => {
  const read = (text: string, sizes: readonly number[], begun = false) => {
    const split = new ThoughtSplit(begun)
    const parted = [...pieces(text, sizes).map((piece) => split.push(piece)), split.rest()]
    return {
      reasoning: parted.map(({ reasoning }) => reasoning).join(''),
      content: parted.map(({ content }) => content).join(''),
    }
  }
  fc.assert(
    fc.property(cuts, (sizes) => {
      assert.deepEqual(read('\n<think>hm < b</think>So: <think>', sizes), {
        reasoning: 'hm < b',
        content: 'So: <think>',
      })
      assert.deepEqual(read('<think>x</think>', sizes, true), {
        reasoning: '',
        content: '<think>x</think>',
      })
      assert.deepEqual(read('<thin', sizes), { reasoning: '', content: '<thin' })
      assert.deepEqual(read('No <think>x</think>', sizes), {
        reasoning: '',
        content: 'No <think>x</think>',
      })
    }),
  )
})

test('callers take turns, whoever comes with more', () => {
  const line = new FairLine<string>(6)
  for (const item of ['a1', 'a2', 'a3', 'a4']) line.add('a', item)
  line.add('b', 'b1')
  line.add('c', 'c1')
  assert.equal(line.add('c', 'c2'), false)
  const taken = [line.take(), line.take(), line.take()]
  line.add('b', 'b2')
  assert.deepEqual(
    [...taken, line.take(), line.take(), line.take(), line.take(), line.take()],
    ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4', undefined],
  )
})

test('one that leaves the line is no longer in it', () => {
  const line = new FairLine<string>(6)
  for (const item of ['a1', 'a2']) line.add('a', item)
  assert.equal(
    line.remove((item) => item === 'a1'),
    'a1',
  )
  assert.equal(
    line.remove((item) => item === 'a1'),
    undefined,
  )
  assert.deepEqual([line.length, line.take(), line.take()], [1, 'a2', undefined])
})

const GB = 1e9

test('a model is loaded with what fits: spare caches go first, then context, then parallel ones', () => {
  // A 7B model in four bits with grouped-query attention: 4.4 GB, and 128 KiB a token.
  const shape = { fileBytes: 4.4 * GB, kvBytesPerToken: 131_072, trainedTokens: 32_768 }
  const wish = { contextTokens: 8_192, parallel: 4, spare: 4 }
  const at = (availableBytes: number) => fit(shape, { ...wish, availableBytes })
  assert.deepEqual(pick(at(64 * GB)), [8_192, 8])
  assert.deepEqual(pick(at(11 * GB)), [8_192, 5])
  assert.deepEqual(pick(at(8 * GB)), [4_096, 6])
  assert.deepEqual(pick(at(4.85 * GB)), [512, 1])
  assert.equal(at(leastBytes(shape) - 1), undefined)
  for (const available of [4.85, 6, 8, 11, 64]) {
    assert.ok((at(available * GB)?.bytes ?? Number.POSITIVE_INFINITY) <= available * GB)
  }
})

function pick(taken: ReturnType<typeof fit>) {
  return taken === undefined ? undefined : [taken.contextTokens, taken.slots]
}
