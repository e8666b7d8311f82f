import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { getLlama, type Llama, LlamaLogLevel } from 'node-llama-cpp'
import { writeTinyModel } from '../../src/engine/llama/gguf.fixture.ts'
import type { GrammarBounds } from '../../src/engine/llama/grammar/bounds.ts'
import { compileSchema } from '../../src/engine/llama/grammar/compile.ts'
import { RandomModel } from '../../src/engine/llama/grammar/random-model.fixture.ts'
import { passes, SchemaJudge } from './schema-judge.ts'

/**
 * Whether a grammar holds a model to its schema: `npm run trial:schemas [-- --outputs 2000 --models 3 --seed 1 --default-bounds --json]`.
 *
 * DESIGN. Models of random weights say anything, so whatever a grammar lets through is said sooner or later. Each of
 * the schemas in schemas.fixture.json is compiled and sampled at temperature 1 without top-k or top-p, by several
 * models, and Ajv judges every output. Free strings, lists and recursion are bounded more tightly than by default
 * (TIGHT), so that thousands of outputs take minutes; with --default-bounds they are as they are for callers, and a
 * free text may be cut off before chance ends it. An output of a schema with keywords that the compiler leaves to a
 * validator counts as caught where it is invalid, and apart.
 * Exit codes: 0, or 3 where an output is invalid or broken, or fewer than COMPLETED_SHARE of them end by themselves.
 */
const { values } = parseArgs({
  options: {
    outputs: { type: 'string', default: '2000' },
    models: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    'default-bounds': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const MAX_TOKENS = 1_500
const TIGHT: Partial<GrammarBounds> = {
  stringChars: 40,
  keyChars: 8,
  items: 6,
  extraKeys: 3,
  recursion: 2,
  recursiveItems: 2,
}
const BOUNDS = values['default-bounds'] ? {} : TIGHT
const TELL_EVERY = 250
const MAX_SHOWN = 10

interface Trial {
  readonly name: string
  readonly schema: object
}

interface Row {
  readonly name: string
  readonly checked: readonly string[]
  outputs: number
  completed: number
  invalid: number
  caught: number
  tokens: number
}

const trials: readonly Trial[] = JSON.parse(
  readFileSync(new URL('../../src/engine/llama/grammar/schemas.fixture.json', import.meta.url), 'utf8'),
)
const folder = mkdtempSync(join(tmpdir(), 'upshift-schemas-'))
try {
  process.exitCode = await run()
} finally {
  rmSync(folder, { recursive: true })
}

async function run(): Promise<0 | 3> {
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error })
  const rows = new Map<string, Row>()
  const faults: string[] = []
  const begun = performance.now()
  const models = Number(values.models)
  for (let index = 0; index < models; index++) {
    const share = Math.ceil((Number(values.outputs) * (index + 1)) / models)
    await sample(llama, Number(values.seed) + index, share, rows, faults)
  }
  await llama.dispose()
  return report([...rows.values()], faults, (performance.now() - begun) / 1_000)
}

/** Goes on until there are so many outputs, taking the schemas in turns. */
async function sample(
  llama: Llama,
  seed: number,
  until: number,
  rows: Map<string, Row>,
  faults: string[],
): Promise<void> {
  const path = join(folder, `${seed}.gguf`)
  writeTinyModel(path, { seed, endBias: 0 })
  await using model = await RandomModel.load(llama, path)
  let done = [...rows.values()].reduce((sum, { outputs }) => sum + outputs, 0)
  const ready = trials.map((trial) => prepare(trial, rows, model))
  for (let turn = 0; done < until; turn++) {
    const one = ready[turn % ready.length]
    if (one === undefined) throw new Error('there is no schema')
    const { row, judge, grammar } = one
    const { text, tokens, ended } = await model.say(grammar, seed * 1_000_003 + turn, MAX_TOKENS)
    done += 1
    row.outputs += 1
    row.tokens += tokens
    if (done % TELL_EVERY === 0) process.stderr.write(`${done} outputs\n`)
    if (!ended) continue
    row.completed += 1
    const judgement = judge.judge(text)
    if (judgement === 'valid') continue
    if (judgement === 'invalid' && row.checked.length > 0) {
      row.caught += 1
      continue
    }
    row.invalid += 1
    faults.push(`${row.name}: ${judgement} ${judge.errors}: ${JSON.stringify(text)}`)
  }
}

function prepare({ name, schema }: Trial, rows: Map<string, Row>, model: RandomModel) {
  const compiled = compileSchema(schema, BOUNDS)
  if (compiled.type === 'refused')
    throw new Error(`${name} is refused: ${compiled.why} (${compiled.pointer})`)
  const checked = compiled.checked.map(({ keyword }) => keyword)
  const row: Row = rows.get(name) ?? {
    name,
    checked,
    outputs: 0,
    completed: 0,
    invalid: 0,
    caught: 0,
    tokens: 0,
  }
  rows.set(name, row)
  return { row, judge: new SchemaJudge(schema), grammar: model.grammar(compiled.gbnf) }
}

function report(rows: readonly Row[], faults: readonly string[], seconds: number): 0 | 3 {
  const sum = (part: (row: Row) => number): number => rows.reduce((all, row) => all + part(row), 0)
  const outputs = sum((row) => row.outputs)
  const completed = sum((row) => row.completed)
  const invalid = sum((row) => row.invalid)
  const caught = sum((row) => row.caught)
  const share = completed / outputs
  const tokens = sum((row) => row.tokens)
  const passed = passes({ outputs, completed, invalid })
  if (values.json) {
    const all = {
      schemas: rows.length,
      outputs,
      completed,
      invalid,
      caught,
      tokens,
      seconds,
      passed,
      rows,
      faults,
    }
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`)
    return passed ? 0 : 3
  }
  process.stdout.write(
    `${rows.length} schemas, ${outputs} outputs of ${tokens} tokens in ${seconds.toFixed(0)} s\n` +
      `completed ${(100 * share).toFixed(1)} %, invalid ${invalid}, caught by a validator ${caught}\n`,
  )
  for (const row of rows.filter((one) => one.caught > 0)) {
    process.stdout.write(`caught: ${row.name}: ${row.caught} of ${row.outputs} (${row.checked.join(', ')})\n`)
  }
  for (const row of rows.filter((one) => one.completed < one.outputs)) {
    process.stdout.write(`cut off: ${row.name}: ${row.outputs - row.completed} of ${row.outputs}\n`)
  }
  for (const fault of faults.slice(0, MAX_SHOWN)) process.stdout.write(`FAULT: ${fault}\n`)
  return passed ? 0 : 3
}
