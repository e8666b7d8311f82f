import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/** An entry as far as a trial looks at it. */
export interface LogEntry {
  readonly type: string
  readonly seq: number
  readonly id?: string
  readonly subject?: string
  readonly [field: string]: unknown
}

/**
 * All whole lines of a home's log, by its format alone and by none of Upshift's code: a header line, then `crc32 in hex,
 * a space, JSON, line feed`. A last line without its line feed was torn by a crash. Throws at a damaged line.
 */
export function logEntries(home: string): readonly LogEntry[] {
  const folder = join(home, 'log')
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const lines = readFileSync(join(folder, name), 'utf8').split('\n')
      return lines.slice(1, -1).map((line) => {
        const json = line.slice(9)
        if (line.slice(0, 8) !== crc32(json).toString(16).padStart(8, '0'))
          throw new Error(`${name}: damaged: ${line}`)
        // A parser: the checksum vouches for what the log's writer wrote.
        return JSON.parse(json) as LogEntry
      })
    })
}

/** How far the erasure of a subject has come, by the log: what a crash in the middle leaves the next start must end. */
export function erasureStage(home: string, ref: string): 'before' | 'middle' | 'after' {
  const types = new Set(logEntries(home).flatMap(({ type, subject }) => (subject === ref ? [type] : [])))
  if (!types.has('erasure-begun')) return 'before'
  return types.has('erasure-done') ? 'after' : 'middle'
}
