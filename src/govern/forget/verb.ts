import { resolve } from 'node:path'
import { expectJson } from '../../contract/reply.ts'
import { type ExitCode, UsageError, type Verb, type VerbContext } from '../../contract/verb.ts'
import { agreed } from '../agreed.ts'
import { openNewFile } from '../save.ts'
import { type ForgetReceipt, forgetReceiptSchema } from './wire.ts'

export const forgetVerb: Verb = {
  name: 'knowledge forget',
  summary: 'Remove a document from a collection for good, with the answers that quote it, and prove it.',
  operands: 'COLLECTION SOURCE',
  options: {
    yes: { type: 'boolean', short: 'y', summary: 'Do not ask.' },
    receipt: { type: 'string', value: 'FILE', summary: 'Write the receipt to a new file too.' },
  },
  details:
    'SOURCE is what the document is called in `knowledge list --collection`: for a file its path. Takes out its ' +
    'passages, postings and words, overwrites kept answers that quote it, drops caches, then searches for it and ' +
    'looks for its words and its name in every byte of the home. Ends with 3 where something was found. The file itself stays ' +
    'where it is.',
  examples: ['upshift knowledge forget manuals ./manuals/pumps.md --receipt receipt.json'],
  run: runForget,
}

const NOT_FOUND = 404

async function runForget(context: VerbContext): Promise<ExitCode> {
  const [collection, source, ...more] = context.args
  if (collection === undefined || source === undefined || more.length > 0)
    throw new UsageError('knowledge forget takes a collection and one document of it.')
  const file = context.flags['receipt']
  if (file === '') throw new UsageError('--receipt takes the path of a file')
  if (!(await agreed(context, 'This cannot be undone. Forget this document? [y/N] '))) {
    context.err.write('upshift: nothing was forgotten.\n')
    return 1
  }
  // Before anything is removed: a receipt that cannot be written must not be found out after it.
  const receiptFile = typeof file === 'string' ? await openNewFile(file) : undefined
  try {
    const server = await context.server()
    const forget = (named: string) =>
      server.call('POST', '/v1/admin/knowledge/forget', { collection, source: named }, context.signal)
    const first = await forget(source)
    const reply =
      first.status === NOT_FOUND && resolve(source) !== source ? await forget(resolve(source)) : first
    if (reply !== first) first.body.destroy()
    const receipt = await expectJson(reply, forgetReceiptSchema)
    context.out.write(`${JSON.stringify(receipt, undefined, context.json ? undefined : 2)}\n`)
    context.err.write(summaryOf(receipt))
    await receiptFile?.write(`${JSON.stringify(receipt, undefined, 2)}\n`)
    await receiptFile?.keep()
    return receipt.result === 'forgotten' ? 0 : 3
  } finally {
    await receiptFile?.close()
  }
}

function summaryOf({ removed, retrieval, scan, result, id, alsoIn }: ForgetReceipt): string {
  const also =
    alsoIn.length === 0 ? '' : `upshift: the same source is also in collection ${alsoIn.join(', ')}.\n`
  const head = `${also}upshift: ${removed.passages} passages and ${removed.answers} kept answers are gone; the proof is in the receipt of ${id}.\n`
  const asked = `upshift: ${retrieval.questions} searches for its words found it ${retrieval.found} times`
  if (scan === null) return `${head}${asked}.\n`
  const scanned = `${head}${asked}; ${scan.files} files (${scan.bytes} bytes) were scanned for ${scan.probes} probes`
  if (result === 'forgotten') return `${scanned}: nothing is left.\n`
  return `${scanned}: INCOMPLETE.\n${leftovers(scan).map(line).join('')}${line(NEXT_STEP)}`
}

const NEXT_STEP =
  'What Upshift did not write you can remove by hand. Where its own files still hold something, a reader was in the ' +
  'way: end it, add the document again and forget it once more.'
const OFFSETS_SHOWN = 3

function line(text: string): string {
  return `upshift: ${text}\n`
}

/** What was found and where, a line for each file. The receipt holds more offsets. */
function leftovers({ findings, found, unread }: NonNullable<ForgetReceipt['scan']>): string[] {
  const files = [...new Set(findings.map(({ file }) => file))]
  const places = files.map((file) => {
    const offsets = findings.flatMap((one) => (one.file === file ? [one.offset] : []))
    const more = offsets.length > OFFSETS_SHOWN ? ' and more' : ''
    return `${file} holds its words or its name, at byte ${offsets.slice(0, OFFSETS_SHOWN).join(', ')}${more}.`
  })
  const rest = found > findings.length ? [`${found} places were found in all.`] : []
  return [
    ...places,
    ...rest,
    ...unread.map(({ file, why }) => `${file} could not be looked through: ${why}.`),
  ]
}
