import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { route } from '../contract/route.ts'
import { openApiDocument } from './openapi.ts'

test('what may stand behind the ? of a path is described beside what stands in it', () => {
  const thing = route({
    method: 'GET',
    path: '/v1/things/:id',
    access: 'key',
    summary: 'One thing.',
    parameters: z.strictObject({
      limit: z.coerce.number().int().min(1).default(5).meta({ description: 'Rows of a page.' }),
    }),
    answers: z.object({}),
    handle: () => ({}),
  })
  const { paths } = openApiDocument([thing], '1.0.0')
  const operation = JSON.parse(JSON.stringify(paths))['/v1/things/{id}'].get
  assert.deepEqual(operation.parameters, [
    { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
    {
      name: 'limit',
      in: 'query',
      description: 'Rows of a page.',
      schema: operation.parameters[1].schema,
    },
  ])
  const { minimum, default: usual } = operation.parameters[1].schema
  assert.deepEqual([minimum, usual], [1, 5])
})
