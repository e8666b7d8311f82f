import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { type Asked, readAsked } from './asked.ts'
import { isDocumentName } from './id.ts'

/** A page as it lies in the folder. */
export interface Document {
  /** SHA-256 of the file's bytes, hex. */
  readonly version: string
  readonly text: string
  readonly asked: readonly Asked[]
  /** SHA-256 of all that the index is made from: the page and what stands beside it. */
  readonly stamp: string
}

const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024

/**
 * The Markdown files of a folder by name, sorted; hidden files are passed over, and folders below are not
 * entered. Throws UpshiftError, naming the file and what to do, where one cannot be indexed or cited.
 */
export function readDocuments(folder: string): Map<string, Document> {
  let names: string[]
  try {
    names = readdirSync(folder).sort()
  } catch (cause) {
    throw unusable(`The handbook's folder ${folder} cannot be read: ${String(cause)}.`, cause)
  }
  const found = new Map<string, Document>()
  for (const name of names) {
    if (!name.endsWith('.md') || name.startsWith('.')) continue
    if (!isDocumentName(name)) {
      throw unusable(
        `The handbook's page ${JSON.stringify(name)} in ${folder} has a name that a citation cannot carry. Rename it with ASCII letters, digits, dots, dashes and underscores, at most 100.`,
      )
    }
    const bytes = readFileSync(join(folder, name))
    if (bytes.length > MAX_DOCUMENT_BYTES) {
      throw unusable(
        `The handbook's page ${name} has ${bytes.length} bytes; at most ${MAX_DOCUMENT_BYTES} can be indexed. Split it.`,
      )
    }
    if (!isUtf8(bytes)) {
      throw unusable(`The handbook's page ${name} is not valid UTF-8. Save it as UTF-8.`)
    }
    const beside = readBeside(folder, name)
    found.set(name, {
      version: createHash('sha256').update(bytes).digest('hex'),
      text: bytes.toString('utf8'),
      asked: readAsked(beside),
      stamp: createHash('sha256').update(bytes).update(beside).digest('hex'),
    })
  }
  return found
}

/** The page's `asked/PAGE.txt`; empty where it has none. */
function readBeside(folder: string, name: string): string {
  const path = join(folder, 'asked', name.replace(/\.md$/, '.txt'))
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function unusable(message: string, cause?: unknown): UpshiftError {
  return new UpshiftError({ code: 'internal', message }, cause)
}
