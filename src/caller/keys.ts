import { timingSafeEqual } from 'node:crypto'
import type { Limits } from '../contract/budget.ts'
import type { Caller, Scope } from '../contract/caller.ts'
import type { KeyChanged } from '../contract/entry.ts'
import { type Refusal, refuse } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { minuteText } from '../lib/utc.ts'
import type { Store } from '../store/open.ts'
import { changed, type LimitChange, NO_LIMITS } from './limits.ts'
import { OWNER_ID, type OwnerKey, replaceOwnerKey } from './owner.ts'
import { DIGEST_BYTES, digestInto, digestOf, newSecret, type RandomBytes } from './secret.ts'
import {
  type KeyRow,
  loadKeys,
  loadLimits,
  MAX_SECRETS_PER_KEY,
  type SecretRow,
  saveKey,
  saveLimits,
} from './table.ts'
import { type KeyView, OWNER, ownerView, viewOf } from './view.ts'

// DESIGN. All keys live in memory, found by the digest of what the caller sent; the table is where they come
// from at the start. A change writes the table and swaps the memory in one synchronous step, so a revoked key
// is refused by the very next call. Changes run one after the other, because each also waits for the log:
// `create`, `rotate` and `limit` log first (a secret that was never logged is never shown), `revoke` takes effect first
// (a key that must go goes, even while the log is down) and may be repeated until its entry is written.

/** Longer than any key, `Bearer ` included; what exceeds it is not hashed. */
const MAX_CREDENTIAL_CHARS = 512
/** Changes that may wait for the log at once. */
const MAX_WAITING_CHANGES = 64
/** The longest time for which a replaced secret may stay valid. */
export const MAX_GRACE_MS: number = 7 * 24 * 3_600_000

export interface KeysParts {
  readonly store: Store
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly owner: OwnerKey
  readonly maxKeys: number
  /** The log: resolves once the change has been handed to the operating system. */
  changed(entry: KeyChanged): Promise<void>
}

export interface NewKey {
  readonly name: string
  readonly scope: Scope
  readonly limits?: Limits
  /** Milliseconds from now; undefined: it does not expire. */
  readonly expiresInMs: number | undefined
}

/** A secret that is shown this once. */
export interface Shown {
  readonly key: KeyView
  readonly secret: string
  /** Where the owner's new key was written; null for every other key. */
  readonly file: string | null
}

export interface Keys {
  /**
   * Who sends this credential (the Authorization header's value, or the bare key)? Synchronous, about 2 µs;
   * refuses with missing_key, invalid_key, expired_key or revoked_key, and never repeats the key.
   */
  authenticate(credential: string | undefined): Caller | Refusal
  /** Whether a caller that was authenticated a moment ago still is one: the key may have been revoked since. */
  again(caller: Caller): Caller | Refusal
  /** What a key may spend and ask for; no limits where there is no such key. Synchronous, one look-up. */
  limitsOf(id: string): Limits
  /** The owner first, then the oldest. */
  list(): KeyView[]
  /** Refuses with conflict where there are `maxKeys` already. `by` is the id of who asks, for the log. */
  create(wanted: NewKey, by: string): Promise<Shown | Refusal>
  /** In effect when it resolves, and at once. Refuses with not_found, or with conflict for the owner. */
  revoke(id: string, by: string): Promise<KeyView | Refusal>
  /** A new secret under the same id; the old ones stay valid for `graceMs` (0 to 7 days). */
  rotate(id: string, graceMs: number, by: string): Promise<Shown | Refusal>
  /** Changes the limits that are named; they hold for the very next request. The owner's key may be limited too. */
  limit(id: string, change: LimitChange, by: string): Promise<KeyView | Refusal>
}

/** Reads all keys from the store; rejects changes that the log did not take. */
export function createKeys(parts: KeysParts): Keys {
  return new KeyRing(parts)
}

/** One accepted or once accepted secret, as `authenticate` needs it. */
interface Known {
  readonly digest: Buffer
  readonly key: KeyRow | undefined
  readonly retiresAt: number
  readonly caller: Caller
}

