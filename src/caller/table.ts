import * as z from 'zod'
import type { Limits } from '../contract/budget.ts'
import { EVERY_LABEL, LABEL, type Scope } from '../contract/caller.ts'
import { TIERS } from '../contract/tier.ts'
import type { Migration } from '../store/migration.ts'
import type { Store } from '../store/open.ts'
import { limitsFrom } from './limits.ts'

export const migrations: readonly Migration[] = [
  {
    feature: 'caller',
    version: 1,
    sql: `
      CREATE TABLE caller_key (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        scope TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        revoked_at INTEGER
      ) STRICT;
      CREATE TABLE caller_secret (
        digest BLOB PRIMARY KEY,
        key TEXT NOT NULL REFERENCES caller_key (id),
        -- Position among the key's secrets, from 1: the newest is the one that counts.
        turn INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        -- The digest that this one replaced.
        rotated_from BLOB,
        -- When a later one replaced it, its grace included.
        retires_at INTEGER,
        UNIQUE (key, turn)
      ) STRICT, WITHOUT ROWID;`,
  },
  {
    feature: 'caller',
    version: 2,
    sql: `
      -- A table of its own: the owner's key has no row in caller_key, and may be limited too.
      CREATE TABLE caller_limit (
        key TEXT PRIMARY KEY,
        micros_per_day INTEGER,
        micros_per_month INTEGER,
        requests_per_minute INTEGER,
        tokens_per_minute INTEGER,
        concurrent_requests INTEGER
      ) STRICT, WITHOUT ROWID;`,
  },
]

/** Secrets kept per key, so that a replaced one is told from an unknown one; older ones are deleted. */
export const MAX_SECRETS_PER_KEY = 8

/** One secret of a key, by its digest. Times are milliseconds since the epoch. */
export interface SecretRow {
  readonly digest: Buffer
  readonly turn: number
  readonly createdAt: number
  readonly rotatedFrom: Buffer | undefined
  readonly retiresAt: number | undefined
}

/** One key with its secrets, the newest last. */
export interface KeyRow {
  readonly id: string
  readonly name: string
  readonly scope: Scope
  readonly createdAt: number
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
  readonly secrets: readonly SecretRow[]
}

