import type { Migration } from '../store/migration.ts'
import type { Store } from '../store/open.ts'

/** An owner's word that prompts may go to an engine off this machine, at these addresses, under this cap. */
export interface Allowance {
  readonly engine: string
  /** `https://api.openai.com`: a changed address needs a new word. */
  readonly origins: readonly string[]
  /** Micro-dollars a UTC day; undefined: the configured cap. */
  readonly capMicros: number | undefined
}

/** Where allowances are kept between starts. */
export interface AllowancePort {
  load(): readonly Allowance[]
  save(allowance: Allowance): void
  remove(engine: string): void
}

export const migrations: readonly Migration[] = [
  {
    feature: 'fleet',
    version: 1,
    sql: `CREATE TABLE fleet_allowance (
      engine TEXT PRIMARY KEY,
      origins TEXT NOT NULL,
      cap_micros INTEGER
    ) STRICT`,
  },
]

/** Allowances in the home's database. A denial waits for the disk: what was forbidden stays so after a power loss. */
export function storedAllowances(store: Pick<Store, 'prepare' | 'transaction'>): AllowancePort {
  const all = store.prepare('SELECT engine, origins, cap_micros FROM fleet_allowance ORDER BY engine')
  const put = store.prepare(
    `INSERT INTO fleet_allowance (engine, origins, cap_micros) VALUES (?, ?, ?)
     ON CONFLICT (engine) DO UPDATE SET origins = excluded.origins, cap_micros = excluded.cap_micros`,
  )
  const drop = store.prepare('DELETE FROM fleet_allowance WHERE engine = ?')
  return {
    load: () =>
      all.all().map((row) => ({
        engine: String(row.engine),
        origins: String(row.origins).split(' '),
        capMicros: row.cap_micros === null ? undefined : Number(row.cap_micros),
      })),
    save: ({ engine, origins, capMicros }) => {
      store.transaction(() => put.run(engine, origins.join(' '), capMicros ?? null), 'power')
    },
    remove: (engine) => {
      store.transaction(() => drop.run(engine), 'power')
    },
  }
}
