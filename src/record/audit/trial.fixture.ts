import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EDITORS, type Edit, takeLoot } from './edits.fixture.ts'
import type { Finding } from './finding.ts'
import { verifyHome } from './verify.ts'

/** How one kind of edit fared. */
export interface TrialRow {
  readonly kind: string
  readonly made: number
  /** The audit said that something is wrong. */
  readonly found: number
  /** It said what, and named the record where there is one to name. */
  readonly named: number
  /** Of those that were missed, the first, in words. */
  readonly missed: readonly string[]
}

const MAX_MISSED = 5

/**
 * Makes `edits` random edits, each on a fresh copy of a home that no server uses, and lets an audit find them. The
 * home itself is only read.
 */
export async function tamper(home: string, edits: number, random: () => number): Promise<TrialRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'upshift-tamper-'))
  try {
    const copy = join(folder, 'home')
    for (const part of ['log', 'tree', 'vault', 'audit.pub']) {
      cpSync(join(home, part), join(copy, part), { recursive: true })
    }
    const loot = takeLoot(home)
    const names = Object.keys(EDITORS)
    const rows = new Map<string, TrialRow>()
    for (let done = 0; done < edits; done++) {
      const kind = names[done % names.length] ?? ''
      const edit = EDITORS[kind]?.(loot, random)
      if (edit === undefined) throw new Error(`there is no edit ${kind}`)
      rows.set(kind, await attempt(kind, edit, copy, loot.files, rows.get(kind)))
    }
    return [...rows.values()]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function attempt(
  kind: string,
  edit: Edit,
  copy: string,
  files: ReadonlyMap<string, Buffer>,
  row: TrialRow | undefined,
): Promise<TrialRow> {
  for (const [name, bytes] of edit.changes) put(copy, name, bytes)
  const { signal } = new AbortController()
  const { problems } = await verifyHome({ home: copy, signal })
  for (const name of edit.changes.keys()) put(copy, name, files.get(name))
  const found = problems.length > 0
  const named = problems.some((finding) => names(finding, edit))
  const { made, missed, ...counts } = row ?? { made: 0, found: 0, named: 0, missed: [] }
  const words = `${JSON.stringify({ ...edit, changes: [...edit.changes.keys()] })} → ${JSON.stringify(problems.slice(0, 4))}`
  return {
    kind,
    made: made + 1,
    found: counts.found + Number(found),
    named: counts.named + Number(named),
    missed: named || missed.length >= MAX_MISSED ? missed : [...missed, words],
  }
}

function names(finding: Finding, edit: Edit): boolean {
  if (!edit.kinds.includes(finding.kind)) return false
  if (edit.id !== undefined) return finding.id === edit.id
  if (edit.seqs.length === 0) return true
  const { seq, lastSeq = seq } = finding
  return seq !== undefined && lastSeq !== undefined && edit.seqs.some((one) => seq <= one && one <= lastSeq)
}

function put(home: string, name: string, bytes: Buffer | undefined): void {
  if (bytes === undefined) rmSync(join(home, name))
  else writeFileSync(join(home, name), bytes)
}