class KeyRing implements Keys {
  readonly #parts: KeysParts
  readonly #keys = new Map<string, KeyRow>()
  readonly #known = new Map<string, Known>()
  readonly #limits: Map<string, Limits>
  /** The digest of what a caller sent, while it is compared. */
  readonly #asked = Buffer.alloc(DIGEST_BYTES)
  #ownerDigest: Buffer
  #tail: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(parts: KeysParts) {
    this.#parts = parts
    for (const key of loadKeys(parts.store)) this.#remember(key)
    this.#limits = loadLimits(parts.store)
    this.#ownerDigest = digestOf(parts.owner.secret)
    this.#rememberOwner()
  }

  authenticate(credential: string | undefined): Caller | Refusal {
    const secret = credential === undefined ? '' : bare(credential)
    if (secret === '') return refuse('missing_key', MISSING)
    if (secret.length > MAX_CREDENTIAL_CHARS) return refuse('invalid_key', UNKNOWN)
    const known = this.#known.get(digestInto(secret, this.#asked).slice(0, INDEX_BYTES))
    if (known === undefined || !timingSafeEqual(known.digest, this.#asked)) {
      return refuse('invalid_key', secret.startsWith('upk_') ? UNKNOWN : FOREIGN)
    }
    const { key } = known
    if (key === undefined) return known.caller
    const ended = endOf(key, this.#parts.clock)
    if (ended !== undefined) return ended
    if (hasCome(known.retiresAt, this.#parts.clock)) {
      return refuse('revoked_key', replacedText(key.id, known.retiresAt))
    }
    return known.caller
  }

  limitsOf(id: string): Limits {
    return this.#limits.get(id) ?? NO_LIMITS
  }

  again(caller: Caller): Caller | Refusal {
    const key = this.#keys.get(caller.key)
    return (key && endOf(key, this.#parts.clock)) ?? caller
  }

  list(): KeyView[] {
    return [this.#ownerView(), ...[...this.#keys.values()].map((key) => this.#viewOf(key))]
  }

  create(wanted: NewKey, by: string): Promise<Shown | Refusal> {
    return this.#inTurn(async () => {
      const { clock, maxKeys, randomBytes, store } = this.#parts
      if (this.#keys.size >= maxKeys) {
        return refuse('conflict', `There are ${maxKeys} keys already. Raise caller.maxKeys in upshift.yaml.`)
      }
      const now = clock.now()
      const secret = newSecret(randomBytes)
      const key: KeyRow = {
        id: newId('key', now),
        name: wanted.name,
        scope: wanted.scope,
        createdAt: now,
        expiresAt: wanted.expiresInMs === undefined ? undefined : now + wanted.expiresInMs,
        revokedAt: undefined,
        secrets: [firstSecret(secret, now)],
      }
      const limits = wanted.limits ?? NO_LIMITS
      const told = limits === NO_LIMITS ? {} : { limits }
      await this.#log({ key: key.id, change: 'created', by, scope: key.scope, ...told })
      saveKey(store, key, limits)
      this.#limits.set(key.id, limits)
      this.#remember(key)
      return { key: this.#viewOf(key), secret, file: null }
    })
  }

  revoke(id: string, by: string): Promise<KeyView | Refusal> {
    return this.#inTurn(async () => {
      if (id === OWNER_ID) return refuse('conflict', OWNER_STAYS)
      const key = this.#keys.get(id)
      if (key === undefined) return unknownId(id)
      const now = this.#parts.clock.now()
      const revoked: KeyRow = { ...key, revokedAt: key.revokedAt ?? now }
      if (key.revokedAt === undefined) {
        saveKey(this.#parts.store, revoked)
        this.#remember(revoked)
      }
      await this.#log({ key: id, change: 'revoked', by })
      return this.#viewOf(revoked)
    })
  }

  rotate(id: string, graceMs: number, by: string): Promise<Shown | Refusal> {
    return this.#inTurn(async () => {
      if (!(graceMs >= 0 && graceMs <= MAX_GRACE_MS)) {
        return refuse('invalid_request', 'The grace must be from 0 to 7 days.', { param: 'graceMs' })
      }
      if (id === OWNER_ID) return this.#rotateOwner(graceMs, by)
      const key = this.#keys.get(id)
      if (key === undefined) return unknownId(id)
      const now = this.#parts.clock.now()
      const { state } = this.#viewOf(key)
      if (state !== 'active') return refuse('conflict', `The key ${id} is ${state}. ${MAKE_ANOTHER}`)
      const secret = newSecret(this.#parts.randomBytes)
      const rotated = { ...key, secrets: withNew(key.secrets, secret, now, graceMs) }
      await this.#log({ key: id, change: 'rotated', by })
      saveKey(this.#parts.store, rotated)
      for (const { digest } of key.secrets) this.#known.delete(indexOf(digest))
      this.#remember(rotated)
      return { key: this.#viewOf(rotated), secret, file: null }
    })
  }

  limit(id: string, change: LimitChange, by: string): Promise<KeyView | Refusal> {
    return this.#inTurn(async () => {
      const key = this.#keys.get(id)
      if (key === undefined && id !== OWNER_ID) return unknownId(id)
      const state = key === undefined ? 'active' : this.#viewOf(key).state
      if (state !== 'active') return refuse('conflict', `The key ${id} is ${state}. ${MAKE_ANOTHER}`)
      if (Object.keys(change).length === 0) {
        return refuse('invalid_request', 'Name at least one limit to set, or to remove with null.')
      }
      const limits = changed(this.limitsOf(id), change)
      await this.#log({ key: id, change: 'limited', by, limits })
      saveLimits(this.#parts.store, id, limits)
      this.#limits.set(id, limits)
      return key === undefined ? this.#ownerView() : this.#viewOf(key)
    })
  }

  async #rotateOwner(graceMs: number, by: string): Promise<Shown | Refusal> {
    const { path } = this.#parts.owner
    if (path === undefined) return refuse('conflict', OWNER_CONFIGURED)
    if (graceMs !== 0) {
      return refuse('invalid_request', 'The owner’s key is replaced at once: leave --grace out.', {
        param: 'graceMs',
      })
    }
    const secret = newSecret(this.#parts.randomBytes)
    await this.#log({ key: OWNER_ID, change: 'rotated', by })
    replaceOwnerKey(path, secret)
    this.#known.delete(indexOf(this.#ownerDigest))
    this.#ownerDigest = digestOf(secret)
    this.#rememberOwner()
    return { key: this.#ownerView(), secret, file: path }
  }

  #viewOf(key: KeyRow): KeyView {
    return viewOf(key, this.limitsOf(key.id), this.#parts.clock.now())
  }

  #ownerView(): KeyView {
    return ownerView(this.#ownerDigest, this.limitsOf(OWNER_ID))
  }

  #remember(key: KeyRow): void {
    this.#keys.set(key.id, key)
    const caller: Caller = Object.freeze({ key: key.id, name: key.name, owner: false, scope: key.scope })
    for (const { digest, retiresAt } of key.secrets) {
      this.#known.set(indexOf(digest), {
        digest,
        key,
        retiresAt: retiresAt ?? Number.POSITIVE_INFINITY,
        caller,
      })
    }
  }

  #rememberOwner(): void {
    const digest = this.#ownerDigest
    this.#known.set(indexOf(digest), {
      digest,
      key: undefined,
      retiresAt: Number.POSITIVE_INFINITY,
      caller: OWNER,
    })
  }

  #log(change: Omit<KeyChanged, 'type'>): Promise<void> {
    return this.#parts.changed({ type: 'key-changed', ...change })
  }

  async #inTurn<Result>(change: () => Promise<Result>): Promise<Result | Refusal> {
    if (this.#waiting >= MAX_WAITING_CHANGES) {
      return refuse(
        'queue_full',
        `${MAX_WAITING_CHANGES} key changes are waiting already. Try again shortly.`,
      )
    }
    this.#waiting++
    const before = this.#tail
    const mine = (async () => {
      await before
      return await change()
    })()
    // The next change waits for this one's end, good or bad; its error goes to who asked for it.
    this.#tail = mine.then(noop, noop)
    try {
      return await mine
    } finally {
      this.#waiting--
    }
  }
}

