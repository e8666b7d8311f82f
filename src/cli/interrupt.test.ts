import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interruptSignal } from './interrupt.ts'

function scripted() {
  let elapsedMs = 5_000
  let heard: () => void = () => assert.fail('nobody listens')
  const ends: number[] = []
  const signal = interruptSignal({
    listen: (listener) => {
      heard = listener
    },
    elapsed: () => elapsedMs,
    end: () => ends.push(elapsedMs),
  })
  const interruptAt = (at: number): void => {
    elapsedMs = at
    heard()
  }
  return { signal, ends, interruptAt }
}

test('the first Ctrl-C asks the command to end, and its echo within a second does nothing', () => {
  const { signal, ends, interruptAt } = scripted()
  assert.equal(signal.aborted, false)
  for (const at of [5_000, 5_000, 5_100, 6_000]) interruptAt(at)
  assert.deepEqual([signal.aborted, ends], [true, []])
})

test('a second Ctrl-C later than an echo can be ends the process at once', () => {
  const { ends, interruptAt } = scripted()
  interruptAt(5_000)
  interruptAt(6_001)
  assert.deepEqual(ends, [6_001])
})
