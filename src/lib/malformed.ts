// SQLite's result codes, https://www.sqlite.org/rescode.html; the low byte is the primary code.
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** True for SQLite's word that a file is no database, or is damaged. */
export function isMalformed(error: unknown): error is Error & { readonly errcode: unknown } {
  if (!(error instanceof Error && 'errcode' in error)) return false
  const code = Number(error.errcode) & 0xff
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}
