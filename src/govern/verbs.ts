import { expectJson } from '../contract/reply.ts'
import { type ExitCode, UsageError, type Verb, type VerbContext } from '../contract/verb.ts'
import { agreed } from './agreed.ts'
import { forgetVerb } from './forget/verb.ts'
import { openNewFile, saveReply } from './save.ts'
import { type Receipt, receiptSchema, subjectBody } from './wire.ts'

export const verbs: readonly Verb[] = [
  {
    name: 'subject export',
    summary: 'Show everything that is kept about a person or key.',
    operands: 'ID',
    options: {
      out: { type: 'string', value: 'FILE', summary: 'Write it to a new file, readable by you alone.' },
    },
    details:
      'ID is the `user` of the requests, or the id of an API key for its requests without one. The document holds ' +
      'metadata, prompts, answers and feedback as text; its last field is `complete`.',
    examples: ['upshift subject export ada@example.org --out ada.json'],
    run: exportSubject,
  },
  {
    name: 'subject erase',
    summary: 'Erase the texts of a person or key for good, and prove it.',
    operands: 'ID',
    options: {
      yes: { type: 'boolean', short: 'y', summary: 'Do not ask.' },
      receipt: { type: 'string', value: 'FILE', summary: 'Write the receipt to a new file too.' },
    },
    details:
      'Destroys the key with which the texts are encrypted, cleans the projections, then looks for the name and ' +
      'for pieces of the texts in every byte of the home. The receipt holds the figures and an inclusion proof, ' +
      'and neither name nor text. Ends with 3 where something was found. Backups that were made before still ' +
      'hold what they held.',
    examples: ['upshift subject erase ada@example.org --receipt receipt.json'],
    run: eraseSubject,
  },
  forgetVerb,
]

async function exportSubject(context: VerbContext): Promise<ExitCode> {
  const id = idOf(context)
  const out = textOf(context, 'out')
  const server = await context.server()
  const reply = await server.call('POST', '/v1/admin/subjects/export', { id }, context.signal)
  const bytes = await saveReply(reply, out, context)
  if (out !== undefined) {
    context.err.write(`upshift: wrote ${bytes} bytes to ${out}, readable by you alone.\n`)
    if (context.json) context.out.write(`${JSON.stringify({ file: out, bytes })}\n`)
  }
  return 0
}

async function eraseSubject(context: VerbContext): Promise<ExitCode> {
  const id = idOf(context)
  const file = textOf(context, 'receipt')
  if (!(await agreed(context, 'This cannot be undone. Erase every text of this subject? [y/N] '))) {
    context.err.write('upshift: nothing was erased.\n')
    return 1
  }
  // Before the erasure: a receipt that cannot be written must not be found out after it.
  const receiptFile = file === undefined ? undefined : await openNewFile(file)
  try {
    const server = await context.server()
    const reply = await server.call('POST', '/v1/admin/subjects/erase', { id }, context.signal)
    const receipt = await expectJson(reply, receiptSchema)
    context.out.write(`${JSON.stringify(receipt, undefined, context.json ? undefined : 2)}\n`)
    context.err.write(summaryOf(receipt))
    await receiptFile?.write(`${JSON.stringify(receipt, undefined, 2)}\n`)
    await receiptFile?.keep()
    return receipt.result === 'erased' ? 0 : 3
  } finally {
    await receiptFile?.close()
  }
}

function summaryOf(receipt: Receipt): string {
  const { scan, id } = receipt
  const head = `upshift: the key of ${receipt.subject} is destroyed; the proof is in the receipt of ${id}.\n`
  if (scan === null) return `${head}upshift: the scan could not be repeated after a crash.\n`
  const scanned = `upshift: ${scan.files} files (${scan.bytes} bytes) were scanned for ${scan.probes} probes`
  if (receipt.result === 'erased') return `${head}${scanned}: nothing is left.\n`
  const files = [...new Set([...scan.findings, ...scan.unread].map(({ file }) => file))].join(', ')
  const what = scan.found > 0 ? `${scan.found} places hold bytes of it` : 'not every file could be read'
  return `${head}${scanned}: ${what}. INCOMPLETE, look at: ${files}\n`
}

/** The id, checked by the wire's own schema. Throws UsageError. */
function idOf(context: VerbContext): string {
  const read = subjectBody.shape.id.safeParse(context.args[0])
  if (read.success) return read.data
  throw new UsageError('ID is 1 to 512 characters long')
}

function textOf(context: VerbContext, name: string): string | undefined {
  const value = context.flags[name]
  if (value === '') throw new UsageError(`--${name} takes the path of a file`)
  return typeof value === 'string' ? value : undefined
}
