import type { Caller } from '../contract/caller.ts'
import { isRefusal } from '../contract/problem.ts'
import { type Route, route } from '../contract/route.ts'
import { assert } from '../lib/assert.ts'
import type { Keys } from './keys.ts'
import { scopeOf } from './table.ts'
import type { KeyView } from './view.ts'
import { createBody, type KeyReply, listReply, revokeReply, rotateBody, shownReply } from './wire.ts'

/** The owner's endpoints over API keys. Each change has reached the log before it is answered with success. */
export function keyRoutes(keys: Keys): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/keys',
      access: 'owner',
      summary: 'All API keys, without their secrets.',
      answers: listReply,
      handle: () => ({ keys: keys.list().map(onWire) }),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/keys',
      access: 'owner',
      summary: 'Makes an API key and shows it once.',
      body: createBody,
      answers: shownReply,
      handle: async ({ body, caller }) => {
        const { name, expiresInMs, ...scope } = body
        const made = await keys.create({ name, scope: scopeOf(scope), expiresInMs }, idOf(caller))
        return isRefusal(made) ? made : { ...made, key: onWire(made.key) }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/admin/keys/:id/revoke',
      access: 'owner',
      summary: 'Ends an API key; the very next request with it is refused.',
      answers: revokeReply,
      handle: async ({ params, caller }) => {
        const key = await keys.revoke(params.id ?? '', idOf(caller))
        return isRefusal(key) ? key : { key: onWire(key) }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/admin/keys/:id/rotate',
      access: 'owner',
      summary: 'Gives an API key a new secret, shown once; the old one may stay valid for a while.',
      body: rotateBody,
      answers: shownReply,
      handle: async ({ params, body, caller }) => {
        const rotated = await keys.rotate(params.id ?? '', body.graceMs, idOf(caller))
        return isRefusal(rotated) ? rotated : { ...rotated, key: onWire(rotated.key) }
      },
    }),
  ]
}

function idOf(caller: Caller | null): string {
  assert(caller?.owner, 'a key route was reached by someone who is not the owner')
  return caller.key
}

function onWire(key: KeyView): KeyReply {
  const { tiers, models, engines } = key.scope
  return {
    ...key,
    scope: { engines, ...(tiers && { tiers: [...tiers] }), ...(models && { models: [...models] }) },
  }
}
