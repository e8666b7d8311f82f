import * as z from 'zod'
import { DIMENSIONS_MAX } from '../../contract/embed.ts'
import { UpshiftError } from '../../contract/problem.ts'
import { readRows } from '../../store/json-lines.ts'
import { projected } from '../learn/dense.ts'

/** Rows that one evaluation or training reads at most. */
const ROWS_MAX = 500_000
const NAMED_MAX = 40

const share = z.number({ error: 'must be a number from 0 to 1' }).min(0).max(1)
const label = z.union([z.string(), z.number()]).transform(String)

/** One model's recorded result: `[ok, …]`; what follows is told apart by `recordedOf`. */
const result = z.tuple([share], z.unknown())

/** Of one model for all rows. Longer ones are projected, so that a million rows have room. */
const embedding = z
  .array(z.number())
  .min(1)
  .max(DIMENSIONS_MAX)
  .transform((values, context) => {
    const kept = projected(values)
    if (kept !== undefined) return { kept, dimensions: values.length }
    context.addIssue({ code: 'custom', message: 'is 0 everywhere, or holds what is no number' })
    return z.NEVER
  })

const schema = z
  .looseObject({
    id: label,
    prompt: z.string().nullable(),
    options: z.array(z.string()).optional(),
    gold: z.unknown().optional(),
    domain: label.nullish(),
    task: label.nullish(),
    cat: label.nullish(),
    weak: share.optional(),
    strong: share.optional(),
    m: z.record(z.string(), result).optional(),
    embedding: embedding.optional(),
    grounding: z.record(z.string(), share).optional(),
  })
  .superRefine((row, context) => {
    if (row.m !== undefined) return
    // Collections of many models hold a few rows whose prompt was not recorded; here it is a mistake.
    if (!row.prompt) context.addIssue({ code: 'custom', path: ['prompt'], message: 'is empty' })
    for (const field of ['weak', 'strong'] as const) {
      if (row[field] !== undefined) continue
      context.addIssue({ code: 'custom', path: [field], message: 'is missing: give weak and strong, or m' })
    }
  })

type Line = z.infer<typeof schema>

/** What is known of one model on one row. */
export interface Recorded {
  /** Share of right answers in [0, 1]. */
  readonly right: number
  /** The answer's text, null where the model gave none; undefined where the row does not hold it. */
  readonly answer: unknown
  readonly valid: boolean | undefined
  readonly inTokens: number | undefined
  readonly outTokens: number | undefined
  /** Share of the answer's sentences that stand in what it was made from, where the row tells. */
  readonly grounding?: number | undefined
}

export interface Row {
  readonly id: string
  /** The prompt with its options, if it has any: all that a feature may be made of. */
  readonly text: string
  /** Domain, task or category: for baselines and figures per task, never a feature. */
  readonly label: string | undefined
  /** By model; rows of the shape {weak, strong} have models of these names. */
  readonly models: ReadonlyMap<string, Recorded>
  /** The row's embedding, projected; absent unless all rows that are measured together have one of one length. */
  readonly meaning?: Float32Array | undefined
  /** The length of its embedding before the projection. */
  readonly dimensions?: number | undefined
}

/** Reads both shapes of rows. Rows without a recorded prompt are left out. Throws UpshiftError where a line does not fit. */
export function readOutcomes(places: readonly string[]): readonly Row[] {
  const lines = readRows(places, schema)
  if (lines.length > ROWS_MAX)
    throw unusable(`${lines.length} rows are more than ${ROWS_MAX}: name fewer files.`)
  const rows = lines.filter(({ prompt }) => Boolean(prompt)).map(rowOf)
  if (rows.length === 0) throw unusable(`There is no row with a prompt in ${places.join(', ')}.`)
  return rows
}

