import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import * as z from 'zod'
import { UpshiftError } from '../../contract/problem.ts'

/** Some copies number their rows, or have null where there is no text. */
const idSchema = z.union([z.string().min(1), z.number()]).transform(String)
const textSchema = z
  .string()
  .nullish()
  .transform((text) => text ?? '')

const recordSchema = z.object({ _id: idSchema, title: textSchema, text: textSchema })
const querySchema = z.object({ _id: idSchema, text: z.string() })

export type BeirRecord = z.infer<typeof recordSchema>
export type BeirQuery = z.infer<typeof querySchema>

/** Relevance of records by query and record. */
export type Judgements = ReadonlyMap<string, ReadonlyMap<string, number>>

/** More lines than this are refused: everything is held in memory. */
const MAX_LINES = 10_000_000

/** Records of `corpus.jsonl` or `corpus.jsonl.gz` in BEIR's layout. Throws UpshiftError that names file and line. */
export function readCorpus(folder: string): Promise<BeirRecord[]> {
  return readRows(folder, 'corpus.jsonl', recordSchema)
}

export function readQueries(folder: string): Promise<BeirQuery[]> {
  return readRows(folder, 'queries.jsonl', querySchema)
}

/** `qrels/test.tsv`: query, record and relevance; the first line names the columns. */
export async function readJudgements(folder: string): Promise<Judgements> {
  const path = found(folder, join('qrels', 'test.tsv'))
  const judged = new Map<string, Map<string, number>>()
  for await (const { line, number } of linesOf(path)) {
    if (number === 1 && /[a-z]/i.test(line.split('\t')[2] ?? 'score')) continue
    const [query, record, score, ...more] = line.split('\t')
    if (
      query === undefined ||
      record === undefined ||
      !/^-?\d+(?:\.\d+)?$/.test(score ?? '') ||
      more.length > 0
    ) {
      throw invalid(path, number, 'it should be a query id, a corpus id and a number, set apart by tabs')
    }
    judged.set(query, (judged.get(query) ?? new Map<string, number>()).set(record, Number(score)))
  }
  return judged
}

async function readRows<Row>(folder: string, name: string, schema: z.ZodType<Row>): Promise<Row[]> {
  const path = found(folder, name)
  const rows: Row[] = []
  for await (const { line, number } of linesOf(path)) {
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (cause) {
      throw invalid(path, number, `it is no JSON (${String(cause)})`)
    }
    const row = schema.safeParse(value)
    if (!row.success) throw invalid(path, number, z.prettifyError(row.error))
    rows.push(row.data)
    if (rows.length > MAX_LINES) throw invalid(path, number, `more than ${MAX_LINES} lines are not read`)
  }
  return rows
}

/** The file itself, or its gzipped form. */
function found(folder: string, name: string): string {
  const path = [name, `${name}.gz`].map((one) => join(folder, one)).find((one) => existsSync(one))
  if (path !== undefined) return path
  throw new UpshiftError({
    code: 'not_found',
    message: `${join(folder, name)} is missing, and ${name}.gz too. --dir names a folder in BEIR's layout: corpus.jsonl, queries.jsonl and qrels/test.tsv, each of them gzipped if you like.`,
  })
}

async function* linesOf(path: string): AsyncGenerator<{ line: string; number: number }> {
  const file = createReadStream(path)
  const input = path.endsWith('.gz') ? file.pipe(createGunzip()) : file
  // A pipe does not hand on the reading side's failure.
  file.on('error', (error) => input.destroy(error))
  let number = 0
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (line.trim() !== '') yield { line, number }
  }
}

function invalid(path: string, line: number, why: string): UpshiftError {
  return new UpshiftError({
    code: 'invalid_request',
    message: `${path}, line ${line} cannot be read: ${why}.`,
  })
}
