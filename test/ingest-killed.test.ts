import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Collections } from '../src/knowledge/collection/collections.ts'
import { DEFAULT_SETTINGS } from '../src/knowledge/retrieve/settings.ts'
import { systemClock } from '../src/lib/clock.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'upshift-killed-'))
const home = join(folder, 'home')
const file = join(home, 'collections.db')
const docs = join(folder, 'docs')
/** So many, and so long, that they are written in several batches: 2,000 passages make one. */
const FILES = 140
const LINES = 900
after(() => rmSync(folder, { recursive: true, force: true }))

/** How many documents of a version are on disk, as another process sees them now; 0 before there is a database. */
function onDisk(version: string): number {
  if (!existsSync(file)) return 0
  using database = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  const table = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'document'").get()
  if (table === undefined) return 0
  const sql = 'SELECT count(*) AS count FROM document WHERE instr(text, ?) > 0'
  return Number(database.prepare(sql).get(`${version}word`)?.['count'])
}

/**
 * `knowledge add`, run to its end, or killed as soon as `until` holds: what is on disk names the
 * moment, since a number of milliseconds is another moment on every machine.
 */
async function add(until?: () => boolean): Promise<NodeJS.Signals | null> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, UPSHIFT_HOME: home }
  const child = spawn(process.execPath, [MAIN, 'knowledge', 'add', docs], { env, stdio: 'ignore' })
  const closed = once(child, 'close')
  while (until !== undefined && child.exitCode === null && !until()) await sleep(2)
  if (until !== undefined) child.kill('SIGKILL')
  const [, signal] = await closed
  return signal
}

/** A word for each version of each document, and for no other. */
const wordOf = (version: string, number: number): string => `${version}word${number}x`

function write(version: string): void {
  mkdirSync(docs, { recursive: true })
  for (let number = 0; number < FILES; number++) {
    const lines = Array.from(
      { length: LINES },
      (_, at) => `Line ${at} of ${wordOf(version, number)} says something.`,
    )
    writeFileSync(join(docs, `${number}.txt`), lines.join('\n\n'))
  }
}

/** How many documents are there; each of them is found whole, and no other passage is. */
function whole(versions: readonly string[]): number {
  using collections = new Collections(file, systemClock)
  if (!collections.has('default')) return 0
  const documents = collections.documents('default')
  const searcher = collections.searcher('default')
  const { chunks } = collections.figures('default')
  assert.equal(
    documents.reduce((sum, one) => sum + one.chunks, 0),
    chunks,
    'no passage without its document',
  )
  const sources = new Set(documents.map(({ source }) => source))
  for (let number = 0; number < FILES; number += 7) {
    const source = join(docs, `${number}.txt`)
    const found = versions.filter((version) => {
      const hits = searcher.search(wordOf(version, number), DEFAULT_SETTINGS, 100)
      assert.ok(hits.every((hit) => hit.source === source && hit.text.includes(wordOf(version, number))))
      return hits.length > 0
    })
    assert.equal(found.length, sources.has(source) ? 1 : 0, `${source} by ${found.join(', ')}`)
  }
  return documents.length
}

test('a SIGKILL in the middle of reading files leaves whole documents, of one version each, and the next run ends it', async () => {
  write('old')
  for (const share of [0, 0.2, 0.6]) {
    assert.equal(await add(() => existsSync(file) && onDisk('old') >= share * FILES), 'SIGKILL')
    assert.ok(whole(['old']) < FILES, 'killed before its end')
  }
  assert.equal(await add(), null)
  assert.equal(whole(['old']), FILES)
  write('new')
  assert.equal(await add(() => onDisk('new') >= 0.3 * FILES), 'SIGKILL')
  assert.ok(onDisk('old') > 0, 'killed before its end')
  assert.equal(whole(['old', 'new']), FILES)
  assert.equal(await add(), null)
  assert.equal(whole(['new']), FILES)
})
