import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { ZodError } from 'zod'
import { isRefusal, UpshiftError } from '../../contract/problem.ts'
import { type ExitCode, UsageError, type Verb, type VerbContext } from '../../contract/verb.ts'
import { isMissing } from '../../lib/missing.ts'
import { type Bundle, checkBundle } from './bundle.ts'
import { compareHome } from './compare.ts'
import { exportCheckpoint } from './export.ts'
import { prove } from './prove.ts'
import { bundleIn } from './read-bundle.ts'
import { verifyHome } from './verify.ts'
import { compared, verified } from './words.ts'

const KEY = {
  type: 'string',
  value: 'KEY',
  summary: 'The verifier key, from a safer place than the home; default: its audit.pub.',
} as const
const INSECURE = {
  type: 'boolean',
  summary: 'Let plain HTTP leave this machine.',
} as const

export const verbs: readonly Verb[] = [
  {
    name: 'audit verify',
    summary: 'Check the whole record and name what was changed, removed, moved or cut.',
    options: {
      key: KEY,
      'skip-texts': { type: 'boolean', summary: 'Leave out the encrypted texts in the vault.' },
    },
    details:
      'Reads the files of the home and writes nothing; a server may be running. Ends with 3 where anything is wrong. ' +
      'Entries behind the newest checkpoint, and a line that a crash has torn, are told and are no fault.',
    examples: ['upshift audit verify', 'upshift audit verify --json --key "$(cat audit.pub)"'],
    run: verify,
  },
  {
    name: 'audit prove',
    summary: 'Prove that the entries about a request are in the record.',
    operands: 'ID',
    options: { out: { type: 'string', value: 'FILE', summary: 'Write the proof there; default: stdout.' } },
    details:
      'ID is what x-request-id said, the id of a feedback, an erasure or a key, or a sequence number. The proof is a JSON ' +
      'document that `upshift audit check` and the one file bin/verify-proof.mjs check without this home.',
    examples: ['upshift audit prove req_01kd… --out proof.json', 'upshift audit prove 1204'],
    run: proveId,
  },
  {
    name: 'audit check',
    summary: 'Check a proof that `audit prove` has written, or the one in a receipt.',
    operands: 'PROOF.json',
    options: { key: { ...KEY, summary: 'The verifier key; default: the one in the proof.' } },
    details:
      'Ends with 3 where the proof does not hold. Of a receipt, of an erasure or of a document that was ' +
      'forgotten, it checks the proof that this stands in the record.',
    examples: ['upshift audit check proof.json --key "$(cat audit.pub)"', 'upshift audit check receipt.json'],
    run: check,
  },
  {
    name: 'audit export',
    summary: 'Hand the newest signed checkpoint to a file or URL outside the home.',
    operands: 'FILE|URL',
    options: { insecure: INSECURE },
    details:
      'Whoever can change the home can change its key, too. A checkpoint that lies elsewhere is what such a change ' +
      'cannot reach: export often, to a place that the home’s owner cannot write.',
    examples: [
      'upshift audit export /mnt/worm/upshift.checkpoints',
      'upshift audit export https://witness.example/log',
    ],
    run: exportNewest,
  },
  {
    name: 'audit compare',
    summary: 'Prove that the record extends every checkpoint that was exported.',
    operands: 'FILE|URL',
    options: { key: KEY, insecure: INSECURE },
    details:
      'Names a rollback (an older copy was put back), a fork (other records than those signed for), or a checkpoint of ' +
      'another log, and ends with 3. Run it beside `upshift audit verify`, which checks the records themselves.',
    examples: ['upshift audit compare /mnt/worm/upshift.checkpoints'],
    run: compare,
  },
]

const PROGRESS_STEP = 0.01

async function verify(context: VerbContext): Promise<ExitCode> {
  noOperands(context)
  const key = text(context, 'key')
  const progress = progressOn(context)
  const result = await verifyHome({
    home: await context.home(),
    signal: context.signal,
    texts: context.flags['skip-texts'] !== true,
    ...(key !== undefined && { verifierKey: key }),
    ...(progress !== undefined && { progress }),
  })
  context.out.write(context.json ? `${JSON.stringify(result)}\n` : verified(result))
  return result.ok ? 0 : 3
}

async function proveId(context: VerbContext): Promise<ExitCode> {
  const what = operand(context, 'an id or a sequence number')
  const out = text(context, 'out')
  const proven = await prove({ home: await context.home(), what, signal: context.signal })
  if (isRefusal(proven)) throw new UpshiftError(proven.problem)
  const { bundle, uncovered } = proven
  const document = `${JSON.stringify(bundle, undefined, 2)}\n`
  if (out === undefined) context.out.write(document)
  else {
    writeNew(out, document)
    const summary = { file: out, entries: bundle.entries.length, uncovered }
    context.out.write(
      context.json
        ? `${JSON.stringify(summary)}\n`
        : `${out}: ${bundle.entries.length} entries about ${what}.\n`,
    )
  }
  if (uncovered.length > 0) {
    context.err.write(
      `upshift: ${uncovered.length} more entries about ${what} are not covered by a checkpoint yet and not in the proof. Try again in a moment.\n`,
    )
  }
  return 0
}

