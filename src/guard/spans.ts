export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * The spans in order, without any that overlaps another of an earlier rank (its place in `ranked`). Sorts and
 * sweeps once, so a text with thousands of findings stays cheap.
 */
export function withoutOverlaps<S extends Span>(ranked: readonly S[]): S[] {
  const order = ranked.map((span, rank) => ({ span, rank })).sort((a, b) => a.span.start - b.span.start)
  const kept: { readonly span: S; readonly rank: number }[] = []
  for (const next of order) {
    const last = kept.at(-1)
    if (last === undefined || next.span.start >= last.span.end) kept.push(next)
    else if (next.rank < last.rank) kept[kept.length - 1] = next
  }
  return kept.map(({ span }) => span)
}
