import type { Limits } from '../contract/budget.ts'
import { type Caller, EVERY_LABEL, type Scope } from '../contract/caller.ts'
import { OWNER_ID } from './owner.ts'
import { fingerprintOf } from './secret.ts'
import type { KeyRow } from './table.ts'

/** A key as it may be shown: everything but its secret. Times are milliseconds since the epoch. */
export interface KeyView {
  readonly id: string
  readonly name: string
  readonly owner: boolean
  readonly state: 'active' | 'expired' | 'revoked'
  readonly scope: Scope
  readonly limits: Limits
  readonly createdAt: number | null
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  /** Eight hex digits of the SHA-256 of the secret that counts now, and of the one that it replaced. */
  readonly fingerprint: string
  readonly rotatedFrom: string | null
  /** Until when replaced secrets are still accepted; null where none is. */
  readonly graceUntil: number | null
}

export function viewOf(key: KeyRow, limits: Limits, now: number): KeyView {
  const current = key.secrets.at(-1)
  const graces = key.secrets.map((secret) => secret.retiresAt ?? 0).filter((until) => until > now)
  const expired = key.expiresAt !== undefined && now >= key.expiresAt
  return {
    id: key.id,
    name: key.name,
    owner: false,
    state: key.revokedAt !== undefined ? 'revoked' : expired ? 'expired' : 'active',
    scope: key.scope,
    limits,
    createdAt: key.createdAt,
    expiresAt: key.expiresAt ?? null,
    revokedAt: key.revokedAt ?? null,
    fingerprint: current === undefined ? '' : fingerprintOf(current.digest),
    rotatedFrom: current?.rotatedFrom === undefined ? null : fingerprintOf(current.rotatedFrom),
    graceUntil: graces.length === 0 || key.revokedAt !== undefined ? null : Math.max(...graces),
  }
}

/** The owner as a caller: everything is allowed, and administration too. */
export const OWNER: Caller = Object.freeze({
  key: OWNER_ID,
  name: 'owner',
  owner: true,
  scope: Object.freeze({ engines: 'any', labels: Object.freeze([EVERY_LABEL]) }),
})

/** The owner's row in a list. When its key was made is the file's affair, so it has no times. */
export function ownerView(digest: Uint8Array, limits: Limits): KeyView {
  return {
    id: OWNER_ID,
    name: OWNER.name,
    owner: true,
    state: 'active',
    scope: OWNER.scope,
    limits,
    createdAt: null,
    expiresAt: null,
    revokedAt: null,
    fingerprint: fingerprintOf(digest),
    rotatedFrom: null,
    graceUntil: null,
  }
}
