import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UpshiftError } from '../contract/problem.ts'
import type { Migration } from './migration.ts'
import { openStore } from './open.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-store-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string): string => join(folder, name)

const notes: Migration = {
  feature: 'note',
  version: 1,
  sql: 'CREATE TABLE note (text TEXT NOT NULL) STRICT',
}
const stars: Migration = {
  feature: 'note',
  version: 2,
  sql: 'ALTER TABLE note ADD COLUMN stars INTEGER NOT NULL DEFAULT 0',
}

const named = (path: string, says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UpshiftError)
  assert.ok(error.message.includes(path), error.message)
  assert.match(error.message, says)
  return true
}

test('a new file is private, logs ahead, checks foreign keys and overwrites what is deleted', () => {
  const path = file('new.db')
  using store = openStore(path, [notes])
  store.prepare("INSERT INTO note VALUES ('x')").run()
  for (const suffix of ['', '-wal', '-shm']) assert.equal(statSync(path + suffix).mode & 0o777, 0o600)
  const pragma = (name: string) => Object.values(store.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  assert.equal(pragma('journal_mode'), 'wal')
  assert.equal(pragma('synchronous'), 1)
  assert.equal(pragma('foreign_keys'), 1)
  assert.equal(pragma('secure_delete'), 1)
  assert.equal(pragma('busy_timeout'), 5000)
})

test('a file that others could read is narrowed', () => {
  const path = file('wide.db')
  writeFileSync(path, '', { mode: 0o644 })
  openStore(path, []).close()
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('migrations run once each, and rows survive the next one', () => {
  const path = file('forward.db')
  {
    using store = openStore(path, [notes])
    store.prepare("INSERT INTO note VALUES ('kept')").run()
  }
  openStore(path, [notes, stars]).close()
  using store = openStore(path, [notes, stars])
  assert.deepEqual({ ...store.prepare('SELECT text, stars FROM note').get() }, { text: 'kept', stars: 0 })
})

test('a migration that fails leaves the file as it was', () => {
  const path = file('failing.db')
  const broken = { feature: 'note', version: 2, sql: 'CREATE TABLE other (x); SELECT nonsense' }
  assert.throws(() => openStore(path, [notes, broken]), /nonsense/)
  using store = openStore(path, [notes])
  assert.equal(store.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'other'").get()?.n, 0)
})

test('a file of a newer version is refused by name, with what to do', () => {
  const path = file('newer.db')
  openStore(path, [notes, stars]).close()
  assert.throws(() => openStore(path, [notes]), named(path, /newer Upshift.*note\/2.*UPSHIFT_HOME/))
})

test('a migration that was edited after it ran, or is out of order, is a bug', () => {
  const path = file('edited.db')
  openStore(path, [notes]).close()
  assert.throws(() => openStore(path, [{ ...notes, sql: `${notes.sql} -- edited` }]), /changed after/)
  assert.throws(() => openStore(file('order.db'), [stars]), /should be note\/1/)
})

test('what is not a database is refused by name', () => {
  const path = file('text.db')
  writeFileSync(path, 'This is no database. '.repeat(200))
  assert.throws(() => openStore(path, [notes]), named(path, /damaged or not a database.*backup/))
  assert.ok(readFileSync(path, 'utf8').startsWith('This is no database.'))
})

test('a page overwritten in the middle is found when the file is opened', () => {
  const path = file('torn.db')
  {
    using store = openStore(path, [notes])
    store.transaction(() => {
      const insert = store.prepare('INSERT INTO note VALUES (?)')
      for (let row = 0; row < 500; row++) insert.run('x'.repeat(200))
    })
  }
  const bytes = readFileSync(path)
  bytes.fill(0xff, 4096 * 3, 4096 * 6)
  writeFileSync(path, bytes)
  assert.throws(() => openStore(path, [notes]), named(path, /damaged/))
})

test('a folder that is not there is named', () => {
  const path = join(folder, 'absent', 'a.db')
  assert.throws(() => openStore(path, []), named(path, /cannot be opened/))
})

test('a transaction is all or nothing, and refuses to be nested or asynchronous', () => {
  using store = openStore(file('transaction.db'), [notes])
  const insert = store.prepare('INSERT INTO note VALUES (?)')
  const count = (): unknown => store.prepare('SELECT count(*) AS n FROM note').get()?.n
  assert.equal(
    store.transaction(() => insert.run('a').changes),
    1,
  )
  assert.throws(
    () =>
      store.transaction(() => {
        insert.run('b')
        throw new Error('halfway')
      }),
    /halfway/,
  )
  assert.throws(() => store.transaction(() => store.transaction(() => 1)), /inside a transaction/)
  assert.throws(
    () =>
      store.transaction(() => {
        insert.run('c')
        return Promise.resolve()
      }),
    /synchronous/,
  )
  assert.equal(count(), 1)
})

test('changes that come one by one are there once they are committed, and gone where the store is closed before', () => {
  const path = file('begun.db')
  const store = openStore(path, [notes])
  const insert = store.prepare('INSERT INTO note VALUES (?)')
  store.begin()
  insert.run('kept')
  assert.throws(() => store.begin(), /inside a transaction/)
  store.commit()
  store.begin()
  insert.run('undone')
  store.close()
  using again = openStore(path, [notes])
  assert.deepEqual(
    again
      .prepare('SELECT * FROM note')
      .all()
      .map((row) => Object.values(row)),
    [['kept']],
  )
})

test('what reads at one moment waits for no writer, and does not see what is committed meanwhile', () => {
  const path = file('reading.db')
  using writer = openStore(path, [notes])
  using reader = openStore(path, [notes])
  const insert = writer.prepare('INSERT INTO note VALUES (?)')
  const count = (): unknown => reader.prepare('SELECT count(*) AS n FROM note').get()?.n
  writer.transaction(() => {
    insert.run('not yet')
    // With the writer's lock it would fail here after the time-out: this thread holds both.
    assert.equal(reader.reading(count), 0)
  })
  reader.reading(() => {
    assert.equal(count(), 1)
    writer.transaction(() => insert.run('meanwhile'))
    assert.equal(count(), 1)
  })
  assert.equal(reader.reading(count), 2)
  assert.throws(() => reader.reading(() => reader.reading(count)), /inside a transaction/)
})

test('a transaction that must outlive a power loss syncs the disk, and the next one need not', () => {
  using store = openStore(file('power.db'), [notes])
  const level = (): unknown => store.prepare('PRAGMA synchronous').get()?.synchronous
  assert.equal(store.transaction(level, 'power'), 2)
  assert.equal(level(), 1)
  assert.throws(() =>
    store.transaction(() => {
      throw new Error('no')
    }, 'power'),
  )
  assert.equal(level(), 1)
})

test('deleted text leaves the file', () => {
  const path = file('erased.db')
  {
    using store = openStore(path, [notes])
    store.prepare('INSERT INTO note VALUES (?)').run('marmalade-secret')
    store.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    assert.ok(readFileSync(path).includes('marmalade-secret'))
    store.prepare('DELETE FROM note').run()
  }
  assert.ok(!readFileSync(path).includes('marmalade-secret'))
})

const child = (source: string) =>
  spawn(
    process.execPath,
    ['--input-type=module-typescript', '--disable-warning=ExperimentalWarning', '-e', source],
    {
      cwd: import.meta.dirname,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )

test('two processes that open a new file at once both succeed, and each migration runs once', async () => {
  const path = file('race.db')
  const source = `
    import { openStore } from './open.ts'
    const store = openStore(${JSON.stringify(path)}, ${JSON.stringify([notes, stars])})
    store.prepare("INSERT INTO note (text) VALUES ('x')").run()
    store.close()`
  const codes = await Promise.all([1, 2, 3].map(async () => (await once(child(source), 'exit'))[0]))
  assert.deepEqual(codes, [0, 0, 0])
  using store = openStore(path, [notes, stars])
  assert.equal(store.prepare('SELECT count(*) AS n FROM note').get()?.n, 3)
})

test('what a transaction returned from is there after kill -9', async () => {
  const path = file('killed.db')
  const writer = child(`
    import { writeSync } from 'node:fs'
    import { openStore } from './open.ts'
    const store = openStore(${JSON.stringify(path)}, ${JSON.stringify([notes])})
    const insert = store.prepare('INSERT INTO note VALUES (?)')
    for (let row = 1; ; row++) {
      store.transaction(() => { insert.run('half'); insert.run('half') })
      writeSync(1, row + '\\n')
    }`)
  let said = ''
  writer.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString()
    if (said.length > 500) writer.kill('SIGKILL')
  })
  await once(writer, 'close')
  const promised = Number(said.trimEnd().split('\n').at(-1))
  using store = openStore(path, [notes])
  const rows = Number(store.prepare('SELECT count(*) AS n FROM note').get()?.n)
  assert.ok(rows >= promised * 2, `${rows} rows, ${promised} transactions promised`)
  assert.equal(rows % 2, 0)
})
