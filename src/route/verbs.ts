import { writeFileSync } from 'node:fs'
import { UpshiftError } from '../contract/problem.ts'
import { type ExitCode, UsageError, type Verb, type VerbContext, type VerbOption } from '../contract/verb.ts'
import { systemClock } from '../lib/clock.ts'
import { DEFAULT_PRIOR, openPrior } from './default-prior.ts'
import { type Evaluated, evaluate, FOLDS_MAX } from './evaluate/evaluate.ts'
import { type Names, pricesWith } from './evaluate/pair.ts'
import { plotOf } from './evaluate/plot.ts'
import type { Price } from './evaluate/prices.ts'
import { modelsOf, type Row, readOutcomes } from './evaluate/rows.ts'
import { evaluationTable } from './evaluate/table.ts'
import { isFault } from './learn/packing.ts'
import type { Prior } from './learn/prior.ts'
import { reportVerb, rollbackVerb, versionsVerb } from './online/verb.ts'
import { trainPrior } from './train.ts'

const FOLDS = 5
/** Shorter work ends without a word on standard error. */
const QUIET_MS = 2_000
const PRICE = /^(.+)=(\d+(?:\.\d+)?)(?:\/(\d+(?:\.\d+)?))?$/

const ROWS =
  'Rows are {id, prompt, domain?, weak, strong} or {id, prompt, task?, m: {MODEL: [ok, …, inTokens, outTokens]}}, in .jsonl or .jsonl.gz.'

const DATA: Readonly<Record<string, VerbOption>> = {
  data: { type: 'string', multiple: true, value: 'FILE', summary: 'Rows to measure on.' },
  train: {
    type: 'string',
    multiple: true,
    value: 'FILE',
    summary: 'Rows to learn from. Without it, --data is folded.',
  },
  prior: {
    type: 'string',
    value: 'FILE',
    summary: 'Measure this stored prior as it is, `default` for the one that ships, and learn nothing.',
  },
  weak: { type: 'string', value: 'MODEL', summary: 'The cheap model. Needed for rows with many models.' },
  strong: { type: 'string', value: 'MODEL', summary: 'The model to shift up to.' },
  second: {
    type: 'string',
    value: 'MODEL',
    summary:
      'A second cheap model, whose agreement is evidence; `none` for none. Without it, the training rows choose one of another vendor.',
  },
  folds: { type: 'string', value: 'K', summary: `Folds without --train (default ${FOLDS}).` },
  price: {
    type: 'string',
    multiple: true,
    value: 'MODEL=IN/OUT',
    summary: 'A price in USD per million tokens, in place of the list price.',
  },
}

const evaluateVerb: Verb = {
  name: 'route evaluate',
  summary: 'Measure on recorded answers what learned routing recovers, and at what cost.',
  options: DATA,
  details:
    `Learns on some rows and orders others by the expected gain of the strong model, from the prompt and, where the rows hold answers, from the cheap answers. ${ROWS} ` +
    'Equal prompts stay in one fold, and neither id nor domain nor task is ever a feature. The chapter on routing says what each figure means.',
  examples: [
    'upshift route evaluate --data routellm_mmlu.jsonl.gz',
    'upshift route evaluate --data zeroeval.jsonl.gz --weak gpt-4o-mini-2024-07-18 --strong gpt-4o-2024-05-13 --second gemini-1.5-flash --json',
  ],
  async run(context) {
    const { evaluation } = await evaluated(context)
    context.out.write(context.json ? `${JSON.stringify(evaluation, null, 2)}\n` : evaluationTable(evaluation))
    return 0
  },
}

const plotVerb: Verb = {
  name: 'route plot',
  summary: 'Draw the curve of cost and quality of learned routing, with its baselines, as SVG.',
  options: { ...DATA, out: { type: 'string', value: 'FILE', summary: 'The SVG to write.' } },
  details: `Measures like \`route evaluate\` and draws what it finds. ${ROWS}`,
  examples: ['upshift route plot --data routellm_mmlu.jsonl.gz --out mmlu.svg'],
  async run(context) {
    const out = context.flags['out']
    if (typeof out !== 'string') throw new UsageError('`upshift route plot` needs --out FILE for the drawing')
    write(out, plotOf(await evaluated(context)))
    context.out.write(context.json ? `${JSON.stringify({ out })}\n` : `Drawn to ${out}.\n`)
    return 0
  },
}

const trainVerb: Verb = {
  name: 'route train',
  summary: 'Train the prior that judges prompts, and write it.',
  options: {
    data: {
      type: 'string',
      multiple: true,
      value: 'FILE',
      summary: 'Rows to learn from; may be given several times.',
    },
    out: {
      type: 'string',
      value: 'FILE',
      summary:
        'Where to write the prior. Needed: the one that ships is written only where its file is named.',
    },
  },
  details: `The same files give the same bytes. ${ROWS} Of rows with many models, the small ones and the strong ones are told apart by their list prices. Train on rows whose licence allows to ship what is learned from them.`,
  examples: ['upshift route train --data routellm_mmlu.jsonl.gz --data zeroeval.jsonl.gz --out my.prior'],
  run: train,
}

