import { formsOf } from './windows.ts'

/** `whole`: wherever it stands. `quoted`: only where it stands in quotes. `none`: it is not looked for. */
export type NameSearch = 'whole' | 'quoted' | 'none'

/** From this length on no number of files holds a name by chance. */
const WHOLE_BYTES_MIN = 8
/** Figures are everywhere in a log: a name of digits only must be this long to be a sign of itself. */
const DIGITS_MIN = 20
/** With its quotes five bytes. */
const QUOTED_BYTES_MIN = 3

/**
 * What a subject's name is looked for by. A name that is short, or made of digits only, is in many files by
 * chance, so it only counts in quotes, as JSON and many logs write it; one of two letters does not even then.
 */
export function nameProbes(name: string): { readonly search: NameSearch; readonly probes: Uint8Array[] } {
  const bytes = Buffer.byteLength(name)
  if (bytes < QUOTED_BYTES_MIN) return { search: 'none', probes: [] }
  if (bytes >= WHOLE_BYTES_MIN && (bytes >= DIGITS_MIN || !/^\d+$/.test(name))) {
    return { search: 'whole', probes: formsOf(name) }
  }
  const quoted = ['"', '\\"', "'"].flatMap((mark) =>
    formsOf(name).map((form) => Buffer.concat([Buffer.from(mark), form, Buffer.from(mark)])),
  )
  return { search: 'quoted', probes: quoted }
}
