import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../lib/clock.ts'
import { Turns } from '../../lib/turns.ts'
import { openStore, type Store } from '../../store/open.ts'
import { HomeWriter, seeded } from '../audit/audited-home.fixture.ts'
import type { BackupPorts } from './backup.ts'

/** A home on real files that goes on being written to, as a server does it: texts and subjects before their lines. */
export class WritingHome {
  readonly home: string
  readonly writer: HomeWriter
  readonly ports: BackupPorts
  readonly #subjects: Store
  readonly #state: Store
  #written = 0
  #timer: NodeJS.Immediate | undefined

  constructor(home = mkdtempSync(join(tmpdir(), 'upshift-backup-'))) {
    this.home = home
    this.writer = new HomeWriter({ home, random: seeded(7), segmentLines: 60, textBytes: 2_000 })
    const table = 'CREATE TABLE seen (id INTEGER PRIMARY KEY, filler BLOB) STRICT'
    this.#subjects = openStore(join(home, 'vault.db'), [{ feature: 'test', version: 1, sql: table }])
    this.#state = openStore(join(home, 'state.db'), [{ feature: 'test', version: 1, sql: table }])
    for (const name of ['owner.key', 'vault.key'])
      writeFileSync(join(home, name), `${name} of this home\n`, { mode: 0o600 })
    writeFileSync(join(home, 'index.db'), 'made again from the log')
    writeFileSync(join(home, 'lock.db'), '')
    this.ports = {
      home,
      version: '0.0.0-test',
      clock: systemClock,
      turns: new Turns(1),
      checkpoint: async () => ({ note: this.writer.flush(), size: this.writer.size }),
      settle: async () => undefined,
    }
    for (let number = 0; number < 100; number++) this.write()
  }

  get written(): number {
    return this.#written
  }

  /** One request. */
  write(): void {
    const number = this.#written
    this.#subjects.transaction(() =>
      this.#subjects.prepare('INSERT INTO seen VALUES (?, zeroblob(300))').run(number),
    )
    this.writer.request(number)
    this.#written += 1
    this.writer.flush(number % 50 === 0)
  }

  /** Writes in every turn of the event loop until `rest`. */
  keepWriting(): void {
    this.#timer = setImmediate(() => {
      this.write()
      this.keepWriting()
    })
  }

  rest(): void {
    clearImmediate(this.#timer)
  }

  close(): void {
    this.rest()
    this.writer.close()
    this.#subjects.close()
    this.#state.close()
  }
}
