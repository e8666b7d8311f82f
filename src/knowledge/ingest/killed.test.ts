import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fill, run, scratchFolder } from './run.fixture.ts'

const scratch = scratchFolder()
const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url))
const FILES = 100
const words = 'pump valve drain frost torque bolt gasket oil water spring autumn hand'.split(' ')
/** Some 60 passages each, so that the whole is several batches. */
const shelf = fill(
  join(scratch, 'shelf'),
  Object.fromEntries(
    Array.from({ length: FILES }, (_, file) => [
      `${file}.md`,
      Array.from({ length: 60 }, (_, part) => {
        const own = Array.from(
          { length: 90 },
          (_, at) => words[(file * 7 + part * 5 + at * (1 + (part % 3))) % words.length],
        )
        return `# Part ${part} of ${file}\n\nunique${file}x${part} ${own.join(' ')}.\n`
      }).join('\n'),
    ]),
  ),
)

/** The row of one number that a question to the file has for an answer; -1 where the tables are not there yet. */
function number(home: string, sql: string): number {
  const path = join(home, 'collections.db')
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return -1
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 })
  try {
    return Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? -1)
  } catch (error) {
    if (/no such table/.test(String(error))) return -1
    throw error
  } finally {
    db.close()
  }
}

const DOCUMENTS = 'SELECT count(*) FROM document'
const TUNED = 'SELECT count(*) FROM collection WHERE tuning IS NOT NULL'
/** Begins to add the shelf, and kills the process at the first moment that `now` says; false where it was too late. */
async function killedAt(home: string, now: () => boolean): Promise<boolean> {
  const child = spawn(process.execPath, [MAIN, '--home', home, 'knowledge', 'add', shelf], {
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  while (child.exitCode === null && !now()) await pause(1)
  child.kill('SIGKILL')
  await ended
  return child.signalCode === 'SIGKILL'
}

test('a run that is killed loses no more than its last batch: the next one goes on and comes to the same', async () => {
  const clean = join(scratch, 'clean')
  await run(clean, 'add', [shelf])
  const whole = (await run(clean, 'inspect', [])).json
  assert.equal(whole.documents, FILES)
  const home = join(scratch, 'killed')
  const points: readonly (readonly [string, () => boolean])[] = [
    ['before anything is kept', () => number(home, DOCUMENTS) === 0],
    [
      'behind its first batch',
      () => {
        const documents = number(home, DOCUMENTS)
        return documents > 0 && documents < FILES
      },
    ],
    ['while it is tuned', () => number(home, DOCUMENTS) === FILES && number(home, TUNED) === 0],
  ]
  for (const [name, now] of points) {
    assert.ok(await killedAt(home, now), `was not killed ${name}`)
    sound(home, name)
  }
  const { json } = await run(home, 'add', [shelf])
  assert.deepEqual([json.added, json.unchanged, json.skipped.length], [0, FILES, 0])
  const { documents, chunks, characters } = (await run(home, 'inspect', [])).json
  assert.deepEqual([documents, chunks, characters], [whole.documents, whole.chunks, whole.characters])
  const { hits } = (await run(home, 'search', ['unique77x30'])).json
  assert.equal(hits[0].source, join(shelf, '77.md'))
})

/** No document without its passages, no passage without its document or its postings. */
function sound(home: string, point: string): void {
  for (const [what, sql] of [
    [
      'passages without a document',
      'SELECT count(*) FROM chunk WHERE document NOT IN (SELECT id FROM document)',
    ],
    [
      'documents without a passage',
      'SELECT count(*) FROM document WHERE id NOT IN (SELECT document FROM chunk)',
    ],
    [
      'segments of another size',
      'SELECT count(*) FROM segment WHERE size != (SELECT count(*) FROM chunk WHERE segment = segment.id)',
    ],
    ['faults in the file', "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'"],
  ] as const) {
    assert.equal(number(home, sql), 0, `${what}, killed ${point}`)
  }
}
