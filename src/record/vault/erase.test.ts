import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { UpshiftError } from '../../contract/problem.ts'
import { Home, MASTER } from './home.fixture.ts'
import { Subjects } from './subjects.ts'
import type { Vault } from './vault.ts'

/** Many subjects, so that their rows move between pages; returns their refs. */
function people(vault: Vault, count: number): string[] {
  const refs: string[] = []
  for (let one = 0; one < count; one++) {
    const subject = vault.subject(`person-${one}@example.org`)
    vault.seal(subject, `the secret of person ${one}`)
    refs.push(subject.ref)
    if (one % 50 === 0) vault.flush()
  }
  vault.flush()
  return refs
}

test('nothing of an erased row stays in any file, and the others are untouched', async () => {
  using home = new Home()
  const vault = home.vault()
  const refs = people(vault, 1_500)
  const gone = refs.filter((_, index) => index % 25 === 3)
  const probes = gone.flatMap((ref) => [...home.row(ref), Buffer.from(ref)])
  assert.ok(home.scan(probes).length >= probes.length, 'the scan finds them while they are there')
  for (const ref of gone) assert.equal(await vault.erase(ref), true)
  const names = gone.map((_, index) => `person-${index * 25 + 3}@`)
  assert.deepEqual(home.scan([...probes, ...names, 'the secret of person']), [])
  assert.equal(vault.nameOf(gone[0] ?? ''), undefined)
  assert.equal(vault.find('person-3@example.org'), undefined)
  for (const [index, ref] of refs.entries())
    if (index % 25 !== 3) assert.equal(vault.nameOf(ref), `person-${index}@example.org`)
  assert.equal(await vault.erase(gone[0] ?? ''), false)
  await vault.close()
})

test('whoever is erased is not kept any more by those who still hold the handle, nor after an eviction', async () => {
  using home = new Home()
  const vault = home.vault({ subjectsInMemory: 1 })
  const held = vault.subject('held')
  const text = vault.seal(held, 'before')
  const evicted = vault.subject('evicted')
  vault.seal(evicted, 'before')
  vault.flush()
  vault.subject('another')
  assert.equal(evicted.state, 'evicted')
  assert.ok(vault.seal(evicted, 'an eviction is no erasure'))
  vault.flush()
  await vault.erase(held.ref)
  await vault.erase(evicted.ref)
  assert.ok(text)
  for (const subject of [held, evicted]) assert.equal(vault.seal(subject, 'after'), undefined)
  const anew = vault.subject('evicted')
  assert.notEqual(anew.ref, evicted.ref)
  assert.equal(vault.seal(evicted, 'for who came before'), undefined)
  assert.ok(vault.seal(anew, 'for who came after'))
  vault.flush()
  using reader = home.reader()
  assert.equal(reader.read(held.ref, text).type, 'erased')
  await vault.close()
})

test('a subject can be erased before its first flush', async () => {
  using home = new Home()
  const vault = home.vault()
  const subject = vault.subject('brief')
  const text = vault.seal(subject, 'text')
  assert.equal(await vault.erase(subject.ref), true)
  assert.equal(vault.seal(subject, 'text'), undefined)
  vault.flush()
  assert.equal(vault.find('brief'), undefined)
  using reader = home.reader()
  assert.ok(text)
  assert.equal(reader.read(subject.ref, text).type, 'erased')
  await vault.close()
})

test('an erasure holds at once for a reader that is open, and waits for one that is in the middle', async () => {
  using home = new Home()
  const vault = home.vault()
  const [ref = ''] = people(vault, 200)
  const probes = home.row(ref)
  using busy = new DatabaseSync(home.database, { readOnly: true })
  busy.exec('BEGIN; SELECT count(*) FROM vault_subject')
  using reader = home.reader()
  const ending = vault.erase(ref)
  assert.equal(reader.read(ref, { file: 1, at: 25, bytes: 60, sha256: '' }).type, 'erased')
  setImmediate(() => busy.exec('COMMIT'))
  assert.equal(await ending, true)
  assert.deepEqual(home.scan(probes), [])
  await vault.close()
})

test('an erasure that a reader never lets end is told as such, and repeating it ends it', async () => {
  using home = new Home()
  const vault = home.vault()
  const [ref = ''] = people(vault, 50)
  const probes = home.row(ref)
  const busy = new DatabaseSync(home.database, { readOnly: true })
  busy.exec('BEGIN; SELECT count(*) FROM vault_subject')
  const told = (error: unknown) =>
    error instanceof UpshiftError && /bytes may still lie.*erase again/s.test(error.message)
  await assert.rejects(vault.erase(ref), told)
  busy.close()
  assert.equal(await vault.erase(ref), false)
  assert.deepEqual(home.scan(probes), [])
  await vault.close()
})

test('what died between the deletion and its scrubbing is ended by the next opening', async () => {
  using home = new Home()
  const vault = home.vault()
  const refs = people(vault, 800)
  await vault.close()
  const gone = refs.filter((_, index) => index % 10 === 0)
  const probes = gone.flatMap((ref) => home.row(ref))
  const dying = new Subjects(home.database, MASTER)
  for (const ref of gone) dying.delete(ref)
  const next = home.vault()
  assert.deepEqual(home.scan(probes), [])
  dying.close()
  await next.close()
})

test('what SQLite leaves in the unused parts of pages is gone after a scrubbing', async () => {
  using home = new Home()
  await home.vault().close()
  const probes: Buffer[] = []
  {
    // Rows of very different lengths in no order: the more of them move when pages split and merge.
    using database = new DatabaseSync(home.database)
    database.exec('PRAGMA secure_delete = ON; BEGIN; UPDATE vault_state SET scrubbing = 1')
    const add = database.prepare('INSERT INTO vault_subject VALUES (?, ?, ?, ?, 0)')
    const remove = database.prepare('DELETE FROM vault_subject WHERE ref = ?')
    const refs = Array.from({ length: 2_000 }, () => randomBytes(15).toString('hex'))
    for (const [index, ref] of refs.entries()) {
      const tag = randomBytes(32)
      if (index % 7 !== 0) probes.push(Buffer.from(ref), tag)
      add.run(ref, tag, randomBytes(92), randomBytes(50 + ((index * 379) % 500)))
    }
    database.exec('COMMIT; BEGIN')
    for (const [index, ref] of refs.entries()) if (index % 7 !== 0) remove.run(ref)
    database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
  }
  assert.ok(home.scan(probes).length > 0, 'deleting alone is not enough')
  const next = home.vault()
  assert.deepEqual(home.scan(probes), [])
  await next.close()
})
