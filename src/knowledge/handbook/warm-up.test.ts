import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WarmUp } from './warm-up.ts'

test('slices are worked off until nothing is left, and a failing one ends it', async () => {
  for (const last of [() => false, () => assert.fail('a broken index')]) {
    const slices = [() => true, () => true, last]
    const all = slices.length
    let done = 0
    await new Promise<void>((resolve) => {
      // An unreferenced timer alone would let the process end.
      const alive = setInterval(() => {
        if (done < all) return
        clearInterval(alive)
        resolve()
      }, 5)
      new WarmUp(() => slices[done++]?.() ?? assert.fail('one slice too many')).start()
    })
    assert.equal(done, all)
  }
})

test('a warm-up that is stopped does nothing', () => {
  const warmUp = new WarmUp(() => assert.fail('it was stopped'))
  warmUp.start()
  warmUp.stop()
})
