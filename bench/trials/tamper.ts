import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { textTable } from '../../src/lib/table.ts'
import { seeded, writeHome } from '../../src/record/audit/audited-home.fixture.ts'
import { tamper } from '../../src/record/audit/trial.fixture.ts'

/**
 * Makes random edits on copies of a home and lets the audit find them: `node bench/trials/tamper.ts [--edits 1000]
 * [--home FOLDER] [--seed 1] [--json]`. Without --home it writes a small home first; a given one must have no server
 * running on it, and is only read. Ends with 1 where an edit was not found or its record not named.
 */
const { values } = parseArgs({
  options: {
    edits: { type: 'string', default: '1000' },
    home: { type: 'string' },
    requests: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})

const random = seeded(Number(values.seed))
const folder = mkdtempSync(join(tmpdir(), 'upshift-home-'))
try {
  const home = values.home ?? join(folder, 'home')
  if (values.home === undefined) writeHome(home, Number(values.requests), random)
  const rows = await tamper(home, Number(values.edits), random)
  const total = rows.reduce(
    (sum, { made, found, named }) => ({
      made: sum.made + made,
      found: sum.found + found,
      named: sum.named + named,
    }),
    { made: 0, found: 0, named: 0 },
  )
  const cells = [...rows, { kind: 'all', ...total }].map(({ kind, made, found, named }) =>
    [kind, made, found, named].map(String),
  )
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ ...total, rows })}\n`
      : textTable(['EDIT', 'MADE', 'FOUND', 'NAMED'], cells),
  )
  for (const { kind, missed } of rows) for (const words of missed) process.stderr.write(`${kind}: ${words}\n`)
  if (total.named < total.made) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
