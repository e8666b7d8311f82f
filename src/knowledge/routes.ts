import * as z from 'zod'
import { documentFilterSchema } from '../contract/filter.ts'
import { isRefusal } from '../contract/problem.ts'
import { type Route, route } from '../contract/route.ts'
import { assert } from '../lib/assert.ts'
import type { Library } from './answer/library.ts'
import { formatSpan } from './answer/span-id.ts'
import { TRUSTS } from './collection/origins.ts'
import type { Handbook } from './handbook/handbook.ts'
import { openedCitationSchema } from './handbook/open-citation.ts'

const LIMIT = 5
const MAX_LIMIT = 100
const MAX_QUESTION = 10_000

const searchBody = z.strictObject({
  question: z.string().min(1).max(MAX_QUESTION),
  limit: z.int().min(1).max(MAX_LIMIT).default(LIMIT).meta({ description: 'Passages at most.' }),
  filter: documentFilterSchema.optional(),
})

const collectionsReply = z.object({
  collections: z.array(
    z.object({
      name: z.string(),
      documents: z.number().int(),
      passages: z.number().int(),
      characters: z.number().int().meta({ description: 'UTF-16 units of all documents’ texts.' }),
    }),
  ),
})

const hitsReply = z.object({
  collection: z.string(),
  verdicts: z
    .array(z.object({ check: z.string(), outcome: z.string(), detail: z.string().optional() }))
    .meta({
      description: 'Stages of the search that asked an engine, and those that did not run, with why.',
    }),
  hits: z.array(
    z.object({
      id: z.string().meta({ description: 'Names the span: GET /v1/citations/{id} opens it.' }),
      score: z.number(),
      document: z.string(),
      title: z.string(),
      version: z.string().meta({ description: 'SHA-256 of the document’s bytes, hex.' }),
      trust: z.enum(TRUSTS),
      headings: z.array(z.string()),
      page: z.number().int().optional(),
      start: z.number().int().meta({ description: 'UTF-16 offsets into the document’s text.' }),
      end: z.number().int(),
      text: z.string(),
      reranked: z.number().optional().meta({
        description: 'What the reranker made of it, on that model’s own scale; its order stands.',
      }),
    }),
  ),
})

/** The endpoints of knowledge: for any key, as far as its scope reaches. */
export function knowledgeRoutes(handbook: Pick<Handbook, 'open'>, library: Library): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/citations/:id',
      access: 'key',
      summary: 'Open a citation: the quoted text in the version that was quoted, and what has become of it.',
      answers: openedCitationSchema,
      handle: ({ params, caller }) => {
        assert(caller, 'a citation was opened without a key')
        const id = params['id'] ?? ''
        return library.open(id, caller.scope) ?? handbook.open(id)
      },
    }),
    route({
      method: 'GET',
      path: '/v1/knowledge',
      access: 'key',
      summary: 'The collections of documents that the key may read.',
      answers: collectionsReply,
      handle: ({ caller }) => {
        assert(caller, 'collections were listed without a key')
        const collections = library.list(caller.scope).map(({ name, documents, chunks, characters }) => ({
          ...{ name, documents, passages: chunks, characters },
        }))
        return { collections }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/knowledge/:collection/search',
      access: 'key',
      summary: 'Find passages of a collection. To have a question answered, ask with `upshift.collection`.',
      body: searchBody,
      answers: hitsReply,
      handle: async ({ params, body, caller, signal }) => {
        assert(caller, 'a collection was searched without a key')
        const collection = params['collection'] ?? ''
        const found = await library.search({ collection, ...body }, caller.scope, signal, { caller, signal })
        if (isRefusal(found)) return found
        const hits = found.hits.map(({ source, origin, readAt: _, kind: _kind, headings, ...hit }) => ({
          id: formatSpan(collection, origin, hit.version, hit.start, hit.end),
          ...hit,
          document: source,
          headings: [...headings],
        }))
        return { collection, verdicts: [...found.verdicts], hits }
      },
    }),
  ]
}
