import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { HASH_BYTES } from './hash.ts'
import { type ReadStored, sizeOfStored } from './stored.ts'

/** The file of stored hashes, for readers: as many as it held when it was opened. Never writes. */
export interface StoredFile {
  readonly path: string
  /** Whole records. */
  readonly records: number
  /** Leaves whose hashes are all there. */
  readonly size: number
  /** 32 bytes, which stay as they are. Throws UpshiftError where the file ends before them. */
  readonly read: ReadStored
  close(): void
}

const PAGE_RECORDS = 2_048
/** Proofs and checks move along a few places at once; 32 pages of 64 KiB hold them. */
const PAGES_MAX = 32

/** Opens `tree/hashes`; a file that is not there is one without records. */
export function openStored(path: string): StoredFile {
  const descriptor = openIfThere(path)
  const records = descriptor === undefined ? 0 : Math.floor(fstatSync(descriptor).size / HASH_BYTES)
  const pages = new Map<number, Buffer>()
  let recent: Buffer = Buffer.alloc(0)
  let recentNumber = -1
  const load = (number: number): Buffer => {
    const known = pages.get(number)
    if (known !== undefined) return known
    const page = readPage(path, descriptor, number, records)
    // A map iterates in the order of insertion: the first is the oldest.
    for (const oldest of pages.keys()) {
      if (pages.size < PAGES_MAX) break
      pages.delete(oldest)
    }
    pages.set(number, page)
    return page
  }
  const read = (record: number): Buffer => {
    if (record >= records) throw shortError(path, record, records)
    const number = Math.floor(record / PAGE_RECORDS)
    if (number !== recentNumber) {
      recent = load(number)
      recentNumber = number
    }
    const at = (record - number * PAGE_RECORDS) * HASH_BYTES
    return recent.subarray(at, at + HASH_BYTES)
  }
  const close = (): void => {
    if (descriptor !== undefined) closeSync(descriptor)
  }
  return { path, records, size: sizeOfStored(records), read, close }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function readPage(path: string, descriptor: number | undefined, number: number, records: number): Buffer {
  const first = number * PAGE_RECORDS
  const page = Buffer.alloc(Math.min(PAGE_RECORDS, records - first) * HASH_BYTES)
  let done = 0
  while (done < page.length && descriptor !== undefined) {
    const read = readSync(descriptor, page, done, page.length - done, first * HASH_BYTES + done)
    if (read === 0) break
    done += read
  }
  if (done < page.length) throw shortError(path, first, records)
  return page
}

function shortError(path: string, record: number, records: number): UpshiftError {
  const message = `${path} ends before record ${record} (it has ${records}): it was cut, or is being replaced. \`upshift audit verify\` says which.`
  return new UpshiftError({ code: 'record_unavailable', message })
}
