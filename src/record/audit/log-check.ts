import { formatOf, HEADER, PREFIX_BYTES, splitLine } from '../log/line.ts'
import { HASH_BYTES, hashLeaf } from '../tree/hash.ts'
import { Alignment, type Seen } from './alignment.ts'
import type { Expiries } from './expiry.ts'
import type { Findings } from './finding.ts'
import type { FileLine } from './line-reader.ts'
import { type TextCheck, textsOf } from './text-check.ts'
import type { TreeCheck } from './tree-check.ts'

const HEADER_BYTES = Buffer.from(HEADER.trimEnd())
/** No entry is shorter, and no header as long. */
const ENTRY_BYTES_MIN = 40
/** What an entry must contain to be worth parsing where its hash has told all else. */
const TEXT_MARK = Buffer.from('"sha256":')
const EXPIRED_MARK = Buffer.from('"type":"expired"')
const WIPED_MARK = Buffer.from('"type":"texts-wiped"')
const ANEW_MARK = Buffer.from('"signedAnew":')

export interface LogCheckOptions {
  readonly tree: TreeCheck
  readonly findings: Findings
  readonly expiries: Expiries
  /** Absent where texts are not to be checked. */
  readonly texts: TextCheck | undefined
  /** The record whose time is the checkpoint's. */
  readonly lastCovered: number
}

/** A start that found no tree: what stands before it was not vouched for until then. */
export interface SignedAnew {
  readonly seq: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** Reads lines in the order in which they stand and finds out which record each is. */
export class LogCheck {
  readonly alignment: Alignment
  /** Lines that are a record, wherever they stand. */
  entries = 0
  /** When the last record that the checkpoint covers was written. */
  coveredAt: number | undefined
  /** The newest start that found no tree and had the records before it signed anew. */
  signedAnew: SignedAnew | undefined
  /** One beyond the highest record found. */
  size = 0
  readonly #options: LogCheckOptions
  /** True once a segment with a header was seen. */
  #headers = false
  /** True once a record of the present segment was seen. */
  #begun = false
  readonly #leaf = Buffer.alloc(HASH_BYTES)

  constructor(options: LogCheckOptions) {
    this.#options = options
    this.alignment = new Alignment(options.tree, options.findings)
  }