/** The refusal where a key is revoked or has expired. */
function endOf(key: KeyRow, clock: Clock): Refusal | undefined {
  if (key.revokedAt !== undefined) return refuse('revoked_key', revokedText(key.id, key.revokedAt))
  if (key.expiresAt === undefined || !hasCome(key.expiresAt, clock)) return undefined
  return refuse('expired_key', expiredText(key.id, key.expiresAt))
}

/** Most keys last for ever: for them nobody looks at the clock. */
function hasCome(atMs: number, clock: Clock): boolean {
  return atMs !== Number.POSITIVE_INFINITY && clock.now() >= atMs
}

function noop(): void {}

/** The key without its scheme. Any other scheme (`Basic …`) is left as it is, and known to nobody. */
function bare(credential: string): string {
  if (credential.startsWith('Bearer ')) return credential.slice(7).trim()
  const text = credential.trim()
  const scheme = /^bearer(?:\s+|$)/i.exec(text)
  return scheme === null ? text : text.slice(scheme[0].length)
}

/** Half the digest finds the entry; the whole of it is then compared in constant time. */
function indexOf(digest: Buffer): string {
  return digest.toString('latin1', 0, INDEX_BYTES)
}

const INDEX_BYTES = DIGEST_BYTES / 2

function firstSecret(secret: string, now: number): SecretRow {
  return { digest: digestOf(secret), turn: 1, createdAt: now, rotatedFrom: undefined, retiresAt: undefined }
}

