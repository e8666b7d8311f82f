import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Collections } from '../../src/knowledge/collection/collections.ts'
import type { Trust } from '../../src/knowledge/collection/origins.ts'
import { ingest } from '../../src/knowledge/ingest/ingest.ts'
import { systemClock } from '../../src/lib/clock.ts'

/** A folder of files that go into a home's collections. Disposing removes it. */
export class Shelf implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'upshift-shelf-'))

  /** Writes Markdown files by name, and reads them into a collection as `knowledge add` does. */
  async add(
    home: string,
    collection: string,
    files: Readonly<Record<string, string>>,
    how: { readonly trust?: Trust; readonly labels?: readonly string[] } = {},
  ): Promise<void> {
    using collections = new Collections(join(home, 'collections.db'), systemClock)
    const incoming = Object.entries(files).map(([name, text]) => {
      const source = this.path(name)
      writeFileSync(source, text)
      return { source, mediaType: 'text/markdown', bytes: Buffer.byteLength(text) }
    })
    const sources = incoming.map(({ source }) => source)
    if (how.trust !== undefined) collections.trust(collection, sources, how.trust)
    if (how.labels !== undefined) collections.label(collection, sources, how.labels)
    const signal = new AbortController().signal
    const { skipped } = await ingest(incoming, { collections, collection, clock: systemClock, signal })
    if (skipped[0] !== undefined) throw new Error(`${skipped[0].source}: ${skipped[0].why}`)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  read(path: string): string {
    return readFileSync(path, 'utf8')
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
