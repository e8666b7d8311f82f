/** Days and months of UTC as whole numbers, so that a path compares numbers and formats nothing; and as text. */
export const DAY_MS = 86_400_000

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

/** The first moment of a month, milliseconds since the epoch. */
export function monthBeginsAt(month: number): number {
  return Date.UTC(Math.floor(month / 12), month % 12, 1)
}

/** 20261121 of days since the epoch: as file names hold it. */
export function dateOf(day: number): number {
  return Number(new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', ''))
}

/** Days since the epoch of a date such as 20261121. */
export function dayOfDate(date: number): number {
  return dayOf(Date.UTC(Math.floor(date / 10_000), (Math.floor(date / 100) % 100) - 1, date % 100))
}

/** `2026-11-21 13:30Z` */
export function minuteText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')}Z`
}

/** `2026-11-21 13:30:59Z` */
export function secondText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')}Z`
}
