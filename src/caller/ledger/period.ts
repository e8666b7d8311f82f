/** UTC days and calendar months as whole numbers, so that the path compares numbers and formats nothing. */
const DAY_MS = 86_400_000

/** Days since the epoch. */
export function dayOf(atMs: number): number {
  return Math.floor(atMs / DAY_MS)
}

/** Months since the year 0 of a day since the epoch. */
export function monthOf(day: number): number {
  const date = new Date(day * DAY_MS)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

/** The first moment after a day, milliseconds since the epoch. */
export function dayEndsAt(day: number): number {
  return (day + 1) * DAY_MS
}

/** The first moment after a month, milliseconds since the epoch. */
export function monthEndsAt(month: number): number {
  return Date.UTC(Math.floor(month / 12), (month % 12) + 1, 1)
}
