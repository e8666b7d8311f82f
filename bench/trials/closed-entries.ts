import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/**
 * Which requests have a `closed` entry, read by the log's format alone and by none of Upshift's code: a header line,
 * then `crc32 in hex, a space, JSON, line feed`. Reads on where it stopped. A last line without its line feed is left:
 * a crash may have torn it, and the next start cuts it off. Throws at a damaged line or a gap in the numbers.
 */
export class ClosedEntries {
  /** Entries that were read. */
  entries = 0
  readonly #folder: string
  readonly #ids = new Set<string>()
  /** Bytes of each segment that were read. */
  readonly #ends = new Map<string, number>()

  constructor(folder: string) {
    this.#folder = folder
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  read(): void {
    if (!existsSync(this.#folder)) return
    for (const name of readdirSync(this.#folder).sort()) {
      const bytes = readFileSync(join(this.#folder, name))
      let start = this.#ends.get(name) ?? 0
      for (let end = bytes.indexOf(10, start); end !== -1; end = bytes.indexOf(10, start)) {
        this.#line(name, bytes.subarray(start, end))
        start = end + 1
      }
      this.#ends.set(name, start)
    }
  }

  #line(name: string, line: Buffer): void {
    const text = line.toString('utf8')
    if (text === 'upshift-log 2') return
    const json = line.subarray(9)
    if (text.slice(0, 8) !== crc32(json).toString(16).padStart(8, '0'))
      throw new Error(`${name}: damaged: ${text}`)
    // A parser: the checksum vouches for what the log's writer wrote.
    const entry = JSON.parse(json.toString('utf8')) as { type: string; id: string; seq: number }
    if (entry.seq !== this.entries)
      throw new Error(`${name}: entry ${this.entries} is missing before ${entry.seq}`)
    this.entries += 1
    if (entry.type === 'closed') this.#ids.add(entry.id)
  }
}
