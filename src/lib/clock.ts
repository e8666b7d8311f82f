/** Time as an argument, so that a test can hold it still. */
export interface Clock {
  /** Milliseconds since the epoch; may jump. For records and expiry. */
  now(): number
  /** Milliseconds, monotonic. For durations and deadlines. */
  elapsed(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
}

/** Resolves after `ms`, or as soon as the signal aborts: the caller looks at the signal. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const end = systemClock.elapsed() + ms
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    // A timer counts from the loop's own, older reading of the clock and may fire up to a millisecond early.
    const look = (): void => {
      const leftMs = end - systemClock.elapsed()
      if (leftMs > 0) timer = setTimeout(look, Math.ceil(leftMs))
      else done()
    }
    let timer = setTimeout(look, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** Resolves when the promise has settled, after `ms`, or as soon as the signal aborts; rejects as the promise does. */
export async function settledWithin(
  promise: Promise<unknown>,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  const settled = new AbortController()
  try {
    await Promise.race([promise, pause(ms, AbortSignal.any([signal, settled.signal]))])
  } finally {
    settled.abort()
  }
}
