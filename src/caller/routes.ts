import type { Caller } from '../contract/caller.ts'
import { isRefusal } from '../contract/problem.ts'
import { type Route, route } from '../contract/route.ts'
import { assert } from '../lib/assert.ts'
import type { Keys } from './keys.ts'
import type { Ledger, LedgerView } from './ledger/ledger.ts'
import { changed, changeOf, limitsBody, limitsOnWire, NO_LIMITS } from './limits.ts'
import { MICROS_PER_USD } from './money.ts'
import { scopeOf } from './table.ts'
import type { KeyView } from './view.ts'
import {
  createBody,
  type KeyReply,
  limitReply,
  listReply,
  revokeReply,
  rotateBody,
  type SpentReply,
  shownReply,
} from './wire.ts'

/** The owner's endpoints over API keys. Each change has reached the log before it is answered with success. */
export function keyRoutes(keys: Keys, ledger: Pick<Ledger, 'view'>): readonly Route[] {
  const onWire = (key: KeyView): KeyReply => keyOnWire(key, ledger.view(key.id))
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
        const { name, expiresInMs, limits: wished = {}, ...scope } = body
        const limits = changed(NO_LIMITS, changeOf(wished))
        const made = await keys.create({ name, scope: scopeOf(scope), limits, expiresInMs }, idOf(caller))
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
    route({
      method: 'POST',
      path: '/v1/admin/keys/:id/limits',
      access: 'owner',
      summary: 'Sets or removes limits of an API key; they hold for its very next request.',
      body: limitsBody,
      answers: limitReply,
      handle: async ({ params, body, caller }) => {
        const limited = await keys.limit(params.id ?? '', changeOf(body), idOf(caller))
        return isRefusal(limited) ? limited : { key: onWire(limited) }
      },
    }),
  ]
}

function idOf(caller: Caller | null): string {
  assert(caller?.owner, 'a key route was reached by someone who is not the owner')
  return caller.key
}

function keyOnWire(key: KeyView, spent: LedgerView): KeyReply {
  return {
    ...key,
    scope: scopeOnWire(key),
    limits: limitsOnWire(key.limits),
    spent: spentOnWire(spent),
  }
}

function scopeOnWire({ scope: { tiers, models, engines, collections, labels } }: KeyView): KeyReply['scope'] {
  return {
    engines,
    ...(tiers && { tiers: [...tiers] }),
    ...(models && { models: [...models] }),
    ...(collections && { collections: [...collections] }),
    ...(labels && { labels: [...labels] }),
  }
}

function spentOnWire(view: LedgerView): SpentReply {
  return {
    usdToday: view.today.spentMicros / MICROS_PER_USD,
    usdThisMonth: view.thisMonth.spentMicros / MICROS_PER_USD,
    usdReserved: view.heldMicros / MICROS_PER_USD,
    usdUnknownThisMonth: view.thisMonth.unknownMicros / MICROS_PER_USD,
    usdOvershootThisMonth: view.thisMonth.overshootMicros / MICROS_PER_USD,
    requestsUnderWay: view.openRequests,
    requestsLastMinute: view.requestsLastMinute,
    tokensLastMinute: view.tokensLastMinute,
  }
}