/** Throws where two rows have one id: one of them would count twice, or they contradict each other. */
export function distinctIds(rows: readonly Row[], where: string): void {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const { id } of rows) {
    if (seen.has(id)) twice.add(id)
    seen.add(id)
  }
  if (twice.size === 0) return
  const [first] = twice
  throw unusable(
    `${where} has ${twice.size === 1 ? 'an id' : `${twice.size} ids`} more than once, such as "${first}". Remove the copies, or give each row its own id.`,
  )
}

/** The rows that know all of these models. Throws and lists those there are where no row knows one of them. */
export function rowsWith(rows: readonly Row[], models: readonly string[]): readonly Row[] {
  for (const model of models) {
    if (rows.some((row) => row.models.has(model))) continue
    const known = modelsOf(rows)
    const listed = known.slice(0, NAMED_MAX).join(', ')
    const more = known.length > NAMED_MAX ? `, and ${known.length - NAMED_MAX} more` : ''
    throw unusable(`No row knows a model "${model}". These are there: ${listed}${more}.`)
  }
  const known = rows.filter((row) => models.every((model) => row.models.has(model)))
  if (known.length === 0) throw unusable(`No row knows ${models.join(' and ')} both.`)
  return known
}

/** Embeddings compare where every row has one of one length; else the rows are taken as if they had none. */
export function withMeanings(rows: readonly Row[], beside: readonly Row[] = []): readonly Row[] {
  const lengths = new Set([...rows, ...beside].map(({ dimensions }) => dimensions))
  if (lengths.size === 1 && !lengths.has(undefined)) return rows
  return rows.map(({ meaning: _, dimensions: __, ...row }) => row)
}

/** The models of any row, in the order of their names. */
export function modelsOf(rows: readonly Row[]): readonly string[] {
  const names = new Set<string>()
  for (const { models } of rows) for (const name of models.keys()) names.add(name)
  return [...names].sort()
}

export function unusable(message: string): UpshiftError {
  return new UpshiftError({ code: 'invalid_request', message })
}

function rowOf(line: Line): Row {
  const models = new Map<string, Recorded>()
  for (const [name, entry] of Object.entries(line.m ?? {})) {
    const recorded = recordedOf(entry, line.gold !== undefined)
    const grounding = line.grounding?.[name]
    models.set(name, grounding === undefined ? recorded : { ...recorded, grounding })
  }
  for (const name of ['weak', 'strong'] as const) {
    const right = line[name]
    if (right !== undefined) models.set(name, { ...UNKNOWN, right })
  }
  const text = [line.prompt ?? '', ...(line.options ?? [])].join('\n')
  const row = { id: line.id, text, label: line.task ?? line.domain ?? line.cat ?? undefined, models }
  const { embedding: told } = line
  return told === undefined ? row : { ...row, meaning: told.kept, dimensions: told.dimensions }
}

const UNKNOWN = { answer: undefined, valid: undefined, inTokens: undefined, outTokens: undefined }

/**
 * `[ok]`, `[ok, answer]`, `[ok, answer, outTokens]`, `[ok, answer, inTokens, outTokens]`,
 * `[ok, answer, valid, inTokens, outTokens]` with valid 0 or 1, or `[ok, error, inTokens, outTokens, seconds]`. Only
 * where the row has the right answer, `gold`, is the second one an answer: an error would give away what is asked.
 */
function recordedOf([right, ...more]: readonly [number, ...unknown[]], answered: boolean): Recorded {
  const [said, second, third, fourth] = more
  const answer = answered ? said : undefined
  const flagged = second === 0 || second === 1 || typeof second === 'boolean'
  if (more.length >= 4 && flagged && (answered || Number.isInteger(fourth))) {
    return {
      ...UNKNOWN,
      right,
      answer,
      valid: Boolean(second),
      inTokens: tokens(third),
      outTokens: tokens(fourth),
    }
  }
  const known = { ...UNKNOWN, right, answer }
  if (more.length >= 3) return { ...known, inTokens: tokens(second), outTokens: tokens(third) }
  return { ...known, outTokens: tokens(second) }
}

function tokens(count: unknown): number | undefined {
  return typeof count === 'number' && Number.isFinite(count) && count >= 0 ? count : undefined
}
