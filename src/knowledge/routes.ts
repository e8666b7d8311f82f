import { type Route, route } from '../contract/route.ts'
import type { Handbook } from './handbook/handbook.ts'
import { openedCitationSchema } from './handbook/open-citation.ts'

/** The endpoints of knowledge: a citation can be opened by anyone with a key. */
export function knowledgeRoutes(handbook: Pick<Handbook, 'open'>): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/citations/:id',
      access: 'key',
      summary: 'Open a citation: the quoted text in the version that was quoted, and what has become of it.',
      answers: openedCitationSchema,
      handle: ({ params }) => handbook.open(params['id'] ?? ''),
    }),
  ]
}
