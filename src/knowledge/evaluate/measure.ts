/** nDCG with linear gains, as trec_eval computes it, over the first `depth` of a ranking; 0 where nothing is relevant. */
export function ndcg(ranking: readonly string[], judged: ReadonlyMap<string, number>, depth: number): number {
  const gain = (relevances: readonly number[]): number =>
    relevances
      .slice(0, depth)
      .reduce((sum, relevance, rank) => sum + Math.max(0, relevance) / Math.log2(rank + 2), 0)
  const ideal = gain([...judged.values()].sort((a, b) => b - a))
  return ideal === 0 ? 0 : gain(ranking.map((id) => judged.get(id) ?? 0)) / ideal
}

/** The share of the relevant that is among the first `depth`. */
export function recall(
  ranking: readonly string[],
  judged: ReadonlyMap<string, number>,
  depth: number,
): number {
  const relevant = [...judged].filter(([, relevance]) => relevance > 0).map(([id]) => id)
  const top = new Set(ranking.slice(0, depth))
  return relevant.length === 0 ? 0 : relevant.filter((id) => top.has(id)).length / relevant.length
}

/** 1 / rank of the first relevant one among the first `depth`, else 0. */
export function reciprocalRank(
  ranking: readonly string[],
  judged: ReadonlyMap<string, number>,
  depth: number,
): number {
  const rank = ranking.slice(0, depth).findIndex((id) => (judged.get(id) ?? 0) > 0)
  return rank < 0 ? 0 : 1 / (rank + 1)
}

/** The smallest value that at least `share` of all are no larger than; 0 of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / (values.length || 1)
}