  line(file: string, line: FileLine): void {
    if (line.offset === 0) this.#begun = false
    if (line.offset === 0 && this.#isHeader(file, line)) return
    const json = line.bytes.subarray(PREFIX_BYTES)
    hashLeaf(json, this.#leaf, 0)
    const { expected } = this.alignment
    if (expected !== undefined && this.#options.tree.leaf(expected)?.equals(this.#leaf) === true) {
      this.#named(expected, file, true)
      this.alignment.inOrder(this.#leaf)
      this.#record(expected, file, line, json)
    } else this.#weigh(file, line, json)
  }

  /**
   * A record at its own place whose file says that it begins with another: who looks for one by name misses it.
   * `isNext`: none is missing before it. Else only the very first is told, and where its file claims to begin behind it.
   */
  #named(seq: number, file: string, isNext: boolean): void {
    if (this.#begun) return
    const first = Number(/(\d{12})-\d{8}\.log$/.exec(file)?.[1] ?? seq)
    if (isNext ? first === seq : this.entries > 0 || first <= seq) return
    const detail = `The name of the file says that it begins with record ${first}, and it begins with record ${seq}: it was renamed.`
    this.#options.findings.add({ kind: 'changed', seq, file, offset: 0, detail })
  }

  /** A segment's first line, unless it is an entry: those of format 1 had no header. */
  #isHeader(file: string, line: FileLine): boolean {
    const isHeader = line.bytes.equals(HEADER_BYTES) && line.ended
    const isEntry = !isHeader && line.bytes.length >= ENTRY_BYTES_MIN && formatOf(line.bytes) === undefined
    if (!isHeader && (!isEntry || this.#headers) && line.ended) {
      const detail = `A segment of the log begins with the line \`${HEADER.trim()}\`, and this one does not.`
      this.#options.findings.add({ kind: 'changed', file, offset: 0, detail })
    }
    this.#headers ||= isHeader
    return !isEntry
  }

  #weigh(file: string, line: FileLine, json: Buffer): void {
    const entry = parse(json)
    const seq = numberOf(entry, 'seq')
    const id = idOf(entry)
    const seen: Seen = {
      file,
      offset: line.offset,
      hash: Buffer.from(this.#leaf),
      ended: line.ended,
      ...(seq !== undefined && { seq }),
      ...(id !== undefined && { id }),
    }
    const stored = seq === undefined ? undefined : this.#options.tree.leaf(seq)
    const isByHash = stored?.equals(this.#leaf) === true
    // Beyond the stored leaves a checksum must do: such a line is newer than the tree, or torn.
    const isByNumber = stored === undefined && line.ended && splitLine(line.bytes) !== undefined
    if (seq === undefined || !(isByHash || isByNumber)) {
      this.alignment.foreign(line.ended ? seen : withoutSeq(seen))
    } else {
      const isNext = seq === this.alignment.expected
      this.#named(seq, file, isNext)
      if (isNext) this.alignment.inOrder(this.#leaf)
      else this.alignment.known(seq, seen, isByHash)
      this.#record(seq, file, line, json)
    }
  }

  /** A line that is the record `seq`. */
  #record(seq: number, file: string, line: FileLine, json: Buffer): void {
    this.entries += 1
    this.#begun = true
    if (seq >= this.size) this.size = seq + 1
    if (!line.ended || splitLine(line.bytes) === undefined) this.#bentFrame(seq, file, line, json)
    const isLast = seq === this.#options.lastCovered
    const isExpired = json.includes(EXPIRED_MARK)
    const hasText = this.#options.texts !== undefined && json.includes(TEXT_MARK)
    const isWiping = this.#options.texts !== undefined && json.includes(WIPED_MARK)
    const isAnew = json.includes(ANEW_MARK)
    if (!isLast && !isExpired && !hasText && !isWiping && !isAnew) return
    const entry = parse(json)
    if (entry === undefined) return
    const at = numberOf(entry, 'at')
    if (isAnew && Reflect.get(entry, 'type') === 'started' && at !== undefined) this.signedAnew = { seq, at }
    if (isLast) this.coveredAt = at
    if (Reflect.get(entry, 'type') === 'expired') this.#options.expiries.add(entry, seq)
    const wiped: unknown = Reflect.get(entry, 'type') === 'texts-wiped' && Reflect.get(entry, 'requests')
    if (Array.isArray(wiped)) this.#options.texts?.wiping(wiped, seq)
    if (!hasText) return
    const id = idOf(entry)
    for (const ref of textsOf(entry))
      this.#options.texts?.check(ref, { seq, ...(id !== undefined && { id }) })
  }

  #bentFrame(seq: number, file: string, line: FileLine, json: Buffer): void {
    const id = idOf(parse(json))
    const what = line.ended ? 'checksum before it was changed' : 'line feed behind it is gone'
    const kind = line.ended ? 'changed' : 'truncated'
    const detail = `The record itself is intact; the ${what}.`
    this.#options.findings.add({
      kind,
      seq,
      ...(id !== undefined && { id }),
      file,
      offset: line.offset,
      detail,
    })
  }
}

/** A parser: an object, or nothing that can be an entry. */
function parse(json: Buffer): object | undefined {
  try {
    const value: unknown = JSON.parse(json.toString('utf8'))
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function numberOf(entry: object | undefined, field: string): number | undefined {
  const value: unknown = entry && Reflect.get(entry, field)
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

const MAX_ID_CHARS = 128

function idOf(entry: object | undefined): string | undefined {
  if (entry === undefined) return undefined
  const id: unknown = Reflect.get(entry, 'id') ?? Reflect.get(entry, 'key')
  return typeof id === 'string' ? id.slice(0, MAX_ID_CHARS) : undefined
}

function withoutSeq({ seq: _, ...seen }: Seen): Seen {
  return seen
}
