import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Collections } from '../src/knowledge/collection/collections.ts'
import { DEFAULT_SETTINGS } from '../src/knowledge/retrieve/settings.ts'
import { systemClock } from '../src/lib/clock.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'upshift-killed-'))
const home = join(folder, 'home')
const docs = join(folder, 'docs')
const FILES = 300
after(() => rmSync(folder, { recursive: true, force: true }))

/** `knowledge add`, killed after so many milliseconds, or run to its end. */
function add(killAfterMs?: number): Promise<NodeJS.Signals | null> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, UPSHIFT_HOME: home }
  const child = spawn(process.execPath, [MAIN, 'knowledge', 'add', docs], { env, stdio: 'ignore' })
  if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  return new Promise((resolve) => child.once('close', (_code, signal) => resolve(signal)))
}

/** A word for each version of each document, and for no other. */
const wordOf = (version: string, number: number): string => `${version}word${number}x`

function write(version: string): void {
  mkdirSync(docs, { recursive: true })
  for (let number = 0; number < FILES; number++) {
    const lines = Array.from(
      { length: 40 },
      (_, at) => `Line ${at} of ${wordOf(version, number)} says something.`,
    )
    writeFileSync(join(docs, `${number}.txt`), lines.join('\n\n'))
  }
}

/** How many documents are there; each of them is found whole, and no other passage is. */
function whole(versions: readonly string[]): number {
  using collections = new Collections(join(home, 'collections.db'), systemClock)
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
  for (const delayMs of [350, 600, 900]) {
    await add(delayMs)
    whole(['old'])
  }
  assert.equal(await add(), null)
  assert.equal(whole(['old']), FILES)
  write('new')
  await add(700)
  assert.equal(whole(['old', 'new']), FILES)
  assert.equal(await add(), null)
  assert.equal(whole(['new']), FILES)
})