export const verbs: readonly Verb[] = [
  evaluateVerb,
  trainVerb,
  plotVerb,
  reportVerb,
  versionsVerb,
  rollbackVerb,
]

async function train(context: VerbContext): Promise<ExitCode> {
  const { args, flags, json, out, signal } = context
  const files = [...listed(flags['data']), ...args]
  if (files.length === 0) throw new UsageError('`upshift route train` needs --data FILE')
  const place = flags['out']
  if (typeof place !== 'string') throw new UsageError('`upshift route train` needs --out FILE for the prior')
  const { bytes, origin } = trainPrior(files)
  signal.throwIfAborted()
  write(place, bytes)
  const told = { out: place, bytes: bytes.length, ...origin }
  out.write(
    json
      ? `${JSON.stringify(told, null, 2)}\n`
      : `Trained on ${origin.rows} rows: ${place}, ${bytes.length} bytes.\n`,
  )
  return 0
}

async function evaluated(context: VerbContext): Promise<Evaluated> {
  const { args, flags, err, signal } = context
  const places = [...listed(flags['data']), ...args]
  if (places.length === 0) throw new UsageError('`upshift route` needs --data FILE with recorded outcomes')
  const data = readOutcomes(places)
  const training = listed(flags['train'])
  const began = systemClock.elapsed()
  return await evaluate(data, training.length === 0 ? undefined : readOutcomes(training), {
    names: namesOf(flags, data),
    second: typeof flags['second'] === 'string' ? flags['second'] : undefined,
    folds: foldsOf(flags['folds']),
    prior: storedPrior(flags['prior'], training.length > 0),
    priceOf: pricesWith(prices(listed(flags['price']))),
    signal,
    clock: systemClock,
    progress(words) {
      if (systemClock.elapsed() - began > QUIET_MS) err.write(`route: ${words}\n`)
    },
  })
}

function storedPrior(flag: VerbContext['flags'][string], trains: boolean): Prior | undefined {
  if (typeof flag !== 'string') return undefined
  if (trains) throw new UsageError('--prior learns nothing, so --train has no place beside it')
  const prior = openPrior(flag === 'default' ? DEFAULT_PRIOR : flag)
  if (!isFault(prior)) return prior
  const message = `The prior ${flag} cannot be used: ${prior.why}. Write one with \`upshift route train\`.`
  throw new UpshiftError({ code: 'invalid_request', message })
}

function namesOf(flags: VerbContext['flags'], data: readonly Row[]): Names {
  const { weak, strong, second } = flags
  const known = modelsOf(data)
  const bare = known.includes('weak') && known.includes('strong')
  const named = { weak: weak ?? (bare ? 'weak' : undefined), strong: strong ?? (bare ? 'strong' : undefined) }
  if (typeof named.weak !== 'string' || typeof named.strong !== 'string') {
    throw new UsageError(
      `these rows are of many models: name two by --weak and --strong, of ${known.join(', ')}`,
    )
  }
  if (named.weak === named.strong) throw new UsageError('--weak and --strong are the same model')
  if (second === named.weak || second === named.strong)
    throw new UsageError('--second must be a third model, or none')
  return { weak: named.weak, strong: named.strong }
}

function foldsOf(flag: VerbContext['flags'][string]): number {
  if (flag === undefined) return FOLDS
  const folds = Number(flag)
  if (Number.isInteger(folds) && folds >= 2 && folds <= FOLDS_MAX) return folds
  throw new UsageError(`--folds must be a whole number from 2 to ${FOLDS_MAX}`)
}

function prices(flags: readonly string[]): ReadonlyMap<string, Price> {
  return new Map(
    flags.map((flag) => {
      const [, name, input, output] = PRICE.exec(flag) ?? []
      if (name === undefined || input === undefined)
        throw new UsageError('--price must be MODEL=INPUT or MODEL=INPUT/OUTPUT, in USD per million tokens')
      return [name, { input: Number(input), output: Number(output ?? input) }]
    }),
  )
}

function write(file: string, content: string | Buffer): void {
  try {
    writeFileSync(file, content)
  } catch (cause) {
    const message = `${file} cannot be written (${cause instanceof Error ? cause.message : String(cause)}). Name a file in a folder that is there and may be written to.`
    throw new UpshiftError({ code: 'invalid_request', message }, cause)
  }
}

function listed(flag: VerbContext['flags'][string]): readonly string[] {
  return [flag].flat().filter((one) => typeof one === 'string')
}
