/** A collection is tuned anew when its chunks have become so many more or fewer since: a share. */
const CHANGE = 0.2

/** Whether a collection's settings are of another collection, so to speak. */
export function tuningDue(chunks: number, tunedAt: number | undefined): boolean {
  return tunedAt === undefined || Math.abs(chunks - tunedAt) > CHANGE * tunedAt
}
