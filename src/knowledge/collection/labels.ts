import { LABEL } from '../../contract/caller.ts'
import { UpshiftError } from '../../contract/problem.ts'

/** Labels that one source may have. */
const MAX_LABELS = 16
/**
 * Different sets of labels in one collection. Documents of different labels never share a segment, so that what is
 * hidden can be left out as a whole (segments.ts).
 */
export const MAX_LABEL_SETS = 256

/** A set of labels as one text, the same for the same set; empty for none. */
export function packed(labels: readonly string[]): string {
  const wrong = labels.find((label) => !LABEL.test(label))
  if (wrong !== undefined || labels.length > MAX_LABELS) {
    const what = wrong === undefined ? `${labels.length} labels` : JSON.stringify(wrong.slice(0, 100))
    throw new UpshiftError({
      code: 'invalid_request',
      message: `A source cannot be labelled so (${what}): it has at most ${MAX_LABELS} labels, each of 1 to 64 small letters, digits, dots, dashes and underscores.`,
    })
  }
  return [...new Set(labels)].sort().join(' ')
}

export function unpacked(text: string): readonly string[] {
  return text === '' ? [] : text.split(' ')
}
