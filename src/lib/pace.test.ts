import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Pace } from './pace.ts'

/** Work that takes a millisecond each on a clock that only work moves. */
function begun() {
  let nowMs = 0
  const pace = new Pace({ now: () => nowMs, elapsed: () => nowMs })
  const done: number[] = []
  const ask = (count: number): void => {
    for (let index = 0; index < count; index++) {
      const name = asked++
      pace.run(() => {
        nowMs += 1
        done.push(name)
      })
    }
  }
  let asked = 0
  return { ask, done }
}

test('a burst is spread over turns of the loop, in its order, and all of it is done', async () => {
  const { ask, done } = begun()
  ask(40)
  assert.equal(done.length, 3)
  const perTurn: number[] = []
  while (done.length < 40) {
    const before = done.length
    await nextTurn()
    perTurn.push(done.length - before)
    assert.ok(perTurn.length < 50, 'work that waits is done')
  }
  assert.ok(Math.max(...perTurn) <= 12, `at most two helpings between two looks: ${perTurn}`)
  assert.deepEqual(
    done,
    [...done].sort((left, right) => left - right),
  )
})

test('what comes later does not overtake what waits, and an idle loop begins afresh', async () => {
  const { ask, done } = begun()
  ask(5)
  ask(1)
  assert.deepEqual(done, [0, 1, 2])
  for (let turn = 0; turn < 4; turn++) await nextTurn()
  assert.deepEqual(done, [0, 1, 2, 3, 4, 5])
  ask(1)
  assert.deepEqual(done.at(-1), 6, 'nothing waits: it is done at once')
})
