/** Primary result codes, https://www.sqlite.org/rescode.html */
export const SQLITE = { busy: 5, readOnly: 8, corrupt: 11, full: 13, cantOpen: 14, notADatabase: 26 } as const

/** SQLite's primary result code, the low byte of the extended one; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
}

/** True for SQLite's word that a file is no database, or is damaged. */
export function isMalformed(error: unknown): error is Error & { readonly errcode: unknown } {
  const code = sqliteCode(error)
  return code === SQLITE.corrupt || code === SQLITE.notADatabase
}