async function check(context: VerbContext): Promise<ExitCode> {
  const path = operand(
    context,
    'a file that `audit prove`, `subject erase` or `knowledge forget` has written',
  )
  const bundle = readBundle(path)
  const key = text(context, 'key')
  const result = checkBundle(bundle, key)
  if (context.json) context.out.write(`${JSON.stringify(result)}\n`)
  else if (!result.ok) context.out.write(`The proof does not hold. ${result.why}\n`)
  else {
    const whose =
      key === undefined ? 'the key in the proof (compare it with one from a safe source)' : 'the given key'
    const entries =
      result.seqs.length === 1 ? `entry ${result.seqs[0]} was` : `entries ${result.seqs.join(', ')} were`
    context.out.write(
      `The proof holds: ${entries} in the log ${result.origin} when its first ${result.size} entries were signed for with ${whose}.\n`,
    )
  }
  return result.ok ? 0 : 3
}

async function exportNewest(context: VerbContext): Promise<ExitCode> {
  const to = operand(context, 'a file or URL')
  const exported = await exportCheckpoint({
    home: await context.home(),
    to,
    insecure: context.flags['insecure'] === true,
    signal: context.signal,
  })
  const what = exported.already ? 'was exported there before' : 'is exported'
  const words = `The checkpoint over ${exported.size} entries ${what}: ${to}\n`
  context.out.write(context.json ? `${JSON.stringify(exported)}\n` : words)
  return 0
}

async function compare(context: VerbContext): Promise<ExitCode> {
  const from = operand(context, 'a file or URL')
  const key = text(context, 'key')
  const comparison = await compareHome({
    home: await context.home(),
    from,
    insecure: context.flags['insecure'] === true,
    signal: context.signal,
    ...(key !== undefined && { verifierKey: key }),
  })
  context.out.write(context.json ? `${JSON.stringify(comparison)}\n` : compared(comparison, from))
  return comparison.ok ? 0 : 3
}

/** Bytes done, where someone looks at a terminal. */
function progressOn({ err, json }: VerbContext): ((done: number, total: number) => void) | undefined {
  if (json || Reflect.get(err, 'isTTY') !== true) return undefined
  let told = 0
  return (done, total) => {
    if (done < total && done - told < total * PROGRESS_STEP) return
    told = done
    const end = done < total ? '' : '\r\u001b[K'
    err.write(`\rupshift: ${Math.floor((100 * done) / total)} % of ${Math.ceil(total / 1_048_576)} MiB${end}`)
  }
}

function noOperands({ args }: VerbContext): void {
  if (args.length > 0) throw new UsageError(`It takes no argument, and there is ${JSON.stringify(args[0])}`)
}

function operand({ args }: VerbContext, what: string): string {
  const [first, ...more] = args
  if (first === undefined || first === '') throw new UsageError(`It needs ${what}`)
  if (more.length > 0) throw new UsageError(`It takes one argument, and there are ${args.length}`)
  return first
}

function text({ flags }: VerbContext, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}

/** A proof names callers and costs: it is for its owner to pass on. */
function writeNew(path: string, document: string): void {
  let file: number
  try {
    file = openSync(path, 'w', 0o600)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UpshiftError({ code: 'conflict', message: `${path} cannot be written: ${why}.` }, cause)
  }
  try {
    writeFileSync(file, document)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

const MAX_BUNDLE_BYTES = 268_435_456

function readBundle(path: string): Bundle {
  const advice =
    'It is a JSON document that `upshift audit prove`, `upshift subject erase` or `upshift knowledge forget` writes.'
  let value: unknown
  try {
    if (statSync(path).size > MAX_BUNDLE_BYTES) throw new Error('it is too large')
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    const code = isMissing(cause) ? 'not_found' : 'invalid_request'
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UpshiftError({ code, message: `${path} cannot be read as a proof: ${why}. ${advice}` }, cause)
  }
  try {
    return bundleIn(value)
  } catch (cause) {
    if (!(cause instanceof ZodError)) throw cause
    const first = cause.issues[0]
    const where = first?.path.map(String).join('.') || 'the top'
    const message = `${path} is no proof: ${first?.message ?? 'unknown'} at ${where}. ${advice}`
    throw new UpshiftError({ code: 'invalid_request', message }, cause)
  }
}
