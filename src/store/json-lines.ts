import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type * as z from 'zod'
import { UpshiftError } from '../contract/problem.ts'
import { isMissing } from '../lib/missing.ts'

/** Bytes of one file at most, unpacked. */
const MAX_FILE_BYTES = 268_435_456
const MAX_FILES = 1_000

/**
 * The rows of files of JSON, one value a line, packed by gzip or not. A place is a file, a folder (its `.jsonl`
 * and `.jsonl.gz`), or a pattern with `*`. Throws UpshiftError where a place holds no file, or a line is no such
 * row.
 */
export function readRows<Row>(places: readonly string[], schema: z.ZodType<Row>): readonly Row[] {
  return filesAt(places).flatMap((path) => rowsOf(path, schema))
}

/** In the order of their names, each once. */
function filesAt(places: readonly string[]): readonly string[] {
  const files = places.flatMap((place) => {
    if (place.includes('*')) return named(place, globSync(place))
    if (statOf(place).isDirectory()) return named(place, globSync(join(place, '*.{jsonl,jsonl.gz}')))
    return [place]
  })
  const distinct = [...new Set(files)].sort()
  if (distinct.length <= MAX_FILES) return distinct
  throw unusable(`${distinct.length} files are more than ${MAX_FILES}: name fewer.`)
}

function named(place: string, files: readonly string[]): readonly string[] {
  if (files.length > 0) return files
  throw unusable(`There is no file of rows at ${place}: name files that end in .jsonl or .jsonl.gz.`)
}

function statOf(path: string) {
  try {
    return statSync(path)
  } catch (error) {
    if (!isMissing(error)) throw error
    throw unusable(`There is no file ${path}. Check the path; recorded data is not part of Upshift.`)
  }
}

function rowsOf<Row>(path: string, schema: z.ZodType<Row>): Row[] {
  const rows: Row[] = []
  for (const [at, line] of textOf(path).split('\n').entries()) {
    if (line.trim() === '') continue
    const value = jsonOf(line)
    if (value === undefined)
      throw unusable(
        `${path}, line ${at + 1}, is no JSON (NaN and Infinity are none): one value a line is read.`,
      )
    const parsed = schema.safeParse(value)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      const where =
        issue === undefined || issue.path.length === 0 ? 'the row' : issue.path.map(String).join('.')
      throw unusable(`${path}, line ${at + 1}, is no row of this kind: ${where}: ${issue?.message}.`)
    }
    rows.push(parsed.data)
  }
  return rows
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // Told with the line's number, like any other row that does not fit.
    return undefined
  }
}

function textOf(path: string): string {
  const { size } = statOf(path)
  if (size > MAX_FILE_BYTES)
    throw unusable(`${path} has ${size} bytes and at most ${MAX_FILE_BYTES} are read.`)
  const bytes = readFileSync(path)
  if (!path.endsWith('.gz')) return bytes.toString('utf8')
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_FILE_BYTES }).toString('utf8')
  } catch (cause) {
    throw unusable(
      `${path} cannot be unpacked: it is no gzip file, or holds more than ${MAX_FILE_BYTES} bytes.`,
      cause,
    )
  }
}

function unusable(message: string, cause?: unknown): UpshiftError {
  return new UpshiftError({ code: 'invalid_request', message }, cause)
}
