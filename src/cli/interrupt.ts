/** A terminal's Ctrl-C reaches every process in front of it, and a launcher hands it on: one wish arrives twice. */
const ECHO_MS = 1_000

export interface Interruptible {
  /** Calls `heard` at each Ctrl-C. */
  listen(heard: () => void): void
  /** Milliseconds, monotonic. */
  elapsed(): number
  /** Ends the process at once. */
  end(): void
}

/**
 * Aborts at the first Ctrl-C. What follows within a second is its echo and does nothing; a later one is a
 * second wish and ends the process, whatever the command still waits for.
 */
export function interruptSignal({ listen, elapsed, end }: Interruptible): AbortSignal {
  const controller = new AbortController()
  let firstAt: number | undefined
  listen(() => {
    const now = elapsed()
    if (firstAt !== undefined && now - firstAt > ECHO_MS) end()
    firstAt ??= now
    controller.abort()
  })
  return controller.signal
}
