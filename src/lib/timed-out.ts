/** Whether a signal was aborted by a limit of time (`AbortSignal.timeout`), and not by a caller that left. */
export function timedOut({ reason }: AbortSignal): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError'
}
