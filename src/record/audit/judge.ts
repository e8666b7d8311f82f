import type { Checkpoint, OpenedNote } from '../tree/checkpoint.ts'
import { HASH_BYTES } from '../tree/hash.ts'
import { APPENDED_BYTES_MAX, Frontier, storedIndex } from '../tree/stored.ts'
import type { Hole } from './alignment.ts'
import type { Findings } from './finding.ts'
import { CHECKPOINT_FILE, HASHES_FILE } from './home.ts'
import type { Difference, TreeCheck } from './tree-check.ts'

/** The newest checkpoint as it was found: `signed`, `refused` with why, or none at all. */
export type Signed = OpenedNote | undefined

/**
 * Says of every difference between log and tree which of the two was changed. What gives the signed root is right;
 * where neither does, the stored node above the two leaves tells.
 */
export function judge(tree: TreeCheck, signed: Signed, findings: Findings): void {
  const claimed = signed?.checkpoint
  const storedHolds = holds(tree.storedRoot, claimed)
  const logHolds = holds(tree.logRoot, claimed)
  const bent = new Map<number, Difference>()
  for (const difference of tree.differences) {
    const isCovered = claimed !== undefined && difference.index < claimed.size
    const logIsRight =
      isCovered && storedHolds !== logHolds ? logHolds : tree.parentAgrees(difference) === false
    if (logIsRight) bent.set(difference.index, difference)
    else changed(difference, findings)
  }
  for (const { index } of bent.values()) {
    const detail = 'The stored hash is not that of the record, which is intact.'
    const offset = storedIndex(0, index) * HASH_BYTES
    findings.add({ kind: 'tree-changed', seq: index, file: HASHES_FILE, offset, detail })
  }
  for (const node of tree.badNodes) {
    // A changed leaf does not fit the nodes above it: that is told already.
    if ([...bent.keys()].some((index) => Math.floor(index / 2 ** node.level) === node.index)) continue
    const offset = storedIndex(node.level, node.index) * HASH_BYTES
    const detail = `Node ${node.index} of level ${node.level} is not the hash of the two below it.`
    findings.add({ kind: 'tree-changed', file: HASHES_FILE, offset, detail })
  }
  findings.unlisted += tree.dropped
  if (signed === undefined) return
  const explained = storedHolds || logHolds || (claimed !== undefined && isExplained(tree, claimed, bent))
  judgeCheckpoint(signed, explained, tree.storedRoot !== undefined, findings)
}

/** What is missing at the end of the log: cut off, or never there since an older copy took its place. */
export function judgeTail(tail: Hole, tree: TreeCheck, signedSize: number, findings: Findings): void {
  const { first, last, file, offset } = tail
  const place = { seq: first, lastSeq: last, file, offset }
  if (tree.stored.size <= first && signedSize > tree.stored.size) {
    const detail = `The signed checkpoint covers ${signedSize} records; log and tree end together at ${first}: an older copy of them was put back, or both were cut.`
    findings.add({ kind: 'older-copy', ...place, detail })
    return
  }
  const detail = `The log ends here, and its tree knows ${tree.stored.size} records: it was cut, or an older copy of it was put back.`
  findings.add({ kind: 'truncated', ...place, detail })
}

function changed({ index, line }: Difference, findings: Findings): void {
  const { file, offset, id, detail } = line
  findings.add({
    kind: 'changed',
    seq: index,
    ...(id !== undefined && { id }),
    file,
    offset,
    detail: `${detail}.`,
  })
}

function holds(root: Buffer | undefined, claimed: Checkpoint | undefined): boolean {
  return root !== undefined && claimed !== undefined && root.equals(claimed.root)
}

/** Whether the stored leaves give the signed root once those are put right that were found to be changed. */
function isExplained(tree: TreeCheck, claimed: Checkpoint, bent: ReadonlyMap<number, Difference>): boolean {
  if (tree.storedRoot === undefined || bent.size === 0) return false
  const frontier = new Frontier()
  const scratch = Buffer.alloc(APPENDED_BYTES_MAX)
  while (frontier.size < claimed.size) {
    const leaf = bent.get(frontier.size)?.log ?? tree.leaf(frontier.size)
    if (leaf === undefined) return false
    leaf.copy(scratch)
    frontier.append(scratch, 0)
  }
  return frontier.root().equals(claimed.root)
}

function judgeCheckpoint(signed: OpenedNote, explained: boolean, reached: boolean, findings: Findings): void {
  const file = CHECKPOINT_FILE
  if (signed.type === 'refused') {
    const same = explained
      ? ' Its root is that of the log: only the signature or what is signed beside it was changed.'
      : ''
    findings.add({ kind: 'checkpoint-forged', file, detail: `The checkpoint ${signed.why}.${same}` })
    return
  }
  if (explained || !reached) return
  const detail =
    `The checkpoint is signed by the right key and has another root at size ${signed.checkpoint.size} than log and tree: ` +
    'it is of another copy of this log, or log and tree were rewritten together.'
  findings.add({ kind: 'checkpoint-forged', file, detail })
}
