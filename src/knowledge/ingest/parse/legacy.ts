/** Bytes that are judged. */
const LOOKED_AT = 65_536
/** A text of another script has more letters beyond ASCII than Western languages have accents. */
const FOREIGN = 0.35
/** Of the letters beyond ASCII, so many must be what is common in the script. */
const COMMON = 0.75

/** Encodings from before Unicode beside Windows-1252, and the letters that texts in them mostly consist of. */
const CANDIDATES: readonly (readonly [string, RegExp])[] = [
  ['shift_jis', /[\u3041-\u30ff]/g],
  ['euc-jp', /[\u3041-\u30ff]/g],
  ['euc-kr', /[\uac00-\ud7a3]/g],
  ['windows-1251', /[а-яё]/g],
  ['koi8-r', /[а-яё]/g],
  ['windows-1253', /[α-ωά-ώ]/g],
  ['gb18030', /[的一是不了在人有我他这中大来上国和地到说时要就出会可也你对生能子那得于着下自之年]/g],
  ['big5', /[的一是不了在人有我他這中大來上國和地到說時要就出會可也你對生能子那得於著下自之年]/g],
]
/** Kana among kanji, and the forty most common of all Chinese characters, are fewer than all letters. */
const SHARE: Readonly<Record<string, number>> = { shift_jis: 0.3, 'euc-jp': 0.3, gb18030: 0.1, big5: 0.1 }

/**
 * The likeliest encoding of bytes that are no UTF-8: a guess by which letters come out, for texts of some sentences. What is
 * mostly ASCII is Windows-1252; another Western encoding is not told from it.
 */
export function likeliest(bytes: Uint8Array): string {
  const start = bytes.subarray(0, LOOKED_AT)
  let [high, letters] = [0, 0]
  for (const byte of start) {
    if (byte >= 0x80) high++
    if (byte >= 0x80 || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)) letters++
  }
  if (high < FOREIGN * letters) return 'windows-1252'
  let [best, most] = ['windows-1252', 1]
  for (const [charset, common] of CANDIDATES) {
    const fit = fitOf(start, charset, common) / (SHARE[charset] ?? COMMON)
    if (fit > most) [best, most] = [charset, fit]
  }
  return best
}

/** The share of common letters among those beyond ASCII; 0 where the bytes have no reading. */
function fitOf(start: Uint8Array, charset: string, common: RegExp): number {
  let text: string
  try {
    // As a stream, so that a character that the bound cuts is no fault.
    text = new TextDecoder(charset, { fatal: true }).decode(start, { stream: true })
  } catch {
    return 0
  }
  const beyond = text.match(/[^\u0000-\u007f]/g)?.length ?? 0
  return beyond === 0 ? 0 : (text.match(common)?.length ?? 0) / beyond
}
