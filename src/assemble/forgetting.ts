import { setTimeout as pause } from 'node:timers/promises'
import { OWNER } from '../caller/view.ts'
import { isRefusal } from '../contract/problem.ts'
import type { DocumentRef, DocumentsPort, ForgettingPorts } from '../govern/forget/ports.ts'
import type { Library } from '../knowledge/answer/library.ts'
import { originPrefix } from '../knowledge/answer/span-id.ts'
import { wipeText } from '../record/vault/wipe.ts'
import type { Parts } from './parts.ts'

/** A reader in the way of emptying SQLite's log is gone in milliseconds. */
const SCRUBS_MAX = 20
const SCRUB_AGAIN_MS = 50
/** Passages that are looked through for one that should be gone. */
const LOOKED_AT = 20

/** Joins the collections, the record and the vault to what a forgetting needs of them. */
export function forgettingPorts({
  library,
  record,
  paths,
}: Parts): Pick<ForgettingPorts, 'documents' | 'quoting' | 'wipe'> {
  return {
    documents: documentsOf(library),
    wipe: (text) => wipeText(paths.vault, text),
    quoting: async function* quoting({ collection, origin }) {
      await record.log.sync()
      const prefix = originPrefix(collection, origin)
      let after: number | undefined
      do {
        const more = after === undefined ? {} : { after }
        const page = await record.follower.ask('index', { type: 'quoting', prefix, ...more })
        if (page.type !== 'quoting')
          throw new Error(`a page of quotations was asked for, and ${page.type} came`)
        yield* page.requests
        after = page.next ?? undefined
      } while (after !== undefined)
    },
  }
}

function documentsOf(library: Library): DocumentsPort {
  return {
    collections: () => (library.collections?.list() ?? []).map(({ name }) => name),
    find: (collection, source) => {
      const origin = library.collections?.originOf(collection, source)
      return origin === undefined ? undefined : { collection, origin }
    },
    texts: ({ collection, origin }) => {
      const document = library.collections?.document(collection, origin)
      return (
        document && {
          source: document.source,
          passages: document.chunks.map(({ start, end }) => document.text.slice(start, end)),
        }
      )
    },
    remove: (document) => remove(library, document),
    holding: (source) => library.collections?.holding(source) ?? [],
    finds: async ({ collection, origin }, question) => {
      const sought = { collection, question, limit: LOOKED_AT }
      const found = await library.search(sought, OWNER.scope, new AbortController().signal)
      return !isRefusal(found) && found.hits.some((hit) => hit.origin === origin)
    },
  }
}

async function remove({ collections }: Library, { collection, origin }: DocumentRef): Promise<void> {
  const source = collections?.sourceOf(collection, origin)
  if (collections === undefined) return
  if (source !== undefined) collections.remove(collection, [source])
  for (let tries = 1; !collections.scrub() && tries < SCRUBS_MAX; tries++) await pause(SCRUB_AGAIN_MS)
}
