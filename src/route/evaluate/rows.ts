import * as z from 'zod'
import { UpshiftError } from '../../contract/problem.ts'
import { readRows } from '../../store/json-lines.ts'

/** Rows that one evaluation or training reads at most. */
const ROWS_MAX = 500_000
const NAMED_MAX = 40

const share = z.number({ error: 'must be a number from 0 to 1' }).min(0).max(1)
const label = z.union([z.string(), z.number()]).transform(String)

/** One model's recorded result: `[ok, …]`; what follows is told apart by `recordedOf`. */
const result = z.tuple([share], z.unknown())

const schema = z
  .looseObject({
    id: label,
    prompt: z.string().min(1),
    options: z.array(z.string()).optional(),
    domain: label.nullish(),
    task: label.nullish(),
    cat: label.nullish(),
    weak: share.optional(),
    strong: share.optional(),
    m: z.record(z.string(), result).optional(),
  })
  .superRefine((row, context) => {
    if (row.m !== undefined) return
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
}

export interface Row {
  readonly id: string
  /** The prompt with its options, if it has any: all that a feature may be made of. */
  readonly text: string
  /** Domain, task or category: for baselines and figures per task, never a feature. */
  readonly label: string | undefined
  /** By model; rows of the shape {weak, strong} have models of these names. */
  readonly models: ReadonlyMap<string, Recorded>
}

/** Reads both shapes of rows. Throws UpshiftError where a line does not fit or an id comes twice. */
export function readOutcomes(places: readonly string[]): readonly Row[] {
  const rows = readRows(places, schema).map(rowOf)
  if (rows.length === 0) throw unusable(`There is no row in ${places.join(', ')}.`)
  if (rows.length > ROWS_MAX)
    throw unusable(`${rows.length} rows are more than ${ROWS_MAX}: name fewer files.`)
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

/** What the rows say of one model; throws and lists the models that are there where one row does not know it. */
export function recordedBy(rows: readonly Row[], model: string): readonly Recorded[] {
  const recorded = rows.map(({ models }) => models.get(model))
  const without = recorded.indexOf(undefined)
  if (without === -1) return recorded.filter((one) => one !== undefined)
  const known = modelsOf(rows)
  if (known.includes(model)) throw unusable(`The row "${rows[without]?.id}" says nothing of ${model}.`)
  const listed = known.slice(0, NAMED_MAX).join(', ')
  throw unusable(`No row knows a model "${model}". These are there: ${listed}.`)
}

/** The models of every row, in the order of their names. */
export function modelsOf(rows: readonly Row[]): readonly string[] {
  const [first, ...others] = rows
  if (first === undefined) return []
  return [...first.models.keys()].filter((name) => others.every(({ models }) => models.has(name))).sort()
}

export function unusable(message: string): UpshiftError {
  return new UpshiftError({ code: 'invalid_request', message })
}

function rowOf(line: Line): Row {
  const models = new Map<string, Recorded>()
  for (const [name, entry] of Object.entries(line.m ?? {})) models.set(name, recordedOf(entry))
  for (const name of ['weak', 'strong'] as const) {
    const right = line[name]
    if (right !== undefined) models.set(name, { ...UNKNOWN, right })
  }
  const text = [line.prompt, ...(line.options ?? [])].join('\n')
  return { id: line.id, text, label: line.task ?? line.domain ?? line.cat ?? undefined, models }
}

const UNKNOWN = { answer: undefined, valid: undefined, inTokens: undefined, outTokens: undefined }

/**
 * `[ok]`, `[ok, answer]`, `[ok, answer, outTokens]`, `[ok, answer, inTokens, outTokens]`,
 * `[ok, answer, valid, inTokens, outTokens]` with valid 0 or 1, or `[ok, error, inTokens, outTokens, seconds]`, which
 * holds no answer.
 */
function recordedOf([right, ...more]: readonly [number, ...unknown[]]): Recorded {
  const [said, second, third, fourth] = more
  if (more.length >= 4) {
    const flagged = second === 0 || second === 1 || typeof second === 'boolean'
    if (!flagged) return { ...UNKNOWN, right, inTokens: tokens(second), outTokens: tokens(third) }
    const valid = Boolean(second)
    return { right, answer: said, valid, inTokens: tokens(third), outTokens: tokens(fourth) }
  }
  if (more.length === 3) {
    return { ...UNKNOWN, right, answer: said, inTokens: tokens(second), outTokens: tokens(third) }
  }
  return { ...UNKNOWN, right, answer: said, outTokens: tokens(second) }
}

function tokens(count: unknown): number | undefined {
  return typeof count === 'number' && Number.isFinite(count) && count >= 0 ? count : undefined
}
