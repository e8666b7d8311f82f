import * as z from 'zod'

/** How a collection is searched: tuned on the collection itself, stored with it. */
export const settingsSchema = z.strictObject({
  /** BM25: how soon a word's further occurrences stop counting, and how much a chunk's length is held against it. */
  k1: z.number().min(0).max(10),
  b: z.number().min(0).max(1),
  /** What a word in titles and headings counts beside one in the text. */
  head: z.number().min(0).max(10),
  /** What the whole document's score adds to each of its chunks. */
  document: z.number().min(0).max(10),
  /** Words taken from the best chunks and asked too (RM3): their share of the query; 0 is none. */
  feedback: z.number().min(0).max(1),
  /** What the nearness of vectors counts beside BM25 in the fusion; 0 is BM25 alone. */
  dense: z.number().min(0).max(1),
})

export type Settings = z.infer<typeof settingsSchema>

/** Where nothing could be tuned. */
export const DEFAULT_SETTINGS: Settings = {
  k1: 1.2,
  b: 0.75,
  head: 0.5,
  document: 0.3,
  feedback: 0,
  dense: 0,
}