/** A model's full name, or all of one engine's. Aliases are no names: what they mean may change. */
const modelPattern = z
  .string()
  .max(256)
  .regex(
    /^[^\s/*]+\/(\*|[^\s*]+)$/,
    'must be an exact model (`engine/name`) or all of an engine (`engine/*`)',
  )

export const scopeShape = {
  tiers: z.array(z.enum(TIERS)).min(1).max(TIERS.length).optional(),
  models: z.array(modelPattern).min(1).max(256).optional(),
  engines: z.enum(['local', 'any']),
  collections: z
    .array(z.string().min(1).max(64))
    .max(256)
    .optional()
    .meta({ description: 'Collections of documents that the key may read; without it, all of them.' }),
  labels: z
    .array(z.union([z.string().regex(LABEL), z.literal(EVERY_LABEL)]))
    .max(256)
    .optional()
    .meta({
      description:
        'Labels of documents that the key holds, `*` for all: it reads a document that has labels only where it holds every one. Without it, none.',
    }),
}

const scopeSchema = z.strictObject(scopeShape)
const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  scope: z.string(),
  created_at: z.number(),
  expires_at: z.number().nullable(),
  revoked_at: z.number().nullable(),
})
const secretSchema = z.object({
  digest: z.instanceof(Uint8Array),
  key: z.string(),
  turn: z.number(),
  created_at: z.number(),
  rotated_from: z.instanceof(Uint8Array).nullable(),
  retires_at: z.number().nullable(),
})

const limitSchema = z.object({
  key: z.string(),
  micros_per_day: z.number().nullable(),
  micros_per_month: z.number().nullable(),
  requests_per_minute: z.number().nullable(),
  tokens_per_minute: z.number().nullable(),
  concurrent_requests: z.number().nullable(),
})

/** All keys, oldest first. Throws where a row is not what `saveKey` writes. */
export function loadKeys(store: Store): KeyRow[] {
  const secrets = new Map<string, SecretRow[]>()
  for (const raw of store.prepare('SELECT * FROM caller_secret ORDER BY key, turn').all()) {
    const row = secretSchema.parse(raw)
    const list = secrets.get(row.key) ?? []
    secrets.set(row.key, list)
    list.push({
      digest: Buffer.from(row.digest),
      turn: row.turn,
      createdAt: row.created_at,
      rotatedFrom: row.rotated_from === null ? undefined : Buffer.from(row.rotated_from),
      retiresAt: row.retires_at ?? undefined,
    })
  }
  return store
    .prepare('SELECT * FROM caller_key ORDER BY created_at, id')
    .all()
    .map((raw) => {
      const row = keySchema.parse(raw)
      return {
        id: row.id,
        name: row.name,
        scope: scopeOf(scopeSchema.parse(JSON.parse(row.scope))),
        createdAt: row.created_at,
        expiresAt: row.expires_at ?? undefined,
        revokedAt: row.revoked_at ?? undefined,
        secrets: secrets.get(row.id) ?? [],
      }
    })
}

/** The limits of every key that has any. */
export function loadLimits(store: Store): Map<string, Limits> {
  const found = new Map<string, Limits>()
  for (const raw of store.prepare('SELECT * FROM caller_limit').all()) {
    const row = limitSchema.parse(raw)
    const limits = limitsFrom({
      microsPerDay: row.micros_per_day,
      microsPerMonth: row.micros_per_month,
      requestsPerMinute: row.requests_per_minute,
      tokensPerMinute: row.tokens_per_minute,
      concurrentRequests: row.concurrent_requests,
    })
    found.set(row.key, limits)
  }
  return found
}

/** Writes the limits of one key as they now are; they outlive a power loss. */
export function saveLimits(store: Store, key: string, limits: Limits): void {
  store.transaction(() => writeLimits(store, key, limits), 'power')
}

function writeLimits(store: Store, key: string, limits: Limits): void {
  store
    .prepare(
      `INSERT OR REPLACE INTO caller_limit (key, micros_per_day, micros_per_month, requests_per_minute,
         tokens_per_minute, concurrent_requests) VALUES (?, ?, ?, ?, ?, ?)`,
    )
    .run(
      key,
      limits.microsPerDay ?? null,
      limits.microsPerMonth ?? null,
      limits.requestsPerMinute ?? null,
      limits.tokensPerMinute ?? null,
      limits.concurrentRequests ?? null,
    )
}

/**
 * Writes a key and all its secrets as they now are, and its first limits where they are given. It outlives a
 * power loss: what is revoked stays revoked.
 */
export function saveKey(store: Store, key: KeyRow, limits?: Limits): void {
  store.transaction(() => {
    if (limits !== undefined) writeLimits(store, key.id, limits)
    store
      .prepare(
        `INSERT INTO caller_key (id, name, scope, created_at, expires_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET revoked_at = excluded.revoked_at`,
      )
      .run(
        key.id,
        key.name,
        JSON.stringify(key.scope),
        key.createdAt,
        key.expiresAt ?? null,
        key.revokedAt ?? null,
      )
    const oldest = key.secrets[0]?.turn ?? 0
    store.prepare('DELETE FROM caller_secret WHERE key = ? AND turn < ?').run(key.id, oldest)
    const save = store.prepare(
      `INSERT INTO caller_secret (digest, key, turn, created_at, rotated_from, retires_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (digest) DO UPDATE SET retires_at = excluded.retires_at`,
    )
    for (const secret of key.secrets) {
      const { digest, turn, createdAt, rotatedFrom, retiresAt } = secret
      save.run(digest, key.id, turn, createdAt, rotatedFrom ?? null, retiresAt ?? null)
    }
  }, 'power')
}

/** A parsed scope without undefined fields, which exact optional types do not allow. */
export function scopeOf(parsed: z.infer<typeof scopeSchema>): Scope {
  return {
    engines: parsed.engines,
    ...(parsed.tiers === undefined ? {} : { tiers: parsed.tiers }),
    ...(parsed.models === undefined ? {} : { models: parsed.models }),
    ...(parsed.collections === undefined ? {} : { collections: parsed.collections }),
    ...(parsed.labels === undefined ? {} : { labels: parsed.labels }),
  }
}
