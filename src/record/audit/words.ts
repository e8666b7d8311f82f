import type { Comparison } from './compare.ts'
import type { Finding } from './finding.ts'
import type { VerifyResult } from './verify.ts'

/** What an audit found, for people. */
export function verified(result: VerifyResult): string {
  const { ok, checkpoint, size, entries, uncovered, tornBytes, signedAnew, texts, problems, unlisted } =
    result
  const lines = [
    ok
      ? `The record holds: ${entries} entries.`
      : `The record does not hold: ${problems.length + unlisted} problems.`,
  ]
  for (const problem of problems) lines.push(`  ${finding(problem)}`)
  if (unlisted > 0) lines.push(`  and ${unlisted} more.`)
  if (checkpoint === null) lines.push('No checkpoint could be checked.')
  else {
    const when = checkpoint.at === undefined ? '' : `, the last of ${new Date(checkpoint.at).toISOString()}`
    lines.push(`Checkpoint over ${checkpoint.size} entries${when}, root ${result.root}.`)
  }
  // A line that differs from its stored hash counts as well, whichever of the two was changed.
  const how = ok ? '' : ', or not as the tree has them'
  if (entries < size) lines.push(`${size - entries} of ${size} entries are not in the log any more${how}.`)
  if (uncovered > 0)
    lines.push(`${uncovered} entries are newer than the checkpoint: nothing vouches for them yet.`)
  if (tornBytes > 0)
    lines.push(
      `${tornBytes} bytes at the end are of a line that was not written to its end; the next start cuts them.`,
    )
  if (signedAnew !== null) {
    const { seq, at } = signedAnew
    lines.push(
      `The tree was gone at the start of ${new Date(at).toISOString()} (entry ${seq}), and the records before it were signed anew: nothing vouches for what they were until then.`,
    )
  }
  if (texts === null) lines.push('The texts were not checked.')
  else lines.push(`${texts.checked} texts checked.${gone(texts.expired)}`)
  return `${lines.join('\n')}\n`
}

function gone(texts: number): string {
  if (texts === 0) return ''
  return ` ${texts} are gone, and the record says why: they expired, or quoted a document that was forgotten.`
}

function finding({ kind, seq, lastSeq, id, file, offset, detail }: Finding): string {
  const which =
    seq === undefined
      ? ''
      : lastSeq === undefined || lastSeq === seq
        ? ` entry ${seq}`
        : ` entries ${seq} to ${lastSeq}`
  const whose = id === undefined ? '' : ` (${printable(id)})`
  const where = file === undefined ? '' : ` in ${file}${offset === undefined ? '' : ` at byte ${offset}`}`
  return `${kind}:${which}${whose}${where}. ${printable(detail)}`
}

/** What a comparison found, for people. */
export function compared(comparison: Comparison, from: string): string {
  const { ok, size, compared: count, problems } = comparison
  const first = ok
    ? `The record of ${size} entries extends ${count === 1 ? 'the checkpoint' : `all ${count} checkpoints`} in ${from}.`
    : `The record of ${size} entries does not extend ${problems.length} of ${count} checkpoints in ${from}.`
  const lines = problems.map(({ kind, number, size: at, detail }) => {
    const which = at === undefined ? '' : ` over ${at} entries`
    return `  ${kind}: checkpoint ${number ?? 0}${which}. ${printable(detail)}`
  })
  return `${[first, ...lines].join('\n')}\n`
}

/** A file's bytes must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?')
}
