import type { Verdict } from '../../../contract/event.ts'
import type { Rescue } from './text-rescue.ts'

const CHECK = 'tool-call.rescue'

/** What was rescued, in counts and kinds: how the calls were written, how many, and what had to change to fit. */
export function verdictOn(rescues: readonly Rescue[]): Verdict {
  const calls = rescues.flatMap((rescue) => rescue.calls)
  const dialects = [...new Set(rescues.flatMap((rescue) => rescue.dialects))]
  const counts = new Map<string, number>()
  for (const coercion of calls.flatMap((call) => call.coercions)) {
    counts.set(coercion, (counts.get(coercion) ?? 0) + 1)
  }
  const coerced = [...counts].map(([coercion, times]) => (times === 1 ? coercion : `${coercion} (${times})`))
  const parts = [
    `${calls.length === 1 ? '1 call' : `${calls.length} calls`} printed as ${dialects.join(', ')}`,
    ...(coerced.length === 0 ? [] : [`coerced: ${coerced.join(', ')}`]),
  ]
  return { check: CHECK, outcome: 'repaired', detail: parts.join('; ') }
}
