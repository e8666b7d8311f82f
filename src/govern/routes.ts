import { type Route, route } from '../contract/route.ts'
import { assert } from '../lib/assert.ts'
import type { Erasure } from './erase.ts'
import type { SubjectExport } from './export.ts'
import type { Forgetting } from './forget/forget.ts'
import { forgetBody, forgetReceiptSchema } from './forget/wire.ts'
import { receiptSchema, streamed, subjectBody } from './wire.ts'

export interface GovernRoutePorts {
  readonly erasure: Erasure
  readonly export: SubjectExport
  readonly forgetting: Forgetting
}

/** The owner's endpoints over subjects. A name travels in the body: addresses end up in the logs of proxies. */
export function governRoutes(ports: GovernRoutePorts): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/admin/subjects/export',
      access: 'owner',
      summary: 'Everything that is kept about a person or key, readable, as one JSON document.',
      body: subjectBody,
      answers: streamed,
      text: 'application/json; charset=utf-8',
      handle: ({ body, signal }) => ports.export(body.id, signal),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/subjects/erase',
      access: 'owner',
      summary:
        'Destroys the key of a person’s texts, scans the home for what is left, and answers with a receipt.',
      body: subjectBody,
      answers: receiptSchema,
      // Whoever asked may go: what has begun is ended.
      handle: ({ body, caller }) => {
        assert(caller?.owner, 'an erasure was reached by someone who is not the owner')
        return ports.erasure.erase(body.id, caller.key)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/admin/knowledge/forget',
      access: 'owner',
      summary:
        'Removes a document from a collection, with the answers that quote it, scans the home, and answers with a receipt.',
      body: forgetBody,
      answers: forgetReceiptSchema,
      handle: ({ body, caller }) => {
        assert(caller?.owner, 'a forgetting was reached by someone who is not the owner')
        return ports.forgetting.forget(body.collection, body.source, caller.key)
      },
    }),
  ]
}
