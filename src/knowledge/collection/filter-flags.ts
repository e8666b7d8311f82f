import { type DocumentFilter, documentFilterSchema } from '../../contract/filter.ts'
import { type Flags, UsageError, type VerbOption } from '../../contract/verb.ts'

/** The options of a command that searches, by which documents are chosen. */
export const FILTER_OPTIONS: Readonly<Record<string, VerbOption>> = {
  source: {
    type: 'string',
    value: 'PATTERN',
    summary: 'Only documents whose names fit: `*` is any characters, `?` one; else how they begin.',
  },
  'media-type': { type: 'string', value: 'TYPE', summary: 'Only this type: application/pdf, text/*.' },
  label: { type: 'string', value: 'LABEL', summary: 'Only documents with this label.' },
  after: { type: 'string', value: 'DATE', summary: 'Only what was read on this day or later: 2026-01-31.' },
  before: { type: 'string', value: 'DATE', summary: 'Only what was read before this day.' },
}

const FIELDS = [
  ['source', 'source'],
  ['media-type', 'mediaType'],
  ['label', 'label'],
  ['after', 'addedAfter'],
  ['before', 'addedBefore'],
] as const satisfies readonly (readonly [string, keyof DocumentFilter])[]

/** The filter that the flags say; undefined where they say none. Throws UsageError. */
export function filterFlags(flags: Flags): DocumentFilter | undefined {
  const named = FIELDS.filter(([flag]) => flags[flag] !== undefined)
  if (named.length === 0) return undefined
  const read = documentFilterSchema.safeParse(
    Object.fromEntries(named.map(([flag, field]) => [field, flags[flag]])),
  )
  if (read.success) return read.data
  const [wrong] = named.filter(([, field]) => read.error.issues.some(({ path }) => path[0] === field))
  const [flag = 'source'] = wrong ?? []
  throw new UsageError(`--${flag} is not understood: ${WANTED[flag]}.`)
}

const DATE = 'a day such as 2026-01-31, or a time such as 2026-01-31T08:00:00Z'
const WANTED: Readonly<Record<(typeof FIELDS)[number][0], string>> = {
  source: 'it takes up to 256 characters',
  'media-type': 'it takes a type such as application/pdf, or a pattern such as text/*',
  label: 'a label is 1 to 64 small letters, digits, dots, dashes and underscores',
  after: `it takes ${DATE}`,
  before: `it takes ${DATE}`,
}
