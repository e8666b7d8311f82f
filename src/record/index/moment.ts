import { parseDuration } from '../../lib/duration.ts'

/** How a moment may be written, for messages. */
export const MOMENT_FORMS = '30m, 24h or 7d ago, a UTC day (2026-11-02), or a time (2026-11-02T13:30Z)'

const DAY = /^\d{4}-\d{2}-\d{2}$/
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?$/

/**
 * Milliseconds since the epoch of a duration before `now`, an ISO day (its first moment in UTC) or an ISO time (in
 * UTC where it names no zone); undefined where the text is none of these.
 */
export function parseMoment(text: string, now: number): number | undefined {
  // A program that writes 0 means the epoch, and not the present moment.
  const ago = text === '0' ? undefined : parseDuration(text)
  if (ago !== undefined) return now - ago
  if (DAY.test(text)) return valid(Date.parse(`${text}T00:00:00Z`), text)
  const time = TIME.exec(text)
  if (time === null) return undefined
  return valid(Date.parse(time[1] === undefined ? `${text}Z` : text), text)
}

/** JavaScript reads the 31st of November as a day of December; nobody means that. */
function valid(at: number, text: string): number | undefined {
  if (Number.isNaN(at)) return undefined
  const day = Number(text.slice(8, 10))
  const last = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate()
  return day <= last ? at : undefined
}
