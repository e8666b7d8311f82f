import * as z from 'zod'

/** A document by its place in the request, and what the model made of it. */
export interface Relevance {
  readonly index: number
  readonly score: number
}

const one = z.looseObject({
  index: z.int(),
  relevance_score: z.number().optional(),
  score: z.number().optional(),
})
const list = z.array(one).max(1_000)
/** Cohere, Jina, vLLM and llama.cpp name the list `results`, Voyage `data`; Text Embeddings Inference has it bare. */
const replySchema = z.union([
  z.looseObject({ results: list }).transform(({ results }) => results),
  z.looseObject({ data: list }).transform(({ data }) => data),
  list,
])

/**
 * The order that a reranker gives `count` documents, the best first; equal scores in the order of the request. Some may
 * be missing. A text says what is wrong: no JSON, no such list, an index that is none of the documents or stands there
 * twice, a score that is missing or no finite number.
 */
export function readRelevances(body: string, count: number): readonly Relevance[] | string {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return 'it is not JSON'
  }
  const parsed = replySchema.safeParse(value)
  if (!parsed.success) return 'it has no list of `results`, each with `index` and `relevance_score`'
  const seen = new Set<number>()
  const relevances: Relevance[] = []
  for (const { index, relevance_score: relevance, score = relevance } of parsed.data) {
    if (index < 0 || index >= count) return `index ${index} is none of the ${count} documents`
    if (seen.has(index)) return `index ${index} stands there twice`
    if (score === undefined || !Number.isFinite(score)) return `index ${index} has no score`
    seen.add(index)
    relevances.push({ index, score: relevance ?? score })
  }
  if (relevances.length === 0) return 'it ranks nothing'
  return relevances.sort((a, b) => b.score - a.score || a.index - b.index)
}
