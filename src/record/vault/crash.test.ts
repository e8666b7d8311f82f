import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { TextRef } from '../../contract/entry.ts'
import { Home } from './home.fixture.ts'

const WRITER = fileURLToPath(new URL('./writer.fixture.ts', import.meta.url))

interface Reported {
  readonly ref: string
  readonly plain: string
  readonly text: TextRef
}

/** Starts the writer and kills it `delayMs` after its line number `lines`; returns the whole lines that it wrote. */
async function killed(home: Home, words: string[], lines: number, delayMs: number): Promise<unknown[]> {
  const child = spawn(process.execPath, [WRITER, home.folder, home.database, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said: unknown[] = []
  const reading = createInterface(child.stdout)
  reading.on('line', (line) => {
    // A line that the kill tore is no report.
    if (!line.endsWith(']') && !line.endsWith('"')) return
    said.push(JSON.parse(line))
    if (said.length === lines) setTimeout(() => child.kill('SIGKILL'), delayMs)
  })
  await once(child, 'close')
  return said
}

test('every text that was reported after its flush opens after kill -9, whenever it strikes', async () => {
  using home = new Home()
  const reported: Reported[] = []
  for (const delayMs of [0, 3, 11]) {
    // Parsed: the writer's own lines, whose form its file states.
    const lines = (await killed(home, ['write'], 20, delayMs)) as Reported[][]
    assert.ok(lines.length >= 20)
    reported.push(...lines.flat())
  }
  const vault = home.vault()
  using reader = home.reader()
  for (const { ref, plain, text } of reported) {
    assert.deepEqual(reader.read(ref, text), { type: 'text', text: Buffer.from(plain) })
  }
  assert.ok(vault.files().length > 1)
  await vault.close()
})

test('an erasure that kill -9 cut short is whole after the next start and its repetition', async () => {
  using home = new Home()
  const vault = home.vault()
  const refs: string[] = []
  for (let one = 0; one < 4_000; one++) refs.push(vault.subject(`person ${one}`).ref)
  vault.flush()
  await vault.close()
  let cutShort = 0
  for (const [turn, delayMs] of [0, 2, 4, 6, 9, 14].entries()) {
    const ref = refs[turn * 600 + 7] ?? ''
    const probes = home.row(ref)
    assert.equal(probes.length, 3)
    // The first one cannot come to its end, since somebody is reading all the time.
    const busy = turn === 0 ? new DatabaseSync(home.database, { readOnly: true }) : undefined
    busy?.exec('BEGIN; SELECT count(*) FROM vault_subject')
    const said = await killed(home, ['erase', ref], 1, turn === 0 ? 60 : delayMs)
    busy?.close()
    if (!said.includes('erased')) cutShort += 1
    const next = home.vault()
    if (next.nameOf(ref) === undefined) assert.deepEqual(home.scan(probes), [])
    await next.erase(ref)
    assert.deepEqual(home.scan(probes), [])
    assert.equal(next.nameOf(refs[turn * 600 + 8] ?? ''), `person ${turn * 600 + 8}`)
    await next.close()
  }
  assert.ok(cutShort > 0, 'at least one erasure was cut short')
})