/** The secrets after a rotation: none of the old ones lives longer than it did, or than the grace. */
function withNew(secrets: readonly SecretRow[], secret: string, now: number, graceMs: number): SecretRow[] {
  const last = secrets.at(-1)
  const retired = secrets.map((old) => ({
    ...old,
    retiresAt: Math.min(old.retiresAt ?? Number.POSITIVE_INFINITY, now + graceMs),
  }))
  const added = { ...firstSecret(secret, now), turn: (last?.turn ?? 0) + 1, rotatedFrom: last?.digest }
  return [...retired, added].slice(-MAX_SECRETS_PER_KEY)
}

const MAKE_ANOTHER = 'Make another one with `upshift keys create NAME`.'
const MISSING =
  'No API key was sent. Send the header `Authorization: Bearer upk_…`; make a key with `upshift keys create NAME`.'
const UNKNOWN = `This API key is not known here. Check that it was copied whole. ${MAKE_ANOTHER}`
const FOREIGN =
  'This API key is not known here: keys made here begin with `upk_` and are sent as ' +
  `\`Authorization: Bearer upk_…\`. ${MAKE_ANOTHER}`
const OWNER_STAYS =
  'The owner’s key cannot be revoked, since nobody could administer then. ' +
  `Replace it with \`upshift keys rotate ${OWNER_ID}\`.`
const OWNER_CONFIGURED =
  'The owner’s key comes from the configuration (caller.ownerKey, UPSHIFT_OWNER_KEY or UPSHIFT_OWNER_KEY_FILE). ' +
  'Change it there and start again.'

function revokedText(id: string, at: number): string {
  return `The API key ${id} was revoked on ${minuteText(at)}. ${MAKE_ANOTHER}`
}

function expiredText(id: string, at: number): string {
  return `The API key ${id} expired on ${minuteText(at)}. ${MAKE_ANOTHER}`
}

function replacedText(id: string, at: number): string {
  return `This secret of the API key ${id} was replaced by a newer one and ended on ${minuteText(at)}. Use the newer one.`
}

function unknownId(id: string): Refusal {
  const shown = /^[\w-]{1,64}$/.test(id) ? id : 'with that id'
  return refuse('not_found', `There is no key ${shown}. \`upshift keys list\` shows all.`, { param: 'id' })
}
