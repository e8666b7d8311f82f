/** Media by value: base64 throughout, so nothing that a reader could take for text hides behind it. */
export function isMedia(value: string): boolean {
  const prefix = MEDIA_PREFIX.exec(value)?.[0].length
  if (prefix === undefined && value.length < BARE_MEDIA_CHARS) return false
  NO_BASE64.lastIndex = prefix ?? 0
  const end = NO_BASE64.exec(value)?.index ?? value.length
  return end === value.length || /^={1,2}$/.test(value.slice(end, end + 3))
}

const MEDIA_PREFIX = /^data:[^,]{0,256};base64,/
const NO_BASE64 = /[^A-Za-z0-9+/\r\n]/g
/** Shorter values are scanned: they cost nothing. */
const BARE_MEDIA_CHARS = 256
