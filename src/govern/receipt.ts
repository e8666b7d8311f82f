import type { ErasureBegun } from '../contract/entry.ts'
import type { EntryProof } from './ports.ts'
import type { Probes } from './probe/collect.ts'
import type { Scanned } from './search.ts'
import type { Receipt } from './wire.ts'

export interface ReceiptFacts {
  readonly begun: ErasureBegun
  readonly begunAt: number
  readonly doneAt: number
  readonly probes: Probes | undefined
  readonly scan: Scanned | undefined
  readonly proof: EntryProof
}

/** Never holds the name or a text: it may be shown to anybody. */
export function receiptOf({ begun, begunAt, doneAt, probes, scan, proof }: ReceiptFacts): Receipt {
  const clean = scan === undefined || (scan.found === 0 && scan.unread.length === 0)
  return {
    format: 'upshift-erasure-receipt 1',
    id: begun.id,
    subject: begun.subject,
    by: begun.by,
    begunAt: new Date(begunAt).toISOString(),
    doneAt: new Date(doneAt).toISOString(),
    result: clean ? 'erased' : 'incomplete',
    destroyed: { key: true, projections: true, texts: textsOf(probes) },
    scan: scan ?? null,
    notCovered: notCovered(scan),
    verifierKey: proof.verifierKey,
    proof,
  }
}

function textsOf(probes: Probes | undefined): Receipt['destroyed']['texts'] {
  if (probes === undefined) return null
  const { prompts, answers, corrections, damaged } = probes.texts
  return { prompts, answers, corrections, damaged }
}

function notCovered(scan: Scanned | undefined): string[] {
  const name = scan?.name === 'none' || scan?.name === 'quoted'
  return [
    'Backups, snapshots and copies of the home that were made before.',
    'Exports, receipts, logs and memory of the programs that asked, and of the providers that answered.',
    'The log’s entries: they hold times, models, figures and the pseudonym, and neither name nor text.',
    'What other subjects wrote about this one: it is encrypted with their keys.',
    'Documents of collections: their words are not the person’s, also where a prompt or an answer quoted them. Where one names the person the scan tells it, and `upshift knowledge forget` removes it.',
    'Copies in another form than UTF-8 or JSON, such as compressed or encrypted ones.',
    ...(name ? ['The name outside quotes, because it is short, made of digits, or the id of a key.'] : []),
    ...(scan === undefined
      ? ['The scan: a crash came after the key had gone, and nobody knows any more what to look for.']
      : []),
  ]
}
