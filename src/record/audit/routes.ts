import * as z from 'zod'
import { refuse } from '../../contract/problem.ts'
import { type Route, route } from '../../contract/route.ts'

/** The newest signed checkpoint, for whoever holds a key: to keep it where the home's owner cannot change it. */
export function auditRoutes(ports: { newest(): string | undefined }): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/audit/checkpoint',
      access: 'key',
      summary: 'The newest signed checkpoint of the record, as a signed note.',
      answers: z.string(),
      text: 'text/plain; charset=utf-8',
      handle: () =>
        ports.newest() ??
        refuse(
          'not_found',
          'No checkpoint has been signed yet. The first follows the first record within seconds: try again.',
        ),
    }),
  ]
}
