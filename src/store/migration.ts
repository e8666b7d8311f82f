import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { assert } from '../lib/assert.ts'

/** One step of a feature's tables. Versions run 1, 2, 3… within a feature; a step that shipped never changes. */
export interface Migration {
  readonly feature: string
  readonly version: number
  /** Any number of statements; it runs inside the one transaction that brings the whole file up to date. */
  readonly sql: string
}

/**
 * Brings the database forward to what the migrations say, in their order, all or nothing: after a crash in
 * the middle the file is as it was. Returns what stands in the way instead (a file of a newer program), as
 * words to follow the file's name.
 */
export function migrate(database: DatabaseSync, migrations: readonly Migration[]): string | undefined {
  assertNumbered(migrations)
  // IMMEDIATE: two processes that start at once migrate one after the other, not both.
  database.exec('BEGIN IMMEDIATE')
  try {
    const obstacle = step(database, migrations)
    database.exec(obstacle === undefined ? 'COMMIT' : 'ROLLBACK')
    return obstacle
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function step(database: DatabaseSync, migrations: readonly Migration[]): string | undefined {
  database.exec(
    `CREATE TABLE IF NOT EXISTS store_migration (
       feature TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL,
       PRIMARY KEY (feature, version)
     ) STRICT, WITHOUT ROWID`,
  )
  const applied = new Map<string, string>()
  for (const row of database.prepare('SELECT feature, version, digest FROM store_migration').all()) {
    applied.set(`${row.feature}/${row.version}`, String(row.digest))
  }
  const known = new Set(migrations.map(nameOf))
  const newer = [...applied.keys()].filter((name) => !known.has(name))
  if (newer.length > 0) {
    return (
      `was written by a newer Upshift (it holds ${newer.join(', ')}, which this version does not know). ` +
      'Run that newer version again, or start this one with another home (UPSHIFT_HOME).'
    )
  }
  const remember = database.prepare('INSERT INTO store_migration (feature, version, digest) VALUES (?, ?, ?)')
  for (const migration of migrations) {
    const digest = createHash('sha256').update(migration.sql).digest('hex')
    const before = applied.get(nameOf(migration))
    assert(before === undefined || before === digest, `${nameOf(migration)} was changed after it was applied`)
    if (before !== undefined) continue
    database.exec(migration.sql)
    remember.run(migration.feature, migration.version, digest)
  }
  return undefined
}

function nameOf(migration: Migration): string {
  return `${migration.feature}/${migration.version}`
}

function assertNumbered(migrations: readonly Migration[]): void {
  const last = new Map<string, number>()
  for (const { feature, version } of migrations) {
    const expected = (last.get(feature) ?? 0) + 1
    assert(version === expected, `migration ${feature}/${version} should be ${feature}/${expected}`)
    last.set(feature, version)
  }
}
