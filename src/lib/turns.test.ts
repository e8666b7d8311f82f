import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from './turns.ts'

test('work runs one after the other in the order of asking, also behind one that failed', async () => {
  const turns = new Turns(3)
  const seen: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = turns.run(async () => {
    seen.push('first begins')
    await gate.promise
    seen.push('first ends')
    throw new Error('first failed')
  })
  const second = turns.run(async () => {
    seen.push('second')
    return 2
  })
  gate.resolve()
  await assert.rejects(first, /first failed/)
  assert.equal(await second, 2)
  assert.deepEqual(seen, ['first begins', 'first ends', 'second'])
})

test('no more than the limit may wait, and a place is free again once one has ended', async () => {
  const turns = new Turns(1)
  const gate = Promise.withResolvers<void>()
  const first = turns.run(() => gate.promise)
  assert.equal(turns.full, false)
  const second = turns.run(() => gate.promise)
  assert.equal(turns.full, true)
  assert.throws(() => turns.run(() => gate.promise), /more than 1 wait/)
  gate.resolve()
  await Promise.all([first, second])
  assert.equal(turns.full, false)
})

test('a turn that is held ends when it is disposed, and only once', async () => {
  const turns = new Turns(1)
  const held = await turns.enter()
  let ran = false
  const next = turns.run(async () => {
    ran = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(ran, false)
  held[Symbol.dispose]()
  held[Symbol.dispose]()
  await next
  assert.deepEqual([ran, turns.full], [true, false])
})
