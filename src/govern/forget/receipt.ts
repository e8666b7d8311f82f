import type { EntryProof } from '../ports.ts'
import type { Forgot } from './forget.ts'
import type { ForgetReceipt } from './wire.ts'

/** Never holds a name or a text: it may be shown to anybody. */
export function forgetReceiptOf(forgot: Forgot, doneAt: number, proof: EntryProof): ForgetReceipt {
  const { begun, begunAt, texts, answers, asked, foundAgain, alsoIn, scan } = forgot
  const scannedClean = scan === undefined || (scan.found === 0 && scan.unread.length === 0)
  return {
    format: 'upshift-forget-receipt 1',
    id: begun.id,
    collection: begun.collection,
    origin: begun.origin,
    by: begun.by,
    begunAt: new Date(begunAt).toISOString(),
    doneAt: new Date(doneAt).toISOString(),
    result: scannedClean && foundAgain === 0 ? 'forgotten' : 'incomplete',
    removed: { passages: texts?.passages.length ?? 0, answers },
    retrieval: { questions: asked, found: foundAgain },
    scan: scan ?? null,
    alsoElsewhere: scan?.inDocuments ?? 0,
    alsoIn: [...alsoIn],
    notCovered: [
      'The file itself, and what adds it again: a watched folder, or the next `knowledge add`.',
      'Backups, snapshots and copies of the home that were made before; a backup that is restored brings it back.',
      'Prompts that callers sent and that hold its words, such as earlier answers in a conversation.',
      'What programs that asked, and providers that answered, have kept.',
      'The log’s entries: they hold the collection, the number of the source and hashes, and neither name nor text.',
      'Copies in another form than UTF-8 or JSON, such as compressed or encrypted ones.',
    ],
    verifierKey: proof.verifierKey,
    proof,
  }
}
