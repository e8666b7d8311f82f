import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

const UNTIL_MS = 15_000
const LOOK_MS = 10

/** Waits until something holds; fails with `what` where it does not within 15 seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + UNTIL_MS
  while (!(await holds())) {
    assert.ok(performance.now() < end, `in ${UNTIL_MS} ms it did not come true that ${what}`)
    await pause(LOOK_MS)
  }
}
