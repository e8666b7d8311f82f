import { hasSpaceless } from '../../lib/text/spaceless.ts'
import { stemOf } from '../../lib/text/words.ts'

/**
 * DESIGN. A text becomes the terms that it is found by. A word is a run of letters, digits and underscores; it is
 * compared in lower case, without accents, by its stem. An identifier (`parseHttpHead`, `max_body_bytes`) is its
 * parts and the whole without underscores, so that `DiffExecutor`, `diff_executor` and "diff executor" meet. Scripts
 * that put no space between words (Han, kana, Thai, …) become overlapping pairs of characters. What a run is,
 * is decided by a table of code units that fills itself as scripts turn up: one look-up a character.
 */
const SEPARATOR = 0
const LETTER = 1
const UNSPACED = 2
const UNKNOWN = 255

const classes = new Uint8Array(0x10000).fill(UNKNOWN)
const WORDLIKE = /[\p{L}\p{N}\p{M}_]/u

/** A longer run is no word but data (base64, a hash): its head alone is kept. UTF-16 units. */
const MAX_RUN = 64
const PLAIN = /^[a-z]+$/
const ACRONYM = /^\p{Lu}{2,}s?$/u
const MARKS = /\p{M}/gu
/** The parts of an identifier; digits stay with the letters before them. */
const PART = /\p{Lu}+(?=\p{Lu}\p{Ll})[\p{N}]*|\p{Lu}?[\p{Ll}\p{Lo}\p{Lm}\p{M}]+\p{N}*|\p{Lu}+\p{N}*|\p{N}+/gu

function classOf(unit: number): number {
  const known = classes[unit] ?? SEPARATOR
  if (known !== UNKNOWN) return known
  const character = String.fromCharCode(unit)
  // Halves of surrogate pairs count as letters: rare scripts and emoji become words of their own.
  const found =
    unit >= 0xd800 && unit <= 0xdfff
      ? LETTER
      : hasSpaceless(character)
        ? UNSPACED
        : WORDLIKE.test(character)
          ? LETTER
          : SEPARATOR
  classes[unit] = found
  return found
}

/** Calls `emit` with every run of a text, in order: what `analyse` takes. */
export function eachRun(text: string, emit: (run: string) => void): void {
  let index = 0
  while (index < text.length) {
    const kind = classOf(text.charCodeAt(index))
    if (kind === SEPARATOR) {
      index++
      continue
    }
    const start = index
    while (index < text.length && classOf(text.charCodeAt(index)) === kind) index++
    if (kind === LETTER) emit(text.slice(start, Math.min(index, start + MAX_RUN)))
    else if (index - start === 1) emit(text.slice(start, index))
    else for (let at = start; at + 1 < index; at++) emit(text.slice(at, at + 2))
  }
}

/** The terms of one run: one for a word, parts and the whole for an identifier, none where nothing is left. */
export function analyse(run: string): readonly string[] {
  if (PLAIN.test(run)) return [stemOf(run)]
  if (ACRONYM.test(run)) return [stemOf(run)]
  const parts = run.normalize('NFC').match(PART) ?? []
  if (parts.length < 2) {
    const only = plain(parts[0] ?? '')
    return only === '' ? [] : [only]
  }
  const found = parts.filter((part) => part.length > 1).map(plain)
  found.push(plain(parts.join('')))
  return found
}

function plain(part: string): string {
  return stemOf(part.normalize('NFD').replace(MARKS, ''))
}
