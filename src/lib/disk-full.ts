/** https://man7.org/linux/man-pages/man2/write.2.html */
const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** True for an error that says that the disk, or the share of it or the length of a file that this user has, is used up. */
export function isDiskFull(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && FULL.has(error.code)
}
