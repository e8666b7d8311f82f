import * as z from 'zod'
import { documentFilterSchema } from '../../contract/filter.ts'
import { HomeError } from '../../contract/problem.ts'
import { systemClock } from '../../lib/clock.ts'
import { serveTasks } from '../../lib/worker-task.ts'
import { explained } from '../../store/open.ts'
import { foundAmong, WIDE } from '../answer/find.ts'
import { DEFAULT_SETTINGS } from '../retrieve/settings.ts'
import { MAX_VECTOR_BYTES } from '../vectors/chunk-vectors.ts'
import { Collections } from './collections.ts'
import type { Hit, Searcher } from './searcher.ts'

const taskSchema = z.object({
  type: z.enum(['search', 'find']),
  path: z.string(),
  collection: z.string(),
  question: z.string(),
  limit: z.int().min(1).max(1_000),
  dense: z.number().min(0).max(1).exactOptional(),
  labels: z.array(z.string()),
  filter: documentFilterSchema.optional(),
  asked: z
    .object({ model: z.string(), vector: z.instanceof(Float32Array), weight: z.number().min(0).max(1) })
    .exactOptional(),
  hits: z.array(z.custom<Hit>()).exactOptional(), // what this worker itself handed out, in another order
})

/** Collections whose indexes are kept in memory; the one that was used longest ago makes room. */
const MAX_OPEN = 8

let file: { readonly path: string; readonly collections: Collections } | undefined
const open = new Map<string, { readonly generation: number; readonly searcher: Searcher }>()

serveTasks((task) => {
  const parsed = taskSchema.parse(task)
  try {
    return searched(parsed)
  } catch (error) {
    const told = explained(error, parsed.path)
    // As a result: an error crosses as its words alone, and these are not for who asked.
    if (told instanceof HomeError) return { unusable: told.message }
    throw told
  }
})

function searched(task: z.infer<typeof taskSchema>) {
  const { type, path, collection, question, limit, dense, labels, filter, asked, hits } = task
  const collections = opened(path)
  const settings = collections.tuning(collection)?.settings ?? DEFAULT_SETTINGS
  const chosen = dense === undefined ? settings : { ...settings, dense }
  const searcher = searcherOf(collections, collection).seenBy(labels)
  if (asked !== undefined) makeRoom(collection)
  const near = asked && searcher.engineVectors(asked.model, asked.vector.length)
  const nearness = { missing: near === undefined ? null : searcher.unembedded }
  if (type === 'search')
    return { hits: searcher.search(question, chosen, limit, { filter, asked }), ...nearness }
  const among = hits ?? searcher.search(question, chosen, Math.max(WIDE, limit), { filter, asked })
  return { found: foundAmong(searcher, collection, question, among, limit), ...nearness }
}

/** A worker serves one file. */
function opened(path: string): Collections {
  if (file?.path !== path) {
    file?.collections.close()
    open.clear()
    file = { path, collections: new Collections(path, systemClock) }
  }
  return file.collections
}

/** The collection as it stands now, read again after each change. */
function searcherOf(collections: Collections, name: string): Searcher {
  const generation = collections.generation(name)
  const known = open.get(name)
  open.delete(name)
  const searcher = known?.generation === generation ? known.searcher : collections.searcher(name)
  open.set(name, { generation, searcher })
  const [oldest] = open.keys()
  if (open.size > MAX_OPEN && oldest !== undefined) open.delete(oldest)
  return searcher
}

/** Closes other collections, the one that was used longest ago first, until vectors keep to their bound. */
function makeRoom(current: string): void {
  let bytes = [...open.values()].reduce((sum, { searcher }) => sum + searcher.vectorBytes, 0)
  for (const [name, { searcher }] of open) {
    if (bytes <= MAX_VECTOR_BYTES) return
    if (name === current || searcher.vectorBytes === 0) continue
    open.delete(name)
    bytes -= searcher.vectorBytes
  }
}
