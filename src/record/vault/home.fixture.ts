import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { systemClock } from '../../lib/clock.ts'
import type { RandomBytes } from './master.ts'
import { openVaultReader, type VaultReader } from './reader.ts'
import { openVault, type Vault, type VaultOptions } from './vault.ts'

export const MASTER = Buffer.alloc(32, 7)

/** A home in a folder of its own, whose vault is opened as often as a test likes. */
export class Home implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'upshift-vault-'))
  readonly folder = join(this.path, 'vault')
  readonly database = join(this.path, 'vault.db')
  /** Every key and nonce that was drawn; copies, since the vault zeroes its own. */
  readonly drawn: Buffer[] = []

  readonly randomBytes: RandomBytes = (size) => {
    const bytes = randomBytes(size)
    this.drawn.push(Buffer.from(bytes))
    return bytes
  }

  vault(more: Partial<VaultOptions> = {}): Vault {
    const { folder, database, randomBytes: draw } = this
    return openVault({ folder, database, master: MASTER, clock: systemClock, randomBytes: draw, ...more })
  }

  reader(): VaultReader {
    return openVaultReader({ folder: this.folder, database: this.database, master: MASTER })
  }

  /** The stored bytes of a subject's row. */
  row(ref: string): Buffer[] {
    using database = new DatabaseSync(this.database, { readOnly: true })
    const row = database
      .prepare('SELECT name_tag, wrapped_keys, wrapped_name FROM vault_subject WHERE ref = ?')
      .get(ref)
    return Object.values(row ?? {}).map((value) => {
      if (value instanceof Uint8Array) return Buffer.from(value)
      throw new Error('a column that is no BLOB')
    })
  }

  /** Which of the probes stand in any file under the home: `file: probe`. */
  scan(probes: readonly (Buffer | string)[]): string[] {
    const found: string[] = []
    for (const entry of readdirSync(this.path, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const bytes = readFileSync(join(entry.parentPath, entry.name))
      for (const probe of probes) {
        if (bytes.indexOf(probe) !== -1) found.push(`${entry.name}: ${Buffer.from(probe).toString('hex')}`)
      }
    }
    return found
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
